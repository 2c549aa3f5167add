# Two commands are all there is to know: `make serve` and `make test`. Both install into .venv on first use.
PYTHON ?= python3
BIN := .venv/bin
export PYTHONDONTWRITEBYTECODE :=

.PHONY: install serve test long again lint check proof fuzz soak constraints image try-image sbom bench oldest docs pictures vendor clean

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

install: .venv/installed

# What serving needs, and nothing else: seconds, where the harness and the tools take a minute. A file whose hash is not
# the one in constraints.txt is not installed; this folder itself, of which there is no hash, comes last and brings nothing.
.venv/serving: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Ringback needs Python 3.11 or newer; try PYTHON=python3.12 make ..." >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv (first use only) ..." >&2
	@sed '/^## To check/,$$d' constraints.txt > .venv/serving.txt
	@$(PIP) --require-hashes --requirement .venv/serving.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed: .venv/serving
	@echo "Installing the harness and the tools into .venv (first use only) ..." >&2
	@$(PIP) --require-hashes --requirement constraints.txt
	@touch $@

serve: .venv/serving
	@exec $(BIN)/ringback serve

# Two vendors at a time, each with a mock of its own; who takes longest comes first.
VENDORS := teli vogent uponai interactly
check: install
	@printf '%s\n' $(VENDORS) | xargs -n 1 -P 2 $(BIN)/ringback check

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# On two processors, for each a server or a harness of its own. Of the planted defects one for every property; what takes
# long, or installs something, is left to `make long`.
test: lint check
	$(PYTEST) -m "not long and not proof" -n $(WORKERS) --dist worksteal

# Some tests wait more than they work: on two processors three workers are quicker, and disturb each other more.
WORKERS ?= 2

# Of the planted defects one in so many, and at least one for every property of every vendor.
DEFECT_SHARE ?= 8
PYTEST := DEFECT_SHARE=$(DEFECT_SHARE) $(BIN)/python -m pytest

# What is marked as long; CI runs it before `make test`.
long: install
	$(PYTEST) -m "long and not proof" -n $(WORKERS) --dist worksteal

# What failed beside other tests is tried once more by itself, as CI does; lint and check are not tried again.
again: install
	$(PYTEST) --last-failed --last-failed-no-failures none

# Every planted defect is found, and nothing on the honest mock, with three seeds; then what takes minutes by itself.
proof: install
	DEFECT_SEEDS=1,2,3 $(BIN)/python -m pytest -n 2 --dist worksteal tests/test_defects.py
	$(BIN)/python -m pytest -n 2 --dist worksteal -m proof

# The attack, for as long as one likes: make fuzz SECONDS=3600 SEED=7. The seconds are those of all fuzzers together, and
# two of them work at a time; make test fuzzes for a few seconds.
SECONDS ?= 240
SEED ?= 1
fuzz: install
	RINGBACK_FUZZ_SECONDS=$(SECONDS) RINGBACK_FUZZ_SEED=$(SEED) $(BIN)/python -m pytest -n 2 --dist worksteal -rP $(addprefix tests/attack/test_,fuzzing.py files.py spec_files.py control_bodies.py)

# Everything that takes at once, over each store, for as long as one likes: make soak SECONDS=3600.
soak: install
	RINGBACK_SOAK_SECONDS=$(SECONDS) $(BIN)/python -m pytest -n 0 -rP tests/attack/test_soak.py --timeout $$(($(SECONDS) + 300))

# constraints.txt anew, after a change of pyproject.toml; with UPGRADE=1 at the newest versions that it allows.
constraints: install
	$(PYTHON) -m venv .venv/pinning
	.venv/pinning/bin/python -m pip install --quiet --disable-pip-version-check uv
	PATH="$(CURDIR)/.venv/pinning/bin:$$PATH" $(BIN)/python .ci/constraints.py $(if $(UPGRADE),--upgrade)

# The container image for both processors, without a daemon: build/layout, and build/ARCH/root.tar for the Containerfile.
ARCHITECTURES ?= amd64 arm64
image: .venv/serving
	@command -v mmdebstrap >/dev/null || { echo "mmdebstrap is needed: apt-get install mmdebstrap" >&2; exit 2; }
	$(BIN)/python .ci/image.py build $(ARCHITECTURES)

# Builds the image of this machine's processor and runs it with podman and runc, as root: without rights, read-only.
try-image: install
	RINGBACK_IMAGE=1 $(BIN)/python -m pytest tests/test_image.py

# Everything that is installed with Ringback, as a CycloneDX bill of materials on standard output.
sbom: install
	@$(BIN)/python .ci/sbom.py

# The oldest dependencies that pyproject.toml allows do: to serve, to be a plugin of an old pytest, to check.
OLDEST_TESTS ?= teli vogent wire faults public_face pytest_plugin
oldest: install
	rm -rf .venv/oldest
	$(PYTHON) -m venv .venv/oldest
	$(BIN)/python tests/oldest.py > .venv/oldest/constraints.txt
	.venv/oldest/bin/python -m pip install --quiet --disable-pip-version-check --constraint .venv/oldest/constraints.txt .
	.venv/oldest/bin/python -m pip install --quiet --disable-pip-version-check pytest==7.4.0 pytest-timeout pytest-xdist requests
	.venv/oldest/bin/python -m pytest -o addopts= -n $(WORKERS) $(addprefix tests/test_,$(addsuffix .py,$(OLDEST_TESTS)))
	.venv/oldest/bin/python -m pip install --quiet --disable-pip-version-check --constraint .venv/oldest/constraints.txt '.[check]'
	@printf '%s\n' uponai interactly | xargs -n 1 -P 2 .venv/oldest/bin/ringback check --draws 5

docs: install
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build
	@echo "docs/_build/index.html" >&2

# The pictures of the README and the guides, of what really runs: needs Chromium.
pictures: install
	$(BIN)/python docs/pictures.py

# What the console uses of others, fetched anew and compared with its digests; needs npm.
vendor:
	@$(PYTHON) .ci/vendor.py

bench: install
	$(BIN)/python benchmarks/run.py

clean:
	rm -rf .venv
