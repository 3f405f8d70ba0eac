# A front for tools/do.py, which does the same where there is no make; `make` alone prints the list.
# PYTHON is the Python that makes the environment; the other settings are those of tools/do.py.
PYTHON   ?= python3
SETTINGS := VENV PIP_ARGS ONLY JOBS DASK LIST RUN WHEELHOUSE MNIST TORCH
TARGETS  := book test check lint lab labs figures bundle lock

DO = @command -v "$(PYTHON)" >/dev/null || { echo "make: no '$(PYTHON)' here: install Python 3.10 \
or newer, or name one: make PYTHON=python3.12" >&2; exit 2; }; "$(PYTHON)" tools/do.py
# NAME='value' for each setting that has one; a quote in a value ends the quotes around it.
GIVEN = $(foreach name,$(SETTINGS),$(if $($(name)),$(name)='$(subst ','\'',$($(name)))'))

.PHONY: help ready clean $(TARGETS)
.DEFAULT_GOAL := help

help:
	$(DO)

# Before any target, so that two of them (make -j2 lint test) do not both make the environment.
ready:
	$(DO) ready $(GIVEN)

$(TARGETS): ready
	$(DO) $@ $(GIVEN)

clean:
	$(DO) clean
