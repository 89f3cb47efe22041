# Two commands do everything: `make demo` and `make test`.

PYTHON  ?= python3
BIN     := .venv/bin
UV      := $(or $(shell command -v uv),.local/uv/bin/uv)
MELTANO := $(BIN)/meltano --log-level=warning

# As pip does, uv trusts what the machine trusts: a company's proxy may sign for PyPI.
export UV_SYSTEM_CERTS ?= $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),true)

INSTALLED := .local/installed
MANIFESTS := uv.lock pyproject.toml $(wildcard */pyproject.toml tests/sandbox/pyproject.toml) \
             meltano.yml $(wildcard target-config/*.meltano.yml)

.PHONY: help install demo up down test test-slow bench bench-cost check docs format lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(INSTALLED) ## Set everything up, in this folder only

$(INSTALLED): $(MANIFESTS) | $(UV)
	$(UV) sync --quiet --locked
	$(UV) export --quiet --frozen --all-groups --no-hashes --no-emit-workspace --output-file .local/constraints.txt
	UV_CONSTRAINT="$(CURDIR)/.local/constraints.txt" $(MELTANO) install tap-ft42 target-postgres warehouse
	$(MELTANO) install target-csv target-duckdb target-jsonl dbt
	@touch $@

.local/uv/bin/uv:
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
		--target .local/uv uv

demo: install ## Load a database from the sandbox and show what happened
	@$(BIN)/python tests/demo.py

up: install ## Start the sandbox and the embedded PostgreSQL
	$(BIN)/ft42-sandbox start --requests-per-second 0 --requests-per-hour 0
	$(BIN)/ft42-postgres start

down: ## Stop them
	@test ! -x $(BIN)/ft42-sandbox || $(BIN)/ft42-sandbox stop
	@test ! -x $(BIN)/ft42-postgres || $(BIN)/ft42-postgres stop

test: install ## Run the tests (under 5 minutes)
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

test-slow: install ## Run the long tests
	$(BIN)/python -m pytest -m slow --numprocesses auto --dist loadfile

bench: install ## Compare with other tools, some 25 minutes (ARGS=--quick: a few)
	UV_PROJECT_ENVIRONMENT=.local/bench-venv $(UV) sync --quiet --locked --group bench
	.local/bench-venv/bin/python -m tests.benchmarks.bench $(ARGS)

bench-cost: install ## Count the requests of simulated days, some 25 minutes (ARGS="--days 3")
	$(BIN)/python -m tests.benchmarks.cost $(ARGS)

check: install ## Lint, check formats, types and dependencies
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	cd tap-ft42 && ../$(BIN)/deptry .
	cd target-config && ../$(BIN)/deptry .
	cd tests/sandbox && ../../$(BIN)/deptry .

docs: install ## Write what docs/reference says of settings, tables and commands
	$(BIN)/python -m tests.reference

format: install ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: | $(UV) ## Update the lock file
	$(UV) lock --upgrade

clean: down ## Stop the servers and remove all that was installed, loaded and built
	rm -rf .local .meltano .venv dist
