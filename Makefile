# The entry point; `make` alone lists the targets. Works with GNU make 3.81 (macOS) and later.

CARGO ?= cargo
CLANG_FORMAT ?= clang-format
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
CMAKEDIR = $(LIBDIR)/cmake/torrent_patron
DESTDIR ?=

# Without `vendored` and its variants, which select another libtorrent.
FEATURES ?= serde,sqlite,gzip,futures-io,torrent-patron/tokio

# More arguments for demo, test and bench: make demo ARGS='--patrons 8'
ARGS ?=

PROGRAM := torrent-patron
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release
BINARY := $(RELEASE)/$(PROGRAM)
CAPI := $(RELEASE)/capi

# All of our C and C++ files, including those in subdirectories, except the generated header.
CXX_SOURCES := find cpp crates examples \
	\( -name '*.c' -o -name '*.h' -o -name '*.cpp' -o -name '*.hpp' \)

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets (the default)
	@echo 'usage: make TARGET [ARGS=...]'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' \
		$(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: ## Make torrents, seed and download them in one process; needs no network
	@vendor/setup build
	$(CARGO) run --release -p torrent-patron-cli -- demo $(ARGS)

# Shipped files are optimised as a whole: a tenth smaller, but a minute longer to build.
build packages: export CARGO_PROFILE_RELEASE_LTO ?= fat
build packages: export CARGO_PROFILE_RELEASE_CODEGEN_UNITS ?= 1

.PHONY: build
build: ## Build the program and the C library, optimised
	@vendor/setup build
	$(CARGO) build --release -p torrent-patron-cli
	CARGO='$(CARGO)' scripts/capi '$(CAPI)'

# The tests themselves read the variable CI.
.PHONY: test
test: ## Run every test; CI=true makes a missing foreign program a failure
	@vendor/setup test
	$(CARGO) test --locked --workspace --features '$(FEATURES)' $(ARGS)

.PHONY: check
check: ## Check format, lints and documentation; changes nothing
	@vendor/setup check
	$(CARGO) fmt --all --check
	$(CXX_SOURCES) -exec $(CLANG_FORMAT) --dry-run --Werror {} +
	$(CARGO) clippy --locked --workspace --all-targets --features '$(FEATURES)' -- -D warnings
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --locked --workspace --no-deps --features '$(FEATURES)'

.PHONY: format
format: ## Format the Rust and the C++ sources in place
	@vendor/setup check
	$(CARGO) fmt --all
	$(CXX_SOURCES) -exec $(CLANG_FORMAT) -i {} +

.PHONY: bench
bench: ## Run the benchmarks of the library; takes five minutes
	@vendor/setup bench
	$(CARGO) bench -p torrent-patron --features sqlite --bench patron $(ARGS)
	$(CARGO) bench -p torrent-patron-capi --bench capi

.PHONY: bench-scale
bench-scale: ## Compare many torrents with bare libtorrent: tables, JSON, plots; ARGS='million bare=no'
	@vendor/setup bench
	$(CARGO) bench -p torrent-patron-cli --bench scale -- $(ARGS)

.PHONY: bench-seeding
bench-seeding: ## Compare seeders: tables, JSON and plots; no network, takes six minutes
	@vendor/setup bench
	$(CARGO) bench -p torrent-patron-cli --bench seeding

.PHONY: soak
soak: ## Add, transfer and remove 10,000 torrents (CYCLES=N), and look for leaks; takes minutes
	@vendor/setup test
	$(CARGO) test --features '$(FEATURES)' --test loopback -- --ignored --nocapture soak::

.PHONY: bench-stream
bench-stream: ## Measure how long a player waits for a file that downloads; takes ten minutes
	@vendor/setup bench
	$(CARGO) bench -p torrent-patron --bench stream $(ARGS)

.PHONY: players
players: ## Play films in mpv and chromium while they download; reports what it covered
	@vendor/setup players
	$(CARGO) test -p torrent-patron-cli --test cli -- --ignored --nocapture players::

.PHONY: campaign
campaign: ## Run a crash or fault campaign of a store: ARGS=kill, power, full or read-only
	@vendor/setup test
	$(CARGO) test --locked --release -p torrent-patron --features sqlite --test campaign -- campaign $(ARGS)

.PHONY: sanitize
sanitize: ## Run the tests under sanitizers and valgrind; reports what it covered
	@vendor/setup sanitize
	scripts/sanitize $(ARGS)

# Builds nothing, so that `sudo make install` does not run cargo as root.
.PHONY: install
install: install-capi ## Install what `make build` built under PREFIX (/usr/local); DESTDIR is honoured
	@test -x '$(BINARY)' || { echo "no $(BINARY); run 'make build' first" >&2; exit 1; }
	install -d -m 755 '$(DESTDIR)$(PREFIX)/bin'
	install -m 755 '$(BINARY)' '$(DESTDIR)$(PREFIX)/bin/$(PROGRAM)'

# Links are copied as links: libtorrent_patron.so -> .so.0.1 -> .so.0.1.0
.PHONY: install-capi
install-capi: ## Install only the C library: shared and static, header, pkg-config and CMake files
	@test -f '$(CAPI)/torrent_patron.pc' || \
		{ echo "no $(CAPI)/torrent_patron.pc; run 'make build' first" >&2; exit 1; }
	install -d -m 755 '$(DESTDIR)$(LIBDIR)/pkgconfig' '$(DESTDIR)$(PREFIX)/include'
	install -m 644 include/torrent_patron.h '$(DESTDIR)$(PREFIX)/include/'
	install -m 644 '$(CAPI)/libtorrent_patron.a' '$(DESTDIR)$(LIBDIR)/'
	for file in '$(CAPI)'/libtorrent_patron.so*; do \
		if [ -h "$$file" ]; then cp -P "$$file" '$(DESTDIR)$(LIBDIR)/'; \
		else install -m 644 "$$file" '$(DESTDIR)$(LIBDIR)/'; fi || exit 1; \
	done
	sed -e 's|^prefix=.*|prefix=$(PREFIX)|' -e 's|^libdir=.*|libdir=$(LIBDIR)|' \
		'$(CAPI)/torrent_patron.pc' | install -m 644 /dev/stdin \
		'$(DESTDIR)$(LIBDIR)/pkgconfig/torrent_patron.pc'
	install -d -m 755 '$(DESTDIR)$(CMAKEDIR)'
	sed -e 's|^set(prefix .*|set(prefix "$(PREFIX)")|' -e 's|^set(libdir .*|set(libdir "$(LIBDIR)")|' \
		'$(CAPI)/torrent_patronConfig.cmake' | install -m 644 /dev/stdin \
		'$(DESTDIR)$(CMAKEDIR)/torrent_patronConfig.cmake'
	install -m 644 '$(CAPI)/torrent_patronConfigVersion.cmake' '$(DESTDIR)$(CMAKEDIR)/'
	$(LDCONFIG)

.PHONY: uninstall
uninstall: ## Remove what `make install` installed, with the same PREFIX
	rm -f '$(DESTDIR)$(PREFIX)/bin/$(PROGRAM)' '$(DESTDIR)$(PREFIX)/include/torrent_patron.h' \
		'$(DESTDIR)$(LIBDIR)/pkgconfig/torrent_patron.pc' \
		'$(DESTDIR)$(LIBDIR)'/libtorrent_patron.a '$(DESTDIR)$(LIBDIR)'/libtorrent_patron.so*
	rm -rf '$(DESTDIR)$(CMAKEDIR)'
	$(LDCONFIG)

# The loader finds a library through its cache, which only root may write. A staged library is not in
# place yet.
LDCONFIG = @if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ] && command -v ldconfig >/dev/null; then \
	ldconfig; fi

.PHONY: matrix
matrix: ## Run the tests with other versions of libtorrent and compilers; needs root and debootstrap
	scripts/matrix $(ARGS)

.PHONY: packages
packages: ## Build .deb packages and an archive that need no libtorrent, in target/packages
	@vendor/setup build
	CARGO='$(CARGO)' scripts/packages target/packages

.PHONY: test-packages
test-packages: ## Install the packages in a new root and use them; needs root and debootstrap
	scripts/test-packages target/packages $(ARGS)

.PHONY: header
header: ## Generate include/torrent_patron.h from crates/capi/src
	@vendor/setup build
	PATRON_WRITE_HEADER=1 $(CARGO) test --locked -p torrent-patron-capi --test capi -- header::the_header

.PHONY: clean
clean: ## Remove what was built
	$(CARGO) clean
