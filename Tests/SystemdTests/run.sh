#!/usr/bin/env bash
# Boots Debian's systemd in a container, installs the package there and runs checks.sh inside.
#   run.sh PACKAGE [OLD-PACKAGE]
# Needs root, debootstrap and systemd-nspawn. SYSTEMD_ROOT names a directory in which the root
# file system is kept between runs (about 300 MB); without it one is made each time.
#
# Exit status: 0 all checks passed, 1 one failed, 77 the tools are not here.
set -euo pipefail
package="$(realpath -e "$1")"
cd "$(dirname "$0")"

if [ "$(id -u)" != 0 ] || ! command -v systemd-nspawn >/dev/null || ! command -v debootstrap >/dev/null
then
    echo 'systemd: NOT TESTED: this needs root, debootstrap and systemd-nspawn' >&2
    exit 77
fi

work="$(mktemp -d)"
container=
leave() {
    # nspawn powers the container off on SIGTERM.
    if [ -n "$container" ] && kill -TERM "$container" 2>/dev/null; then
        for _ in $(seq 100); do kill -0 "$container" 2>/dev/null || break; sleep 0.1; done
        kill -KILL "$container" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap leave EXIT

# The service's run-time needs, and what the checks call.
readonly packages=systemd,systemd-sysv,dbus,libevent-2.1-7,libevent-core-2.1-7,libevent-extra-2.1-7,libssl3,libyaml-0-2,libstdc++6,procps,iproute2,curl,logrotate
base="${SYSTEMD_ROOT:-$work/base}"
if [ ! -x "$base/usr/bin/systemctl" ]; then
    echo 'systemd: making a root file system' >&2
    debootstrap --variant=minbase --include="$packages" bookworm "$base" >"$work/debootstrap.log" 2>&1 ||
        { tail -n 5 "$work/debootstrap.log" >&2; echo 'systemd: NOT TESTED: debootstrap failed' >&2; exit 77; }
    # What has no place in a container only delays its start.
    chroot "$base" systemctl --quiet mask getty.target console-getty.service \
        systemd-logind.service systemd-networkd.service systemd-resolved.service \
        apt-daily.timer apt-daily-upgrade.timer
    : >"$base/etc/machine-id"
fi
readonly root="$work/root"
cp -a --reflink=auto "$base" "$root"
install -m 644 "$package" "$root/package.deb"
install -m 755 checks.sh "$root/checks.sh"

systemd-nspawn --quiet --directory="$root" --boot --machine="methodgate-$$" --register=no \
    --keep-unit --private-network --console=pipe </dev/null >"$work/console.log" 2>&1 &
container=$!

# PID 1 of the container is a grandchild of nspawn.
leader=
for _ in $(seq 300); do
    for child in $(cat /proc/"$container"/task/*/children 2>/dev/null); do
        [ "$(cat "/proc/$child/comm" 2>/dev/null)" = systemd ] && leader="$child"
    done
    if [ -n "$leader" ]; then
        state="$(nsenter --all --target "$leader" --wd=/ systemctl is-system-running 2>/dev/null || true)"
        case "$state" in running | degraded) break ;; esac
    fi
    kill -0 "$container" 2>/dev/null || break
    sleep 0.1
done
case "${state-}" in
    running | degraded) ;;
    *) cat "$work/console.log" >&2; echo 'systemd: NOT TESTED: the container does not boot' >&2; exit 77 ;;
esac

# A session of its own: what the checks signal must not reach this shell.
nsenter --all --target "$leader" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    setsid --wait /bin/bash -c "cd / && exec /bin/bash /checks.sh" || exit 1
