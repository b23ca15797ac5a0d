# Everything that a checkout can do; `make` alone lists it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Which Python makes the environment; 3.11 or newer.
PYTHON ?= python3
# More arguments for pip, such as the index of PyTorch's CPU builds (see CONTRIBUTING.md).
PIP_ARGS ?=
# More arguments for pytest: make test-fast ARGS="-k batcher"
ARGS ?=
# How many processes share the tests; with 0 a debugger and -s work: make test ARGS="-k batcher --pdb" AT_ONCE=0
AT_ONCE ?= 5

# Where `make install` puts things; DESTDIR is a root to put them under.
export DESTDIR PREFIX SYSCONFDIR LIBDIR BINDIR INSTALL_VENV_FROM

# Where it is set, each of the hundreds of processes that tests start would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
RUNS := $(VENV)/.runs
INSTALLED := $(VENV)/.installed
COMPILED := $(VENV)/.compiled

.PHONY: help demo test ready test-fast test-rabbitmq bench bench-quick chaos fuzz mutations soak lint format docs reference constraints install uninstall clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(RUNS) ## label fifty messages, print them, leave nothing running (KEEP=1: leave all running)
	@$(BIN)/tonebus demo $(if $(KEEP),--keep)

test: $(INSTALLED) ## style, types and every test, on a real RabbitMQ and Redis
	@$(MAKE) --no-print-directory --jobs=3 lint ready $(COMPILED)
	@$(BIN)/python -m pytest -n $(AT_ONCE) $(ARGS)
	@$(if $(ARGS),,scripts/test_rabbitmq.sh span)

ready: $(INSTALLED)
	@scripts/servers.sh ensure
	@scripts/tools.sh

test-rabbitmq: $(INSTALLED) ## every test that talks to a broker, on RabbitMQ VERSION=4.3 (3.10, 4.0)
	@scripts/servers.sh ensure
	@scripts/test_rabbitmq.sh $(or $(VERSION),4.3) $(ARGS)

test-fast: $(COMPILED) ## the tests that need no servers and little time
	@$(BIN)/python -m pytest -n $(AT_ONCE) -m "not broker and not slow" $(ARGS)

bench: $(INSTALLED) ## speed beside the limits of model and broker (JSON=, PNG=, INFINITY=its environment)
	@scripts/servers.sh ensure
	@$(BIN)/python -m bench $(if $(JSON),--json $(JSON)) $(if $(PNG),--png $(PNG)) \
		$(if $(INFINITY),--infinity $(INFINITY))

bench-quick: $(INSTALLED) ## the main ratios, in three minutes
	@scripts/servers.sh ensure
	@$(BIN)/python -m bench --quick $(if $(JSON),--json $(JSON)) $(if $(PNG),--png $(PNG))

chaos: $(INSTALLED) ## break things under load and account for every message (N=100000 FAULTS=200 SEED=1)
	@$(BIN)/python -m tests.chaos --messages $(or $(N),3000) --faults $(or $(FAULTS),10) \
		--seed $(or $(SEED),1)

fuzz: $(INSTALLED) ## search long for an input that breaks mapping or settings (N=20000 examples of each kind)
	@FUZZ_EXAMPLES=$(or $(N),20000) $(BIN)/python -m pytest tests/connectors tests/daemon -m hypothesis $(ARGS)

mutations: $(INSTALLED) ## make mistakes in a copy of the core, and see that tests notice (ONLY=parked-twice)
	@$(BIN)/python -m tests.mutations $(ONLY)

soak: $(INSTALLED) ## steady load; does anything grow? (MINUTES=60, PLOT=soak.png wants matplotlib)
	@$(BIN)/python -m tests.chaos.soak --minutes $(or $(MINUTES),5) $(if $(PLOT),--plot $(PLOT))

lint: $(INSTALLED) ## style, types and the words of docs/reference/glossary.md
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/python -m scripts.glossary
	@$(BIN)/mypy

format: $(INSTALLED) ## put the style right where a machine can
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

docs: $(INSTALLED) ## the documents as a site in build/site, which opens without a network
	@$(BIN)/sphinx-build -q --fresh-env --fail-on-warning --builder html docs build/site
	@echo "build/site/index.html"

reference: $(INSTALLED) ## write the pages of docs/reference that are made from the code
	@$(BIN)/python -m scripts.reference

constraints: ## pin the newest versions that pyproject.toml allows into constraints.txt
	@PYTHON="$(PYTHON)" PIP_ARGS="$(PIP_ARGS)" scripts/pin.sh

install: ## install on this host, as root, or bring it up to date (PREFIX, DESTDIR; see docs/how-to/install.md)
	@PYTHON="$(PYTHON)" PIP_ARGS="$(PIP_ARGS)" scripts/install.sh install

uninstall: ## take it away again; the configuration stays
	@scripts/install.sh uninstall

clean: ## remove the environment and every cache
	@rm -rf $(VENV) build dist ./*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -prune -exec rm -rf {} +

$(RUNS): pyproject.toml constraints.txt scripts/venv.sh
	@PYTHON="$(PYTHON)" PIP_ARGS="$(PIP_ARGS)" scripts/venv.sh $(VENV)
	@touch $@

$(INSTALLED): pyproject.toml constraints.txt scripts/venv.sh
	@PYTHON="$(PYTHON)" PIP_ARGS="$(PIP_ARGS)" scripts/venv.sh $(VENV) tools
	@touch $(RUNS) $@

# Python compiles a module when it is first imported. All that lies in the environment is four times
# what tests import, and processes that begin at once would each compile the same.
$(COMPILED): $(INSTALLED)
	@$(BIN)/python -m pytest --collect-only -qq >/dev/null 2>&1 || true
	@touch $@
