#!/usr/bin/env bash
# Builds and runs the fuzzers. Two targets run at a time.
#   fuzz.sh build
#   fuzz.sh run SECONDS [TARGET…]   from dictionary and kept corpus; 1 where something was found
#   fuzz.sh keep [TARGET…]          what was new in runs since, minimised, into Fuzz/Corpus
#   fuzz.sh replay TARGET FILE…     one input with all that is known of it
# FUZZ_SEED: where a run's randomness begins; another place each time.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly SWIFT="${SWIFT:-swift}"
readonly SCRATCH=.build-fuzz
readonly PROGRAM=$SCRATCH/release/fuzz
# What a run finds new, and what it finds wrong.
readonly FOUND=$SCRATCH/found
readonly FINDINGS=$SCRATCH/findings
readonly FAILED=$SCRATCH/failed
readonly JOBS="${FUZZ_JOBS:-2}"
export LSAN_OPTIONS="suppressions=$PWD/Tests/sanitizers/leaks.txt:print_suppressions=0"

# libFuzzer without its main and the sanitizers' run-times lie beside the compiler that uses them.
runtime() {
    local root
    root="$(dirname "$(dirname "$(readlink -f "$(command -v "$SWIFT")")")")"
    dirname "$(find "$root/lib/clang" -name 'libclang_rt.fuzzer_no_main*.a' -path '*linux*' | head -n 1)"
}

# -O as in a release, but with assertions: the inner loops have theirs on every index.
build() {
    local lib
    lib="$(runtime)"
    METHODGATE_FUZZ=1 "$SWIFT" build -c release --product fuzz --scratch-path "$SCRATCH" \
        --sanitize=address \
        -Xswiftc -assert-config -Xswiftc Debug \
        -Xswiftc -sanitize-coverage=edge,inline-8bit-counters,pc-table,trace-cmp,indirect-calls \
        -Xlinker -L"$lib" -Xlinker "-lclang_rt.fuzzer_no_main-$(uname -m)" -Xlinker -lstdc++ \
        2>&1 | grep -v 'Cannot export local symbol'
}

targets() { "$PROGRAM" | cut -d ' ' -f 1; }

longest() { "$PROGRAM" | sed -n "s/^$1 //p"; }

chosen() {
    if [ "$#" -gt 0 ]; then
        local target
        for target in "$@"; do
            targets | grep -qx -- "$target" || {
                echo "fuzz: no target '$target'; there are:" $(targets) >&2
                exit 2
            }
        done
        printf '%s\n' "$@"
    else
        targets
    fi
}

# One target for so many seconds; makes the file $FAILED where something was found.
fuzz_one() {
    local target=$1 seconds=$2 log="$SCRATCH/$1.log" status=0
    mkdir -p "$FOUND/$target" "$FINDINGS/$target" "Fuzz/Corpus/$target"
    "$PROGRAM" "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -max_len="$(longest "$target")" -dict="Fuzz/Dictionaries/$target.dict" \
        ${FUZZ_SEED:+"-seed=$FUZZ_SEED"} -print_final_stats=1 -use_value_profile=1 -artifact_prefix="$FINDINGS/$target/" \
        "$FOUND/$target" "Fuzz/Corpus/$target" >"$log" 2>&1 || status=$?
    if [ "$status" = 0 ]; then
        printf 'fuzz: %-20s %12s inputs in %s s, nothing found\n' "$target" \
            "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" "$seconds"
        return
    fi
    {
        echo "fuzz: $target: FOUND (exit status $status)"
        grep -E 'Fatal error|ERROR:|SUMMARY:' -A 12 "$log" | head -n 60 || tail -n 5 "$log"
        local file
        file="$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)"
        echo "fuzz: input: ${file:-none, see $log}"
        [ -z "$file" ] || echo "fuzz: again: scripts/fuzz.sh replay $target $file"
    } >&2
    touch "$FAILED"
}

run() {
    local seconds=$1 target
    shift
    build
    rm -f "$FAILED"
    for target in $(chosen "$@"); do
        while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do wait -n || true; done
        fuzz_one "$target" "$seconds" &
    done
    wait
    [ ! -e "$FAILED" ]
}

# The smallest set of inputs that reaches all that is reached. Inputs with a name of their own stay
# whatever they reach; those that libFuzzer named (by SHA-1) are chosen anew.
keep() {
    local target
    build
    for target in $(chosen "$@"); do
        local kept="Fuzz/Corpus/$target" before="$SCRATCH/before/$target"
        rm -rf "$before"
        mkdir -p "$before" "$kept" "$FOUND/$target"
        find "$kept" -type f -regextype posix-extended -regex '.*/[0-9a-f]{40}' \
            -exec mv -t "$before" {} +
        if ! "$PROGRAM" "$target" -merge=1 -use_counters=0 -max_len="$(longest "$target")" \
            "$kept" "$before" "$FOUND/$target" >"$SCRATCH/$target.merge.log" 2>&1; then
            mv "$before"/* "$kept/"
            echo "fuzz: $target: nothing kept, see $SCRATCH/$target.merge.log" >&2
            exit 1
        fi
        rm -rf "${FOUND:?}/$target"
        echo "fuzz: $target: $(find "$kept" -type f | wc -l) inputs"
    done
}

replay() {
    local target=$1
    shift
    build
    "$PROGRAM" "$target" "$@"
}

case "${1-}" in
    build) build ;;
    run | keep | replay) "$@" ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
