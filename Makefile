# make demo   the page with the built-in model on http://127.0.0.1:7860 (PORT=8000 for another port)
# make test   the whole test suite; browser tests skip, and say so, where there is no Chromium (CHROMIUM=/path/to/it)
# Both make .venv and install on first use. TORCH_INDEX=https://download.pytorch.org/whl/cpu takes another build of torch;
# PYTHON=python3.12 another Python. To start afresh: rm -r .venv

PYTHON ?= python3
PORT ?= 7860
TORCH_INDEX ?=
PY := .venv/bin/python

.PHONY: demo test

demo: .venv/.runtime
	$(PY) app.py --port $(PORT)

test: .venv/.dev
	$(PY) -m pytest -rs

# The stamps are the memory of what was installed: a second run costs nothing, a changed requirement installs again.
.venv/.runtime: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Streamo needs Python 3.11 or newer; $(PYTHON) is older or missing. Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(if $(TORCH_INDEX),$(PY) -m pip install --index-url $(TORCH_INDEX) $$(sed -n 's/^\(torch==[^ ]*\).*/\1/p' requirements.txt))
	$(PY) -m pip install -r requirements.txt
	touch $@

.venv/.dev: requirements-dev.txt .venv/.runtime
	$(PY) -m pip install -r requirements-dev.txt
	touch $@
