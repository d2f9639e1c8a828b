# Every target sets up what it needs; VENV= sets the path of the environment.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export OMP_NUM_THREADS ?= 1
export HF_HUB_DISABLE_TELEMETRY ?= 1

.PHONY: help install demo test check site faults engines clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench,dev,docs,ray,train]'
	@$(BIN)/python -c 'import cv2' || $(BIN)/python -m pip install --quiet --constraint constraints.txt --force-reinstall --no-deps opencv-python-headless
	@touch $(STAMP)

install: $(STAMP) ## create the environment, with everything that tests need

demo: $(STAMP) ## build, validate, and preview a release; train a tiny model; evaluate it before and after training; write demo/index.html
	$(BIN)/python -m scripts.demo

test: $(STAMP) ## run every test
	$(BIN)/python -m pytest -n auto --dist worksteal

check: $(STAMP) ## lint, types and tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto --dist worksteal

site: $(STAMP) ## build the documentation into site/, and stop at any warning
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

faults: $(STAMP) ## break builds and releases in every known way, and check that no data is lost and no other file changes
	$(BIN)/python scripts/try_faults.py

engines: $(STAMP) ## run every training and inference engine on the CPU, each in its own environment; ENGINES="ddp zero3" selects engines
	$(BIN)/python scripts/engines/run.py $(ENGINES)

clean: ## remove the environments and what `demo` built
	rm -rf $(VENV) demo .engines
