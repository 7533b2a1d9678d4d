# `make` lists the commands. Each sets up all it needs on a fresh machine with Python 3.11 and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help run test test-hosting hosting-fronts real soak faults fuzz check bench examples screenshots widget lock audit sbom notices wheel clean

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.ok: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install -q --require-hashes -r requirements.txt
	@touch $@

$(VENV)/dev.ok: requirements-dev.txt $(VENV)/run.ok
	$(BIN)/python -m pip install -q --require-hashes -r requirements-dev.txt
	@touch $@

node_modules/.ok: package-lock.json
	npm ci --silent --no-audit --no-fund
	@touch $@

run: $(VENV)/run.ok ## run the server; prints where to look and a curl line
	@$(BIN)/python -m chatbot serve

# Most tests wait: for servers to start, for time-outs to pass. So five parts go on side by side; the thousands of streams keep a core busy.
# Files of those are named, since to collect all the others costs ten seconds.
SOAK = $$(grep -rl --include='test_*.py' mark.soak tests)
WAITING := tests/faults tests/relay tests/real tests/visits tests/deploy
test: $(VENV)/dev.ok node_modules/.ok ## all tests
	@$(BIN)/python -m pytest tests/faults/test_scenarios.py & scenarios=$$!; \
	$(BIN)/python -m pytest -m soak $(SOAK) & soak=$$!; \
	npm test & browsers=$$!; \
	$(BIN)/python -m pytest -m "not soak and not hosting" --ignore=tests/faults/test_scenarios.py $(WAITING) & waiting=$$!; \
	$(BIN)/python -m pytest -m "not soak and not hosting" $(addprefix --ignore=,$(WAITING)); rest=$$?; \
	wait $$scenarios && wait $$soak && wait $$waiting && wait $$browsers && exit $$rest

# A virtual environment of its own, since uWSGI is built here (gcc).
HOSTING_VENV ?= .venv-hosting
FRONTS := /usr/sbin/nginx:nginx-light /usr/sbin/apache2:apache2 /usr/lib/apache2/modules/mod_wsgi.so:libapache2-mod-wsgi-py3 \
  /usr/sbin/haproxy:haproxy /usr/bin/caddy:caddy /usr/bin/gcc:gcc /usr/bin/curl:curl /usr/bin/openssl:openssl /usr/bin/chromium:chromium \
  /usr/bin/redis-server:redis-server /lib/systemd/systemd:systemd /usr/sbin/ip:iproute2 /usr/bin/git:git /usr/bin/python3:python3 \
  /usr/share/doc/python3-venv:python3-venv

$(HOSTING_VENV)/hosting.ok: requirements-hosting.txt
	$(PYTHON) -m venv $(HOSTING_VENV)
	$(HOSTING_VENV)/bin/python -m pip install -q --require-hashes -r requirements-hosting.txt
	@touch $@

hosting-fronts:
	@wanted=; for pair in $(FRONTS); do test -e $${pair%%:*} || wanted="$$wanted $${pair##*:}"; done; \
	test -z "$$wanted" || { echo "Not installed:$$wanted"; test "$$(id -u)" != 0 || \
	{ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends $$wanted; }; }

test-hosting: $(VENV)/dev.ok node_modules/.ok hosting-fronts $(HOSTING_VENV)/hosting.ok ## each front and server of docs/hosting/ as shipped; deploys, several machines, an empty one; as root
	@HOSTING=1 $(BIN)/python -m pytest tests/hosting/fronts & fronts=$$!; \
	$(BIN)/python -m pytest --ignore=tests/hosting/fronts -m hosting tests/hosting tests/deploy; rest=$$?; \
	wait $$fronts && exit $$rest

real: $(VENV)/dev.ok node_modules/.ok ## only those with official SDKs and third-party servers
	$(BIN)/python -m pytest -m real

soak: $(VENV)/dev.ok ## only the thousands of streams
	$(BIN)/python -m pytest -m soak $(SOAK)

faults: $(VENV)/dev.ok ## the fault matrix, printed as a table with its results
	$(BIN)/python -m pytest -m fault --fault-table

fuzz: $(VENV)/dev.ok ## generated requests and bytes, others each time; some minutes
	FUZZ=500 $(BIN)/python -m pytest tests/hostile

check: $(VENV)/dev.ok node_modules/.ok ## linters and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	npx tsc -p tsconfig.json
	node static/widget/build.mjs --check

bench: $(VENV)/dev.ok node_modules/.ok ## how soon the first word is there, what a stream costs, beside nginx and others, and the chat in a browser; some twenty minutes
	$(BIN)/python -m bench.origin
	$(BIN)/python -m bench
	node bench/widget/bench.mjs

examples: $(VENV)/dev.ok node_modules/.ok ## run the examples, that for Next.js too, which installs 370 MB
	NEXT=1 PYTHON=$(BIN)/python node --test tests/widget/e2e/examples.test.mjs

screenshots: $(VENV)/dev.ok node_modules/.ok ## take the pictures of docs/ anew
	PYTHON=$(BIN)/python node tests/widget/screenshots.mjs

widget: node_modules/.ok ## build the widget, print its sizes, and pack it for npm into dist/
	@node static/widget/build.mjs
	@rm -rf static/widget/types && mkdir -p dist
	@npx tsc -p static/widget/tsconfig.json
	@cp static/widget/src/*.d.ts static/widget/types/ && cp LICENSE static/widget/LICENSE
	@npm pack --silent --pack-destination dist ./static/widget

lock: $(VENV)/dev.ok ## pin the dependencies anew, with hashes
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" requirements.in -o requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" requirements-hosting.in -o requirements-hosting.txt

audit: $(VENV)/dev.ok ## licences and known vulnerabilities of what is pinned (AUDIT_ONLINE=1: not asked is a failure)
	$(BIN)/python deploy/supply_chain.py licences
	$(BIN)/python deploy/supply_chain.py vulnerabilities

sbom: $(VENV)/dev.ok ## write the bill of materials, dist/sbom.cdx.json (CycloneDX)
	@mkdir -p dist
	$(BIN)/python deploy/supply_chain.py sbom dist/sbom.cdx.json

notices: $(VENV)/dev.ok node_modules/.ok ## gather the licence texts of what is required
	$(BIN)/python deploy/supply_chain.py notices

wheel: $(VENV)/dev.ok ## build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation -o dist .

clean: ## remove what the other commands made
	rm -rf $(VENV) node_modules dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
