#!/usr/bin/env bash
# Installs into a staging root with a prefix of its own and looks at what is there:
# install.sh BINARY. Prints a line for each check; 1 where one failed.
set -euo pipefail
binary="$(realpath -e "$1")"
cd "$(dirname "$0")/../.."
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
failures=0
check() {
    local what="$1"
    shift
    if "$@"; then echo "ok   $what"; else echo "FAIL $what"; failures=$((failures + 1)); fi
}
puts() { DESTDIR="$work/root" PREFIX=/opt/gate SYSCONFDIR=/opt/gate/etc scripts/install.sh "$binary"; }

puts
root="$work/root/opt/gate"
check 'nothing is outside of the prefix' [ "$(cd "$work/root" && find . -type f | grep -vc '^./opt/gate/')" = 0 ]
check 'the program is there and runs' "$root/bin/methodgate" version
check 'the configuration loads' "$root/bin/methodgate" check -c "$root/etc/methodgate/methodgate.yaml"
check 'the schema is JSON' python3 -m json.tool "$root/share/methodgate/methodgate.schema.json" "$work/schema"

unit="$root/lib/systemd/system/methodgate.service"
check 'the unit starts the program where it is' grep -q '^ExecStart=/opt/gate/bin/methodgate run --config /opt/gate/etc/methodgate/methodgate.yaml$' "$unit"
check 'no unit names a place of the package' [ -z "$(grep -rE '/usr/(bin|share/doc)/methodgate|[ =:]/etc/methodgate' "$root/lib")" ]
check 'the socket units are there' [ -s "$root/lib/systemd/system/methodgate.socket" ]
check 'logrotate is told' grep -q 'SIGUSR1' "$root/etc/logrotate.d/methodgate"

# One page for each command that the program has.
commands() { "$binary" --help | sed -n '/^SUBCOMMANDS/,/^$/s/^  \([a-z]*\)[ ,].*/\1/p'; }
check 'the program names its commands' [ "$(commands | wc -l)" -ge 9 ]
for command in $(commands); do
    check "there is methodgate-$command(1)" [ -s "$root/share/man/man1/methodgate-$command.1" ]
done
check 'there is methodgate.yaml(5)' grep -q 'reload' "$root/share/man/man5/methodgate.yaml.5"
renders() {
    local page said
    for page in "$root"/share/man/man?/*; do
        said="$(groff -ww -man -Tutf8 -K utf8 "$page" 2>&1 >"$work/page")"
        [ -z "$said" ] || { echo "$page: $said"; return 1; }
        grep -q '^METHODGATE' "$work/page" || return 1
    done
}
if command -v groff >/dev/null; then
    check 'every page of the manual renders without a warning' renders
else
    echo 'install: NOT TESTED: the manual needs groff'
fi

# bash is here for sure: asks its completion as the shell would.
completes() { # EXPECTED WORD…
    bash -c '
        source "$1"; shift; expected="$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
        COMP_TYPE=9
        "$(complete -p methodgate | sed "s/.*-F \([^ ]*\) .*/\1/")" \
            methodgate "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        [[ " ${COMPREPLY[*]} " == *" $expected "* ]]
    ' bash "$root/share/bash-completion/completions/methodgate" "$@"
}
check 'bash completes a command' completes reload methodgate re
check 'bash completes a command of a command' completes verify methodgate log ver
check 'bash completes an option' completes --config methodgate run --c
check 'bash completes a value' completes ocsf methodgate log convert --to o
check 'zsh has completions' grep -q '^#compdef methodgate' "$root/share/zsh/site-functions/_methodgate"
check 'fish has completions' grep -q 'complete .*methodgate' "$root/share/fish/vendor_completions.d/methodgate.fish"

# Links of the pages lead to pages.
broken() {
    local page link
    find "$root/share/doc/methodgate" -name '*.md' | while read -r page; do
        grep -oE '\]\([^):# ]+' "$page" | sed 's/^](//' | while read -r link; do
            [ -e "$(dirname "$page")/$link" ] || echo "${page#"$root"/}: $link"
        done
    done
}
broken | grep -v -E ': (\.\./)*(https|Tests|Benchmarks|config|Sources|LICENSE|CONTRIBUTING|SECURITY|Fuzz|scripts)' >"$work/broken" || true
cat "$work/broken"
check 'no page of the documents leads nowhere' [ ! -s "$work/broken" ]

echo '# mine' >>"$root/etc/methodgate/methodgate.yaml"
echo '# mine' >>"$root/etc/logrotate.d/methodgate"
puts
check 'installing again keeps what the operator edited' [ "$(grep -l '^# mine' "$root/etc/methodgate/methodgate.yaml" "$root/etc/logrotate.d/methodgate" | wc -l)" = 2 ]
refuses() { ! DESTDIR="$work/root" PREFIX="$1" scripts/install.sh "$binary" 2>/dev/null; }
check 'a prefix that is no absolute path is refused' refuses here
check 'a prefix that no unit could name is refused' refuses '/opt/a b|c'

[ "$failures" = 0 ] && echo 'install: all checks passed' || echo "install: $failures checks failed"
[ "$failures" = 0 ]
