# make demo   the page with the built-in model on http://127.0.0.1:7860 (PORT=8000 for another port)
# make check  formatter, linter, types, and the tests that are neither slow nor in a browser
# make test   the whole test suite; browser tests skip, and say so, where there is no Chromium (CHROMIUM=/path/to/it)
# make lock   resolve all versions again after a change of requirements*.txt (UPGRADE=1: take the newest that fit)
# They make .venv and install on first use. TORCH_INDEX=https://download.pytorch.org/whl/cpu takes another build of torch;
# PYTHON=python3.12 another Python. To start from scratch: rm -r .venv

PYTHON ?= python3
PORT ?= 7860
TORCH_INDEX ?=
JOBS ?= 3
UPGRADE ?=
PY := .venv/bin/python
# One thread per process: several processes of as many threads as cores take longer than one after the other. A process
# more than two cores have: tests of the page mostly wait for it. A file is one process's, in the order of tests/conftest.py.
PYTEST := OMP_NUM_THREADS=1 $(PY) -m pytest --dist loadfile --no-loadscope-reorder

.PHONY: demo check lint test lock

demo: .venv/.runtime
	$(PY) app.py --port $(PORT)

check: lint
	$(PYTEST) -n 2 -q -m "not slow and not browser"

lint: .venv/.dev
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy

test: .venv/.dev
	$(PYTEST) -n $(JOBS) -rs

# The stamps record what was installed: a second run costs nothing, a changed requirement installs again.
.venv/.runtime: requirements.txt requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Streamo needs Python 3.11 or newer; $(PYTHON) is older or missing. Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(if $(TORCH_INDEX),$(PY) -m pip install --index-url $(TORCH_INDEX) $$(sed -n 's/^\(torch==[^ ]*\).*/\1/p' requirements.txt))
	$(PY) -m pip install -r requirements.txt -c requirements.lock
	touch $@

.venv/.dev: requirements-dev.txt requirements-dev.lock .venv/.runtime
	$(PY) -m pip install -r requirements-dev.txt -c requirements-dev.lock
	touch $@

define LOCK_HEADER
# Every version, of libraries of libraries too, for Python 3.11 or newer on any system. Written by `make lock`: do not edit.
# `make` and CI take it as constraints: pip install -r requirements-dev.txt -c requirements-dev.lock
# A Space installs requirements.txt alone, together with gradio[oauth,mcp], which is why versions here fit that too. To
# give a Space these very versions, copy requirements.lock over requirements.txt in the repository of the Space.
# What torch brings for CUDA is left out: each build of torch pins its own.
endef
export LOCK_HEADER
COMPILE := .venv/bin/uv pip compile -q --universal --python-version 3.11 --annotation-style line --no-header $(if $(UPGRADE),--upgrade)
WITHOUT_CUDA := grep -vE '^(cuda|nvidia|triton)\b'

# Not by .venv/.dev: that installs what the locks say, which may no longer fit. The compiler keeps the versions of the
# file that is there where they still fit.
lock: .venv/bin/uv
	printf 'gradio[oauth,mcp]\n' | $(COMPILE) requirements.txt - -o requirements.lock
	$(COMPILE) requirements-dev.txt -c requirements.lock -o requirements-dev.lock
	for file in requirements.lock requirements-dev.lock; do \
		{ echo "$$LOCK_HEADER"; $(WITHOUT_CUDA) $$file; } > $$file.new && mv $$file.new $$file; \
	done

.venv/bin/uv:
	$(PYTHON) -m venv .venv
	$(PY) -m pip install $$(sed -n 's/^\(uv==[^ ]*\).*/\1/p' requirements-dev.txt)
