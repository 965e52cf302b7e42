#!/usr/bin/env bash
# Boots Debian's systemd in a container and runs scripts inside it, each in a container of its own.
#   run.sh PACKAGE SCRIPT…      checks.sh, sinks.sh, life.sh, crash.sh
# Needs root, debootstrap and systemd-nspawn. The root file system (about 400 MB) is kept in
# .build-systemd and made again when the list of its packages changes.
#
# Scripts print one line a check, which begins with `ok` or `FAIL`. What stands in the environment
# by the names LIFE_… is theirs.
#
# Exit status: 0 all checks passed, 1 one failed, 77 the tools are not here.
set -euo pipefail
package="$(realpath -e "$1")"
shift
cd "$(dirname "$0")"

not_tested() {
    echo "systemd: NOT TESTED: $1" >&2
    exit 77
}
[ "$(id -u)" = 0 ] || not_tested 'this needs root'
for tool in systemd-nspawn debootstrap dpkg-deb openssl; do
    command -v "$tool" >/dev/null || not_tested "there is no $tool"
done

work="$(mktemp -d)"
container=
stop_container() {
    # nspawn powers the container off on SIGTERM.
    if [ -n "$container" ] && kill -TERM "$container" 2>/dev/null; then
        for _ in $(seq 100); do kill -0 "$container" 2>/dev/null || break; sleep 0.1; done
        kill -KILL "$container" 2>/dev/null || true
    fi
    container=
    rm -rf "$work/root"
}
trap 'stop_container; rm -rf "$work"' EXIT

# --- the root file system -------------------------------------------------------------------

# The service's run-time needs, and what the checks call.
readonly packages=systemd,systemd-sysv,dbus,libevent-2.1-7,libevent-core-2.1-7,libevent-extra-2.1-7,libssl3,libyaml-0-2,libnghttp2-14,libstdc++6,procps,iproute2,curl,logrotate,python3,fail2ban
readonly kept="${SYSTEMD_ROOT:-../../.build-systemd}"

make_root() {
    echo 'systemd: making a root file system' >&2
    rm -rf "$kept/root" "$kept/packages"
    mkdir -p "$kept"
    debootstrap --variant=minbase --include="$packages" bookworm "$kept/root" \
        >"$work/debootstrap.log" 2>&1 ||
        { tail -n 5 "$work/debootstrap.log" >&2; not_tested 'debootstrap failed'; }
    # What has no place in a container only delays its start.
    chroot "$kept/root" systemctl --quiet mask getty.target console-getty.service \
        systemd-logind.service systemd-networkd.service systemd-resolved.service \
        apt-daily.timer apt-daily-upgrade.timer fail2ban.service
    : >"$kept/root/etc/machine-id"
    echo "$packages" >"$kept/packages"
}
[ "$(cat "$kept/packages" 2>/dev/null)" = "$packages" ] || make_root

# --- a container ----------------------------------------------------------------------------

# The same program under another version, and another file by its digest: an upgrade.
repack() { # VERSION
    rm -rf "$work/next"
    dpkg-deb --raw-extract "$package" "$work/next"
    sed -i "s/^Version: .*/Version: $1/" "$work/next/DEBIAN/control"
    printf '%s' "$1" >>"$work/next/usr/bin/methodgate"
    dpkg-deb --root-owner-group -Zgzip -z1 --build "$work/next" "$work/root/upgrade-$1.deb" >/dev/null
}

# Certificates for gate.example: `first` and `renewed` have the key `first`, `second` has its own.
make_certificates() {
    local name folder="$work/tls"
    local -a request=(openssl req -x509 -nodes -days 30 -addext subjectAltName=DNS:gate.example)
    mkdir -p "$folder"
    for name in first second; do
        "${request[@]}" -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj "/CN=$name" \
            -keyout "$folder/$name.key" -out "$folder/$name.crt" 2>/dev/null
    done
    "${request[@]}" -key "$folder/first.key" -subj /CN=renewed -out "$folder/renewed.crt"
}

start_container() {
    cp -a --reflink=auto "$kept/root" "$work/root"
    install -m 644 "$package" "$work/root/package.deb"
    install -m 644 -t "$work/root" ./*.sh ./*.py
    install -D -m 644 -t "$work/root/shipped/fail2ban" ../../config/fail2ban/filter.d/methodgate.conf
    cp -a "$work/tls" "$work/root/tls"
    local version
    version="$(dpkg-deb -f "$package" Version)"
    if grep -q '/upgrade-' "$1"; then repack "$version+1"; repack "$version+2"; fi

    systemd-nspawn --quiet --directory="$work/root" --boot --machine="methodgate-$$" \
        --register=no --keep-unit --private-network --console=pipe \
        </dev/null >"$work/console.log" 2>&1 &
    container=$!
    await_boot
}

# PID 1 of the container is a grandchild of nspawn.
await_boot() {
    local child state=
    leader=
    for _ in $(seq 600); do
        for child in $(cat /proc/"$container"/task/*/children 2>/dev/null); do
            [ "$(cat "/proc/$child/comm" 2>/dev/null)" = systemd ] && leader="$child"
        done
        if [ -n "$leader" ]; then
            state="$(nsenter --all --target "$leader" --wd=/ systemctl is-system-running 2>/dev/null || true)"
            case "$state" in running | degraded) return ;; esac
        fi
        kill -0 "$container" 2>/dev/null || break
        sleep 0.1
    done
    cat "$work/console.log" >&2
    not_tested 'the container does not boot'
}

# A session of its own: what the checks signal must not reach this shell.
run_inside() {
    nsenter --all --target "$leader" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        $(env | grep '^LIFE_' || true) \
        setsid --wait /bin/bash -c "cd / && exec /bin/bash /$1" </dev/null
}

make_certificates
status=0
for script; do
    echo "systemd: $script"
    start_container "$script"
    run_inside "$script" || status=1
    stop_container
done
exit "$status"
