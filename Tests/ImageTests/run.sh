#!/usr/bin/env bash
# Builds the image by the Dockerfile and lives through its life: size, start without rights on a
# read-only root, health, reload, stop. No registry and no container engine is needed: buildah
# builds on stand-ins for the base images (bases.sh), crun runs what the image says.
#
#   run.sh whole      the whole Dockerfile: builds the program in the image, which takes minutes
#   run.sh static     takes the static build (`make release`) in the place of the first stage
#
# Base images are kept in .build-image. Prints a line for each check, which begins with `ok` or
# `FAIL`. Exit status: 0 all checks passed, 1 one failed, 77 the tools are not here.
set -euo pipefail
cd "$(dirname "$0")/../.."
case "${1-}" in
    whole | static) readonly kind="$1" ;;
    *) sed -n '6,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac

for tool in buildah crun debootstrap ip curl python3; do
    command -v "$tool" >/dev/null || missing="${missing-}$tool "
done
[ "$(id -u)" = 0 ] || missing="${missing-}root "
if [ -n "${missing-}" ]; then
    echo "image: NOT TESTED: this needs $missing" >&2
    exit 77
fi

work="$(mktemp -d)"
store="$PWD/.build-image"
readonly name="methodgate-$$" tag="methodgate:test-$$"
buildah=(buildah --root "$store/root" --runroot "$store/run" --storage-driver vfs)
crun=(crun --root "$work/crun" --cgroup-manager=disabled)
# No control group is wanted, but crun refuses a machine that has both versions of them.
if [ -d /sys/fs/cgroup/unified ]; then
    crun=(unshare --mount --propagation private sh -c
        'mount -t tmpfs none /sys/fs/cgroup; exec "$@"' sh "${crun[@]}")
fi
export BUILDAH_ISOLATION=chroot
backend=
leave() {
    "${crun[@]}" delete --force "$name" >/dev/null 2>&1 || true
    if [ -n "$backend" ]; then
        kill -KILL "$backend" 2>/dev/null || true
        wait "$backend" 2>/dev/null || true
    fi
    ip netns delete "$name" 2>/dev/null || true
    [ -z "${container-}" ] || "${buildah[@]}" rm "$container" >/dev/null 2>&1 || true
    "${buildah[@]}" rmi "$tag" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap leave EXIT

failures=0
check() {
    local what="$1"
    shift
    if "$@"; then echo "ok   $what"; else echo "FAIL $what"; failures=$((failures + 1)); fi
}
until_true() { # within SECONDS COMMAND…
    local end=$((SECONDS + $1))
    shift
    while [ "$SECONDS" -lt "$end" ]; do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done
    return 1
}
milliseconds() { echo $(($(date +%s%N) / 1000000)); }

# --- build ----------------------------------------------------------------------------------
mkdir -p "$store" "$work/crun"
options=(--format docker --pull-never --network host --layers=false --tag "$tag")
if [ "$kind" = static ]; then
    make --no-print-directory release >&2
    Tests/ImageTests/bases.sh "$store"
    mkdir "$work/built"
    cp .build-static/dist/methodgate "$work/built/methodgate"
    options+=(--build-context "build=$work/built")
else
    Tests/ImageTests/bases.sh "$store" build
    home="$(dirname "$(dirname "$(dirname "$(readlink -f "$(command -v "${SWIFT:-swift}")")")")")"
    options+=(--volume "$home:$home:ro")
    # Where git is told to take repositories from this machine, so is the build.
    if [ -f /etc/gitconfig ]; then options+=(--volume /etc/gitconfig:/etc/gitconfig:ro); fi
    while read -r key _; do
        folder="${key#url.}"
        folder="${folder%.insteadof}"
        if [ -d "$folder" ]; then options+=(--volume "$folder:$folder:ro"); fi
    done < <(git config --get-regexp '^url\..*\.insteadof$' | sort -u -k 1,1)
fi
start="$(milliseconds)"
if ! "${buildah[@]}" bud "${options[@]}" . >"$work/build.log" 2>&1; then
    tail -n 40 "$work/build.log" >&2
    echo 'FAIL the image is built by the Dockerfile'
    exit 1
fi
echo "ok   the image is built by the Dockerfile ($((($(milliseconds) - start) / 1000)) s)"

container="$("${buildah[@]}" from --pull-never "$tag")"
root="$("${buildah[@]}" mount "$container")"
"${buildah[@]}" inspect --type image "$tag" >"$work/image.json"
said() { python3 Tests/ImageTests/bundle.py say "$work/image.json" "$1"; }
size="$(du -sk --apparent-size "$root" | cut -f 1)"
echo "     $((size / 1024)) MB: $(cd "$root" && find . -type f -printf '%s %p\n' | sort -rn | head -n 4 |
    awk '{ printf "%s%.1f %s", separator, $1 / 1048576, $2; separator = ", " }')"
check 'the image has at most 100 MB' [ "$size" -le $((100 * 1024)) ]
check 'there is no shell in it' [ ! -e "$root/bin/sh" -a ! -e "$root/usr/bin/sh" ]

# --- start ----------------------------------------------------------------------------------
ip netns add "$name"
ip -n "$name" link set lo up
inside() { ip netns exec "$name" "$@"; }
status_of() { inside curl -s -o /dev/null -m 5 -w '%{http_code}' "$@" || true; }
answers() { [ "$(status_of "${@:2}")" = "$1" ]; }
ip netns exec "$name" env ASKED="$work/asked" python3 Tests/ImageTests/backend.py &
backend=$!

# A folder of the operator's in the place of the image's, laid out as Kubernetes lays out a
# ConfigMap: the file is a link through a link that is swapped.
configure() { # METHODS
    local version="$work/etc/..$RANDOM$RANDOM"
    mkdir -p "$version"
    sed -e "s/methods: .*/methods: $1/" config/container.yaml >"$version/methodgate.yaml"
    echo 'reload_on_change: true' >>"$version/methodgate.yaml"
    ln -s "${version##*/}" "$work/etc/..next"
    mv -T "$work/etc/..next" "$work/etc/..data"
    [ -e "$work/etc/methodgate.yaml" ] || ln -s ..data/methodgate.yaml "$work/etc/methodgate.yaml"
}
run() { # [mount]
    mkdir -p "$work/bundle"
    python3 Tests/ImageTests/bundle.py make "$work/image.json" "$root" "/run/netns/$name" "$@" \
        >"$work/bundle/config.json"
    "${crun[@]}" run --bundle "$work/bundle" "$name" >"$work/log" 2>"$work/errors" </dev/null &
    running=$!
}
# As an engine does it: the image's own command, in the running container.
health() {
    local command=()
    mapfile -t command < <(said health)
    "${crun[@]}" exec "$name" "${command[@]}"
}
process() { "${crun[@]}" state "$name" | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])'; }

start="$(milliseconds)"
run
if ! until_true 20 health; then
    cat "$work/errors" >&2
    echo 'FAIL it starts as it is and is healthy by its own HEALTHCHECK'
    exit 1
fi
echo "ok   it starts as it is and is healthy by its own HEALTHCHECK ($(($(milliseconds) - start)) ms)"
pid="$(process)"
check 'not as root' [ "$(awk '/^Uid:/ { print $2 "," $3 "," $4 }' "/proc/$pid/status")" = 65532,65532,65532 ]
check 'without a capability' grep -q '^CapEff:[[:space:]]*0*$' "/proc/$pid/status"
check 'on a read-only root' [ "$(awk '$5 == "/" { print substr($6, 1, 2) }' "/proc/$pid/mountinfo")" = ro ]
check 'it forwards' answers 200 http://127.0.0.1:8080/
check 'it blocks' answers 405 -X DELETE http://127.0.0.1:8080/
check 'the record is on standard output' grep -q '"http.response.status_code":405' "$work/log"
check 'it is ready for probes' answers 200 http://127.0.0.1:9100/readyz
"${crun[@]}" kill "$name" "$(said stop)"
check 'it stops at once when idle, with status 0' wait "$running"
echo "     $(tail -n 1 "$work/errors")"

# --- reload ---------------------------------------------------------------------------------
configure '[GET]'
run "$work/etc"
check 'it starts on a mounted folder' until_true 20 health
configure '[GET, DELETE]'
check 'a changed folder is taken without a restart' until_true 15 answers 200 -X DELETE http://127.0.0.1:8080/
configure '[GET, nonsense'
check 'a broken one changes nothing' until_true 15 grep -q 'the old configuration stays in force' "$work/errors"
check 'and it stays healthy' health
check 'and it says so' grep -q 'failed reload' <(inside curl -s http://127.0.0.1:9100/readyz)
configure '[GET]'
"${crun[@]}" kill "$name" HUP
check 'SIGHUP loads it again' until_true 15 answers 405 -X DELETE http://127.0.0.1:8080/

# --- stop -----------------------------------------------------------------------------------
inside curl -s -m 20 -o /dev/null -w '%{http_code}' 'http://127.0.0.1:8080/slow' >"$work/slow" &
client=$!
check 'a slow request is under way' until_true 15 grep -q slow "$work/asked"
start="$(milliseconds)"
"${crun[@]}" kill "$name" "$(said stop)"
draining() { local status=0; health || status=$?; [ "$status" = 1 ]; }
check 'while it drains it is not healthy' until_true 2 draining
check 'it ends with status 0' wait "$running"
took=$(($(milliseconds) - start))
wait "$client" || true
check 'the request was answered' [ "$(cat "$work/slow")" = 200 ]
grace="$(sed -n 's/^ *stop_grace_period: \([0-9]*\)s$/\1/p' config/compose.yaml)"
echo "     stopped after $took ms of ${grace} s"
check 'within the grace period' [ "$took" -lt $((grace * 1000)) ]

[ "$failures" = 0 ] && echo 'image: all checks passed' || echo "image: $failures checks failed"
[ "$failures" = 0 ]
