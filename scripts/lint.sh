#!/usr/bin/env bash
# Formatting and the house rules that no compiler checks. Prints every finding, exits 1 on any.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly SWIFT="${SWIFT:-swift}"
failed=0

finding() {
    echo "lint: $1" >&2
    failed=1
}

# Without --strict it exits 0 whatever it finds.
"$SWIFT" format lint --strict --recursive Sources Tests Fuzz || failed=1

# Foundation costs 23 MB resident in an empty program, and its types allocate.
if grep -rnE '^[^/]*\bimport +(struct|class|enum|protocol|func|var|let|typealias)? *Foundation' \
    Sources --include='*.swift'; then
    finding 'Foundation is not used in Sources: use the standard library or Glibc'
fi

# The proofs of memory safety hold only while these stay off.
if grep -rnE 'Ounchecked|enforce-exclusivity=(none|unchecked)' Package.swift Makefile; then
    finding 'unchecked builds are not used'
fi

# The rule matcher, the parsers and the policy are values: they know no sockets, files or clock.
if grep -nrE '^(package |public |internal |private )?import +(Glibc|CLibevent|COpenSSL|CYAML)' \
    Sources/HTTPSyntax Sources/HTTP1 Sources/HTTP2 Sources/Policy --include='*.swift'; then
    finding 'HTTPSyntax, HTTP1, HTTP2 and Policy do no I/O; of C libraries HTTP2 has nghttp2 alone'
fi

# A mechanism that is taken out where it no longer stands is not missed by any test.
if python3 -c 'import yaml' 2>/dev/null; then
    python3 Tests/MutationTests/run.py --check || failed=1
else
    echo 'lint: SKIPPED: whether mutations are stale, without python3-yaml' >&2
fi

while IFS= read -r script; do
    bash -n "$script" || failed=1
done < <(find scripts .ci Benchmarks Tests -name '*.sh' -o -path .ci/run)

[ "$failed" = 0 ] || exit 1
echo 'lint: clean'
