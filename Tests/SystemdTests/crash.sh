#!/bin/bash
# Kills the gate at random moments under load, inside the container: every 405 that a client read
# to its end is in the log, and the service is back.
#
#   LIFE_KILLS=50 LIFE_CLIENTS=40 LIFE_BACK_MS=1000
. /common.sh
readonly kills="${LIFE_KILLS:-50}" clients="${LIFE_CLIENTS:-40}"
# Milliseconds from the kill to the first answer.
readonly limit="${LIFE_BACK_MS:-1000}"
readonly load=/tmp/load

install_package
start_backend
cat >$CONFIG <<YAML
listen:
  - address: systemd:http
backends:
  app: http://127.0.0.1:3000
log:
  blocks:
    to: file $BLOCKS
defaults:
  methods: [GET, HEAD, POST]
rules:
  /socket:
    methods: [GET]
    upgrade: [websocket]
YAML
systemctl start methodgate.socket
check "a connection starts the service" [ "$(status_of http://127.0.0.1/)" = 200 ]

mkdir -p $load
python3 -B /load.py run 127.0.0.1:80 $load --clients "$clients" --crashing &
generator=$!
sleep 1
times=()
back=0
other=0
for _ in $(seq "$kills"); do
    sleep "$((RANDOM % 2)).$((RANDOM % 10))$((RANDOM % 10))"
    before=$(property MainPID)
    [ "$before" -gt 1 ] || continue
    started=$(now_ms)
    kill -KILL "$before"
    until_true curl -sf -m 5 http://127.0.0.1/ && back=$((back + 1))
    times+=($(($(now_ms) - started)))
    [ "$(property MainPID)" != "$before" ] && other=$((other + 1))
done
sleep 1
touch $load/stop
wait $generator
mapfile -t times < <(printf '%s\n' "${times[@]}" | sort -n)
slowest=${times[-1]}
note "of $kills starts the median answered after ${times[$((${#times[@]} / 2))]} ms, the slowest after $slowest ms"
check "killed $kills times, back $kills times" [ "$back/$other" = "$kills/$kills" ]
check "within $limit ms each time" [ "$slowest" -le "$limit" ]

systemctl stop methodgate methodgate.socket
check "the log verifies" verified --complete $BLOCKS
note "$(tail -n 1 /tmp/verified)"
check "every 405 that a client read is in the log" \
    python3 -B /load.py compare $load $BLOCKS --crashing
leave
