#!/usr/bin/env bash
# Makes stand-ins for the base images of the Dockerfile, for a machine that reaches Debian's
# packages and no registry of images: bases.sh STORE [build]
#   STORE   where buildah keeps images; what is there already is not made again
#   build   also the image with a Swift toolchain: this machine's own is mounted into it
#
# They hold what the official images hold as far as the Dockerfile can notice.
set -euo pipefail
readonly store="$1" with_build="${2-}"
readonly slim=docker.io/library/debian:bookworm-slim
readonly swift=docker.io/library/swift:6.3-bookworm
buildah=(buildah --root "$store/root" --runroot "$store/run" --storage-driver vfs)

has() { "${buildah[@]}" inspect --type image "$1" >/dev/null 2>&1; }

# import FOLDER IMAGE: a root file system as an image of one layer.
import() {
    local container
    container="$("${buildah[@]}" from scratch)"
    "${buildah[@]}" copy --quiet "$container" "$1" / >/dev/null
    "${buildah[@]}" commit --quiet --rm "$container" "$2" >/dev/null
}

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
quietly() { "$@" >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }; }

root="$store/slim"
if [ ! -e "$root/etc/debian_version" ]; then
    echo 'image: making the base image (debootstrap)' >&2
    rm -rf "$root"
    mkdir -p "$root.new"
    quietly debootstrap --variant=minbase bookworm "$root.new"
    rm -rf "$root.new"/var/cache/apt/archives/*.deb "$root.new"/usr/share/{doc,man,locale}/*
    mv "$root.new" "$root"
fi
has "$slim" || import "$root" "$slim"
[ -n "$with_build" ] || exit 0
has "$swift" && exit 0

echo 'image: making the image with the toolchain' >&2
cp -a --reflink=auto "$root" "$work/swift"
quietly chroot "$work/swift" sh -c 'apt-get -qq update &&
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install \
        binutils ca-certificates git gcc libc6-dev libcurl4 libncurses6 libpython3.11 libsqlite3-0 \
        libstdc++-12-dev libxml2 libz3-4 pkg-config tzdata zlib1g-dev && apt-get clean'
# 3 GB stay where they are: the toolchain is mounted when the image is built.
home="$(dirname "$(dirname "$(dirname "$(readlink -f "$(command -v "${SWIFT:-swift}")")")")")"
for program in swift swiftc swift-build swift-package clang; do
    ln -sf "$home/usr/bin/$program" "$work/swift/usr/bin/$program"
done
import "$work/swift" "$swift"
