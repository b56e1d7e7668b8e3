# Everything a newcomer needs; the only things to install beforehand are Python 3.11+, git and make.
PYTHON ?= python3
UV := .tools/bin/uv
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(CURDIR)/.tools/bin:$(PATH)
# uv takes the Python found here and never downloads one.
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := $(VENV)
# Both cost every process seconds of start-up; neither is of use here.
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONUNBUFFERED
unexport VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help setup demo sandbox test test-all test-long lint types check bench docs dist clean

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(VENV)/.synced ## Install everything into .tools and .venv

.tools/.synced: requirements/tools.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(v < (3, 11) and "Python 3.11 or newer is needed, this is %d.%d: make PYTHON=/path/to/python3.11" % v)'
	$(PYTHON) -m venv --clear .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check "$$(grep -o '^uv==[0-9.]*' requirements/tools.txt)"
	$(UV) pip install --quiet --python .tools/bin/python --requirement requirements/tools.txt
	@touch $@

$(VENV)/.synced: .tools/.synced uv.lock pyproject.toml tap-ifs-cloud/pyproject.toml target-monday/pyproject.toml sandbox/pyproject.toml
	$(UV) sync --quiet --frozen --all-packages --python .tools/bin/python
	ln -sf ../../.tools/bin/meltano $(VENV)/bin/meltano
	@touch $@

demo: setup ## Sync a manufacturer's year to boards, let a day pass, sync the changes
	python -m ifs_monday_sandbox.demo

sandbox: setup ## Keep the sandbox up for trying things by hand (Ctrl-C ends it)
	ifs-monday-sandbox serve

test: lint types check ## Lint, types and the tests

test-all: test test-long ## The same and the long tests, which run every documented command

lint: setup
	ruff check .
	ruff format --check .
	lint-imports

types: setup
	mypy

check: setup
	pytest --numprocesses auto -m "not long"

test-long: setup
	pytest -m long

bench: setup ## Measure speed, memory and start-up; BENCH="tap-speed --rows 20000" for a part
	python -m benchmarks $(BENCH)

docs: setup ## Write docs/settings.md anew after changing a setting
	python docs/generate_settings.py

dist: setup ## Build the three packages into dist/
	$(UV) build --all-packages --out-dir dist

clean: ## Remove what was installed and built; your boards' ledger in .meltano stays
	rm -rf .tools $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
