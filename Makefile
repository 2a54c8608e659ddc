# The only commands people and CI call:
#   make setup   install what is missing (called by all the others)
#   make demo    a whole network on this machine: put a file, watch it proven and paid, kill nodes, get it back
#   make test    format, lints, unit and integration tests, contracts, end-to-end stories
#   make bench   measured runs and criterion benches, with tables and pictures in docs/bench/generated (half an hour)
#   make bench-peers   our prover, hash and label beside those of others (a quarter of an hour, and its own build)
#   make instructions  instructions of the hot kernels, beside their record (docs/bench/instructions.csv)
#   make fuzz-smoke / make smoke   every fuzz target for FUZZ_SECONDS, every bench once (the peers' is compiled), the instructions
#   make invariants  the contracts' random markets and the search for a profit, with 1.5 million actions (some 20 minutes)
#   make ci      what CI runs: make test, then make smoke

SHELL := /bin/bash
CAIRN_CACHE ?= $(HOME)/.cache/cairn
# One target folder for every checkout of this machine: RocksDB, alloy and arkworks are built once.
export CARGO_TARGET_DIR ?= $(CAIRN_CACHE)/target
# Debian's ccache puts compiler names in this folder; where it is missing the plain compilers are used.
export CCACHE_DIR ?= $(CAIRN_CACHE)/ccache
export PATH := /usr/lib/ccache:$(HOME)/.cargo/bin:$(PATH)
FUZZ_SECONDS ?= 30
FUZZ_TARGETS = $(patsubst fuzz/fuzz_targets/%.rs,%,$(wildcard fuzz/fuzz_targets/*.rs))
STEP = @tools/step
# The end-to-end stories, which start networks of their own.
E2E = package(cairn-devnet) and kind(test)

.PHONY: setup demo test bench bench-peers smoke fuzz-smoke bench-smoke instructions ci fmt clippy build unit doc forge artifacts e2e invariants

setup:
	@tools/setup

demo: setup
	cargo build --workspace --bins
	$(CARGO_TARGET_DIR)/debug/cairn-devnet demo

test: setup
	$(STEP) fmt        $(MAKE) --no-print-directory fmt
	$(STEP) artifacts  $(MAKE) --no-print-directory artifacts
	$(STEP) clippy     $(MAKE) --no-print-directory clippy
	$(STEP) build      $(MAKE) --no-print-directory build
	$(STEP) unit       $(MAKE) --no-print-directory unit
	$(STEP) doc        $(MAKE) --no-print-directory doc
	$(STEP) forge      $(MAKE) --no-print-directory forge
	$(STEP) e2e        $(MAKE) --no-print-directory e2e

fmt:
	cargo fmt --all --check

clippy:
	cargo clippy --workspace --all-targets --locked -- -D warnings

build:
	cargo build --workspace --bins --locked

unit:
	cargo nextest run --workspace --locked -E 'not ($(E2E))'

doc:
	cargo test --workspace --doc --locked
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet

artifacts:
	cd contracts && npm run --silent check

forge:
	cd contracts && npm run --silent test && npm run --silent gas

invariants: setup
	cd contracts/sol && FOUNDRY_PROFILE=invariants ../foundry.sh forge test --match-path 'test/invariant/*'

e2e: build
	cargo nextest run --workspace --locked -E '$(E2E)' --profile e2e

bench: setup
	@tools/bench

bench-peers: setup
	@tools/bench peers

bench-smoke: setup
	cargo bench --workspace --bench '*' --profile dev -- --test
	CARGO_TARGET_DIR=$(CARGO_TARGET_DIR)/peers cargo check --release --manifest-path peers/Cargo.toml

instructions: setup
	@tools/instructions

fuzz-smoke: setup
	@set -e; for t in $(FUZZ_TARGETS); do \
	  echo "== fuzz $$t, $(FUZZ_SECONDS) s"; \
	  mkdir -p $(CAIRN_CACHE)/fuzz-corpus/$$t; \
	  CARGO_TARGET_DIR=$(CAIRN_CACHE)/fuzz cargo +nightly fuzz run --fuzz-dir fuzz $(FUZZ_FLAGS) $$t $(CAIRN_CACHE)/fuzz-corpus/$$t fuzz/corpus/$$t -- -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=4096 -verbosity=0; \
	done

smoke: setup
	$(STEP) bench-smoke $(MAKE) --no-print-directory bench-smoke
	$(STEP) instructions $(MAKE) --no-print-directory instructions
	$(STEP) fuzz-smoke  $(MAKE) --no-print-directory fuzz-smoke

ci:
	@bash .ci/run
