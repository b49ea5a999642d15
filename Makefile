# Everything runs in $(VENV), made from the pins in constraints.txt. A second call installs nothing:
# the stamp files in $(VENV) are newer than pyproject.toml and constraints.txt.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= $(shell command -v python3.11 || echo python3)
VENV ?= .venv
PYTEST_ARGS ?= -n 2
# Where the CPU build of torch comes from, if not from the package index that pip is set up with,
# such as TORCH_ARGS="--index-url URL".
TORCH_ARGS ?=
# 1 lets a CUDA build of torch in (several GB); synthgym runs on it, but does not need it.
ALLOW_CUDA ?= 0

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PINS := pyproject.toml constraints.txt
BUILD := build
SUITE_RECORDS ?= report/suite
SUITE_RESULTS ?= benchmarks/results/suite-1
SUITE_ARGS ?=
LAYOUT := $(BUILD)/layout

# One thread for each worker: two workers on two cores would otherwise fight over them.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: help install demo suite test docs-test lint style format layout imports types build check-wheel \
  check clean

help:  ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "synthgym needs Python 3.11 or newer; name one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

# torch goes first: a later install of something that needs torch finds it there, and cannot bring
# another build. The dry run tells which build it would be before a byte of it is fetched.
$(VENV)/.installed-torch: constraints.txt | $(VENV)/bin/python
	@echo "Installing torch (some 200 MB, a minute or more) ..."
	@$(PIP) install -qq --dry-run --report $(VENV)/torch-plan.json -c constraints.txt $(TORCH_ARGS) torch
	@if [ "$(ALLOW_CUDA)" != 1 ] && grep -q '"name": "nvidia' $(VENV)/torch-plan.json; then \
	  echo 'error: the package index offers the CUDA build of torch (several GB); synthgym needs' >&2; \
	  echo '  the CPU build only. Say where it is:  make TORCH_ARGS="--index-url URL"' >&2; \
	  echo '  or take the CUDA build:               make ALLOW_CUDA=1' >&2; \
	  exit 1; \
	fi
	@$(PIP) install -qq -c constraints.txt $(TORCH_ARGS) torch
	@touch $@

$(VENV)/.installed-user: $(PINS) $(VENV)/.installed-torch
	@echo "Installing synthgym with its baselines, datasets and report ..."
	@$(PIP) install -qq -c constraints.txt -e ".[baselines,dataset,report,fast]"
	@$(BIN)/synthgym compile
	@touch $@

$(VENV)/.installed-dev: $(PINS) $(VENV)/.installed-user
	@echo "Installing the development tools, and Ray for the test on a cluster ..."
	@$(PIP) install -qq -c constraints.txt -e ".[baselines,dataset,report,fast,distributed,dev]"
	@touch $@

install: $(VENV)/.installed-user  ## Install synthgym, baselines and report into .venv

demo: $(VENV)/.installed-user  ## Match a sound, run a small benchmark, write its report
	$(BIN)/python benchmarks/demo.py

# The whole leaderboard from nothing: hours; a second call goes on where the first was stopped.
# SUITE_ARGS="--jobs 8" for more processes, SUITE_ARGS="--backend ray" on a cluster.
suite: $(VENV)/.installed-user  ## Run the full suite for all search solvers, pack and verify it
	$(BIN)/synthgym bench run --out $(SUITE_RECORDS) $(SUITE_ARGS)
	$(BIN)/synthgym bench pack $(SUITE_RECORDS) --out $(SUITE_RESULTS) --replace
	$(BIN)/synthgym bench verify $(SUITE_RESULTS)
	$(BIN)/synthgym bench table $(SUITE_RESULTS) > $(SUITE_RESULTS)/table.md
	$(BIN)/synthgym bench table $(SUITE_RESULTS) --by-task >> $(SUITE_RESULTS)/table.md
	$(BIN)/python benchmarks/readme_figures.py
	$(BIN)/python benchmarks/out_of_reach.py
	@cat $(SUITE_RESULTS)/table.md

test: $(VENV)/.installed-dev  ## Run the tests (PYTEST_ARGS="-k name" for some of them)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

docs-test: $(VENV)/.installed-dev  ## Run the code blocks of README.md and docs/
	$(BIN)/python -m pytest tests/docs

lint: style imports  ## Check style and the direction of imports

style: $(VENV)/.installed-dev  ## Check style (ruff)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.installed-dev  ## Rewrite the code in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The packages as they are installed, with baselines/ at synthgym/baselines, for the tools that read
# the source and cannot follow setuptools' package-dir.
layout:
	@rm -rf $(LAYOUT) && mkdir -p $(LAYOUT)
	@cp -R synthgym $(LAYOUT)/synthgym && cp -R baselines $(LAYOUT)/synthgym/baselines

imports: $(VENV)/.installed-dev layout  ## Check the direction of imports (import-linter)
	cd $(LAYOUT) && $(abspath $(BIN))/lint-imports --no-cache --config $(CURDIR)/pyproject.toml

types: $(VENV)/.installed-dev layout  ## Check types: strictly for synthgym, plainly for baselines
	$(BIN)/mypy --strict synthgym
	cd $(LAYOUT) && $(abspath $(BIN))/mypy --config-file $(CURDIR)/pyproject.toml \
	  --cache-dir $(CURDIR)/.mypy_cache/layout -p synthgym.baselines

build: $(VENV)/.installed-dev  ## Build the wheel and the source distribution into dist/
	@rm -rf dist $(BUILD)/lib $(BUILD)/bdist.* && mkdir -p $(BUILD)
	$(BIN)/python -m build --outdir dist . > $(BUILD)/log || { cat $(BUILD)/log; exit 1; }
	@ls dist

check-wheel: build  ## Install the wheel into an empty environment and use it
	PYTHON=$(PYTHON) .ci/check-wheel dist

check: lint types check-wheel test  ## All of the above

clean:  ## Remove what was built (the environment stays: rm -r .venv)
	rm -rf $(BUILD) dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find synthgym baselines benchmarks tests -name __pycache__ -type d -prune -exec rm -rf {} +
