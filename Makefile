# make demo    set up, run the real and the closure fusion, print theta_hat      make test    the demo, then every test
# make serve   MLflow's and Prefect's pages over the demo's own stores           make bench   measure; make audit, the long checks
# make docs    the documentation as a site, build/docs; any warning fails it
# make clean   remove what stages wrote; observations that somebody ingested stay

PYTHON ?= $(shell command -v python3.11 || command -v python3)
MODALITIES := $(patsubst %/pyproject.toml,%,$(wildcard modalities/*/pyproject.toml))
PINS := $(shell cat constraints.txt pyproject.toml $(MODALITIES:%=%/pyproject.toml) | sha256sum | cut -c1-16)
READY := .venv/ready-$(PINS)
DOCS := .venv/docs-$(PINS)

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PREFECT_HOME := $(CURDIR)/.prefect
export PREFECT_SERVER_ALLOW_EPHEMERAL_MODE := true
export PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS := 120
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION := false

.PHONY: demo test docs serve bench audit clean

demo: $(READY)
	.venv/bin/python -m flows

# some tests hold the demo's numbers to the exact likelihoods; brought up to date first, with its progress on the screen
test: demo
	.venv/bin/python -m pytest -n 2 --dist loadfile

docs: $(DOCS)
	.venv/bin/sphinx-build -W -b html docs build/docs

serve: $(READY)
	.venv/bin/python -m flows.serve

bench: $(READY)
	.venv/bin/python -m benchmarks

audit: $(READY)
	.venv/bin/python -m benchmarks.audit

clean:
	rm -rf data/simulations data/encoders data/pins data/fusions data/scalars data/reports mlflow/store .prefect .dvc/cache .dvc/tmp

# --no-compile: modules are compiled when first imported, which halves the time of setting up
$(READY):
	@echo "Setting up .venv: about three minutes the first time"
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/pip install -q --no-compile -c constraints.txt setuptools torch==2.13.0
	.venv/bin/pip install -q --no-compile -c constraints.txt --no-build-isolation -e '.[pipeline,test]'
	.venv/bin/pip install -q --no-deps --no-build-isolation $(MODALITIES:%=-e ./%)
	rm -f .venv/ready-*
	touch $@

$(DOCS): $(READY)
	.venv/bin/pip install -q --no-compile -c constraints.txt --no-build-isolation -e '.[docs]'
	rm -f .venv/docs-*
	touch $@
