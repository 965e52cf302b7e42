#!/bin/bash
# Runs as root inside a booted systemd, with the package's files in place. Prints one line a
# check; exit status 1 when one failed.
. /common.sh

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
    to: file $BLOCKS
defaults:
  methods: $2
YAML
}

# --- the package ----------------------------------------------------------------------------
check "the package installs" sh -c "dpkg -i /package.deb >/dev/null 2>&1"
check "nothing is started" [ "$(systemctl is-active methodgate)/$(systemctl is-enabled methodgate)" = inactive/disabled ]
check "the shipped configuration loads" sh -c "methodgate check >/dev/null"
check "the manual page is there" [ -s /usr/share/man/man1/methodgate.1.gz ]

start_backend

# --- the unit -------------------------------------------------------------------------------
check "the units verify" systemd-analyze verify --man=no \
    /lib/systemd/system/methodgate.service /lib/systemd/system/methodgate.socket \
    /lib/systemd/system/methodgate-tls.socket
exposure=$(systemd-analyze security --no-pager methodgate | sed -n 's/.*Overall exposure level[^:]*: \([0-9.]*\).*/\1/p')
note "exposure $exposure"
[ -z "${VERBOSE-}" ] || systemd-analyze security --no-pager methodgate
check "systemd-analyze security is at most 1.2" awk "BEGIN { exit !($exposure <= 1.2) }"

# --- start, status, port 80 without root ----------------------------------------------------
configure 0.0.0.0:8080 '[GET]'
check "starts and says that it is ready" systemctl start methodgate
check "serves" [ "$(status_of http://127.0.0.1:8080/)" = 200 ]
check "does not run as root" [ "$(ps -o user= -p "$(property MainPID)" | cut -c1-6)" = method ]
check "blocks" [ "$(status_of -X DELETE http://127.0.0.1:8080/)" = 405 ]
check "wrote the record" grep -q '"http.response.status_code":405' $BLOCKS
check "says its state" grep -q '^Serving 1 listener by 1 rule' <<<"$(property StatusText)"
check "is denied no system call that it needs" \
    sh -c '! journalctl -u methodgate --no-pager | grep -q "not permitted"'
check "is ready for probes" [ "$(status_of http://127.0.0.1:9100/readyz)" = 200 ]

# --- reload ---------------------------------------------------------------------------------
pid=$(property MainPID)
configure 0.0.0.0:8080 '[GET, DELETE]'
check "reload takes a good file" systemctl reload methodgate
check "the new rules are in force" [ "$(status_of -X DELETE http://127.0.0.1:8080/)" = 200 ]
echo 'nonsense: 1' >>$CONFIG
if systemctl reload methodgate 2>/dev/null; then bad "reload fails on a broken file"; else ok "reload fails on a broken file"; fi
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
note "back after $took ms"
check "is back within a second after a crash" [ "$took" -lt 1000 ]
mkdir -p /run/systemd/system/methodgate.service.d
printf '[Service]\nWatchdogSec=2s\n' >/run/systemd/system/methodgate.service.d/watchdog.conf
systemctl daemon-reload
systemctl restart methodgate
pid=$(property MainPID)
sleep 5
check "a healthy process keeps its watchdog fed" [ "$(property MainPID)" = "$pid" ]
python3 -B /hang.py "$pid" worker-1 >/tmp/hung &
until_true grep -q hung /tmp/hung
check "one hung worker of two is enough for a new start" until_true \
    sh -c "[ \"\$(systemctl show -p MainPID --value methodgate)\" != $pid ] && curl -sf -m 2 http://127.0.0.1:8080/"
check "and the journal says why" grep -q 'Watchdog timeout' <<<"$(journal)"
pid=$(property MainPID)
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

# --- several sockets by name, ports 80 and 443 -----------------------------------------------
configure systemd:http '[GET]'
sed -i '/address: systemd:http/a\  - address: systemd:https' $CONFIG
check "both socket units start" systemctl start methodgate.socket methodgate-tls.socket
check "the one serves on port 80" [ "$(status_of http://127.0.0.1:80/)" = 200 ]
check "the other on port 443" [ "$(status_of http://127.0.0.1:443/)" = 200 ]
check "not as root" [ "$(ps -o user= -p "$(property MainPID)" | cut -c1-6)" = method ]
systemctl stop methodgate methodgate-tls.socket methodgate.socket
configure systemd:other '[GET]'
systemctl start methodgate.socket
systemctl start methodgate 2>/dev/null
tells_the_names() {
    journal -n 200 | grep -q 'no socket of that name was passed (there are: http)'
}
check "a name that no socket unit has is told, and which there are" until_true tells_the_names
systemctl stop methodgate.socket
systemctl reset-failed methodgate

# --- port 80 without root -------------------------------------------------------------------
configure 0.0.0.0:80 '[GET]'
systemctl start methodgate 2>/dev/null
check "without a privilege a low port is refused with a hint" grep -q 'CAP_NET_BIND_SERVICE' \
    <<<"$(journalctl -u methodgate --no-pager -n 20)"
install -D -m 644 /usr/share/doc/methodgate/examples/privileged-ports.conf \
    /etc/systemd/system/methodgate.service.d/ports.conf
systemctl daemon-reload
systemctl reset-failed methodgate
check "the shipped drop-in lets it bind a low port" systemctl start methodgate
check "and it serves there" [ "$(status_of http://127.0.0.1:80/)" = 200 ]
check "not as root" [ "$(ps -o user= -p "$(property MainPID)" | cut -c1-6)" = method ]
rm -r /etc/systemd/system/methodgate.service.d
systemctl daemon-reload
systemctl stop methodgate

# --- a ConfigMap --------------------------------------------------------------------------------
# As Kubernetes mounts one: the file is a link into ..data, which is a link to a folder; an update
# makes another folder, and swaps that link.
readonly mounted=/srv/configmap
swap() { # NAME METHODS
    mkdir -p "$mounted/..$1"
    configure 0.0.0.0:8080 "$2"
    { echo 'reload_on_change: true'; cat $CONFIG; } >"$mounted/..$1/methodgate.yaml"
    ln -s "..$1" $mounted/..data_tmp
    mv -T $mounted/..data_tmp $mounted/..data
}
allows() { [ "$(status_of -X PUT http://127.0.0.1:8080/)" = 200 ]; }
swap first '[GET]'
ln -s ..data/methodgate.yaml $mounted/methodgate.yaml
mkdir -p /run/systemd/system/methodgate.service.d
printf '[Service]\nExecStart=\nExecStart=/usr/bin/methodgate run --config %s/methodgate.yaml\n' \
    $mounted >/run/systemd/system/methodgate.service.d/configmap.conf
systemctl daemon-reload
systemctl start methodgate
old=$(sha256sum <$mounted/methodgate.yaml | cut -c1-64)
pid=$(property MainPID)
swap second '[GET, PUT]'
rm -r $mounted/..first
check "a swapped ConfigMap is taken" until_true allows
new=$(sha256sum <$mounted/methodgate.yaml | cut -c1-64)
load_record() {
    grep configuration-loaded $BLOCKS | grep "previous_policy_sha256\":\"$1\"" |
        grep -q "policy_sha256\":\"$2\""
}
check "and recorded with the old and the new digest" until_true load_record "$old" "$new"
swap third 'nonsense'
check "a broken one is not, and is told" until_true \
    sh -c 'systemctl show -p StatusText methodgate | grep -q "the last reload failed"'
check "and the old one stays" allows
swap fourth '[GET]'
check "until it is mended" until_true \
    sh -c '[ "$(curl -s -o /dev/null -m 5 -w "%{http_code}" -X PUT http://127.0.0.1:8080/)" = 405 ]'
check "all in one process" [ "$(property MainPID)" = "$pid" ]
systemctl stop methodgate
rm -r /run/systemd/system/methodgate.service.d
systemctl daemon-reload

# --- credentials --------------------------------------------------------------------------------
# What a drop-in with LoadCredential gives the process: a copy that it can read of a file that only
# root can.
install -m 600 /dev/stdin /etc/gate.key <<<secret
mkdir -p /run/systemd/system/methodgate.service.d
printf '[Service]\nLoadCredential=tls.key:/etc/gate.key\n' \
    >/run/systemd/system/methodgate.service.d/key.conf
systemctl daemon-reload
configure 0.0.0.0:8080 '[GET]'
systemctl start methodgate
folder=$(tr '\0' '\n' <"/proc/$(property MainPID)/environ" | sed -n 's/^CREDENTIALS_DIRECTORY=//p')
check "a credential is in the folder that the process is told" [ "$(cat "$folder/tls.key")" = secret ]
check "and readable for its user alone" \
    [ "$(stat -c %U "$folder/tls.key"):$(stat -c %a "$folder/tls.key" | cut -c2-)" = root:00 \
    -o "$(stat -c %U:%a "$folder/tls.key")" = methodgate:400 ]
systemctl stop methodgate
rm -r /run/systemd/system/methodgate.service.d
systemctl daemon-reload

# --- TLS ----------------------------------------------------------------------------------------
# Certificate and key as credentials, on a socket of systemd's. /tls has three certificates for
# gate.example: first and renewed have one key, second has its own.
mkdir -p /run/systemd/system/methodgate.service.d
printf '[Service]\nLoadCredential=%s\nLoadCredential=%s\n' \
    tls.key:/etc/gate.key tls.crt:/etc/gate.crt \
    >/run/systemd/system/methodgate.service.d/tls.conf
systemctl daemon-reload
present() { # CERTIFICATE KEY
    install -m 600 "/tls/$1.crt" /etc/gate.crt
    install -m 600 "/tls/$2.key" /etc/gate.key
}
secure() { # CERTIFICATE
    configure systemd:https '[GET]'
    sed -i "/address: systemd:https/a\    tls: {certificate: '$1', key: '\${CREDENTIALS_DIRECTORY}/tls.key'}" \
        $CONFIG
}
https() { status_of --resolve gate.example:443:127.0.0.1 --cacert "/tls/$1.crt" https://gate.example/; }
shows() { # CERTIFICATE: the one that clients get
    curl -svk -m 5 -o /dev/null https://127.0.0.1/ 2>&1 | grep -q "subject: CN=$1\$" &&
        [ "$(https "$1")" = 200 ]
}
present first first
secure '${CREDENTIALS_DIRECTORY}/tls.crt'
early=$(methodgate check 2>&1)
check "before the start check finds no credentials, and says where" \
    grep -q "'/run/credentials/methodgate.service/tls.crt' cannot be opened" <<<"$early"
mkdir -m 700 /run/to-check
cp /etc/gate.crt /run/to-check/tls.crt
cp /etc/gate.key /run/to-check/tls.key
check "in a folder that stands for theirs it does" \
    sh -c "CREDENTIALS_DIRECTORY=/run/to-check methodgate check >/dev/null"
rm -r /run/to-check
check "the socket for HTTPS starts" systemctl start methodgate-tls.socket
check "a connection starts the service, which serves TLS" [ "$(https first)" = 200 ]
check "by the credential's certificate" shows first
check "whose files the service's user cannot read" \
    sh -c '! runuser -u methodgate -- cat /etc/gate.crt 2>/dev/null'
check "blocks over TLS" [ "$(status_of -k -X DELETE https://127.0.0.1/)" = 405 ]
check "and records what by" sh -c "tail -n 1 $BLOCKS | grep -q '\"tls.version\":\"1.3\"'"
check "plain HTTP on that port is 400" [ "$(status_of http://127.0.0.1:443/)" = 400 ]
check "beside the running service check finds them" sh -c "methodgate check >/dev/null"
pid=$(property MainPID)
present second second
check "a reload goes on with the credentials of the start" \
    sh -c 'systemctl reload methodgate && [ "$(systemctl show -p MainPID --value methodgate)" = '"$pid ]"
check "so that the old certificate is shown" shows first
(for _ in $(seq 100); do status_of -k https://127.0.0.1/; echo; sleep 0.01; done) >/tmp/statuses &
client=$!
sleep 0.3
systemctl restart methodgate
wait $client
check "a restart takes the new one" shows second
check "and refuses nobody" [ "$(sort -u /tmp/statuses)" = 200 ]
# The certificate is no secret: with only the key as a credential, a renewal under the same key is a
# reload.
present first first
install -m 644 /tls/first.crt /etc/methodgate/site.crt
secure /etc/methodgate/site.crt
systemctl restart methodgate
check "a file and a credential go together" shows first
pid=$(property MainPID)
install -m 644 /tls/renewed.crt /etc/methodgate/site.crt
check "a reload takes a renewed file" systemctl reload methodgate
check "which is shown then" shows renewed
install -m 644 /tls/second.crt /etc/methodgate/site.crt
if systemctl reload methodgate 2>/dev/null; then
    bad "one for another key fails the reload"
else
    ok "one for another key fails the reload"
fi
check "with the reason" grep -q 'does not belong to the certificate of CN=second' <<<"$(journal -n 50)"
check "and the old one stays" shows renewed
check "all in one process" [ "$(property MainPID)" = "$pid" ]
systemctl stop methodgate methodgate-tls.socket
rm -r /run/systemd/system/methodgate.service.d /etc/methodgate/site.crt
systemctl daemon-reload

# --- stop -----------------------------------------------------------------------------------
configure 0.0.0.0:8080 '[GET]'
systemctl start methodgate
start=$(date +%s%N)
systemctl stop methodgate
took=$((($(date +%s%N) - start) / 1000000))
note "idle stop took $took ms"
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
pid=$(property MainPID)
echo 'unknown: key' >>$CONFIG
check "an upgrade that does not load the file tells so" sh -c \
    "dpkg -i --force-confold /package.deb 2>&1 | grep -q 'does not load $CONFIG; the old one goes on'"
check "and the old version goes on serving" \
    [ "$(property MainPID):$(status_of http://127.0.0.1:8080/)" = "$pid:200" ]
sed -i '/^unknown: key/d' $CONFIG
check "removal stops the gate and keeps log and configuration" sh -c \
    "dpkg -r methodgate >/dev/null 2>&1 && ! systemctl -q is-active methodgate && [ -s $BLOCKS ] && [ -s $CONFIG ]"
check "purging leaves nothing" sh -c \
    'dpkg -P methodgate >/dev/null 2>&1 && [ ! -e /var/log/methodgate ] && [ ! -e /etc/methodgate ]'

leave
