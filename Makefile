# Every target sets up what it needs; VENV= puts the environment elsewhere.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO := demo

.PHONY: help install demo test check clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,ray]'
	@$(BIN)/python -c 'import cv2' || $(BIN)/python -m pip install --quiet --constraint constraints.txt --force-reinstall --no-deps opencv-python-headless
	@touch $(STAMP)

install: $(STAMP) ## make the environment, with all that tests need

demo: $(STAMP) ## build a release from the embedded sample, validate it, load a row, write the gallery
	$(BIN)/cgc-data build --samples 240 --out $(DEMO)/release
	$(BIN)/cgc-data validate $(DEMO)/release
	$(BIN)/cgc-data preview $(DEMO)/release --to $(DEMO)/gallery --per-task 8
	$(BIN)/python scripts/load_one_row.py $(DEMO)/release
	@echo "gallery: $(DEMO)/gallery/index.html"

test: $(STAMP) ## run every test
	$(BIN)/python -m pytest -n auto --dist worksteal

check: $(STAMP) ## lint, types and tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto --dist worksteal

clean: ## remove the environment and what `demo` built
	rm -rf $(VENV) $(DEMO)
