# syntax=docker/dockerfile:1
# Three stages: build, gather what the binary needs to run, and an image of that alone: no shell,
# no package manager, no root.
FROM swift:6.3-bookworm AS build
RUN apt-get -qq update \
    && DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install \
        libevent-dev libnghttp2-dev libssl-dev libyaml-dev pkg-config >/dev/null \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN swift build -c release --static-swift-stdlib --experimental-lto-mode full --product methodgate \
    && strip -o /methodgate .build/release/methodgate

FROM debian:bookworm-slim AS gather
RUN apt-get -qq update \
    && DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install \
        libevent-core-2.1-7 libevent-extra-2.1-7 libnghttp2-14 libssl3 libstdc++6 libyaml-0-2 ca-certificates \
        >/dev/null
COPY --from=build /methodgate /image/usr/bin/methodgate
COPY config/container.yaml /image/etc/methodgate/methodgate.yaml
# The shared objects that the binary names, by the dynamic linker's own look, and the certificates
# that backends are verified by.
RUN set -eu; \
    ldd /image/usr/bin/methodgate | sed -n 's/.*\(=> \|^\s*\)\(\/[^ ]*\) (0x.*/\2/p' | while read -r file; do \
        install -D -m 755 "$(realpath "$file")" "/image$file"; \
    done; \
    install -D -m 644 /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt; \
    mkdir -p /image/run/methodgate /image/tmp; \
    echo 'methodgate:x:65532:65532::/:/' >/image/etc/passwd; \
    echo 'methodgate:x:65532:' >/image/etc/group; \
    chown 65532:65532 /image/run/methodgate; \
    /image/usr/bin/methodgate check -c /image/etc/methodgate/methodgate.yaml

FROM scratch
COPY --from=gather /image/ /
LABEL org.opencontainers.image.title=methodgate \
    org.opencontainers.image.description="A reverse proxy that filters HTTP methods by path" \
    org.opencontainers.image.licenses=Apache-2.0
USER 65532:65532
EXPOSE 8080 9100
STOPSIGNAL SIGTERM
# Asks the admin endpoint of the shipped configuration; another one may move it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
    CMD ["/usr/bin/methodgate", "status", "--ready", "--admin", "127.0.0.1:9100"]
ENTRYPOINT ["/usr/bin/methodgate"]
CMD ["run", "--config", "/etc/methodgate/methodgate.yaml"]
