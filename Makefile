# Two commands do everything: `make demo` and `make test`.

PYTHON  ?= python3
BIN     := .venv/bin
UV      := $(or $(shell command -v uv),.local/uv/bin/uv)
MELTANO := $(BIN)/meltano --log-level=warning

# As pip does, uv trusts what the machine trusts: a company's proxy may sign for PyPI.
export UV_SYSTEM_CERTS ?= $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),true)

INSTALLED := .local/installed
MANIFESTS := uv.lock pyproject.toml $(wildcard */pyproject.toml) \
             meltano.yml $(wildcard target-config/*.meltano.yml)

RELEASE := UV_PROJECT_ENVIRONMENT=.local/release-venv $(UV) run --quiet --locked --only-group release

.PHONY: help install airflow demo up down test test-slow bench bench-cost bench-scale check docs \
        format lock build sbom audit clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(INSTALLED) ## Set everything up, in this folder only

$(INSTALLED): $(MANIFESTS) | $(UV)
	$(UV) sync --quiet --locked
	$(UV) export --quiet --frozen --all-groups --no-hashes --no-emit-workspace --output-file .local/constraints.txt
	UV_CONSTRAINT=.local/constraints.txt $(MELTANO) install tap-ft42 target-postgres warehouse
	$(MELTANO) install target-csv target-duckdb target-jsonl dbt
	@touch $@

airflow: install ## Set Airflow up, in an environment of its own
	UV_PROJECT_ENVIRONMENT=.local/airflow-venv $(UV) sync --quiet --locked --only-group airflow

.local/uv/bin/uv:
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
		--target .local/uv uv

demo: install ## Load a database from the sandbox and show what happened
	@$(BIN)/python -m tools.demo

up: install ## Start the sandbox and the embedded PostgreSQL
	$(BIN)/ft42-sandbox start --requests-per-second 0 --requests-per-hour 0
	$(BIN)/ft42-postgres start

down: ## Stop them
	@test ! -x $(BIN)/ft42-sandbox || $(BIN)/ft42-sandbox stop
	@test ! -x $(BIN)/ft42-postgres || $(BIN)/ft42-postgres stop

test: install ## Run the tests (under 5 minutes)
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

test-slow: install airflow ## Run the long tests
	$(BIN)/python -m pytest -m slow --numprocesses auto --dist loadfile --no-loadscope-reorder

bench: install ## Compare with other tools, some 25 minutes (ARGS=--quick: a few)
	UV_PROJECT_ENVIRONMENT=.local/bench-venv $(UV) sync --quiet --locked --group bench
	.local/bench-venv/bin/python -m tools.benchmarks.bench $(ARGS)

bench-cost: install ## Count the requests of simulated days, some 25 minutes (ARGS="--days 3")
	$(BIN)/python -m tools.benchmarks.cost $(ARGS)

bench-scale: install ## Measure publishes of a growing network, some 15 minutes (ARGS="--enrolments 10000000")
	$(BIN)/python -m tools.benchmarks.scale $(ARGS)

check: install ## Lint, check formats, types and dependencies
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	cd tap-ft42 && ../$(BIN)/deptry .
	cd target-config && ../$(BIN)/deptry .
	cd sandbox && ../$(BIN)/deptry .
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --quiet --offline --no-progress .github

docs: install ## Write what is written from the code: the reference, dbt's properties, the Hub's definition
	$(BIN)/python -m tools.reference
	$(BIN)/python -m tools.dbt_properties
	$(BIN)/python -m tools.hub

format: install ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: | $(UV) ## Update the lock file
	$(UV) lock --upgrade

build: | $(UV) ## Build both packages into dist/, and check what PyPI would say
	rm -rf dist
	$(UV) build --quiet --out-dir dist tap-ft42
	$(UV) build --quiet --out-dir dist target-config
	$(RELEASE) twine check --strict dist/*.whl dist/*.tar.gz

sbom: | $(UV) ## Write what each package depends on into sbom/ (CycloneDX)
	mkdir -p sbom .local
	for package in tap-ft42 ft42-warehouse; do \
		folder=$$(test $$package = tap-ft42 && echo tap-ft42 || echo target-config) && \
		$(UV) export --quiet --frozen --package $$package --all-extras --no-dev --no-emit-workspace \
			--output-file .local/$$package.txt && \
		$(RELEASE) cyclonedx-py requirements --pyproject $$folder/pyproject.toml \
			--output-reproducible --output-file sbom/$$package.cdx.json .local/$$package.txt || exit 1; \
	done

audit: | $(UV) ## Look for known vulnerabilities in what uv.lock pins; asks PyPI
	mkdir -p .local
	$(UV) export --quiet --frozen --all-packages --all-extras --all-groups --no-emit-workspace \
		--output-file .local/audit.txt
	$(RELEASE) pip-audit --strict --disable-pip --require-hashes --progress-spinner off \
		--requirement .local/audit.txt

clean: down ## Stop the servers and remove all that was installed, loaded and built
	rm -rf .local .meltano .venv dist sbom
