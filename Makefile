# `make demo` and `make test` need python3.11 and make, and build .venv by themselves.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check evaluate benchmark clean

demo: $(VENV)/.demo            ## serve the page with the bundled checkpoints
	$(BIN)/python app.py

test: check                    ## lint, types, and the whole test suite
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: $(VENV)/.test           ## lint and types alone
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright

# Real radiographs and ImageNet weights are not part of the project: say where they lie.
DATA ?= ../shared/xray
WEIGHTS ?= ../shared/weights
NETWORKS ?= checkpoints/mobilenetv2 checkpoints/resnet50

evaluate: $(VENV)/.test        ## audit the data, judge the bundled networks on it, rewrite the README's table
	$(BIN)/python -m training audit --data $(DATA) --output reports/audit --allow-leaks
	$(BIN)/python -m training evaluate $(NETWORKS) --from-predictions docs/predecessor.parquet \
	  --data $(DATA) --weights $(WEIGHTS) --output reports/evaluation --write-metrics --readme README.md

benchmark: $(VENV)/.bench      ## time the project beside its peers, rewrite the README's table and figure
	$(BIN)/python -m benchmarks --checkpoints $(NETWORKS) --output reports/benchmark \
	  --readme README.md --figure docs/benchmark.png

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: requirements.txt $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

$(VENV)/.test: requirements.txt pyproject.toml $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -r requirements.txt -e '.[app,train,dev]'
	touch $@

$(VENV)/.bench: $(VENV)/.test
	$(BIN)/python -m pip install --quiet -e '.[app,train,bench]'
	touch $@

clean:                         ## remove what the targets above have made
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache
