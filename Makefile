# make demo    the whole thing on the sample inbox, against emulated help desks
# make test    the tests;   make check    ruff, mypy, import-linter
# make crash SEEDS=5000     kill -9 at random places, at length
# make outages SEEDS=200    the same through outages, from the first report to the last word
# make fuzz SECONDS=30       damaged input for every reader, for so long each
# make bench   speed and memory, beside the goals and beside what one would write today; BENCH="--quick" or names of rows
# make sandbox emulated ServiceNow and Zendesk on http://127.0.0.1:8765

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
SEEDS ?= 5000
SECONDS ?= 30
TESTS ?=
BENCH ?=

.PHONY: setup demo test check crash outages fuzz bench sandbox clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(READY)

demo: $(READY)
	$(BIN)/connector demo

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal $(TESTS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

crash: $(READY)
	$(BIN)/python -m tests.crash --seeds $(SEEDS)

outages: $(READY)
	$(BIN)/python -m tests.outages --seeds $(SEEDS)

fuzz: $(READY)
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

bench: $(READY) .venv/bench-ready .venv/dlt/ready
	$(BIN)/python -m bench $(BENCH)

.venv/bench-ready: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	touch $@

# In an environment of its own: dlt wants a newer pytz than pysnow allows.
.venv/dlt/ready: bench/dlt.txt
	$(PYTHON) -m venv .venv/dlt
	.venv/dlt/bin/python -m pip install --quiet --disable-pip-version-check --requirement bench/dlt.txt
	touch $@

sandbox: $(READY)
	$(BIN)/connector sandbox

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
