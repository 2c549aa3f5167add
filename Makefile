# Two commands are all there is to know: `make serve` and `make test`. Both install into .venv on first use.
PYTHON ?= python3
BIN := .venv/bin
export PYTHONDONTWRITEBYTECODE :=

.PHONY: install serve test lint check proof bench clean

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Ringback needs Python 3.11 or newer; try PYTHON=python3.12 make ..." >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv (first use only) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

serve: install
	@exec $(BIN)/ringback serve

check: install
	@$(BIN)/ringback check teli vogent interactly uponai

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What keeps a processor busy and starts servers of its own runs on two of them; the rest, which measures time here and
# there, by itself.
BUSY := $(addprefix tests/test_,defects.py depths.py hostile_endpoint.py real_endpoint.py recordings.py)

test: lint check
	$(BIN)/python -m pytest -n 2 $(BUSY)
	$(BIN)/python -m pytest $(addprefix --ignore=,$(BUSY))

# Every planted defect is found, and nothing on the honest mock, with three seeds.
proof: install
	DEFECT_SEEDS=1,2,3 $(BIN)/python -m pytest tests/test_defects.py

bench: install
	$(BIN)/python benchmarks/run.py

clean:
	rm -rf .venv
