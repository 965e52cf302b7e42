#!/bin/bash
# Runs as root inside a booted systemd, with the package's files in place. Prints one line a
# check; exit status 1 when one failed.
set -u
cd /
failures=0
ok() { echo "ok   $1"; }
bad() { echo "FAIL $1"; failures=$((failures + 1)); }
check() { local what=$1; shift; if "$@"; then ok "$what"; else bad "$what"; fi; }
property() { systemctl show -p "$1" --value "${2:-methodgate}"; }
status_of() { curl -s -o /dev/null -m 5 -w '%{http_code}' "$@"; }
until_true() { for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; return 1; }

readonly CONFIG=/etc/methodgate/methodgate.yaml
configure() { # LISTEN METHODS
    cat >$CONFIG <<YAML
listen:
  - address: $1
backends:
  app: http://127.0.0.1:3000
admin:
  address: 127.0.0.1:9100
log:
  blocks:
    to: file /var/log/methodgate/blocks.json
defaults:
  methods: $2
YAML
}

# A backend: the program's own demo, on a configuration of its own.
cat >/etc/demo.yaml <<'YAML'
listen:
  - address: 127.0.0.1:8099
backends:
  app: http://127.0.0.1:3000
control: off
defaults:
  methods: any
YAML
# --- the package ----------------------------------------------------------------------------
check "the package installs" dpkg -i /package.deb >/dev/null
check "nothing is started" [ "$(systemctl is-active methodgate)/$(systemctl is-enabled methodgate)" = inactive/disabled ]
check "the shipped configuration loads" methodgate check >/dev/null
check "the manual page is there" [ -s /usr/share/man/man1/methodgate.1.gz ]

systemd-run -q --unit=backend /usr/bin/methodgate demo --config /etc/demo.yaml
until_true curl -sf http://127.0.0.1:3000/

# --- the unit -------------------------------------------------------------------------------
check "the units verify" systemd-analyze verify --man=no \
    /lib/systemd/system/methodgate.service /lib/systemd/system/methodgate.socket
exposure=$(systemd-analyze security --no-pager methodgate | sed -n 's/.*Overall exposure level[^:]*: \([0-9.]*\).*/\1/p')
echo "     exposure $exposure"
[ -z "${VERBOSE-}" ] || systemd-analyze security --no-pager methodgate
check "systemd-analyze security is at most 1.2" awk "BEGIN { exit !($exposure <= 1.2) }"

# --- start, status, port 80 without root ----------------------------------------------------
configure 0.0.0.0:8080 '[GET]'
check "starts and says that it is ready" systemctl start methodgate
check "serves" [ "$(status_of http://127.0.0.1:8080/)" = 200 ]
check "does not run as root" [ "$(ps -o user= -p "$(property MainPID)" | cut -c1-6)" = method ]
check "blocks" [ "$(status_of -X DELETE http://127.0.0.1:8080/)" = 405 ]
check "wrote the record" grep -q '"http.response.status_code":405' /var/log/methodgate/blocks.json
check "says its state" grep -q '^Serving 1 listener by 1 rule' <<<"$(property StatusText)"
check "is ready for probes" [ "$(status_of http://127.0.0.1:9100/readyz)" = 200 ]

# --- reload ---------------------------------------------------------------------------------
pid=$(property MainPID)
configure 0.0.0.0:8080 '[GET, DELETE]'
check "reload takes a good file" systemctl reload methodgate
check "the new rules are in force" [ "$(status_of -X DELETE http://127.0.0.1:8080/)" = 200 ]
echo 'nonsense: 1' >>$CONFIG
if systemctl reload methodgate; then bad "reload fails on a broken file"; else ok "reload fails on a broken file"; fi
check "the reason is in the journal" grep -q "nonsense: unknown key" <<<"$(journalctl -u methodgate --no-pager)"
check "the old rules stay in force" [ "$(status_of -X DELETE http://127.0.0.1:8080/)" = 200 ]
check "the state says so" grep -q 'the last reload failed' <<<"$(property StatusText)"
check "is still active with the same process" [ "$(property ActiveState)/$(property MainPID)" = "active/$pid" ]
check "status asks the control socket" grep -q '"state": "serving"' <<<"$(methodgate status)"

# --- a broken file at the start does not loop -----------------------------------------------
systemctl restart methodgate 2>/dev/null
sleep 1
check "a broken file at the start fails once" [ "$(property ActiveState)/$(property NRestarts)" = failed/0 ]

# --- restart after a crash, watchdog --------------------------------------------------------
configure 0.0.0.0:8080 '[GET]'
systemctl reset-failed methodgate
systemctl start methodgate
systemctl kill -s KILL methodgate
start=$(date +%s%N)
until_true curl -sf -m 1 http://127.0.0.1:8080/
took=$((($(date +%s%N) - start) / 1000000))
echo "     back after $took ms"
check "is back within a second after a crash" [ "$took" -lt 1000 ]
mkdir -p /run/systemd/system/methodgate.service.d
printf '[Service]\nWatchdogSec=2s\n' >/run/systemd/system/methodgate.service.d/watchdog.conf
systemctl daemon-reload
systemctl restart methodgate
pid=$(property MainPID)
sleep 5
check "a healthy process keeps its watchdog fed" [ "$(property MainPID)" = "$pid" ]
kill -STOP "$pid"
check "a process that hangs is killed and started again" until_true \
    sh -c "[ \"\$(systemctl show -p MainPID --value methodgate)\" != $pid ] && curl -sf -m 2 http://127.0.0.1:8080/"
rm -r /run/systemd/system/methodgate.service.d
systemctl daemon-reload

# --- socket activation ----------------------------------------------------------------------
systemctl stop methodgate
configure systemd:http '[GET]'
check "the socket unit starts" systemctl start methodgate.socket
check "a connection starts the service" [ "$(status_of http://127.0.0.1/)" = 200 ]
pid=$(property MainPID)
(for _ in $(seq 200); do status_of http://127.0.0.1/; echo; sleep 0.01; done) >/tmp/statuses &
client=$!
for _ in 1 2 3; do sleep 0.3; systemctl restart methodgate; done
wait $client
check "a restart through the socket refuses nobody" [ "$(sort -u /tmp/statuses)" = 200 ]
check "it was another process" [ "$(property MainPID)" != "$pid" ]
systemctl stop methodgate methodgate.socket

# --- port 80 without root -------------------------------------------------------------------
configure 0.0.0.0:81 '[GET]'
systemctl start methodgate 2>/dev/null
check "without a privilege a low port is refused with a hint" grep -q 'CAP_NET_BIND_SERVICE' \
    <<<"$(journalctl -u methodgate --no-pager -n 20)"
install -D -m 644 /usr/share/doc/methodgate/examples/privileged-ports.conf \
    /etc/systemd/system/methodgate.service.d/ports.conf
systemctl daemon-reload
systemctl reset-failed methodgate
check "the shipped drop-in lets it bind a low port" systemctl start methodgate
check "and it serves there" [ "$(status_of http://127.0.0.1:81/)" = 200 ]
check "not as root" [ "$(ps -o user= -p "$(property MainPID)" | cut -c1-6)" = method ]
rm -r /etc/systemd/system/methodgate.service.d
systemctl daemon-reload
systemctl stop methodgate

# --- stop -----------------------------------------------------------------------------------
configure 0.0.0.0:8080 '[GET]'
systemctl start methodgate
start=$(date +%s%N)
systemctl stop methodgate
took=$((($(date +%s%N) - start) / 1000000))
echo "     idle stop took $took ms"
check "an idle gate stops at once" [ "$took" -lt 1500 ]
check "and cleanly" [ "$(property Result)" = success ]

# --- upgrade, removal, purge ----------------------------------------------------------------
systemctl start methodgate
pid=$(property MainPID)
echo '# an edit of the operator' >>$CONFIG
check "an upgrade keeps the edited configuration" sh -c \
    "dpkg -i --force-confold /package.deb >/dev/null && grep -q 'edit of the operator' $CONFIG"
check "and restarts the gate on the new binary" [ "$(property ActiveState)" = active -a "$(property MainPID)" != "$pid" ]
check "which serves" [ "$(status_of http://127.0.0.1:8080/)" = 200 ]
check "removal stops the gate and keeps log and configuration" sh -c \
    "dpkg -r methodgate >/dev/null 2>&1 && ! systemctl -q is-active methodgate && [ -s /var/log/methodgate/blocks.json ] && [ -s $CONFIG ]"
check "purging leaves nothing" sh -c \
    'dpkg -P methodgate >/dev/null 2>&1 && [ ! -e /var/log/methodgate ] && [ ! -e /etc/methodgate ]'

systemctl stop backend
[ "$failures" = 0 ] && echo "all checks passed" || echo "$failures checks failed"
[ "$failures" = 0 ]
