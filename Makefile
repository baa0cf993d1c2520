# make demo   installs ganimate into .venv and animates a photo
# make studio opens the studio in a browser (PHOTO=face.jpg)
# make test   installs what tests need and runs them
# make check  lint and types
# make lock   writes requirements.lock; make audit asks whether what it names is known to be unsafe
#
# LOCKED=1 installs the very files of requirements.lock (Python 3.11 on 64-bit Linux), as CI does.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
INSTALL := $(PIP) install --disable-pip-version-check --quiet
PHOTO := examples/portrait.jpg
FILM := demo/smile.mp4

# What $(call install,[extra]) runs; the lock has all extras, so that it is installed once.
ifdef LOCKED
install = $(if $(1),true,$(INSTALL) --require-hashes --only-binary :all: -r requirements.lock && \
	$(INSTALL) --no-deps --no-build-isolation --editable .)
else
install = $(INSTALL) --constraint constraints.txt --editable '.$(1)'
endif

.PHONY: demo studio test check lock audit clean

demo: $(VENV)/.installed
	@mkdir -p $(dir $(FILM))
	@$(BIN)/ganimate animate $(PHOTO) --from neutral --to smile $(FILM) --force >/dev/null
	@echo "The film is $(abspath $(FILM))"

studio: $(VENV)/.installed-studio
	@$(BIN)/ganimate studio $(PHOTO)

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal $(TESTS)

check: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lock: $(BIN)/python
	@rm -rf build/wheels
	@$(PIP) download --quiet --only-binary :all: --constraint constraints.txt --dest build/wheels '.[test]'
	@$(BIN)/python .ci/lock build/wheels >requirements.lock

audit:
	@$(PYTHON) -m venv build/audit
	@build/audit/bin/python -m pip install --disable-pip-version-check --quiet pip-audit
	@build/audit/bin/pip-audit --requirement requirements.lock --disable-pip

clean:
	rm -rf $(VENV) build demo

# A stamp is older than what it was made from only when something must be installed again.
$(VENV)/.installed: pyproject.toml constraints.txt requirements.lock | $(BIN)/python
	@echo "Installing into $(VENV), which takes a few minutes the first time ..."
	@$(call install,)
	@touch $@

$(VENV)/.installed-studio: $(VENV)/.installed
	@$(call install,[studio])
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@$(call install,[test])
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("ganimate needs Python 3.10 or newer" if sys.version_info < (3, 10) else 0)'
	@$(PYTHON) -m venv $(VENV)
