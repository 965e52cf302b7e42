#!/usr/bin/env bash
# Instructions that one rule match takes at 10, 1,000 and 100,000 rules, counted by callgrind:
# the same on a busy machine as on a quiet one. Fails if 100,000 rules take more than 1.2 times
# what 10 take. Arguments: the number of matches (default 20000).
set -euo pipefail
cd "$(dirname "$0")/.."

readonly SWIFT="${SWIFT:-swift}"
readonly matches="${1:-20000}"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT

"$SWIFT" build -c release --product MatchBenchmark
program="$("$SWIFT" build -c release --show-bin-path)/MatchBenchmark"

instructions() {
    valgrind --tool=callgrind --callgrind-out-file="$folder/$1" --collect-atstart=no \
        --toggle-collect='*measuredMatches*' "$program" "$1" "$matches" >"$folder/said" 2>&1 || {
        cat "$folder/said" >&2
        exit 1
    }
    awk -v matches="$matches" '/^(totals|summary):/ { total = $2 } END { print total / matches }' \
        "$folder/$1"
}

few="$(instructions 10)"
for rules in 10 1000 100000; do
    count="$(instructions "$rules")"
    awk -v rules="$rules" -v count="$count" -v few="$few" 'BEGIN {
        printf "%7d rules: %6.0f instructions a match, %.2f times those at 10\n", rules, count, count / few
        exit count > few * 1.2
    }'
    "$program" "$rules" 1000000 | sed 's/^/         /'
done
