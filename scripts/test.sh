#!/usr/bin/env bash
# Builds everything and runs all tests: unit, conformance, end to end; then those of the package, of
# the image, and on a booted systemd. Arguments go to `swift test`, which is all that runs then.
# Ends with one line, `methodgate: N passed, N failed`, and fails when none ran.
# SANITIZE=address or thread builds unit tests and gate with that sanitizer, beside the usual build,
# and fails on any report of it, leaks included. Conformance and end-to-end tests, which see the gate
# from outside, run as usual on that gate, but for $UNSANITIZED, which is said at the end; with
# arguments they are built with the sanitizer as well.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly SWIFT="${SWIFT:-swift}"
# Blocking code does not stop at a test's own time limit; this one ends it. Seconds.
readonly LIMIT="${TEST_LIMIT:-1800}"
readonly SANITIZE="${SANITIZE:-}"
# So many failed tests at most are run once more by themselves.
readonly AGAIN="${TEST_AGAIN:-3}"
# Whole programs of attacks against servers of other people, most of whose time is theirs: ten
# minutes each beside a gate that a sanitizer slows down. Each kind of attack has a test of ours too.
readonly UNSANITIZED=Attacks
# Those that start the gate as a process.
readonly OUTSIDE='^(EndToEndTests|ConformanceTests)\.'
work="$(mktemp -d)"
log="$work/log"
trap 'rm -rf "$work"' EXIT

options=()
# In front of each run: ThreadSanitizer's shadow has fixed places, where a library that lands at
# random may be in its way.
fixed=()
if [ "$SANITIZE" = thread ] && setarch "$(uname -m)" -R true 2>/dev/null; then
    fixed=(setarch "$(uname -m)" -R)
fi
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

# run LOG ARGUMENTS…: `swift test` into LOG.
run() {
    local into="$1" status=0
    shift
    timeout --foreground --kill-after=20 "$LIMIT" "${fixed[@]}" \
        "$SWIFT" test --skip-build "${options[@]}" "$@" 2>&1 | tee "$into" || status=$?
    if [ "$status" = 124 ] || [ "$status" = 137 ]; then
        echo "test: ended after $LIMIT s" >&2
    fi
    return "$status"
}

# The names of the tests that failed, a line each.
failed() {
    sed -nE -e '/^. Test (run with|case passing) /d' \
        -e 's/^. Test "(.*)" (with [0-9]+ test cases? )?failed after .*/\1/p' \
        -e 's/^. Test ([^" ]*\(.*\)) (with [0-9]+ test cases? )?failed after .*/\1/p' "$1" | sort -u
}

status=0
total=0
failures=0
: >"$log"

# ended_early LOG: says where.
ended_early() {
    echo 'test: the run ended early; the last test that began:' >&2
    grep -E '^. Test .* started\.$' "$1" | tail -n 1 >&2 || true
    grep -vE '^(◇|✔|↳) ' "$1" | tail -n 20 >&2 || true
}

# phase NAME ARGUMENTS…: runs tests, once more those few that failed, and adds up.
phase() {
    local into="$work/$1" outcome=0 tests bad names
    shift
    run "$into" "$@" || outcome=$?
    if [ "$outcome" != 0 ] && [ "$outcome" != 124 ] && ! grep -q 'Test run with' "$into"; then
        # The process of the tests died. Once more, so that it is known whether it always does.
        ended_early "$into"
        outcome=0
        run "$into" "$@" || outcome=$?
        [ "$outcome" != 0 ] || echo 'test: UNSTABLE: the first run ended early'
    fi
    # Swift Testing sums up in one line a run; a failed test has a line of its own.
    tests="$(sed -n 's/.*Test run with \([0-9]*\) tests\{0,1\} .*/\1/p' "$into" | awk '{ n += $1 } END { print n + 0 }')"
    bad="$(failed "$into" | wc -l)"
    if ! grep -q 'Test run with' "$into"; then
        ended_early "$into"
        tests="$(grep -cE '^. Test .* (passed|failed) after ' "$into" || true)"
        bad=$((bad + 1))
        tests=$((tests + 1))
        [ "$outcome" != 0 ] || outcome=1
    elif [ "$bad" -gt 0 ] && [ "$bad" -le "$AGAIN" ]; then
        # Ends of deadlines are tested in time, beside hundreds of other tests on as few cores as
        # there are. Few failures are told apart from mistakes by a second run with nothing beside
        # it, and said either way.
        names="$(failed "$into" | sed 's/[][\.*^$+?(){}|\/]/\\&/g' | paste -sd '|')"
        printf '\ntest: once more, by themselves:\n'
        failed "$into" | sed 's/^/test:   /'
        if run "$into.again" --filter "$names" && grep -q 'Test run with [1-9]' "$into.again"; then
            failed "$into" | sed 's/^/test: UNSTABLE: passed by itself only: /'
            bad=0
            outcome=0
        else
            bad="$(failed "$into.again" | wc -l)"
            [ "$bad" != 0 ] || bad=1
            outcome=1
        fi
    fi
    cat "$into" >>"$log"
    total=$((total + tests))
    failures=$((failures + bad))
    [ "$outcome" = 0 ] || status=1
}

left_out=()
if [ -n "$SANITIZE" ] && [ "$#" = 0 ]; then
    left_out=(--skip "$UNSANITIZED")
    phase inside --skip "$OUTSIDE"
    options=()
    "$SWIFT" build --build-tests --explicit-target-dependency-import-check error
    METHODGATE_BINARY="$PWD/.build-$SANITIZE/debug/methodgate" phase outside \
        --filter "$OUTSIDE" "${left_out[@]}"
else
    phase all "$@"
fi
if compgen -G "$work/report.*" >/dev/null; then
    cat "$work"/report.*
    echo "test: the $SANITIZE sanitizer reports $(find "$work" -name 'report.*' | wc -l) processes"
    [ "$status" != 0 ] || status=1
fi

# What needs a static build: also WHAT COMMAND…, whose lines begin with `ok` or `FAIL`, and which
# ends with 77 where its tools are not here.
# Once more where something failed, which is said; a mistake fails again.
also() {
    local what="$1" outcome=0 checks bad
    shift
    checked "$@"
    if [ "$outcome" != 0 ] && [ "$outcome" != 77 ]; then
        printf '\ntest: once more: %s\n' "$what"
        grep -hE '^FAIL ' "$work/also" | sed 's/^/test:   /' || true
        mv "$work/also" "$work/first"
        outcome=0
        checked "$@"
        [ "$outcome" != 0 ] || echo "test: UNSTABLE: passed the second time only: $what"
    fi
    if [ "$outcome" = 77 ]; then
        printf '\ntest: ======== NOT TESTED: %s ========\n' "$what"
        grep 'NOT TESTED' "$work/also" || true
        return
    fi
    checks="$(grep -cE '^(ok  |FAIL) ' "$work/also" || true)"
    bad="$(grep -cE '^FAIL ' "$work/also" || true)"
    grep -hE '^FAIL ' "$work/also" >>"$work/bad" || true
    if [ "$outcome" != 0 ] && [ "$bad" = 0 ]; then
        # It ended early.
        bad=1
        checks=$((checks + 1))
    fi
    [ "$bad" = 0 ] || status=1
    total=$((total + checks))
    failures=$((failures + bad))
}
checked() { "$@" 2>&1 | tee "$work/also" || outcome=$?; }
if [ "$#" = 0 ] && [ -z "$SANITIZE" ]; then
    also 'the package' Tests/DeploymentTests/package.sh
    also 'the image' Tests/ImageTests/run.sh static
    also 'systemd, where logs go, life under load' scripts/test-systemd.sh short
fi

# What a reader of the last lines has to know.
if [ "$status" != 0 ]; then
    printf '\ntest: what failed:\n'
    grep -hE '^. Test .* recorded an issue' "$log" | sort -u | cut -c 1-500 | tail -n 30 || true
    cat "$work/bad" 2>/dev/null || true
fi
# Backends of other people that an attack was not tried on.
grep -h '^NOT INSTALLED, NOT TESTED' "$log" | sort -u | sed 's/^/test: /' || true
if [ "${#left_out[@]}" != 0 ]; then
    printf '\ntest: ======== NOT TESTED with the %s sanitizer: %s ========\n' "$SANITIZE" "$UNSANITIZED"
fi
echo
echo "methodgate: $((total - failures)) passed, $failures failed"
if [ "$total" = 0 ] && [ "$#" = 0 ]; then
    echo 'test: no test ran' >&2
    status=1
fi
exit "$status"
