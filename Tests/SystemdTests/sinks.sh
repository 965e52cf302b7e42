#!/bin/bash
# Where records go, with the real things, inside the container: journald, syslog, rotated files,
# fail2ban; and what becomes of requests while a log takes nothing.
. /common.sh

configure() { # TO ON_FULL
    cat >$CONFIG <<YAML
listen:
  - address: 0.0.0.0:8080
backends:
  app: http://127.0.0.1:3000
admin:
  address: 127.0.0.1:9100
timeouts:
  log: 2s
log:
  blocks:
    to: $1
    on_full: ${2:-block}
defaults:
  methods: [GET]
rules:
  /items/{id}:
    methods: [GET, HEAD]
    id: items
YAML
}
serve() { configure "$@"; systemctl restart methodgate; }
blocked() { status_of -X DELETE "http://127.0.0.1:8080/items/7${1-}"; }
# The id that a client saw.
blocked_event() {
    curl -s -o /dev/null -m 20 -D - -X DELETE "http://127.0.0.1:8080/items/7" |
        sed -n 's/^[Mm]ethodgate-[Ee]vent: \([0-9a-f-]*\).*/\1/p'
}
fault() {
    methodgate status | python3 -c 'import json, sys; print(json.load(sys.stdin)["logs"][0]["fault"])'
}

install_package
start_backend

# --- journald -------------------------------------------------------------------------------
serve journald
event=$(blocked_event)
for _ in 1 2 3; do blocked '?a=1' >/dev/null; done
entry() { journalctl -u methodgate RULE_ID=items EVENT_ID="$event" -o json --no-pager; }
until_true sh -c "journalctl -u methodgate EVENT_ID=$event -o json --no-pager | grep -q RULE_ID"
check "journalctl -u methodgate RULE_ID=… finds the record" [ "$(entry | wc -l)" = 1 ]
check "with fields of its own" python3 - "$(entry)" <<'PY'
import json, sys
entry = json.loads(sys.argv[1])
want = {"EVENT_ACTION": "method-blocked", "HTTP_METHOD": "DELETE", "HTTP_STATUS": "405",
        "CLIENT_IP": "127.0.0.1", "URL_PATH": "/items/7", "RULE_NAME": "/items/{id}",
        "SYSLOG_IDENTIFIER": "methodgate", "_SYSTEMD_UNIT": "methodgate.service"}
for key, value in want.items():
    assert entry.get(key) == value, (key, entry.get(key))
assert entry["MESSAGE"].startswith("method-blocked: DELETE 127.0.0.1/items/7 from 127.0.0.1: 405 by rule items")
assert json.loads(entry["METHODGATE_RECORD"])["event.id"] == entry["EVENT_ID"]
PY
check "another rule's id finds none" [ -z "$(journal -q RULE_ID=other -o json)" ]
journalctl -u methodgate -o json --all --no-pager >/tmp/journal.json
check "the journal verifies" verified /tmp/journal.json
check "log tail reads the journal" \
    sh -c "methodgate log tail --no-follow --rule items - </tmp/journal.json | grep -q $event"

# --- standard output, which systemd gives to the journal --------------------------------------
serve stdout
event=$(blocked_event)
check "standard output is the journal's" until_true \
    sh -c "journalctl -u methodgate -o cat --no-pager | grep -q '\"event.id\":\"$event\"'"
journalctl -u methodgate _PID="$(property MainPID)" -o cat --no-pager >/tmp/stdout.jsonl
check "and verifies" verified --complete <(grep '^{' /tmp/stdout.jsonl)

# --- syslog -----------------------------------------------------------------------------------
mkdir -p /run/syslog-test
python3 -B /receive.py unix /run/syslog-test/socket /tmp/syslog-unix & unix=$!
python3 -B /receive.py udp 5514 /tmp/syslog-udp & udp=$!
until_true [ -S /run/syslog-test/socket ]
for kind in unix udp; do
    [ $kind = unix ] && serve 'syslog unix:/run/syslog-test/socket' || serve 'syslog udp:127.0.0.1:5514'
    event=$(blocked_event)
    # Of what a client sends nothing can end a parameter.
    curl -s -o /dev/null -X DELETE -A 'a"]b' 'http://127.0.0.1:8080/items/7"]x%0A'
    check "syslog by $kind has the record" until_true \
        sh -c "grep -q '\"event.id\":\"$event\"' /tmp/syslog-$kind"
    check "in messages of RFC 5424" \
        sh -c "python3 -B /receive.py check /tmp/syslog-$kind | grep -q $event"
    check "which verify" verified /tmp/syslog-$kind
done
kill $unix $udp

# --- a full disk --------------------------------------------------------------------------------
# Mounted before the service starts, so that it is part of what it sees.
systemctl stop methodgate
mkdir -p /var/log/methodgate/small
mount -t tmpfs -o size=64k,mode=0777 tmpfs /var/log/methodgate/small
small=/var/log/methodgate/small/blocks.jsonl

# What is told of it, and that it is over afterwards, without a restart.
told() { # REASON
    check "  status says it" until_true sh -c "methodgate status | grep -q '\"fault\": \"$1'"
    check "  metrics say it" [ "$(metric 'methodgate_log_writable{log="blocks"}')" = 0 ]
    check "  systemctl status says it" until_true \
        sh -c "systemctl show -p StatusText methodgate | grep -q 'the block log takes nothing: $1'"
}
recovers() { # PID
    check "  it takes records again" until_true sh -c \
        '[ "$(curl -s -o /dev/null -m 20 -w "%{http_code}" -X DELETE http://127.0.0.1:8080/items/7)" = 405 ]'
    check "  status, metrics and systemctl say that, too" until_true sh -c \
        'methodgate status | grep -q "\"fault\": null" &&
         curl -s http://127.0.0.1:9100/metrics | grep -q "^methodgate_log_writable{log=\"blocks\"} 1$" &&
         ! systemctl show -p StatusText methodgate | grep -q "takes nothing"'
    check "  in the same process" [ "$(property MainPID)" = "$1" ]
}
for on_full in block refuse drop; do
    # A gate that runs would go on in the new file where it was in the old one.
    systemctl stop methodgate
    rm -f /var/log/methodgate/small/*
    serve "file $small" $on_full
    pid=$(property MainPID)
    [ "$(blocked)" = 405 ] || bad "a 405 before"
    # Whole, but for the room that is left in the last page.
    dd if=/dev/zero of=/var/log/methodgate/small/filler bs=4k 2>/dev/null
    for _ in $(seq 6); do last=$(blocked); [ "$last" = 405 ] || break; done
    case $on_full in
        block) check "full disk, block: closed unanswered after timeouts.log" [ "$last" = 000 ] ;;
        refuse)
            # Whose record the disk was full in the middle of waits for the rest of it.
            [ "$last" != 000 ] || last=$(blocked)
            check "full disk, refuse: 503" [ "$last" = 503 ]
            ;;
        drop)
            check "full disk, drop: 405" [ "$last" = 405 ]
            check "  counted" [ "$(metric methodgate_records_dropped_total)" -gt 0 ]
            ;;
    esac
    check "  what passes is served" [ "$(status_of http://127.0.0.1:8080/)" = 200 ]
    told 'No space left'
    rm /var/log/methodgate/small/filler
    recovers "$pid"
    check "  the log verifies" verified --complete $small
done
systemctl stop methodgate
umount /var/log/methodgate/small
rmdir /var/log/methodgate/small

# --- a read-only directory ------------------------------------------------------------------------
# A folder of its own: systemd sees to the mode of the log directory itself.
readonly locked=/var/log/methodgate/locked
install -d -o methodgate -g methodgate -m 0750 $locked
serve "file $locked/blocks.jsonl"
pid=$(property MainPID)
blocked >/dev/null
chmod 0555 $locked
mv $locked/blocks.jsonl $locked/moved.jsonl
check "read-only directory: told" until_true \
    sh -c "journalctl -u methodgate --no-pager -n 20 | grep -q 'cannot open the log $locked/blocks.jsonl: Permission denied; the old file stays in use'"
event=$(blocked_event)
check "  the old file goes on" grep -q "$event" $locked/moved.jsonl
chmod 0750 $locked
check "  and the new one comes by itself" until_true [ -e $locked/blocks.jsonl ]
event=$(blocked_event)
check "  in the same process" [ "$(property MainPID)" = "$pid" ]
check "  with the next record" grep -q "$event" $locked/blocks.jsonl
systemctl stop methodgate
check "  and both verify" verified --complete $locked/moved.jsonl $locked/blocks.jsonl
rm -f $locked/*
chmod 0555 $locked
systemctl start methodgate 2>/dev/null
check "no start without the log" [ "$(property Result)" = exit-code ]
check "  with the reason" sh -c \
    "journalctl -u methodgate --no-pager -n 20 | grep -q 'cannot open the log $locked/blocks.jsonl: Permission denied'"
systemctl reset-failed methodgate

# --- a pipe that nobody empties -------------------------------------------------------------------
mkfifo -m 0666 /var/log/methodgate/pipe
exec 7<>/var/log/methodgate/pipe
serve 'file /var/log/methodgate/pipe' refuse
pid=$(property MainPID)
# A line may still fit where a longer one did not: full it is when nothing has fitted for a while.
refused=0
for _ in $(seq 500); do
    last=$(blocked)
    [ "$last" = 405 ] && refused=0 || refused=$((refused + 1))
    [ "$refused" -lt 20 ] || break
done
check "blocked pipe, refuse: 503 when it is full" [ "$last" = 503 ]
told 'Resource temporarily unavailable'
timeout 3 cat <&7 >/tmp/piped
check "  it had what clients saw" [ "$(grep -c method-blocked /tmp/piped)" -gt 30 ]
timeout 60 cat <&7 >>/tmp/piped & reader=$!
recovers "$pid"
kill $reader
exec 7>&-
rm /var/log/methodgate/pipe

# --- journald that is gone ------------------------------------------------------------------------
serve journald refuse
pid=$(property MainPID)
[ "$(blocked)" = 405 ] || bad "a 405 before"
systemctl stop systemd-journald.socket systemd-journald-dev-log.socket \
    systemd-journald-audit.socket systemd-journald.service 2>/dev/null
for _ in 1 2 3; do last=$(blocked); done
check "dead journald, refuse: 503" [ "$last" = 503 ]
has_fault() { [ "$(fault)" != None ]; }
check "  status says it" until_true has_fault
note "fault: $(fault)"
check "  metrics say it" [ "$(metric 'methodgate_log_writable{log="blocks"}')" = 0 ]
systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald.service
recovers "$pid"

# --- rotation by copytruncate ---------------------------------------------------------------------
systemctl stop methodgate
rm -f $BLOCKS*
serve "file $BLOCKS"
sed '/^ *create$/s/create/copytruncate/; /^ *delaycompress/d; /^ *compress/d' \
    /etc/logrotate.d/methodgate >/etc/logrotate.copytruncate
chmod 644 /etc/logrotate.copytruncate
mkdir -p /tmp/load
python3 -B /load.py run 127.0.0.1:8080 /tmp/load --clients 1 & generator=$!
sleep 1
for _ in 1 2 3 4 5; do logrotate --force /etc/logrotate.copytruncate; sleep 0.5; done
touch /tmp/load/stop
wait $generator
mapfile -t logs < <(ls -v -r $BLOCKS $BLOCKS.*)
check "copytruncate: every line of every file is a record" python3 - "${logs[@]}" <<'PY'
import json, sys
for path in sys.argv[1:]:
    for line in open(path, "rb"):
        assert line.endswith(b"\n"), path
        json.loads(line)
PY
methodgate log verify --json "${logs[@]}" >/tmp/verified.json
check "  verify finds nothing, or records missing at a seam" python3 - <<'PY'
import json
report = json.load(open("/tmp/verified.json"))
found = [message for message in report["messages"] if message["finding"]]
print("     %d findings in %d records" % (len(found), report["records"]))
assert all(m["kind"] == "missing-records" and "copytruncate" in m["message"] for m in found), found
PY
# What copytruncate loses: a record between the copy and the truncation.
rm -f $BLOCKS.*
cp $BLOCKS $BLOCKS.1
for _ in 1 2 3 4 5 6 7 8; do blocked >/dev/null; done
truncate -s 0 $BLOCKS
# It shows as soon as the streams go on.
for _ in 1 2 3 4 5 6 7 8; do blocked >/dev/null; done
if methodgate log verify $BLOCKS.1 $BLOCKS >/tmp/verified; then bad "  verify tells the loss"; else ok "  verify tells the loss"; fi
check "  and where it came from" grep -q 'copytruncate' /tmp/verified

# --- fail2ban -------------------------------------------------------------------------------------
systemctl stop methodgate
rm -f $BLOCKS*
serve "file $BLOCKS"
for _ in $(seq 5); do blocked '?a=1' >/dev/null; done
# Clients that would have somebody else banned.
curl -s -o /dev/null -X DELETE -A '","client.ip":"203.0.113.9","x":"' http://127.0.0.1:8080/items/7
curl -s -o /dev/null -X DELETE --path-as-is 'http://127.0.0.1:8080/x client=203.0.113.9'
curl -s -o /dev/null -X DELETE 'http://127.0.0.1:8080/x%20client=203.0.113.9'
curl -s -o /dev/null http://127.0.0.1:8080/
methodgate log convert --to fail2ban $BLOCKS >/tmp/fail2ban.log
blocks=$(grep -c '"event.id"' $BLOCKS)
for log in $BLOCKS /tmp/fail2ban.log; do
    fail2ban-regex -o ip "$log" /shipped/fail2ban/methodgate.conf >/tmp/banned 2>/tmp/regex.err
    check "fail2ban-regex finds the client of each of $blocks blocks in ${log##*/}" \
        [ "$(sort /tmp/banned | uniq -c | tr -s ' ')" = " $blocks 127.0.0.1" ]
done
leave
