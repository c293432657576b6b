# Two commands matter to a newcomer: `make demo` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: demo test check layers bench reproduce torture clean
.DEFAULT_GOAL := help

help:
	@echo "make demo   run the main job on real decisions and see what happened"
	@echo "make test   install and run all tests"
	@echo "make check  the quick part: ruff, mypy, layers, unit and architecture tests"
	@echo "make bench  measure, with ratios in one run"
	@echo "make torture  kill a host that writes 200 times, and look for every point that it acknowledged"
	@echo "make reproduce  play again what others published, and write docs/reference/results.md"

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(READY)

demo: $(READY)
	@$(BIN)/engine-ops demo $(ARGS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q --numprocesses=auto --dist=worksteal tests/unit tests/architecture

layers: $(READY)
	$(BIN)/lint-imports --no-logo

test: check
	$(BIN)/python -m pytest -q --ignore=tests/unit --ignore=tests/architecture -m "not benchmark" tests sample_plugins

bench: $(READY)
	$(BIN)/python -m tests.benchmarks $(ARGS)

reproduce: $(READY)
	$(BIN)/python -m tests.reproduce $(ARGS)

torture: $(READY)
	ENGINE_OPS_KILLS=$(or $(KILLS),200) $(BIN)/python -m pytest -q -s tests/faults/history/test_power.py -k kill_9

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
