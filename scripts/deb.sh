#!/usr/bin/env bash
# Makes a Debian package of the static build: deb.sh BINARY OUTPUT-DIRECTORY. Prints its path.
#
# The package makes the user and the directories, enables nothing and starts nothing: a gate has
# to be told its backends first. An upgrade restarts a gate that runs.
# DEBFULLNAME and DEBEMAIL say who maintains it. The same binary of the same commit makes the same
# package; SOURCE_DATE_EPOCH says otherwise when it was made.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly binary="$1" output="$2"

stage="$(mktemp -d)"
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"
readonly root="$stage/root"
version="$("$binary" --version | awk '{ print $NF }')"
architecture="$(dpkg --print-architecture)"
readonly maintainer="${DEBFULLNAME:-The methodgate authors} <${DEBEMAIL:-methodgate@localhost}>"
SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}"
export SOURCE_DATE_EPOCH

readonly doc="$root/usr/share/doc/methodgate"

DESTDIR="$root" PREFIX=/usr SYSCONFDIR=/etc UNITDIR=/lib/systemd/system \
    ZSHDIR=/usr/share/zsh/vendor-completions scripts/install.sh "$binary"
gzip -9n "$root"/usr/share/man/man?/*
gzip -9n >"$doc/changelog.gz" <<TEXT
methodgate ($version) unstable; urgency=medium

  * What can be noticed is in /usr/share/doc/methodgate/CHANGELOG.md.

 -- $maintainer  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
TEXT
cat >"$doc/copyright" <<'TEXT'
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: methodgate

Files: *
Copyright: 2026 the methodgate authors
License: Apache-2.0

Files: usr/bin/methodgate
Copyright: 2026 the methodgate authors
           2014-2026 Apple Inc. and the Swift project authors
License: Apache-2.0 and Apache-2.0 with Runtime Library Exception
Comment: Swift's standard library and swift-argument-parser are linked into it.

License: Apache-2.0
 On Debian systems the text of the licence is in /usr/share/common-licenses/Apache-2.0.

License: Apache-2.0 with Runtime Library Exception
 The same. As an exception, if you use this Software to compile your source code and portions of
 this Software are embedded into the binary product as a result, you may redistribute such product
 without providing attribution as would otherwise be required by Sections 4(a), 4(b) and 4(d) of the
 License.
TEXT
install -D -m 644 /dev/stdin "$root/usr/share/lintian/overrides/methodgate" <<'TEXT'
# Who builds a package for others sets DEBEMAIL.
methodgate: bogus-mail-host Maintainer methodgate@localhost
methodgate: bogus-mail-host-in-debian-changelog methodgate@localhost *
# Removal stops the gate and its sockets and disables them, whatever policy-rc.d says of starting.
methodgate: maintainer-script-calls-systemctl [prerm:*]
# An upgrade restarts a gate that runs, once the new version has loaded its file.
methodgate: maintainer-script-calls-systemctl [postinst:*]
TEXT

# What the dynamic linker needs, by dpkg's own look at the binary.
mkdir -p "$stage/debian"
printf 'Source: methodgate\n\nPackage: methodgate\nArchitecture: any\n' >"$stage/debian/control"
depends="$(cd "$stage" && dpkg-shlibdeps -O -e root/usr/bin/methodgate 2>/dev/null |
    sed -n 's/^shlibs:Depends=//p')"

install -d "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<TEXT
Package: methodgate
Version: $version
Architecture: $architecture
Maintainer: $maintainer
Installed-Size: $(du -sk "$root" | cut -f1)
Depends: $depends, systemd | systemd-standalone-sysusers
Recommends: ca-certificates
Section: httpd
Priority: optional
Description: reverse proxy that filters HTTP methods
 It stands in front of backends, loads method allowlists for paths from one
 file, answers a method that is not allowed with 405 and a truthful Allow,
 forwards everything else, and writes an audit record for each block.
TEXT
(cd "$root" && find etc -type f -printf '/%p\n' | sort) >"$root/DEBIAN/conffiles"

cat >"$root/DEBIAN/postinst" <<'TEXT'
#!/bin/sh
set -e
if [ "$1" = configure ]; then
    systemd-sysusers /usr/lib/sysusers.d/methodgate.conf
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
        # Only an upgrade has an old version; a gate that does not run stays as it is.
        if [ -n "$2" ]; then
            config=/etc/methodgate/methodgate.yaml
            # What the new version does not load (2) would leave nothing running; with a certificate
            # that has expired (1) it runs.
            status=0
            [ ! -e "$config" ] || methodgate check --config "$config" >/dev/null || status=$?
            if [ "$status" -le 1 ]; then
                systemctl try-restart methodgate.service || true
            elif systemctl --quiet is-active methodgate.service; then
                echo "methodgate: this version does not load $config; the old one goes on serving." >&2
                echo "Mend the file, then: systemctl restart methodgate" >&2
            fi
        fi
    fi
fi
TEXT
cat >"$root/DEBIAN/prerm" <<'TEXT'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    systemctl --quiet disable --now methodgate.socket methodgate-tls.socket \
        methodgate.service || true
fi
TEXT
cat >"$root/DEBIAN/postrm" <<'TEXT'
#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
# The block log is evidence: it goes only with everything else.
if [ "$1" = purge ]; then
    rm -rf /var/log/methodgate
    rmdir --ignore-fail-on-non-empty /etc/methodgate 2>/dev/null || true
fi
TEXT
chmod 755 "$root/DEBIAN/postinst" "$root/DEBIAN/prerm" "$root/DEBIAN/postrm"

mkdir -p "$output"
package="$output/methodgate_${version}_${architecture}.deb"
# xz of a binary this large takes minutes and saves little.
dpkg-deb --root-owner-group -Zgzip --build "$root" "$package" >/dev/null
echo "$package"
