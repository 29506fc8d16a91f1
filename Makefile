# citybrain. Two commands do all the set-up: `make demo` and `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export PATH := $(HOME)/.local/bin:$(PATH)
RUN := uv run --no-sync
WORKERS ?= 2
PEOPLE ?= 20000

.PHONY: help
help: ## list what there is
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  \033[36m%-18s\033[0m %s\n", $$1, $$2}'

.PHONY: setup
setup: .venv/.ready ## install uv (if missing) and the locked environment

.venv/.ready: pyproject.toml uv.lock
	@command -v uv >/dev/null || { echo "installing uv"; python3 -m pip install --quiet --user uv 2>/dev/null || python3 -m pip install --quiet --user --break-system-packages uv; } \
		|| { echo "uv is missing and could not be installed. Install it with:  pipx install uv   or   pip install --user uv" >&2; exit 1; }
	uv sync --locked --quiet
	@touch $@

.PHONY: browser
browser: ## install Chromium and Chinese fonts for the browser tests (Debian, root)
	@bash infra/setup/browser.sh

.PHONY: demo
demo: setup ## synthetic city of 20,000 people through Airflow to the catalogue
	$(RUN) citybrain demo --people $(PEOPLE)

.PHONY: demo-stop
demo-stop: setup ## end the processes that the demo started
	$(RUN) citybrain demo --stop

.PHONY: lint
lint: setup ## ruff, mypy, import-linter, sqlfluff, contract lint, derived files
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) lint-imports --no-cache
	$(RUN) sqlfluff lint dbt_project/models --disable-progress-bar
	$(RUN) citybrain contract lint
	$(RUN) citybrain contract derive --check

.PHONY: test-unit
test-unit: setup ## unit tests, seconds
	$(RUN) pytest tests/unit -q -n $(WORKERS)

.PHONY: test-integration
test-integration: setup ## real DuckDB, Iceberg, dbt, Great Expectations, Airflow parsing
	$(RUN) pytest tests/integration -q -n $(WORKERS) --dist loadfile

.PHONY: test-faults
test-faults: setup ## kill -9, lost connections, concurrent writers
	$(RUN) pytest tests/faults -q -n $(WORKERS) --dist loadfile

.PHONY: test-e2e
test-e2e: setup browser ## real headless Chromium
	$(RUN) pytest tests/e2e -q

.PHONY: test
test: setup browser lint ## everything
	$(RUN) pytest tests -q -n $(WORKERS) --dist loadfile

.PHONY: derive
derive: setup ## write what derives from the contracts
	$(RUN) citybrain contract derive

.PHONY: bench
bench: setup ## every benchmark, JSON into bench-results/
	mkdir -p bench-results
	for name in ingest upsert quality; do $(RUN) citybrain bench $$name --json > bench-results/$$name.json; done

.PHONY: clean
clean: ## remove caches and the environment; the home .citybrain stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
