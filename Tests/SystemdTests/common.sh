# What the scripts that run inside the container share; sourced, as root.
set -u
cd /
failures=0
ok() { echo "ok   $1"; }
bad() { echo "FAIL $1"; failures=$((failures + 1)); }
check() { local what=$1; shift; if "$@"; then ok "$what"; else bad "$what"; fi; }
note() { echo "     $1"; }
property() { systemctl show -p "$1" --value "${2:-methodgate}"; }
status_of() { curl -s -o /dev/null -m 20 -w '%{http_code}' "$@"; }
# Tries for 20 seconds.
until_true() { for _ in $(seq 200); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; return 1; }
is_active() { [ "$(property ActiveState)" = active ]; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }
journal() { journalctl -u methodgate --no-pager "$@"; }
metric() { curl -s http://127.0.0.1:9100/metrics | sed -n "s/^$1 //p"; }
verified() { methodgate log verify "$@" >/tmp/verified 2>&1 || { cat /tmp/verified; return 1; }; }

readonly CONFIG=/etc/methodgate/methodgate.yaml
readonly BLOCKS=/var/log/methodgate/blocks.jsonl

install_package() {
    dpkg -i /package.deb >/dev/null || { bad "the package installs"; leave; }
}

# The backend of all: what load.py serves.
start_backend() {
    systemd-run -q --unit=backend --property=LimitNOFILE=20000 \
        /usr/bin/python3 -B /load.py serve 3000
    until_true curl -sf http://127.0.0.1:3000/
}

# Ends the script with what was found.
leave() {
    [ "$failures" = 0 ] && echo "all checks passed" || echo "$failures checks failed"
    exit $((failures > 0))
}
