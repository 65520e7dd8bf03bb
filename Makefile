# Every target but help and lock first makes the environment .venv, which takes a moment once and nothing later.

VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/.locked
INSTALLED := $(VENV)/.installed

# The first Python that is new enough; `make PYTHON=/path/to/python setup` chooses another.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$python -c '$(NEW_ENOUGH)' 2>/dev/null; then echo $$python; break; fi; done)

# Two processes share the tests; each file stays in one of them, so that its servers start once.
WORKERS ?= 2

# What a shell has set for other projects must not reach into this environment.
unexport PYTHONPATH PYTHONHOME

.PHONY: help setup check test faults soak demo demo-check bench lock

help:
	@echo "make setup        the environment .venv, from the lock file, with this project in it"
	@echo "make demo         four instances on this machine that federate; Ctrl-C ends them"
	@echo "                  (ARGS=--join-fifth, ARGS=--keep, ARGS=--help)"
	@echo "make demo-check   the same without a terminal: publishes, edits, deletes, verifies; exit code 0 or 1"
	@echo "make test         all tests (ARGS='tests/web -x' runs some; WORKERS=0 in one process)"
	@echo "make faults       kill -9, full disks, bad peers, shuffled orders (N=25 kills on each database; SEED=1 again)"
	@echo "make soak         four servers, random faults, then quiet (MINUTES=30)"
	@echo "make check        style, format, types and import contracts"
	@echo "make bench        figures of speed beside their floors, printed and never judged; .bench/latest.json"
	@echo "                  (ONLY=deliver, ONLY=growth, DB=postgresql, ARGS=--table)"
	@echo "make lock         both lock files from pyproject.toml (needs uv; ARGS=--upgrade)"

setup: $(INSTALLED)
	@:

$(LOCKED): requirements-test.lock
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer was found. Install it, or say where: make PYTHON=/path/to/python setup"; exit 1; }
	@echo "Making $(VENV) and installing what the lock file names (a few minutes, once) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "Python cannot make environments here; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r requirements-test.lock
	@touch $@

$(INSTALLED): $(LOCKED) pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-build-isolation --editable .
	@touch $@

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

test: setup
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

# How often a server is killed on each database; ARGS="-k kill" runs some. What is random is told by a seed.
N ?= 25
SEED ?=
SHUFFLES ?= 1000
MINUTES ?= 30

faults: setup
	FAULTS_RUNS=$(N) FAULTS_SHUFFLES=$(SHUFFLES) FAULTS_SEED=$(SEED) $(BIN)/python -m pytest -n 0 -s -o python_files="fault_*.py test_orders.py" tests/faults $(ARGS)

soak: setup
	@exec $(BIN)/python -m tests.faults.soak --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

demo: setup
	@exec $(BIN)/fedi-cluster demo $(ARGS)

demo-check: setup
	@exec $(BIN)/fedi-cluster demo --check $(ARGS)

bench: setup
	@ONLY='$(ONLY)' DB='$(DB)' exec $(BIN)/python -m tests.benchmarks $(ARGS)

# Lock files carry hashes and no addresses, so that any index or mirror can serve them.
COMPILE := uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11

lock:
	@command -v uv >/dev/null || { echo "make lock needs the program uv on the PATH."; exit 1; }
	$(COMPILE) $(ARGS) pyproject.toml -o requirements.lock
	$(COMPILE) $(ARGS) --group test --group interop pyproject.toml -o requirements-test.lock
