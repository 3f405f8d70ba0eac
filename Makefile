# `make` alone prints this list. PYTHON, VENV and PIP_ARGS can be set on the command line.
PYTHON   ?= python3
VENV     ?= .venv
PIP_ARGS ?=

BIN   := $(VENV)/bin
READY := $(VENV)/.ready

# What `make figures` runs (all; or `make figures ONLY=04_dropout`), how many runs at a time (as many
# as there are cores), on which Dask scheduler (none), and whether it only says what it would do.
ONLY ?=
JOBS ?=
DASK ?=
LIST ?=

.PHONY: help book test check lint lab labs figures lock clean
.DEFAULT_GOAL := help

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Everything the other targets need: made once, and again when a file it was made from changes.
$(READY): requirements.txt pyproject.toml tools/check_python.py
	@command -v "$(PYTHON)" >/dev/null || { echo "make: no '$(PYTHON)' here: install Python 3.10 or newer, or name one: make PYTHON=python3.12" >&2; exit 2; }
	@"$(PYTHON)" tools/check_python.py
	"$(PYTHON)" -m venv "$(VENV)"
	"$(BIN)/python" -m pip install --disable-pip-version-check --quiet $(PIP_ARGS) --requirement requirements.txt
	"$(BIN)/python" -m pip install --disable-pip-version-check --quiet $(PIP_ARGS) --no-deps --editable .
	@touch "$(READY)"

book: $(READY) ## build the book into _build/html
	"$(BIN)/python" tools/build_book.py

# Two processes with one thread each: two torch processes with two threads each hinder one another.
test: export OMP_NUM_THREADS = 1
test: export LENETCOURSE_LEADERBOARD = off
test: $(READY) ## unit tests, then every notebook on the embedded digits, then their checks and the proof of the labs
	"$(BIN)/python" -m pytest -n 2 --dist loadscope tests
	"$(BIN)/python" tools/run_notebooks.py
	"$(BIN)/python" tools/check_notebooks.py
	"$(BIN)/python" tools/prove_labs.py

lint: $(READY) ## style and spelling
	"$(BIN)/ruff" check .
	"$(BIN)/ruff" format --check .
	"$(BIN)/codespell"

check: lint test book ## what CI runs

lab: $(READY) ## JupyterLab on the course, on this machine only, with its token
	"$(BIN)/jupyter" lab --ip=127.0.0.1 --notebook-dir=.

figures: $(READY) ## run on MNIST what changed of the batch: chapters and sweeps (ONLY= JOBS= DASK= LIST=1)
	"$(BIN)/python" tools/regenerate.py $(ONLY) $(if $(JOBS),--jobs $(JOBS)) \
	    $(if $(DASK),--dask $(DASK)) $(if $(LIST),--list)

labs: $(READY) ## write the labs from labs/solutions (ONLY=02; RUN=1 runs the solutions first)
	"$(BIN)/python" tools/make_labs.py $(ONLY) $(if $(RUN),--run)

lock: $(READY) ## resolve requirements.txt again after a change of its direct pins
	"$(BIN)/python" tools/lock.py

clean: ## remove what was built (not the environment)
	rm -rf _build build .pytest_cache .ruff_cache .hypothesis
