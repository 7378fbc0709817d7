# Vitrine: `make app` starts the dashboard, `make share` a read-only one, `make stop` ends them and all runs;
# `make demo` does the whole job in the shell, `make test` runs every test, `make docs` builds the documentation.
PYTHON ?= python3
VENV ?= .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: app share stop demo test lint format docs screenshots benchmarks clean

app: $(VENV)/.ready
	@exec $(BIN)/python -m dashboard $(ARGS)

share: $(VENV)/.ready
	@exec $(BIN)/python -m dashboard --share $(ARGS)

stop: $(VENV)/.ready
	@$(BIN)/python -m dashboard --stop

demo: $(VENV)/.ready
	@$(BIN)/python examples/demo.py

test: lint
	@PATH="$$PATH:/usr/sbin" PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(VENV)/.ready-dev
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .
	@$(BIN)/ty check --python $(VENV) core exports dashboard && echo "lint: clean"

format: $(VENV)/.ready-dev
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

docs: $(VENV)/.ready-dev
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet && echo "docs: site/index.html"

screenshots: $(VENV)/.ready-dev
	@$(BIN)/python docs/screenshots.py

benchmarks: $(VENV)/.ready-dev
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache site

$(VENV)/.ready: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Vitrine needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 app")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what Vitrine needs into $(VENV) (once; PyTorch is large) ..."
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready requirements-dev.txt
	@$(PIP) -r requirements-dev.txt
	@$(BIN)/python tests/browser/chromium.py
	@$(PYTHON) -m venv $(VENV)/mlflow && $(VENV)/mlflow/$(notdir $(BIN))/python -m pip install --quiet --disable-pip-version-check mlflow || echo "There is no MLflow server to test with; its test is skipped."
	@touch $@
