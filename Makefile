# `make demo` and `make test` need python3.11 and make, and build .venv by themselves.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check evaluate clean

demo: $(VENV)/.demo            ## serve the page with the bundled checkpoints
	$(BIN)/python app.py

test: $(VENV)/.test            ## lint, types, and the whole test suite
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/python -m pytest

check: $(VENV)/.test           ## lint and types alone
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: requirements.txt $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

$(VENV)/.test: requirements.txt pyproject.toml $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -c requirements.txt -e '.[app,train,dev]'
	touch $@

clean:                         ## remove what the targets above have made
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache
