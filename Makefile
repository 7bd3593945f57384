# Ostinato's two commands are `make refresh` and `make test`; each sets up what it needs first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := uv==0.13.8

.DEFAULT_GOAL := help
.PHONY: help setup browser postgres refresh test proof lint bench up lock clean

help:            ## what each target does
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1|/' | column -t -s '|'

setup: $(VENV)/.ready browser   ## virtual environment, locked dependencies, browser

# A pinned uv checks every hash of the lock and installs in seconds; the project itself goes in last,
# without build isolation, because the lock already holds its build backend.
$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Ostinato needs Python 3.11 or newer; name one with: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv is missing; on Debian: sudo apt-get install -y python3-venv"; exit 1; }
	@echo "Installing the locked dependencies into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(UV)
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --require-hashes requirements.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

browser:
	@sh docker/install-browser.sh

postgres:
	@sh docker/install-postgres.sh

refresh: setup   ## the main job in the sandbox: collect, build, train where needed, tag, publish
	@$(BIN)/ostinato refresh --profile sandbox

test: setup postgres   ## everything fast: units, flows against the sandbox with the real browser, real data
	@$(BIN)/python -m pytest -m "not proof" -n 3 --dist loadfile

# The proofs mostly wait for paced sites, kills and servers: two at a time; those with bounds on their time run alone.
proof: setup postgres  ## the slow proofs: kills at every step, real servers, real trainings
	@$(BIN)/python -m pytest -m proof -n 2 --dist loadfile --ignore tests/real
	@$(BIN)/python -m pytest -m proof tests/real

lint: setup      ## ruff, mypy, the six floors
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# About two hours, most of it the warehouse at ten million tracks, which needs 30 GB of disk.
bench: setup     ## each benchmark beside a named peer
	@for script in bench/*.py; do $(BIN)/python $$script || exit 1; done

up: setup        ## Prefect, MLflow, a worker and the sandbox on loopback
	@$(BIN)/ostinato up

lock: setup      ## resolve the dependencies anew
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(UV)
	@$(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --no-strip-extras \
	    --python-version 3.11 --extra dev --upgrade --quiet --output-file requirements.lock pyproject.toml

clean:           ## the virtual environment and everything written at run time
	@rm -rf $(VENV) .ostinato .pytest_cache .mypy_cache .ruff_cache .import_linter_cache *.egg-info
