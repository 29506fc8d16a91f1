# Everything a person or CI does here. `make help` lists it; each target brings what it needs.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export PATH := $(HOME)/.local/bin:$(PATH)
# Where Python may not keep what it compiled, every process compiles all that it imports: half of a short one's time.
unexport PYTHONDONTWRITEBYTECODE
RUN := uv run --no-sync
PYTEST := $(RUN) pytest --timeout 1200 --durations 25 --durations-min 5
WORKERS ?= 2
# A file stays on one worker, and files are begun in the order of collection, in which tests/conftest.py puts long ones first.
SPREAD = -n $(WORKERS) --dist loadfile --no-loadscope-reorder
PEOPLE ?= 20000
SEED ?= 42
PROFILE ?=

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z][a-z0-9-]*:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  \033[1m%-18s\033[0m %s\n", $$1, $$2}'

# ---- set-up -------------------------------------------------------------------------------------------------------

.PHONY: uv
uv:
	@command -v uv >/dev/null || python3 -m pip install --user --quiet uv || python3 -m pip install --user --quiet --break-system-packages uv || { \
		echo "uv is missing and pip could not install it. Install it with: pipx install uv   (or see https://docs.astral.sh/uv/)" >&2; exit 1; }

.PHONY: setup
setup: uv ## install Python and all packages
	@uv sync --locked --quiet

.PHONY: setup-run
setup-run: uv # what running needs, without test and bench tools; does not remove them
	@uv sync --locked --quiet --inexact --no-default-groups

.PHONY: setup-stack
setup-stack: # the servers of the cluster profile
	@bash infra/setup/stack.sh

.PHONY: fetch-stack
fetch-stack: # the same beside something else: what cannot be had is told by whoever needs it
	@bash infra/setup/stack.sh || true

.PHONY: setup-browser
setup-browser: # a browser with Chinese fonts for the end-to-end tests
	@bash infra/setup/browser.sh

# ---- run ----------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: setup-run ## make a city of PEOPLE=20000, run it through Airflow, serve the result; SEED=42, PROFILE=cluster
	@$(RUN) citybrain demo --people $(PEOPLE) --seed $(SEED) $(if $(PROFILE),--profile $(PROFILE))

.PHONY: demo-stop
demo-stop: setup-run ## end what the demo started, and nothing else
	@$(RUN) citybrain demo --stop

.PHONY: stack
stack: setup-run ## the servers of the cluster profile: fetched once, started, watched over; see docs/stack.md
	@$(RUN) citybrain stack up

.PHONY: stack-down
stack-down: setup-run ## stop these servers, and nothing else; their data stays
	@$(RUN) citybrain stack down

.PHONY: derive
derive: setup ## write the files that are derived from the contracts
	@$(RUN) citybrain contract derive

.PHONY: bench
bench: setup ## every benchmark with its floor and peers, JSON into bench-results/ (minutes)
	@mkdir -p bench-results
	@for name in ingest upsert quality publish search; do $(RUN) citybrain bench $$name --json > bench-results/$$name.json; done

# ---- check --------------------------------------------------------------------------------------------------------

LINTS = lint-types lint-python lint-imports lint-sql lint-contracts

.PHONY: lint
lint: setup ## all static checks
	@$(MAKE) --no-print-directory --jobs $(WORKERS) --output-sync=target $(LINTS)

.PHONY: lint-python
lint-python:
	@$(RUN) ruff check . && $(RUN) ruff format --check .

.PHONY: lint-types
lint-types:
	@$(RUN) mypy

.PHONY: lint-imports
lint-imports:
	@$(RUN) lint-imports --no-cache

.PHONY: lint-sql
lint-sql:
	@$(RUN) sqlfluff lint --processes $(WORKERS) --disable-progress-bar dbt_project/models

.PHONY: lint-contracts
lint-contracts:
	@$(RUN) citybrain contract lint && $(RUN) citybrain contract derive --check

.PHONY: test-unit
test-unit: setup ## logic alone: seconds
	@$(PYTEST) -n $(WORKERS) tests/unit

.PHONY: test-integration
test-integration: setup ## real DuckDB, Iceberg, dbt, Great Expectations, Airflow
	@$(PYTEST) -n $(WORKERS) -m "integration" tests

.PHONY: test-faults
test-faults: setup ## kills, cut connections, full disks
	@$(PYTEST) -n $(WORKERS) -m "faults" tests

.PHONY: test-stack
test-stack: setup setup-stack ## the cluster profile on real servers, which are started for it
	@$(PYTEST) $(SPREAD) -m "stack" tests

.PHONY: test-cluster-demo
test-cluster-demo: setup setup-stack ## the whole demo on the cluster profile, and kills in it (half an hour and more)
	@$(PYTEST) -m "cluster_demo" tests

.PHONY: test-e2e
test-e2e: setup setup-browser ## a real browser, and the whole demo through Airflow
	@$(PYTEST) -m "e2e" tests

.PHONY: test
test: uv ## static checks and every test but one tier that it names; set-up included
	@$(MAKE) --no-print-directory --jobs --output-sync=target setup setup-browser
	@$(MAKE) --no-print-directory --jobs --output-sync=target fetch-stack $(LINTS)
	@if bash infra/setup/stack.sh; then $(PYTEST) $(SPREAD) -m "not cluster_demo" tests; else \
		echo "NOT RUN: the tests of the cluster profile's servers; what they need is named above" >&2; [ "$${CI:-}" != "true" ]; \
		$(PYTEST) $(SPREAD) -m "not stack and not cluster_demo" tests; fi
	@echo "NOT RUN: the whole demo on the cluster profile. Run it with: make test-cluster-demo"

# ---- tidy ---------------------------------------------------------------------------------------------------------

.PHONY: clean
clean: ## remove caches and build output; the home .citybrain and the environment stay
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dbt_project/target dbt_project/logs dist
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
