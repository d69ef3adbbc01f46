# Everything here installs what it needs: a machine with Python 3.11 and make is enough.
VENV   := .venv
BIN    := $(VENV)/bin
PYTHON := $(BIN)/python
PORT   ?= 8501
DB     := $(or $(SPENDGLASS_DB),data/usage.duckdb)
PIP    := $(BIN)/pip install --quiet --disable-pip-version-check
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo -n )

# $(call packages,NAMES): from the system's package manager, or in words what to install
packages = { echo "Installing $(1)"; command -v apt-get >/dev/null && $(AS_ROOT)apt-get update -qq \
	&& $(AS_ROOT)env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(1) >/dev/null; } \
	|| { echo "Please install $(1) with this system's package manager, then run make again." >&2; exit 1; }

.DEFAULT_GOAL := help
.PHONY: help setup dashboard test check format bench fuzz soak browser clean

help: ## what can be made
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

dashboard: $(VENV)/runtime.stamp ## set up, load the sample on first run, serve on http://127.0.0.1:8501 (PORT=9000 moves it)
	@test -f "$(DB)" || $(PYTHON) -m ingest data/sample/*.jsonl.gz --db "$(DB)" --origin sample
	@echo "Spendglass: http://127.0.0.1:$(PORT)  (Ctrl-C stops it)"
	@SPENDGLASS_DB="$(DB)" $(BIN)/streamlit run dashboard.py --server.address 127.0.0.1 --server.port $(PORT) \
		--server.headless true --browser.gatherUsageStats false

setup: $(VENV)/runtime.stamp $(VENV)/development.stamp ## .venv with all that running and testing need

test: setup browser ## every test, in a real browser too
	@$(PYTHON) -m pytest -n auto --dist loadfile

check: setup ## formatter, linter, type checker
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --diff --quiet .; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary

format: setup ## format, and mend what the linter can
	@$(BIN)/ruff check --quiet --fix . || true
	@$(BIN)/ruff format --quiet .

bench: setup ## every measurement in bench/
	@set -e; for script in $$(grep -l __main__ bench/*.py | grep -v generat | grep -v kills); do \
		echo "== $$script"; $(PYTHON) $$script; done

fuzz: setup ## broken logs of every format, for ten minutes
	@$(PYTHON) -m tests.ingest.fuzzing --seconds 600

soak: setup ## loads killed at every stage: the store is as before or as after
	@$(PYTHON) -m pytest -m soak
	@$(PYTHON) bench/kills.py

clean: ## caches and .venv; never data
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis test-results bench/out
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

browser: # Chromium for the browser tests
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || $(call packages,chromium)

$(PYTHON):
	@command -v python3.11 >/dev/null || $(call packages,python3.11 python3.11-venv)
	@python3.11 -c 'import ensurepip' 2>/dev/null || $(call packages,python3.11-venv)
	@python3.11 -m venv $(VENV)

$(VENV)/runtime.stamp: requirements.txt | $(PYTHON)
	@echo "Installing requirements.txt into $(VENV)"
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/development.stamp: requirements.txt requirements-dev.txt $(VENV)/runtime.stamp
	@echo "Installing requirements-dev.txt into $(VENV)"
	@$(PIP) -r requirements.txt -r requirements-dev.txt
	@touch $@
