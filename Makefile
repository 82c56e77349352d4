# make demo    set up, run the real and the closure fusion, print theta_hat
# make sky     the same of all six modalities, as mock data at a known truth; half an hour
# make check   before every commit: style, types and the fast tests, three minutes on two cores
# make test    the check, the demo, then every other test
# make oldest  the fast tests with the lowest release of each package that pyproject.toml allows
# make serve   MLflow's and Prefect's pages over the demo's own stores
# make bench   measure; make audit, the long checks
# make drills  stages killed, run at once, out of room, their files tampered with; ten minutes
# make docs    the documentation as a site, build/docs; any warning fails it
# make clean   remove what stages wrote; observations that somebody ingested stay

PYTHON ?= $(shell command -v python3.11 || command -v python3)
MODALITIES := $(patsubst %/pyproject.toml,%,$(wildcard modalities/*/pyproject.toml))
PINNED := constraints.txt pyproject.toml $(MODALITIES:%=%/pyproject.toml)
EXTRAS := pipeline,test,check,docs
PINS := $(shell (cat $(PINNED); echo $(EXTRAS)) | sha256sum | cut -c1-16)
READY := .venv/ready-$(PINS)
OLDEST := .venv-oldest/ready-$(PINS)
TESTED := pipeline,test
FAST := -n 2 --dist loadfile -m "not demo and not slow"
# three on two cores: much of the rest waits for servers and for processes to start
REST := -n 3 --dist loadfile -m "demo or slow"

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PREFECT_HOME := $(CURDIR)/.prefect
export PREFECT_SERVER_ALLOW_EPHEMERAL_MODE := true
export PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS := 120
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION := false
# where it is set, every process compiles torch and mlflow anew: ten seconds each
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo sky check test oldest docs serve bench audit drills clean

demo: $(READY)
	.venv/bin/python -m flows

sky: $(READY)
	.venv/bin/python -m flows fusions/sky/dvc.yaml

check: $(READY)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/python -m pytest $(FAST)

# some of the rest hold the demo's numbers to the exact likelihoods: its progress is on the screen
test: check
	.venv/bin/python -m flows
	.venv/bin/python -m pytest $(REST)

oldest: $(OLDEST)
	PATH=$(CURDIR)/.venv-oldest/bin:$$PATH .venv-oldest/bin/python -m pytest $(FAST) \
	    --ignore tests/test_pins.py

docs: $(READY)
	.venv/bin/sphinx-build -W -b html docs build/docs

serve: $(READY)
	.venv/bin/python -m flows.serve

bench: $(READY)
	.venv/bin/python -m benchmarks

audit: $(READY)
	.venv/bin/python -m benchmarks.audit

drills: $(READY)
	.venv/bin/python -m benchmarks.drills

clean:
	rm -rf data/simulations data/encoders data/pins data/fusions data/reports
	rm -rf data/scalars data/embeddings
	rm -rf mlflow/store .prefect .dvc/cache .dvc/tmp

# torch first and exactly: a range may resolve to a build of several gigabytes for another device
# --no-compile: modules are compiled when first imported, which halves the time of setting up
define set-up
	test -x $(1)/bin/python || $(PYTHON) -m venv $(1)
	$(1)/bin/pip install -q --no-compile -c $(2) setuptools torch==2.13.0
	$(1)/bin/pip install -q --no-compile -c $(2) --no-build-isolation -e '.[$(3)]'
	$(1)/bin/pip install -q --no-deps --no-build-isolation $(MODALITIES:%=-e ./%)
	rm -f $(1)/ready-*
endef

$(READY):
	@echo "Setting up .venv: about three minutes the first time"
	$(call set-up,.venv,constraints.txt,$(EXTRAS))
	touch $@

$(OLDEST): $(READY)
	@echo "Setting up .venv-oldest: about three minutes the first time"
	.venv/bin/python tests/oldest.py > .venv/oldest.txt
	$(call set-up,.venv-oldest,.venv/oldest.txt,$(TESTED))
	touch $@
