#!/usr/bin/env bash
# Instructions that one rule match takes at 10, 1,000 and 100,000 rules, counted by callgrind:
# the same on a busy machine as on a quiet one; and those of judging a path made to be expensive.
# Fails if 100,000 rules take more than 1.2 times what 10 take, or a hostile path of 4 KiB more than
# 4 million. Arguments: the number of matches (default 20000).
set -euo pipefail
cd "$(dirname "$0")/.."

readonly SWIFT="${SWIFT:-swift}"
readonly matches="${1:-20000}"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT

"$SWIFT" build -c release --product MatchBenchmark
program="$("$SWIFT" build -c release --show-bin-path)/MatchBenchmark"

# instructions WHAT NUMBER TIMES: of each of so many matches.
instructions() {
    valgrind --tool=callgrind --callgrind-out-file="$folder/$1-$2" --collect-atstart=no \
        --toggle-collect='*measuredMatches*' "$program" "$1" "$2" >"$folder/said" 2>&1 || {
        cat "$folder/said" >&2
        exit 1
    }
    awk -v times="$3" '/^(totals|summary):/ { total = $2 } END { print total / times }' \
        "$folder/$1-$2"
}

few="$(instructions 10 "$matches" "$matches")"
for rules in 10 1000 100000; do
    count="$(instructions "$rules" "$matches" "$matches")"
    awk -v rules="$rules" -v count="$count" -v few="$few" 'BEGIN {
        printf "%7d rules: %6.0f instructions a match, %.2f times those at 10\n", rules, count, count / few
        exit count > few * 1.2
    }'
    "$program" "$rules" 1000000 | sed 's/^/         /'
done

number=0
while best="$("$program" hostile "$number")" && [ -n "$best" ]; do
    count="$(instructions hostile "$number" 20)"
    awk -v number="$number" -v count="$count" -v best="$best" 'BEGIN {
        printf "hostile path %2d: %8.0f instructions, %d µs\n", number, count, best
        exit count > 4000000
    }'
    number=$((number + 1))
done
