# `make demo` and `make test` set everything up themselves; `make help` lists the rest.
# A step that is done leaves a stamp in build/stamps, so that a second run only does what changed.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
GO ?= go
NPM ?= npm
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

BIN := .venv/bin
STAMPS := build/stamps
# go install checks it against Go's checksum database; the version is the pin
STATICCHECK_VERSION := v0.8.2

# circuits whose keys a deployment of the small size has
KEYS_OF := edge-small outbox exit silence

GO_MODULES := $(patsubst %/go.mod,%,$(wildcard native/go.mod circuits/go.mod))
# what circuits are made of, by which compiled ones are kept (circuits/keys)
CIRCUIT_SOURCES := $(shell find circuits native -name '*.go' -not -name '*_test.go' -not -path '*/cmd/*' \
    -not -path '*/internal/*' 2>/dev/null | LC_ALL=C sort) circuits/go.mod circuits/go.sum
PROVER_SOURCES := $(CIRCUIT_SOURCES) $(shell find circuits/cmd -name '*.go' -not -name '*_test.go' 2>/dev/null) \
    $(shell find native -name '*.[ch]' 2>/dev/null)
NATIVE_SOURCES := $(shell find native -name '*.go' -not -name '*_test.go' -o -name 'go.*' -o -name '*.[ch]' 2>/dev/null)
WEB_SOURCES := $(shell find web/src web/*.ts web/*.js* web/index.html -type f -not -name '*.test.ts' 2>/dev/null)
CONTRACT_SOURCES := $(shell find contracts -name '*.vy' -o -name '*.vyi' 2>/dev/null)
# $(call need,program,what to install): one line that says what is missing, before anything fails on it
need = @command -v "$(1)" >/dev/null || { echo "make: $(1) is missing: install $(2)" >&2; exit 1; }
NEED_GO = $(call need,$(GO),Go 1.25 or newer (Debian: golang-go, or https://go.dev/dl))

PYTHON_CODE := src scripts setup.py tests vectors benchmarks

.PHONY: help setup build native prover keys contracts web lint format test test-python test-go test-web test-long \
        bench demo docs screenshots reference rules vectors lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# ---- set-up ---------------------------------------------------------------------------------------

setup: $(STAMPS)/python $(STAMPS)/node $(STAMPS)/web-node $(STAMPS)/staticcheck $(STAMPS)/postgresql $(STAMPS)/chromium  ## the pinned tools: .venv, node_modules, staticcheck

$(STAMPS):
	@mkdir -p $@

$(STAMPS)/python: requirements.lock pyproject.toml | $(STAMPS)
	$(call need,$(PYTHON),Python 3.11 or newer with venv (Debian: python3 python3-venv))
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(STAMPS)/node: package.json package-lock.json | $(STAMPS)
	$(call need,$(NPM),Node.js with npm (Debian: npm); anvil comes from there)
	$(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

$(STAMPS)/web-node: web/package.json web/package-lock.json | $(STAMPS)
	$(call need,$(NPM),Node.js 20.19 or newer with npm (Debian: npm))
	cd web && $(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

$(STAMPS)/staticcheck: Makefile | $(STAMPS)
	$(NEED_GO)
	$(if $(GO_MODULES),GOBIN="$(CURDIR)/build/bin" $(GO) install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION))
	$(if $(GO_MODULES),@touch $@)

$(STAMPS)/postgresql: scripts/install_postgresql.sh | $(STAMPS)
	@sh scripts/install_postgresql.sh
	@touch $@

$(STAMPS)/chromium: scripts/install_chromium.sh | $(STAMPS)
	@sh scripts/install_chromium.sh
	@touch $@

lock: $(STAMPS)/python  ## write requirements.lock anew after a change in pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --generate-hashes \
	    --no-emit-index-url --no-header --quiet --output-file requirements.lock

# ---- build ----------------------------------------------------------------------------------------

build: $(STAMPS)/python  ## the machine, compiled by mypyc beside its sources
	@$(BIN)/python scripts/build_engine.py

native: build/libmiletus.so  ## the Go library that Python calls

build/libmiletus.so: $(NATIVE_SOURCES)
	$(NEED_GO)
	@mkdir -p build
	$(if $(wildcard native/cmd/libmiletus/*.go),cd native && $(GO) build -buildmode=c-shared -o ../build/libmiletus.so ./cmd/libmiletus)

prover: build/prover  ## the program that makes keys and proofs

build/prover: $(PROVER_SOURCES)
	$(NEED_GO)
	@mkdir -p build
	@echo "go build: prover"
	@cd circuits && $(GO) build -trimpath -o ../build/prover \
	    -ldflags "-X miletus/circuits/keys.source=$$(cd .. && cat $(CIRCUIT_SOURCES) | sha256sum | cut -c1-64)" ./cmd/prover

# Keys lie in build/keys by the hash of their circuit: those that are there already are not made again.
keys: $(STAMPS)/keys  ## development keys of the circuits that demo and tests prove with

$(STAMPS)/keys: build/prover | $(STAMPS)
	@echo "keys of the circuits $(KEYS_OF): about two minutes of two cores where there are none yet"
	@build/prover setup $(KEYS_OF) >/dev/null
	@touch $@

contracts: $(STAMPS)/contracts  ## the L1 contracts, into build/contracts

$(STAMPS)/contracts: $(CONTRACT_SOURCES) contracts/compile.py $(STAMPS)/python | $(STAMPS)
	$(BIN)/python contracts/compile.py build/contracts
	@touch $@

web: $(STAMPS)/web  ## the page that the gateway serves, into build/web

$(STAMPS)/web: $(WEB_SOURCES) $(STAMPS)/web-node
	cd web && $(NPM) run --silent build -- --logLevel warn
	@touch $@

# ---- checks ---------------------------------------------------------------------------------------

lint: setup  ## ruff, mypy --strict, go vet, staticcheck, biome, svelte-check
	$(BIN)/ruff check $(PYTHON_CODE)
	$(BIN)/ruff format --check $(PYTHON_CODE)
	$(BIN)/mypy --strict src scripts
	@for module in $(GO_MODULES); do echo "go vet, staticcheck: $$module"; \
	    (cd $$module && $(GO) vet ./... && "$(CURDIR)/build/bin/staticcheck" ./...); done
	cd web && $(NPM) run --silent lint && $(NPM) run --silent check

format: $(STAMPS)/python $(STAMPS)/web-node  ## put every file of Python and of the page into the one format
	$(BIN)/ruff format $(PYTHON_CODE)
	$(BIN)/ruff check --fix $(PYTHON_CODE)
	cd web && $(NPM) run --silent format

test: setup build native contracts web lint rules test-python test-go test-web  ## everything but the long tests

# The second run repeats what is marked both_builds on the uncompiled source of the machine.
test-python: build native prover contracts keys
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile
	MILETUS_INTERPRETED=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "both_builds and not long"

test-go:
	@for module in $(GO_MODULES); do echo "go test: $$module"; (cd $$module && $(GO) test -short ./...); done

test-web: $(STAMPS)/web-node
	cd web && $(NPM) run --silent test

test-long: setup build native prover contracts keys web  ## the tests marked long, and Go's tests without -short
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m long
	@for module in $(GO_MODULES); do echo "go test: $$module"; \
	    (cd $$module && $(GO) test -timeout 120m ./...); done

rules: $(STAMPS)/python  ## rules of spec/ that no test cites, and citations of rules that do not exist
	@$(BIN)/python scripts/rules.py

# ---- use ------------------------------------------------------------------------------------------

# make demo CHAINS=folder-of-snapshots REPORT=file.json DAYS=3 SEED=1 PROOFS=0; each may be left out
demo: setup build native prover contracts $(if $(filter 0,$(PROOFS)),,keys)  ## the main job, from nothing to an exit
	$(BIN)/miletus demo $(if $(CHAINS),--chains "$(CHAINS)") $(if $(REPORT),--report "$(REPORT)") \
	    $(if $(DAYS),--days "$(DAYS)") $(if $(SEED),--seed "$(SEED)") $(if $(filter 0,$(PROOFS)),--no-proofs)

bench: setup build native prover contracts  ## every benchmark; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks.report

screenshots: setup build native contracts web  ## pictures of the page, into docs/images
	$(BIN)/python -m tests.page.screenshots docs/images

docs: setup build native  ## the site of docs/ and spec/, into build/site
	$(BIN)/python scripts/generate_reference.py --check
	$(BIN)/mkdocs build --strict --clean --quiet

reference: build native  ## write the pages of docs/reference that are made from the code anew
	$(BIN)/python scripts/generate_words.py
	$(BIN)/python scripts/generate_reference.py

vectors: build native  ## write the shared vectors anew
	$(BIN)/python -m vectors.make_vectors

clean:  ## remove what make made, but for the virtual environment and node_modules
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis src/*.egg-info
	find src -name '*.so' -delete
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
