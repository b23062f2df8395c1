# SPDX-License-Identifier: MIT
# Every target creates what it needs under this folder: .venv (Python packages), .peers (independent
# programs). `make clean` removes both. PYTHON=python3.12 chooses the interpreter.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install -q --disable-pip-version-check
PYTEST := $(PY) -m pytest
ARGS ?=
BOARD ?=
PORT ?=
# The demo with the device part inside MicroPython: make demo VM=micropython
VM ?=

help: ## this list
	@awk -F ':.*## ' '/^[a-z -]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.demo ## one emulated charging session, plug-in to unplug (VM=micropython, ARGS=--help)
ifneq ($(VM),)
	@$(PY) -m tools.peers fetch micropython-i386
endif
	@$(PY) -m tools.demo $(if $(VM),--vm $(VM:micropython=i386)) $(ARGS)

test: $(VENV)/.test peers ## all tests but the slow ones
	$(PYTEST) -n 2 -m "not peer and not vm and not slow" $(ARGS)
	$(PYTEST) -m "(peer or vm) and not slow" $(ARGS)

test-slow: $(VENV)/.test peers ## full fault matrix, fuzzing, soak
	$(PYTEST) -m slow $(ARGS)

bench: $(VENV)/.test peers ## sizes, heap, instruction counts against their goals (ARGS=--json)
	@$(PY) -m tools.bench $(ARGS)

table: $(VENV)/.test peers ## README's table of features and peers, from the tests that it names
	@$(PY) -m tools.table $(ARGS)

pages: $(VENV)/.test ## reference pages (stop reasons, settings, times, state charts) from the code's tables
	@$(PY) -m tools.pages

lint: $(VENV)/.test ## style, spelling, licence lines, device code compiles for MicroPython
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/codespell
	$(PY) -m tools.lint

PKI ?= pki
pki: $(VENV)/.demo ## a throw-away PKI for car and station in ./pki (PKI=DIR, ARGS="--kind Ed448")
	@$(PY) -m tools.pki make $(PKI) $(ARGS)

# BOARD: a folder of boards/; PORT: a serial port (default: the only one), or a CIRCUITPY drive;
# PKI=DIR copies the car's keys too.
flash: $(VENV)/.demo ## firmware onto a board: make flash BOARD=RPI_PICO2 PORT=/dev/ttyACM0
	@$(PY) -m tools.flash "$(BOARD)" --port "$(PORT)" $(if $(filter command line,$(origin PKI)),--pki $(PKI)) $(ARGS)

repl logs trace selftest: $(VENV)/.demo ## talk to a board: prompt, its log, last session as pcapng, wiring
	@$(PY) -m tools.flash.$@ --port "$(PORT)" $(ARGS)

# A peer that cannot be fetched is told here; the tests then skip, or fail with CI set.
peers: $(VENV)/.test ## fetch the independent programs that tests use, show what is there
	-@$(PY) -m tools.peers fetch all
	@$(PY) -m tools.peers

venv: $(VENV)/.test ## the Python environment alone

clean: ## remove everything that was created
	rm -rf $(VENV) .peers build demo_out .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	    echo "$(PYTHON) is too old or not there: Python 3.10 or newer is needed (PYTHON=... chooses)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) cannot make virtual environments; on Debian, as root: apt-get install python3-venv"; exit 1; }
	@echo "creating $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: requirements-demo.txt | $(PY)
	@echo "installing Python packages ($<) ..."
	@$(PIP) -r $<
	@touch $@

$(VENV)/.test: requirements-test.txt requirements-demo.txt | $(PY)
	@echo "installing Python packages ($<) ..."
	@$(PIP) -r $<
	@touch $@ $(VENV)/.demo

.PHONY: help demo test test-slow bench table pages lint pki peers venv flash repl logs trace selftest clean
