# Every command of this project. `make` alone explains them.
#
# Needs GNU make and a Python of 3.11 or later, nothing else: everything is installed into .venv.

.DEFAULT_GOAL := help
.PHONY: hostile help install langgraph-dev up demo test tests test-fast server-free test-long check bench chaos gen gen-langgraph-json

BIN := .venv/bin
STAMP := .venv/.installed
PEER := .venv-langgraph-dev
CODE := agentic_sales tests celeryconfig.py deploy/build_wheel.py examples
PROCESSES := 6
SPREAD = $(BIN)/python -m tests.spread --numprocesses $(PROCESSES)
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11 python

help:
	@echo 'make demo                one company and two flows through the whole fleet, then all is ended'
	@echo 'make demo URL=https://…  the same with a real web site'
	@echo 'make up                  keep the fleet running here; Ctrl-C ends all of it'
	@echo 'make test                the whole gate: check beside every test; 11 minutes on two cores'
	@echo 'make test-fast           check, and every test that needs no server; under a minute'
	@echo 'make test-long           what takes longer: kills at every node, simulated months, the long chaos'
	@echo 'make check               format, lint, types, import contracts, control plane'
	@echo 'make bench               this fleet beside langgraph dev and a bare FastAPI: runs/s, latencies, memory'
	@echo 'make chaos               kill, freeze and cut off everything under load, and count what became of the runs'
	@echo 'make hostile             feed every reader with bad inputs for a minute each, and count what held'
	@echo 'make gen                 write langgraph.json, schemas.json and graphs.json'
	@echo 'make gen-langgraph-json  write langgraph.json alone, from the rows; imports no graph'
	@echo 'make install             the virtual environment alone, in .venv'
	@echo 'make langgraph-dev       the environment of `langgraph dev`, which `make test` and `make bench` compare with'
	@echo
	@echo 'PYTHON=/path/to/python   the interpreter that makes .venv (3.11 or later)'

install: $(STAMP)

# A candidate must be new enough and have `ensurepip`, which Debian packs apart.
$(STAMP): pyproject.toml constraints.txt
	@set -e; \
	for candidate in $(if $(PYTHON),'$(PYTHON)',$(CANDIDATES)); do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    new_enough="$$new_enough $$candidate"; \
	    if "$$candidate" -c 'import ensurepip, venv' 2>/dev/null; then chosen="$$candidate"; break; fi; \
	  fi; \
	done; \
	if [ -z "$$chosen" ] && [ -n "$$new_enough" ]; then \
	  echo "$$new_enough cannot make a virtual environment: the module ensurepip is missing." >&2; \
	  echo "On Debian and Ubuntu: apt-get install python3-venv. Or name another: make install PYTHON=/path/to/python" >&2; \
	  exit 1; \
	fi; \
	if [ -z "$$chosen" ]; then \
	  echo "No Python of 3.11 or later was found (tried $(or $(PYTHON),$(CANDIDATES)))." >&2; \
	  echo "Install one, or name it: make install PYTHON=/path/to/python" >&2; \
	  exit 1; \
	fi; \
	echo "making .venv with $$chosen"; \
	"$$chosen" -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@# setuptools warns of what every editable installation is.
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --constraint constraints.txt \
	  --editable '.[all]' --group dev
	@touch $@

langgraph-dev: $(PEER)/.installed

# `langgraph dev`, which tests and measurements compare with, in an environment of its own.
$(PEER)/.installed: pyproject.toml tests/langgraph-dev.txt | $(STAMP)
	$(BIN)/python -m venv $(PEER)
	$(PEER)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	PYTHONWARNINGS=ignore $(PEER)/bin/python -m pip install --quiet --constraint tests/langgraph-dev.txt \
	  --editable . --group langgraph-dev
	@touch $@

up: install
	@$(BIN)/agentic-sales up

demo: install
	@$(BIN)/agentic-sales demo $(if $(URL),--url '$(URL)')

# The checks run beside the first tests. More processes than cores, since acceptance tests mostly wait.
test: install langgraph-dev
	@$(MAKE) --no-print-directory --jobs 2 check tests

tests: install langgraph-dev
	$(SPREAD)

test-fast: install
	@$(MAKE) --no-print-directory --jobs 2 check server-free

server-free: install
	$(SPREAD) -m 'not long and not server' tests/unit tests/structure

test-long: install langgraph-dev
	$(BIN)/python -m pytest -m long
	$(BIN)/python -m tests.chaos

check: install
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/agentic-sales check

bench: install langgraph-dev
	$(BIN)/python -m tests.bench

chaos: install
	$(BIN)/python -m tests.chaos

hostile: install
	$(BIN)/python -m tests.hostile

gen: install
	$(BIN)/agentic-sales gen

gen-langgraph-json: install
	$(BIN)/python -m agentic_sales.checks.langgraph_json
