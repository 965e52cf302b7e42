#!/bin/bash
# The life of a service under load, inside the container: reloads, restarts through the socket
# unit, upgrades and rotations, while clients of four kinds look at every answer (load.py).
# Nothing may fail, and the block log must hold exactly one record for each 405 that they read.
#
#   LIFE_CLIENTS=40 LIFE_RELOADS=20 LIFE_RESTARTS=5 LIFE_UPGRADES=3 LIFE_ROTATIONS=10
. /common.sh
readonly clients="${LIFE_CLIENTS:-40}"
readonly reloads="${LIFE_RELOADS:-20}" restarts="${LIFE_RESTARTS:-5}"
readonly upgrades="${LIFE_UPGRADES:-3}" rotations="${LIFE_ROTATIONS:-10}"
readonly load=/tmp/load

configure() { # NUMBER: each makes another policy that decides the same
    cat >$CONFIG <<YAML
listen:
  - address: systemd:http
backends:
  app: http://127.0.0.1:3000
admin:
  address: 127.0.0.1:9100
log:
  blocks:
    to: file $BLOCKS
timeouts:
  drain: 15s
defaults:
  methods: [GET, HEAD, POST]
rules:
  /socket:
    methods: [GET]
    upgrade: [websocket]
  /unasked/$1: [GET]
YAML
}

# Each says whether it went well, and leaves the service serving.
do_reload() {
    configure "$1"
    systemctl reload methodgate
}
do_restart() { systemctl restart methodgate; }
do_upgrade() {
    local version
    version="$(dpkg-query -f '${Version}' -W methodgate)"
    case "$version" in
        *+1) set -- /upgrade-*+2.deb ;;
        *+2) set -- /package.deb ;;
        *) set -- /upgrade-*+1.deb ;;
    esac
    local before
    before="$(property MainPID)"
    dpkg -i --force-confold "$1" >/tmp/dpkg.log 2>&1 && [ "$(property MainPID)" != "$before" ] &&
        is_active && cmp -s "/proc/$(property MainPID)/exe" /usr/bin/methodgate
}
do_rotate() { logrotate --force /etc/logrotate.d/methodgate; }

install_package
start_backend
configure 0
systemctl start methodgate.socket
check "a connection starts the service" [ "$(status_of http://127.0.0.1/)" = 200 ]

mkdir -p $load
python3 -B /load.py run 127.0.0.1:80 $load --clients "$clients" &
generator=$!
sleep 2

# Everything in an order of its own each time, spread over the run.
events="$({
    for n in $(seq "$reloads"); do echo "reload $n"; done
    for n in $(seq "$restarts"); do echo "restart $n"; done
    for n in $(seq "$upgrades"); do echo "upgrade $n"; done
    for n in $(seq "$rotations"); do echo "rotate $n"; done
} | shuf)"
declare -A done_well=([reload]=0 [restart]=0 [upgrade]=0 [rotate]=0)
while read -r what number; do
    if "do_$what" "$number" </dev/null; then
        done_well[$what]=$((done_well[$what] + 1))
    else
        note "$what $number went wrong"
    fi
    sleep "0.$((RANDOM % 9))"
done <<<"$events"
sleep 2
touch $load/stop
wait $generator

check "$reloads reloads" [ "${done_well[reload]}" = "$reloads" ]
check "$restarts restarts through the socket unit" [ "${done_well[restart]}" = "$restarts" ]
check "$upgrades upgrades of the package" [ "${done_well[upgrade]}" = "$upgrades" ]
check "$rotations rotations by the shipped file" [ "${done_well[rotate]}" = "$rotations" ]
check "the service never failed" [ "$(journal | grep -c 'Failed with result')" = 0 ]

# In the order of their age; logrotate has compressed all but the two newest.
systemctl stop methodgate methodgate.socket
logs=()
while read -r file; do
    zcat -f "$file" >"/tmp/log-${#logs[@]}" && logs+=("/tmp/log-${#logs[@]}")
done < <(ls -v -r $BLOCKS $BLOCKS.*)
check "every rotated file is there" [ "${#logs[@]}" = "$((rotations + 1))" ]
check "the log verifies as a whole" verified --complete "${logs[@]}"
note "$(tail -n 1 /tmp/verified)"
check "no request failed, and one record for each 405" python3 -B /load.py compare $load "${logs[@]}"
check "loads name the policy before them" \
    sh -c "cat /tmp/log-* | grep -q 'configuration-loaded.*previous_policy_sha256'"
leave
