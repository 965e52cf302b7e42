#!/usr/bin/env bash
# Puts a build in its places: install.sh BINARY. For `make install` and for the Debian package.
#   DESTDIR     a staging root in front of every path; empty
#   PREFIX      /usr/local
#   SYSCONFDIR  /etc
#   UNITDIR     PREFIX/lib/systemd/system
#   ZSHDIR      PREFIX/share/zsh/site-functions
#
# Units name the binary and the configuration where they end up. What an operator may have edited
# (the configuration, logrotate's) is never overwritten.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly binary="$1"
readonly DESTDIR="${DESTDIR-}" PREFIX="${PREFIX:-/usr/local}" SYSCONFDIR="${SYSCONFDIR:-/etc}"
readonly UNITDIR="${UNITDIR:-$PREFIX/lib/systemd/system}"
readonly ZSHDIR="${ZSHDIR:-$PREFIX/share/zsh/site-functions}"
readonly doc="$PREFIX/share/doc/methodgate"

for path in "$PREFIX" "$SYSCONFDIR" "$UNITDIR" "$ZSHDIR"; do
    # systemd takes absolute paths only, and sed's separator may not stand in one.
    case "$path" in
        *[!A-Za-z0-9/._+-]* | [!/]*)
            echo "install: '$path' must be an absolute path of letters, digits and / . _ + -" >&2
            exit 2 ;;
    esac
done

file() { install -D -m 644 "$1" "$DESTDIR$2"; }
# From standard input.
text() { file /dev/stdin "$1"; }
# What the operator may have edited.
keep() { [ -e "$DESTDIR$2" ] || file "$1" "$2"; }

# Files say where things are in a package; here they may be elsewhere.
placed() {
    sed -e "s|/usr/bin/methodgate|$PREFIX/bin/methodgate|g" \
        -e "s|/usr/share/doc/methodgate|$doc|g" \
        -e "s|/etc/methodgate|$SYSCONFDIR/methodgate|g" "$1"
}

install -D -m 755 "$binary" "$DESTDIR$PREFIX/bin/methodgate"

keep config/methodgate.yaml "$SYSCONFDIR/methodgate/methodgate.yaml"
keep config/logrotate/methodgate "$SYSCONFDIR/logrotate.d/methodgate"

for unit in systemd/*.service systemd/*.socket; do
    placed "$unit" | text "$UNITDIR/${unit##*/}"
done
file systemd/methodgate.sysusers "$PREFIX/lib/sysusers.d/methodgate.conf"

python3 scripts/man.py "$binary" "$DESTDIR$PREFIX/share/man"
# Completions are read by a shell, never run: a line that names one means nothing.
completion() { "$binary" --generate-completion-script "$1" | sed '1{/^#!/d}' | text "$2"; }
completion bash "$PREFIX/share/bash-completion/completions/methodgate"
completion zsh "$ZSHDIR/_methodgate"
completion fish "$PREFIX/share/fish/vendor_completions.d/methodgate.fish"
"$binary" schema | text "$PREFIX/share/methodgate/methodgate.schema.json"

for page in README.md CHANGELOG.md docs/*.md docs/decisions/*.md; do file "$page" "$doc/$page"; done
file config/methodgate.yaml "$doc/methodgate.yaml"
file config/demo.yaml "$doc/demo.yaml"
for template in config/templates/*; do file "$template" "$doc/templates/${template##*/}"; done
file systemd/privileged-ports.conf "$doc/examples/privileged-ports.conf"
file config/fail2ban/filter.d/methodgate.conf "$doc/examples/fail2ban/methodgate.conf"
for example in config/prometheus/*.yaml; do
    file "$example" "$doc/examples/prometheus/${example##*/}"
done
