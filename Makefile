# Two commands do everything: `make demo` and `make test`.

PYTHON  ?= python3
BIN     := .venv/bin
# Of one version, whichever the machine has: it reads and writes the lock.
UV      := .local/uv/bin/uv
MELTANO := $(BIN)/meltano --log-level=warning

# Whichever Python the machine has: .python-version is for editors.
export UV_PYTHON ?= $(PYTHON)
# As pip does, uv trusts what the machine trusts: a company's proxy may sign for PyPI.
export UV_SYSTEM_CERTS ?= $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),true)

# Python would compile a package at each start where it may not write beside it.
export UV_COMPILE_BYTECODE := 1

PRODUCTION := .local/installed
MORE       := .local/installed-dev
OTHERS     := .local/installed-others
MANIFESTS  := uv.lock pyproject.toml $(wildcard */pyproject.toml) \
              meltano.yml target-config/target-postgres.meltano.yml
# Meltano reads these where they are linked beside it: every command would, for a load by
# another target.
OTHER_TARGETS := target-config/other-targets.meltano.yml

RELEASE := UV_PROJECT_ENVIRONMENT=.local/release-venv $(UV) run --quiet --locked --only-group release

# What becomes a package of its own on PyPI, by folder.
PACKAGES := tap-ft42 target-config sandbox
# What is installed to load, each in an environment of its own: groups of pyproject.toml.
INSTALLED := production tap-ft42 warehouse target-postgres target-csv target-duckdb target-jsonl dbt
EXPORT    := $(UV) export --quiet --frozen --no-default-groups --no-emit-local

# The tests start the same programs hundreds of times, and each time these would compile
# themselves anew where a machine writes no bytecode.
TESTS := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest \
         --numprocesses auto --dist loadfile --no-loadscope-reorder

# Meltano gives each plugin an environment of its own; the versions are those of uv.lock. Its
# Python would be that of .python-version, and a run, which takes Meltano's own, would install
# all anew.
define install_plugins
	@mkdir -p .local/constraints
	@number=0; for plugin in $(1); do \
		number=$$((number + 1)) && echo "Installing $$plugin ($$number of $(words $(1)))" && \
		$(EXPORT) --only-group $$plugin --output-file .local/constraints/$$plugin.txt && \
		UV_CONSTRAINT=.local/constraints/$$plugin.txt MELTANO_PYTHON=$(CURDIR)/.venv/bin/python \
			$(MELTANO) install --clean $$plugin || exit 1; \
	done
endef

define link_others
	@ln -sf others/$(notdir $(OTHER_TARGETS)) $(OTHER_TARGETS)
endef

# What is installed as it lies here is compiled where it lies, and its catalog may be new.
define compile
	@$(BIN)/python -m compileall -q $(foreach package,$(PACKAGES),$(wildcard $(package)/*_*/))
	@find .meltano -name tap.properties.cache_key -delete
endef

.PHONY: help install install-dev install-others airflow dagster demo up down test test-slow test-long bench bench-cost \
        bench-scale mutants check docs site screenshot format lock build sbom audit clean

help: ## Show this list
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Install
install: $(PRODUCTION) ## Install what a machine needs to load, in this folder only
	$(compile)

install-others: $(PRODUCTION) $(OTHERS) ## Install the other targets, and dbt
	$(link_others)

install-dev: $(MORE) $(OTHERS) ## Install all, with what tests and checks need (some minutes)
	$(compile)

$(PRODUCTION): $(MANIFESTS) | $(UV)
	@echo "Installing Meltano, with the versions of uv.lock"
	@$(UV) sync --quiet --locked --no-default-groups --group production
	$(call install_plugins,tap-ft42 target-postgres warehouse)
	@rm -f $(MORE)
	@touch $@

$(MORE): $(MANIFESTS) | $(UV)
	@echo "Installing Meltano and the tools, with the versions of uv.lock: some minutes, the first time"
	@$(UV) sync --quiet --locked
	$(call install_plugins,tap-ft42 target-postgres warehouse)
	@touch $(PRODUCTION) $@

# Meltano has to be there, and either of the two above brings it.
$(OTHERS): $(MANIFESTS) target-config/others/other-targets.meltano.yml | $(UV)
	$(link_others)
	$(call install_plugins,target-csv target-duckdb target-jsonl dbt)
	$(if $(wildcard $(OTHER_TARGETS)),,@rm $(OTHER_TARGETS))
	@touch $@

airflow: install-dev ## Set Airflow up, in an environment of its own
	UV_PROJECT_ENVIRONMENT=.local/airflow-venv $(UV) sync --quiet --locked --only-group airflow

dagster: install-dev ## Set Dagster up, in an environment of its own
	UV_PROJECT_ENVIRONMENT=.local/dagster-venv $(UV) sync --quiet --locked --only-group dagster

$(UV): tools/uv.txt
	@echo "Installing uv, which installs the rest"
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
		--upgrade --require-hashes --target .local/uv --requirement tools/uv.txt
	@touch $@

##@ Try it
# Who only looks need not wait for the other targets.
demo: $(MORE) ## Load a database from the sandbox and show what happened (some minutes, the first time)
	$(compile)
	@$(BIN)/python -m tools.demo

up: $(MORE) ## Start the sandbox and the embedded PostgreSQL, and load nothing
	$(BIN)/ft42-sandbox start --requests-per-second 0 --requests-per-hour 0
	$(BIN)/ft42-postgres start

down: ## Stop them
	@test ! -x $(BIN)/ft42-sandbox || $(BIN)/ft42-sandbox stop
	@test ! -x $(BIN)/ft42-postgres || $(BIN)/ft42-postgres stop

##@ Test it
test: install-dev ## Run a test of each promise (some 3 minutes)
	$(TESTS)

test-slow: install-dev airflow dagster ## Run what CI runs besides (some 15 minutes)
	$(TESTS) -m slow

test-long: install-dev site ## Run what CI runs every week (over an hour)
	$(TESTS) -m long

##@ Measure it
bench: install-dev ## Compare with other tools, some 25 minutes (ARGS=--quick: a few)
	UV_PROJECT_ENVIRONMENT=.local/bench-venv $(UV) sync --quiet --locked --group dev --group bench
	.local/bench-venv/bin/python -m tools.benchmarks.bench $(ARGS)

bench-cost: install-dev ## Count the requests of simulated days, some 25 minutes (ARGS="--days 3")
	$(BIN)/python -m tools.benchmarks.cost $(ARGS)

bench-scale: install-dev ## Measure publishes of a growing network, some 15 minutes (ARGS="--enrolments 10000000")
	$(BIN)/python -m tools.benchmarks.scale $(ARGS)

mutants: install-dev ## Break the code on purpose and see what the tests notice, some 25 minutes (ARGS="--room publish")
	$(UV) run --quiet --isolated --no-project --with "click>=8.1" --with cosmic-ray==8.7.0 \
		python -m tools.mutants $(ARGS)

##@ Change it
check: install-dev ## Lint, check formats, types and dependencies
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --cache-dir .local/import-linter
	cd tap-ft42 && ../$(BIN)/deptry .
	cd target-config && ../$(BIN)/deptry .
	cd sandbox && ../$(BIN)/deptry .
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yml
	$(BIN)/pre-commit validate-config
	$(BIN)/zizmor --quiet --offline --no-progress .github

docs: install-dev ## Write what follows from the code, such as the reference
	$(BIN)/python -m tools.address
	$(BIN)/python -m tools.derived
	$(BIN)/python -m tools.starter
	$(BIN)/python -m tools.architecture
	$(BIN)/python -m tools.reference
	$(BIN)/python -m tools.dbt_properties
	$(BIN)/python -m tools.hub
	$(BIN)/python -m tests.tap.snapshots
# It writes select lists into the manifests: nothing that would have to be installed again.
	@touch -c $(PRODUCTION) $(MORE) $(OTHERS)

site: | $(UV) ## Build the site of the documentation into .local/site
	UV_PROJECT_ENVIRONMENT=.local/site-venv $(UV) sync --quiet --locked --only-group site
	NO_MKDOCS_2_WARNING=1 .local/site-venv/bin/mkdocs build --quiet --strict

screenshot: demo ## Take the picture of the report in the README from the demo; needs chromium
	$(BIN)/python -m tools.screenshot

format: install-dev ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

##@ Release it
lock: | $(UV) ## Update the lock file
	$(UV) lock --upgrade

build: | $(UV) ## Build the packages into dist/, and check what PyPI would say
	rm -rf dist
	for package in $(PACKAGES); do $(UV) build --quiet --out-dir dist $$package || exit 1; done
	$(RELEASE) twine check --strict dist/*.whl dist/*.tar.gz

sbom: | $(UV) ## List the parts of each installed environment in sbom/ (CycloneDX)
	mkdir -p sbom .local/sbom
	for group in $(INSTALLED); do \
		$(EXPORT) --only-group $$group --output-file .local/sbom/$$group.txt && \
		$(RELEASE) cyclonedx-py requirements --output-reproducible \
			--output-file sbom/$$group.cdx.json .local/sbom/$$group.txt || exit 1; \
	done

# The two plugins that may have other versions cannot be exported with the rest.
audit: | $(UV) ## Look for known vulnerabilities in what uv.lock pins; asks PyPI
	mkdir -p .local/audit
	$(EXPORT) --all-groups --no-group dbt --no-group target-jsonl --output-file .local/audit/most.txt
	for group in dbt target-jsonl; do \
		$(EXPORT) --only-group $$group --output-file .local/audit/$$group.txt || exit 1; \
	done
	for file in .local/audit/*.txt; do \
		$(RELEASE) pip-audit --strict --disable-pip --require-hashes --progress-spinner off \
			--requirement $$file || exit 1; \
	done

##@ Remove it
clean: down ## Stop the servers and remove all that was installed, loaded and built
	rm -rf .local .meltano .venv dist sbom
