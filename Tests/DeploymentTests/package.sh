#!/usr/bin/env bash
# Makes the Debian package and looks at it without installing it: lintian may find nothing but what
# the package itself explains; the program may need nothing but Debian's libraries. Prints a line
# for each check, which begins with `ok` or `FAIL`. Exit status: 0 all checks passed, 1 one failed,
# 77 the tools are not here.
set -euo pipefail
cd "$(dirname "$0")/../.."
for tool in dpkg-shlibdeps lintian mandoc; do
    command -v "$tool" >/dev/null || missing="${missing-}$tool "
done
if [ -n "${missing-}" ]; then
    echo "package: NOT TESTED: this needs $missing" >&2
    exit 77
fi
make --no-print-directory release >&2
package="$(scripts/deb.sh .build-static/dist/methodgate .build-static/dist)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
failures=0
check() {
    local what="$1"
    shift
    if "$@"; then echo "ok   $what"; else echo "FAIL $what"; failures=$((failures + 1)); fi
}

dpkg-deb -x "$package" "$work/tree"
dpkg-deb -e "$package" "$work/control"
binary="$work/tree/usr/bin/methodgate"

ldd "$binary" >"$work/libraries"
check 'every library is found' [ "$(grep -c 'not found' "$work/libraries")" = 0 ]
check 'none is of Swift or Foundation' [ "$(grep -ciE 'swift|foundation' "$work/libraries")" = 0 ]
# Each file belongs to a package of Debian's, which the package depends on or which is always there.
while read -r library; do
    path="$(realpath "$library")"
    # Packages name some of them without /usr, which is a link now.
    owner="$({ dpkg -S "$path" || dpkg -S "${path#/usr}"; } 2>/dev/null | cut -d : -f 1 | head -n 1 || true)"
    check "${library##*/} is of Debian's ${owner:-nobody}" [ -n "$owner" ]
done < <(sed -n 's/.*=> \(\/[^ ]*\) (0x.*/\1/p' "$work/libraries")
sed -n 's/^Depends: /     depends on /p' "$work/control/control"
check 'the configuration is a conffile' grep -qx /etc/methodgate/methodgate.yaml "$work/control/conffiles"
check 'so is logrotate'\''s' grep -qx /etc/logrotate.d/methodgate "$work/control/conffiles"
check 'nothing but conffiles is in /etc' [ "$(cd "$work/tree" && find etc -type f | sed 's|^|/|' | sort)" = "$(sort "$work/control/conffiles")" ]
check 'the manual is compressed' [ -z "$(find "$work/tree/usr/share/man" -type f ! -name '*.gz')" ]
check 'the user is made' grep -q '^u methodgate ' "$work/tree/usr/lib/sysusers.d/methodgate.conf"

for page in "$work"/tree/usr/share/man/man?/*; do
    zcat "$page" | mandoc -Tlint -Wwarning | grep -v 'missing date' >"$work/said" || true
    check "mandoc has nothing to say of ${page##*/}" [ ! -s "$work/said" ]
    cat "$work/said"
done
status=0
lintian --allow-root --fail-on error,warning --tag-display-limit 0 "$package" || status=$?
check 'lintian finds nothing' [ "$status" = 0 ]

[ "$failures" = 0 ] && echo 'package: all checks passed' || echo "package: $failures checks failed"
[ "$failures" = 0 ]
