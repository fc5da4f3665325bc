# Needs Python 3.11+, git and make. Everything else, Node included, comes into .venv and ui/node_modules.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: setup demo test bench wheel lock clean

setup: .venv/.ondol
	@$(BIN)/python hatch_build.py

demo: setup
	@$(BIN)/ondol demo $(ARGS)

# The default run needs no service. `make test ARGS=--lanes=all` runs every lane, and so does CI=true.
test: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest --numprocesses=auto --dist=loadgroup $(ARGS)

bench: setup
	$(BIN)/python benchmarks/run.py $(ARGS)

wheel: setup
	$(BIN)/python -m build --wheel --no-isolation --outdir dist .

# Pinned sets with hashes, without index addresses or paths: for CI, and for installs that must not move.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links --no-config pyproject.toml
lock: .venv/.ondol
	$(COMPILE) --output-file requirements/core.txt
	$(COMPILE) --output-file requirements/dev.txt --extra dev --constraint requirements/core.txt
	echo uv | $(subst pyproject.toml,-,$(COMPILE)) --output-file requirements/uv.txt --constraint requirements/dev.txt

clean:
	rm -rf .venv build dist ui/node_modules src/ondol/ui/static .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Ondol needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.ondol: .venv/.python requirements/dev.txt pyproject.toml
	@echo "Installing the pinned packages into .venv"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/uv.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements/dev.txt \
		|| $(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/dev.txt
	@echo "Building the web app, when it is not up to date"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
