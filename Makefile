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
# Of `make paths`: generated request targets, and where the generator begins.
COUNT ?= 1000000
SEED ?= 1

# A static release build links the Swift runtime in, so it needs a build directory of its own.
STATIC := .build-static
DIST := $(STATIC)/dist

export SWIFT

.PHONY: help run build test lint release deb test-systemd bench attacks match-instructions install \
    clean
.PHONY: fuzz fuzz-corpus inspection paths test-address test-thread

help:
	@echo 'make run      build, then start the gate in front of a demo backend'
	@echo 'make test     lint, build, unit, conformance and end-to-end tests'
	@echo 'make lint     formatting and house rules only'
	@echo 'make test-address, make test-thread'
	@echo '              the same tests with AddressSanitizer or ThreadSanitizer'
	@echo 'make fuzz     all fuzzers, SECONDS=60 each; TARGET=one (see Fuzz/README.md)'
	@echo 'make fuzz-corpus'
	@echo '              keep what the fuzzers found new'
	@echo 'make paths    COUNT=1000000 generated request targets against generated policies'
	@echo 'make build    release build'
	@echo 'make release  static release build, stripped: $(DIST)/methodgate'
	@echo 'make deb      a Debian package of it in $(DIST)'
	@echo 'make test-systemd'
	@echo '              boots systemd in a container and tries the package there'
	@echo 'make install  the static build into PREFIX=$(PREFIX), under DESTDIR'
	@echo 'make bench    side by side with nginx and HAProxy (BENCH_ARGS=--help lists options)'
	@echo 'make attacks  known bypasses, methods in forms, and spellings of closed paths, against real'
	@echo '              backends'
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

test-address test-thread: test-%:
	@scripts/setup.sh test
	@SANITIZE=$* scripts/test.sh $(TEST_ARGS)

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
	$(SWIFT) build -c release --static-swift-stdlib --product methodgate --scratch-path $(STATIC)
	@mkdir -p $(DIST)
	strip -o $(DIST)/methodgate $(STATIC)/release/methodgate

deb: release
	@command -v dpkg-shlibdeps >/dev/null || scripts/setup.sh package
	@scripts/deb.sh $(DIST)/methodgate $(DIST)

# Boots a real systemd in a container and tries the package there.
test-systemd: release
	@scripts/setup.sh systemd
	@Tests/SystemdTests/run.sh "$$(scripts/deb.sh $(DIST)/methodgate $(DIST))"

bench: release
	@scripts/setup.sh bench
	python3 Benchmarks/bench.py --gate $(STATIC)/release/methodgate $(BENCH_ARGS)

# Writes docs/bypasses.md. The last command takes half an hour with all its targets.
attacks: release
	@scripts/setup.sh attacks
	python3 -B Tests/Attacks/attacks.py --gate $(STATIC)/release/methodgate --write
	python3 -B Tests/Attacks/overrides.py --gate $(STATIC)/release/methodgate --all
	python3 -B Tests/Attacks/paths.py --gate $(STATIC)/release/methodgate --all $(ATTACKS_ARGS)

inspection: release
	@scripts/setup.sh bench
	python3 Benchmarks/inspection.py --gate $(STATIC)/release/methodgate --at-most 1.05 $(BENCH_ARGS)

match-instructions:
	@scripts/setup.sh bench
	Benchmarks/match-instructions.sh

# An operator's configuration is never overwritten.
install: release
	install -D -m 755 $(DIST)/methodgate $(DESTDIR)$(PREFIX)/bin/methodgate
	install -D -m 644 config/methodgate.yaml \
	    $(DESTDIR)$(PREFIX)/share/doc/methodgate/methodgate.yaml
	install -D -m 644 config/demo.yaml $(DESTDIR)$(PREFIX)/share/doc/methodgate/demo.yaml
	for file in config/templates/*; do install -D -m 644 $$file \
	    $(DESTDIR)$(PREFIX)/share/doc/methodgate/templates/$${file##*/} || exit 1; done
	install -D -m 644 LICENSE $(DESTDIR)$(PREFIX)/share/doc/methodgate/LICENSE
	test -e $(DESTDIR)$(SYSCONFDIR)/methodgate/methodgate.yaml || \
	    install -D -m 644 config/methodgate.yaml \
	        $(DESTDIR)$(SYSCONFDIR)/methodgate/methodgate.yaml

clean:
	rm -rf .build .build-static .build-fuzz .build-address .build-thread
