PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
CONFIG ?= config/ringback.toml

.PHONY: setup run demo test lint bench busy-day diagrams schema record-protocol clean

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml setup.py clients/python/pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) …"
	@$(PIP) --upgrade pip >$(VENV)/install.log 2>&1 || { cat $(VENV)/install.log; exit 1; }
	@$(PIP) --editable clients/python --editable '.[dev]' >$(VENV)/install.log 2>&1 || { cat $(VENV)/install.log; exit 1; }
	@touch $@

run: setup
	$(BIN)/ringback run --config $(CONFIG)

demo: setup
	$(BIN)/python -m scripts.demo

test: setup
	@sh scripts/test_peers.sh
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

busy-day: setup
	RINGBACK_BUSY_DAY=500,200 $(BIN)/python -m pytest -s tests/integration/test_busy_day.py

diagrams: setup
	$(BIN)/python -m scripts.state_diagrams docs/states.md

schema: setup
	$(BIN)/ringback rpc --schema >docs/openrpc.json.new
	mv docs/openrpc.json.new docs/openrpc.json

# At a release: what later versions are held to, see docs/compatibility.md.
record-protocol: schema
	cp docs/openrpc.json tests/engine/control/recorded_protocol.json

bench: setup
	$(BIN)/python -m scripts.bench

clean:
	rm -rf $(VENV) run .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info clients/python/*.egg-info build clients/python/build
