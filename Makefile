# make demo   installs ganimate into .venv and animates a photo
# make studio opens the studio in a browser (PHOTO=face.jpg)
# make test   installs what tests need and runs them
# make check  lint and types

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt
PHOTO := examples/portrait.jpg
FILM := demo/smile.mp4

.PHONY: demo studio test check clean

demo: $(VENV)/.installed
	@mkdir -p $(dir $(FILM))
	@$(BIN)/ganimate animate $(PHOTO) --from neutral --to smile $(FILM) --force >/dev/null
	@echo "The film is $(abspath $(FILM))"

studio: $(VENV)/.installed-studio
	@$(BIN)/ganimate studio $(PHOTO)

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(TESTS)

check: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) demo

# A stamp is older than what it was made from only when something must be installed again.
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV), which takes a few minutes the first time ..."
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-studio: $(VENV)/.installed
	@$(PIP) --editable '.[studio]'
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@$(PIP) --editable '.[test]'
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("ganimate needs Python 3.10 or newer" if sys.version_info < (3, 10) else 0)'
	@$(PYTHON) -m venv $(VENV)
