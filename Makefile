# What a person and CI run. `make run` and `make test` do all their own set-up: on a Debian 12
# with a Swift toolchain (6.2 or later) nothing has to be installed by hand.

SWIFT ?= swift
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
DESTDIR ?=
# More for the commands, e.g. `make bench BENCH_ARGS='--rounds 9'`.
BENCH_ARGS ?=
TEST_ARGS ?=
ATTACKS_ARGS ?=
# Of `make fuzz`: seconds for each target, and which one (all of them).
SECONDS ?= 60
TARGET ?=
# Of `make mutations`: numbers of invariants, and of promises about TLS and HTTP/2; all of them.
INVARIANTS ?=
# Of `make paths`: generated request targets, and where the generator begins.
COUNT ?= 1000000
SEED ?= 1

# The release is optimised once more as a whole when it is linked, across modules: an eighth less of
# the gate's own instructions for a request. `make release LTO=` does without.
LTO ?= --experimental-lto-mode full

# A static release build links the Swift runtime in, so it needs a build directory of its own.
STATIC := .build-static
DIST := $(STATIC)/dist

export SWIFT

.PHONY: help run build test lint release deb image test-systemd test-life test-image \
    test-image-whole test-package bench attacks slow floods scan inspection \
    match-instructions install
.PHONY: clean
.PHONY: fuzz fuzz-corpus paths test-address test-thread test-all test-streams mutations

help:
	@echo 'make run      build, then start the gate in front of a demo backend'
	@echo 'make test     lint, build, unit, conformance and end-to-end tests, and systemd where it can'
	@echo 'make lint     formatting and house rules only'
	@echo 'make test-address, make test-thread'
	@echo '              the same tests with AddressSanitizer or ThreadSanitizer'
	@echo 'make test-all make test, with both sanitizers, and a short run of each fuzzer'
	@echo 'make test-streams'
	@echo '              1 GiB through the gate in each way, and what its memory grows by'
	@echo 'make mutations'
	@echo '              takes each mechanism of the invariants, and of TLS and HTTP/2, out once and sees its'
	@echo '              tests fail; INVARIANTS="4 7 P24" only those'
	@echo 'make fuzz     all fuzzers, SECONDS=60 each; TARGET=one (see Fuzz/README.md)'
	@echo 'make fuzz-corpus'
	@echo '              keep what the fuzzers found new'
	@echo 'make paths    COUNT=1000000 generated request targets against generated policies'
	@echo 'make build    release build'
	@echo 'make release  static release build, stripped: $(DIST)/methodgate'
	@echo 'make deb      a Debian package of it in $(DIST)'
	@echo 'make image    a container image, by docker, podman or buildah'
	@echo 'make test-systemd'
	@echo '              boots systemd in a container and tries the package there'
	@echo 'make test-life'
	@echo '              there: reloads, restarts, upgrades, rotations and kills under load'
	@echo 'make test-image, make test-image-whole'
	@echo '              builds the image without a registry and lives through its life; the first'
	@echo '              takes the static build into it, the other builds by the whole Dockerfile'
	@echo 'make test-package'
	@echo '              has lintian look at the package'
	@echo 'make install  the static build, units, manual, completions and documents into'
	@echo '              PREFIX=$(PREFIX), the configuration into SYSCONFDIR=$(SYSCONFDIR), all under'
	@echo '              DESTDIR'
	@echo 'make bench    side by side with nginx and HAProxy (BENCH_ARGS=--help lists options)'
	@echo 'make attacks  known bypasses, methods in forms, and spellings of closed paths, against real'
	@echo '              backends'
	@echo 'make slow     slow, idle and hostile parties, and what ordinary requests notice of them'
	@echo 'make floods   floods of HTTP/2, SECONDS=120 each, and what ordinary requests notice of them'
	@echo 'make scan     what sslscan and testssl.sh find about TLS in front'
	@echo 'make inspection'
	@echo '              what looking for overrides in uploads costs, beside forwarding them'
	@echo 'make match-instructions'
	@echo '              instructions of a rule match at 10 and 100,000 rules, and of judging a'
	@echo '              hostile path, by callgrind'
	@echo 'make clean    removes all build products'

run: build
	@exec .build/release/methodgate demo --config config/demo.yaml

build:
	@scripts/setup.sh build
	$(SWIFT) build -c release --product methodgate

test:
	@scripts/setup.sh test
	@scripts/lint.sh
	@scripts/test.sh $(TEST_ARGS)

lint:
	@scripts/lint.sh

# All of it: an hour on two cores.
test-all:
	$(MAKE) test
	$(MAKE) test-address
	$(MAKE) test-thread
	$(MAKE) fuzz SECONDS=20
	$(MAKE) paths COUNT=500000

test-address test-thread: test-%:
	@scripts/setup.sh test
	@SANITIZE=$* scripts/test.sh $(TEST_ARGS)

# Every way content takes, over HTTP/1.1, TLS and HTTP/2, watched for overrides or not.
STREAM_BYTES ?= 1073741824
test-streams:
	@scripts/setup.sh test
	@METHODGATE_STREAM_BYTES=$(STREAM_BYTES) scripts/test.sh \
	    --filter 'costs bounded memory|at the end of an upload'

mutations:
	@scripts/setup.sh test
	@Tests/MutationTests/run.py $(INVARIANTS)

fuzz:
	@scripts/setup.sh build
	@scripts/fuzz.sh run $(SECONDS) $(TARGET)

fuzz-corpus:
	@scripts/fuzz.sh keep $(TARGET)

paths:
	@scripts/setup.sh build
	$(SWIFT) build -c release --product PathProperty
	.build/release/PathProperty $(COUNT) $(SEED)

release:
	@scripts/setup.sh build
	$(SWIFT) build -c release --static-swift-stdlib $(LTO) --product methodgate \
	    --scratch-path $(STATIC)
	@mkdir -p $(DIST)
	strip -o $(DIST)/methodgate $(STATIC)/release/methodgate

deb: release
	@scripts/setup.sh package
	@scripts/deb.sh $(DIST)/methodgate $(DIST)

test-package:
	@scripts/setup.sh package-test
	@Tests/DeploymentTests/package.sh

# By the first of these that is here.
IMAGE ?= methodgate:latest
image:
	@for tool in docker podman; do \
	    if command -v $$tool >/dev/null; then exec $$tool build -t $(IMAGE) .; fi; done; \
	if command -v buildah >/dev/null; then exec buildah bud --format docker -t $(IMAGE) .; fi; \
	echo 'image: no docker, podman or buildah here' >&2; exit 2

# The first is part of `make test`; the other builds the program inside, too.
test-image:
	@scripts/setup.sh image
	@Tests/ImageTests/run.sh static

test-image-whole:
	@scripts/setup.sh image
	@Tests/ImageTests/run.sh whole

# Boots a real systemd in a container and tries the package there; part of `make test`.
test-systemd:
	@scripts/setup.sh systemd
	@scripts/test-systemd.sh

# The life of a service under load: 20 reloads, 5 restarts, 3 upgrades, 10 rotations, 50 kills.
test-life:
	@scripts/setup.sh systemd
	@scripts/test-systemd.sh life

bench: release
	@scripts/setup.sh bench
	python3 Benchmarks/bench.py --gate $(STATIC)/release/methodgate $(BENCH_ARGS)

# Writes docs/bypasses.md. The last command takes half an hour with all its targets.
attacks: release
	@scripts/setup.sh attacks
	python3 -B Tests/Attacks/attacks.py --gate $(STATIC)/release/methodgate --write
	python3 -B Tests/Attacks/overrides.py --gate $(STATIC)/release/methodgate --all
	python3 -B Tests/Attacks/paths.py --gate $(STATIC)/release/methodgate --all --peers \
	    $(ATTACKS_ARGS)

slow: release
	@scripts/setup.sh attacks
	python3 -B Tests/Attacks/slow.py --gate $(STATIC)/release/methodgate

# Two minutes each: an hour and a half, or with ATTACKS_ARGS='--jobs 4' less.
floods: SECONDS = 120
floods: release
	@scripts/setup.sh attacks
	python3 -B Tests/Attacks/floods.py --gate $(STATIC)/release/methodgate \
	    --seconds $(SECONDS) $(ATTACKS_ARGS)

scan: release
	@scripts/setup.sh scan
	@scripts/scan.py --gate $(STATIC)/release/methodgate

inspection: release
	@scripts/setup.sh bench
	python3 Benchmarks/inspection.py --gate $(STATIC)/release/methodgate --at-most 1.05 $(BENCH_ARGS)

match-instructions:
	@scripts/setup.sh bench
	Benchmarks/match-instructions.sh

# What an operator may have edited is never overwritten.
install: release
	@scripts/setup.sh install
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' SYSCONFDIR='$(SYSCONFDIR)' \
	    scripts/install.sh $(DIST)/methodgate

clean:
	rm -rf .build .build-static .build-image .build-systemd .build-fuzz .build-address .build-thread \
	    .build-mutations
