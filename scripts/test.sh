#!/usr/bin/env bash
# Builds everything and runs all tests: unit, conformance, end to end. Arguments go to
# `swift test`. Ends with one line, `methodgate: N passed, N failed`, and fails when none ran.
# SANITIZE=address or thread builds tests and gate with that sanitizer, beside the usual build, and
# fails on any report of it, leaks included.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly SWIFT="${SWIFT:-swift}"
# Blocking code does not stop at a test's own time limit; this one ends it. Seconds.
readonly LIMIT="${TEST_LIMIT:-1800}"
readonly SANITIZE="${SANITIZE:-}"
work="$(mktemp -d)"
log="$work/log"
trap 'rm -rf "$work"' EXIT

options=()
if [ -n "$SANITIZE" ]; then
    options=(--sanitize="$SANITIZE" --scratch-path ".build-$SANITIZE")
    # The gates of the tests inherit these; Tests/TestSupport/Sanitizer.swift reads the reports.
    export METHODGATE_SANITIZER_REPORTS="$work/report"
    export ASAN_OPTIONS="log_path=$work/report:quarantine_size_mb=16"
    export LSAN_OPTIONS="suppressions=$PWD/Tests/sanitizers/leaks.txt:print_suppressions=0"
    export TSAN_OPTIONS="log_path=$work/report:suppressions=$PWD/Tests/sanitizers/races.txt"
fi

# Each target may import only what Package.swift lists for it: the arrows point downward.
"$SWIFT" build --build-tests --explicit-target-dependency-import-check error "${options[@]}"

status=0
timeout --foreground --kill-after=20 "$LIMIT" \
    "$SWIFT" test --skip-build "${options[@]}" "$@" 2>&1 | tee "$log" || status=$?

if [ "$status" = 124 ] || [ "$status" = 137 ]; then
    echo "test: ended after $LIMIT s" >&2
fi
# Swift Testing sums up in one line a run; a failed test has a line of its own.
total="$(sed -n 's/.*Test run with \([0-9]*\) tests\{0,1\} .*/\1/p' "$log" | awk '{ n += $1 } END { print n + 0 }')"
failures="$(grep -E '^. Test .* failed after ' "$log" | grep -cv ' Test run with ' || true)"
if ! grep -q 'Test run with' "$log"; then
    echo 'test: the run ended early; the last test that began:' >&2
    grep -E '^. Test .* started\.$' "$log" | tail -n 1 >&2 || true
    total="$(grep -cE '^. Test .* (passed|failed) after ' "$log" || true)"
    failures=$((failures + 1))
    total=$((total + 1))
    [ "$status" != 0 ] || status=1
fi
if compgen -G "$work/report.*" >/dev/null; then
    cat "$work"/report.*
    echo "test: the $SANITIZE sanitizer reports $(find "$work" -name 'report.*' | wc -l) processes"
    [ "$status" != 0 ] || status=1
fi
echo
echo "methodgate: $((total - failures)) passed, $failures failed"
if [ "$total" = 0 ] && [ "$#" = 0 ]; then
    echo 'test: no test ran' >&2
    status=1
fi
exit "$status"
