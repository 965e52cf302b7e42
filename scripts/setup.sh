#!/usr/bin/env bash
# Installs what is missing for one purpose (the last lines name them), and nothing else: each thing
# is looked for first, and apt is only asked for what was not found. Works as root and with sudo.
#
# Debian starts a service as soon as its package is unpacked; nginx and HAProxy are wanted here
# as programs only, so their services are kept from starting, now and at the next boot.
set -euo pipefail

readonly SWIFT="${SWIFT:-swift}"
missing=()
# What is installed where that is possible; without it something is skipped, and says so.
useful=()

# Each line: how to see that it is there, and the Debian package that brings it.
want_library() { pkg-config --exists "$1" 2>/dev/null || missing+=("$2"); }
use_command() { [ -n "$(PATH="$PATH:/usr/sbin:/sbin" command -v "$1")" ] || useful+=("$2"); }
# For Debian's own Python.
want_module() { /usr/bin/python3 -c "import $1" 2>/dev/null || missing+=("$2"); }
want_command() { [ -n "$(PATH="$PATH:/usr/sbin:/sbin" command -v "$1")" ] || missing+=("$2"); }

want_for_build() {
    want_command pkg-config pkg-config
    want_command git git
    want_command cc gcc # links, and brings the C library's headers
    want_command strip binutils
    want_library libevent_core libevent-dev
    want_library openssl libssl-dev
    want_library yaml-0.1 libyaml-dev
    want_library libnghttp2 libnghttp2-dev
    [ -e /usr/include/stdio.h ] || missing+=(libc6-dev)
    compgen -G '/usr/lib/gcc/*/*/libstdc++.so' >/dev/null || missing+=(libstdc++-12-dev)
}

want_for_test() {
    want_for_build
    want_command curl curl
    want_command h2load nghttp2-client
    want_command openssl openssl
    want_command nginx nginx-light
    want_command haproxy haproxy
    want_command python3 python3
    want_module yaml python3-yaml
    want_module jsonschema python3-jsonschema
    want_module prometheus_client python3-prometheus-client
    want_module grpc python3-grpcio
    want_command promtool prometheus
    want_command groff groff-base
    use_command dpkg-shlibdeps dpkg-dev
    use_command lintian lintian
    use_command mandoc mandoc
    use_command buildah buildah
    use_command crun crun
    use_command debootstrap debootstrap
    use_command ip iproute2
    want_command slowhttptest slowhttptest
    use_command chromium chromium
    use_command systemd-nspawn systemd-container
    /usr/bin/python3 -c 'import httpx, h2' 2>/dev/null || useful+=(python3-httpx python3-h2)
    # Of the backends of Tests/Attacks those that are small.
    use_command php php-cli
    ruby -e 'require "rack"' 2>/dev/null || useful+=(ruby-rack)
    [ -e /usr/lib/python3/dist-packages/flask ] || useful+=(python3-flask)
}

# The peers, and every backend of Tests/Attacks.
want_for_attacks() {
    want_for_test
    want_command haproxy haproxy
    want_command node nodejs
    want_command php php-cli
    want_command apache2 apache2-bin
    want_command lighttpd lighttpd
    want_command javac default-jdk-headless
    [ -e /usr/share/nodejs/express ] || missing+=(node-express)
    [ -e /usr/share/nodejs/busboy ] || missing+=(node-busboy)
    ruby -e 'require "rack"' 2>/dev/null || missing+=(ruby-rack)
    [ -e /usr/lib/python3/dist-packages/flask ] || missing+=(python3-flask)
    compgen -G '/usr/share/java/tomcat10-*.jar' >/dev/null || missing+=(libtomcat10-embed-java)
    compgen -G '/usr/share/java/jetty9-server.jar' >/dev/null || missing+=(libjetty9-java)
}

want_for_bench() {
    want_for_build
    want_command python3 python3
    want_command openssl openssl
    want_command nginx nginx-light
    want_command haproxy haproxy
    want_command wrk wrk
    want_command curl curl
    want_command h2load nghttp2-client
    want_command nghttpx nghttp2-proxy
    want_command strace strace
    want_command valgrind valgrind
}

want_for_install() {
    want_for_build
    want_command python3 python3
}

want_for_package() {
    want_for_build
    want_command dpkg-shlibdeps dpkg-dev
    want_command python3 python3
}

want_for_package_test() {
    want_for_package
    want_command lintian lintian
    want_command mandoc mandoc
}

# Without a container engine and a registry: Tests/ImageTests.
want_for_image() {
    want_for_build
    want_command buildah buildah
    want_command crun crun
    want_command debootstrap debootstrap
    want_command ip iproute2
    want_command curl curl
    want_command python3 python3
}

want_for_systemd() {
    want_for_package
    want_command debootstrap debootstrap
    want_command systemd-nspawn systemd-container
    want_command openssl openssl
}

want_for_scan() {
    want_for_build
    want_command python3 python3
    want_command openssl openssl
    want_command sslscan sslscan
    want_command testssl testssl.sh
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -- "$@"; fi
}

# Runs as root: apt-get with a policy that forbids starting services, as invoke-rc.d and
# deb-systemd-invoke ask for it. A policy that already stands there is left alone.
readonly install_quietly='
set -eu
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap "rm -f $policy" EXIT
    printf "#!/bin/sh\nexit 101\n" >"$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -qq -o DPkg::Lock::Timeout=300 update
apt-get -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 install "$@" >/dev/null
if [ -d /run/systemd/system ]; then
    for service in "$@"; do
        case "$service" in
            nginx-light) systemctl --quiet --no-reload disable nginx || true ;;
            haproxy | lighttpd | prometheus) systemctl --quiet --no-reload disable "$service" || true ;;
        esac
    done
fi
'

install_useful() {
    [ "${#useful[@]}" -gt 0 ] || return 0
    command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null; } &&
        as_root sh -c "$install_quietly" sh "${useful[@]}" ||
        echo "setup: without ${useful[*]} not everything is tested" >&2
}

install_missing() {
    [ "${#missing[@]}" -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "setup: missing: ${missing[*]} (Debian's names); install them and try again" >&2
        exit 2
    fi
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        echo "setup: missing: ${missing[*]}; run as root: apt-get install ${missing[*]}" >&2
        exit 2
    fi
    echo "setup: installing ${missing[*]}" >&2
    as_root sh -c "$install_quietly" sh "${missing[@]}"
}

check_toolchain() {
    if ! command -v "$SWIFT" >/dev/null; then
        echo "setup: no Swift toolchain: '$SWIFT' is not in PATH (6.2 or later is needed)" >&2
        exit 2
    fi
    local version
    version="$("$SWIFT" --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)"
    if [ "$(printf '6.2\n%s\n' "$version" | sort -V | head -n 1)" != 6.2 ]; then
        echo "setup: Swift $version found, 6.2 or later is needed" >&2
        exit 2
    fi
}

case "${1-}" in
    build) want_for_build ;;
    test) want_for_test ;;
    bench) want_for_bench ;;
    attacks) want_for_attacks ;;
    install) want_for_install ;;
    package) want_for_package ;;
    package-test) want_for_package_test ;;
    image) want_for_image ;;
    systemd) want_for_systemd ;;
    scan) want_for_scan ;;
    *)
        echo 'usage: setup.sh build | test | bench | attacks | install | package | package-test |' \
            'image | systemd | scan' >&2
        exit 2 ;;
esac
check_toolchain
install_missing
install_useful
