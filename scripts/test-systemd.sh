#!/usr/bin/env bash
# Boots a systemd in a container and tries the package there: test-systemd.sh [short | life].
#
#   (nothing)  the unit, the package, where records go
#   short      these, and the life under load in short
#   life       the long runs alone: the life of a service under load, and 50 kills
#
# Exit status: 0 all checks passed, 1 one failed, 77 the tools for it are not here.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(id -u)" != 0 ] || ! command -v systemd-nspawn >/dev/null ||
    ! command -v debootstrap >/dev/null || ! command -v dpkg-shlibdeps >/dev/null; then
    echo 'systemd: NOT TESTED: this needs root, debootstrap, systemd-nspawn and dpkg-shlibdeps' >&2
    exit 77
fi
make --no-print-directory release >&2
package="$(scripts/deb.sh .build-static/dist/methodgate .build-static/dist)"

case "${1-}" in
    '') set -- checks.sh sinks.sh ;;
    life) set -- life.sh crash.sh ;;
    short)
        export LIFE_CLIENTS="${LIFE_CLIENTS:-16}" LIFE_RELOADS=5 LIFE_RESTARTS=2 LIFE_UPGRADES=1
        export LIFE_ROTATIONS=3 LIFE_KILLS=5
        # How quickly it is back is measured by the long run: here the machine has other work.
        export LIFE_BACK_MS="${LIFE_BACK_MS:-10000}"
        set -- checks.sh sinks.sh life.sh crash.sh
        ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
exec Tests/SystemdTests/run.sh "$package" "$@"
