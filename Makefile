# Two commands do all the set-up: `make demo` and `make test`. See README.md.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test check lint format lock bench clean

demo: $(VENV)/.embedded
	@echo
	@echo "A specialist drafts (words coloured by confidence), a small LLM refines, the gate decides:"
	@echo
	@$(BIN)/scalemt translate --from en --to pt --explain \
	    "The ferry was cancelled because of the storm, so we spent another night on the island."
	@$(BIN)/scalemt translate --from pt --to en --explain \
	    "Se a reunião for adiada outra vez, ninguém vai levar o projeto a sério."
	@echo "Now yours:  $(BIN)/scalemt translate --from en --to pt \"Good morning!\""
	@echo "What else is there:  $(BIN)/scalemt doctor"

test: $(VENV)/.dev .venv-comet/.done .venv-weblate/.done
	$(BIN)/python -m pytest -n 3 --dist worksteal

check: $(VENV)/.dev lint
	$(BIN)/python -m pytest -q -n 2 -m "not slow"

lint: $(VENV)/.dev
	$(BIN)/ruff check src tests benchmarks recipes
	$(BIN)/ruff format --check src tests benchmarks recipes
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix src tests benchmarks recipes
	$(BIN)/ruff format src tests benchmarks recipes

# Write down the versions that are installed now; everything above installs under these constraints.
lock: $(VENV)/.dev
	echo "# Versions measured together; make installs under these constraints. Renew with: make lock" > requirements.lock
	$(BIN)/python -m pip freeze --exclude-editable | sed -e 's/+cpu$$//' -e '/ @ file:/d' >> requirements.lock

# Each claim of speed, side by side in one run; the README's table is renewed from the results. Lines are so few that
# all of it ends within 20 minutes. By themselves, on 200 lines, for a quarter of an hour and more:
#   benchmarks/speculation.py --json benchmarks/results/speculation.json
#   benchmarks/speculation.py --shots 10 --rounding exact --json benchmarks/results/speculation_10_shots.json
#   benchmarks/memory.py --json benchmarks/results/memory.json, on 100,000 lines
# What memories and glossaries bring, up to an hour each:
#   benchmarks/memory_search.py, benchmarks/tmx_import.py, benchmarks/adaptive.py, benchmarks/terminology.py,
#   benchmarks/online_learning.py, benchmarks/online_scale.py, benchmarks/attributes.py, benchmarks/semantic_search.py
# What jobs promise, up to half an hour each:
#   benchmarks/job_kills.py, benchmarks/chat_records.py, benchmarks/ledger.py, benchmarks/ray_jobs.py, benchmarks/judge.py
bench: $(VENV)/.dev
	$(BIN)/python benchmarks/startup.py --json benchmarks/results/startup.json
	$(BIN)/python benchmarks/drafting.py --json benchmarks/results/drafting.json
	$(BIN)/python benchmarks/speculation.py --lines 40 --json benchmarks/results/speculation_short.json
	$(BIN)/python benchmarks/speculation.py --lines 20 --shots 10 --rounding exact \
	    --json benchmarks/results/speculation_exact.json
	$(BIN)/python benchmarks/overhead.py --lines 60 --json benchmarks/results/overhead.json
	$(BIN)/python benchmarks/server_slots.py --json benchmarks/results/server_slots.json
	$(BIN)/python benchmarks/cache.py --lines 30 --json benchmarks/results/cache.json
	$(BIN)/python benchmarks/memory.py --long 20000 --json benchmarks/results/memory_short.json
	$(BIN)/python benchmarks/readme.py

clean:
	rm -rf $(VENV) .venv-comet .venv-weblate build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# COMET and BLEURT want an older numpy and transformers than the rest can live with: an environment of their own.
.venv-comet/.done: requirements-comet.txt
	$(PYTHON) -m venv .venv-comet
	.venv-comet/bin/python -m pip --disable-pip-version-check install -q -r $<
	@touch $@

# Weblate's own clients of LibreTranslate and DeepL, without what all of Weblate wants: PostgreSQL, Cairo, Borg.
.venv-weblate/.done: requirements-weblate.txt
	$(PYTHON) -m venv .venv-weblate
	.venv-weblate/bin/python -m pip --disable-pip-version-check install -q --no-deps -r $<
	@touch $@

$(VENV)/.embedded: pyproject.toml requirements.lock | $(VENV)/bin/python
	$(PIP) install -q -c requirements.lock -e '.[embedded]'
	@touch $@

$(VENV)/.dev: pyproject.toml requirements.lock | $(VENV)/bin/python
	$(PIP) install -q -c requirements.lock torch==2.13.0
	$(PIP) install -q -c requirements.lock -e '.[embedded,ctranslate2,transformers,training,evaluation,glossary,semantic,thot,parquet,ray,serve,ja,ko,dev]'
	@touch $@ $(VENV)/.embedded
