PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
CONFIG ?= config/ringback.toml
JOBS ?= 2
PROFILE ?= dev
SECONDS_OF_FUZZ ?= 600

.PHONY: setup run demo site test test-fast test-browser pictures check coverage lint layers attack bench fuzz busy-day diagrams schema \
	record-protocol clean

setup: $(VENV)/.installed

RELAY := $(wildcard media/relay/*.[ch])

$(VENV)/.installed: pyproject.toml setup.py clients/python/pyproject.toml $(RELAY)
	@test -x $(BIN)/pip || sh scripts/make_venv.sh $(PYTHON) $(VENV)
	@echo "installing into $(VENV) …"
	@$(PIP) --upgrade pip >$(VENV)/install.log 2>&1 || { cat $(VENV)/install.log; exit 1; }
	@$(PIP) --editable clients/python --editable '.[dev]' >$(VENV)/install.log 2>&1 || { cat $(VENV)/install.log; exit 1; }
	@$(BIN)/python -m media.relay.implementation
	@touch $@

run: setup
	$(BIN)/ringback run --config $(CONFIG)

demo: setup
	$(BIN)/python -m scripts.demo

# A demo page with the button, until Ctrl-C.
site: setup
	$(BIN)/python -m scripts.site

# Everything, with peers: what may share the machine first, what measures it afterwards.
test: setup
	@sh scripts/test_peers.sh
	@HYPOTHESIS_PROFILE=$(PROFILE) sh scripts/run_tests.sh

# No process, no socket: tests/conftest.py marks the tests that need them, and forbids it to others.
test-fast: setup
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile -m "not outside"

# Web pages in a real browser; `make test` runs them too where both are there.
test-browser: setup
	@command -v chromium >/dev/null 2>&1 || sh scripts/apt_install.sh chromium
	@command -v turnserver >/dev/null 2>&1 || sh scripts/apt_install.sh coturn
	@$(PIP) --editable '.[browser]'
	@sh scripts/page_libraries_install.sh
	$(BIN)/python -m pytest tests/integration/test_web_*.py

# Each screen and state of the web pages, for docs/.
pictures: setup
	@rm -f docs/pictures/*.png
	RINGBACK_PICTURES=docs/pictures $(BIN)/python -m pytest -q tests/integration/test_web_states.py tests/integration/test_web_phone_states.py

check: lint layers test-fast

coverage: setup
	@sh scripts/test_peers.sh
	@rm -f .coverage .coverage.*
	HYPOTHESIS_PROFILE=$(PROFILE) COVERAGE=1 sh scripts/run_tests.sh
	$(BIN)/python -m coverage report
	@$(BIN)/python -m scripts.line_coverage --fail-under 95

layers: setup
	$(BIN)/python -m pytest -q $(wildcard tests/test_rooms.py tests/test_layers.py) tests/test_named_modules.py tests/test_named_files.py tests/test_test_files.py

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

# Floods, idle and half-open connections, forged packets, damaged files, greedy bots: each for ten seconds; then more
# calls than the machine can carry. Under a quarter of an hour in all. Needs root, for a network namespace, and to come before other programs.
attack: setup
	$(BIN)/python -m scripts.attack

# Damaged input for every parser, ten minutes in all; atheris where it installs.
fuzz: setup
	@$(PIP) atheris >$(VENV)/fuzz.log 2>&1 || echo "atheris does not install here: inputs are made by damage alone"
	$(BIN)/python -m scripts.fuzz --seconds $(SECONDS_OF_FUZZ)

clean:
	rm -rf $(VENV) run .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* \
		*.egg-info clients/python/*.egg-info build clients/python/build media/relay/*.so
