# Entry commands. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup up test check bench soak lock clean

# .venv/bin also holds redis-server where Debian's redis-tools is all there is.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

# Peers are mostly waited for: two files at a time take little more than half as long as one. A file's
# tests stay together, so that its installation is started once.
LANES := -n 2 --dist loadfile

help: ## This list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## Install what serving needs: Debian packages, .venv, pjsua2 (once)
	@scripts/setup.sh serve

up: setup ## Serve on this machine: edge, model, web, worker, Redis. ARGS="…" goes to `trunkline up`
	@exec .venv/bin/trunkline up $(ARGS)

test: ## All tests: units, real peers, and the accelerator's where there is one
	@scripts/setup.sh dev
	@.venv/bin/pytest $(LANES) $(ARGS)

check: ## Format, lint, types, layers, unit tests
	@scripts/setup.sh dev
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/pytest -q $(LANES) tests/unit

bench: ## Measure, and write docs/benchmarks.md
	@scripts/setup.sh dev
	@.venv/bin/python -m benchmarks.run $(ARGS)

soak: ## Long runs
	@scripts/setup.sh dev
	@.venv/bin/pytest -m soak tests/soak $(ARGS)

lock: ## Pin pyproject.toml's dependencies anew in requirements/
	@.venv/bin/python scripts/lock.py

clean: ## Remove .venv and caches of tools (never var/, where calls are kept)
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find platform sip model flows dashboard tests benchmarks scripts -name __pycache__ -prune -exec rm -rf {} +
