# Two commands do everything: `make run` for a look, `make test` for certainty.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
RUN_READY := $(VENV)/.run-ready
TEST_READY := $(VENV)/.test-ready
BENCH_READY := $(VENV)/.bench-ready
NODE_READY := tests/browser/node_modules/.ready

.PHONY: run test check lint types layers rules unit bench bench-quick soak simulate profile clean

run: $(RUN_READY)  ## start the engine with a sample event and print links to open
	$(BIN)/greenroom demo

test: $(TEST_READY) check unit  ## everything that must hold

check: lint types layers rules

lint: $(TEST_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(TEST_READY)
	$(BIN)/mypy

layers: $(TEST_READY)
	$(BIN)/lint-imports

rules: $(TEST_READY)  ## the table of rules and the tests that bear their numbers
	$(BIN)/python tests/rules_table.py

# Tests with browsers, and those with several processes, run one at a time, each kind beside the
# other: both wait more than they work. A thousand simulations take what they leave. Media run alone:
# they would miss a machine's half.
BESIDE := tests/bench/test_seeds.py tests/browser tests/cluster
HEAVY := $(BESIDE) tests/transport/media

unit: $(TEST_READY)
	$(BIN)/pytest -n 2 $(HEAVY:%=--ignore=%)
	$(BIN)/pytest tests/transport/media
	$(BIN)/pytest -n 3 --dist loadgroup $(BESIDE)

bench: $(BENCH_READY)  ## measure everything, in 35 minutes, and write docs/benchmarks.md
	$(BIN)/greenroom bench all

soak: $(BENCH_READY)  ## an hour of a fair while things die; then the page anew
	$(BIN)/greenroom bench soak --results bench/results; ended=$$?; \
	$(BIN)/greenroom bench report && exit $$ended

bench-quick: $(BENCH_READY)  ## the same in minutes, for a look
	$(BIN)/greenroom bench all --quick

simulate: $(TEST_READY)  ## a thousand fairs on a clock that jumps, with faults
	$(BIN)/greenroom simulate --seeds 1000

profile: $(TEST_READY)  ## where a loaded daemon's time goes: bench/results/profile.svg
	$(BIN)/python -m bench.profile

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis artifacts tests/browser/node_modules

INSTALLED_FROM := pyproject.toml constraints.txt .ci/setup hatch_build.py transport/media/fan_out.c

$(RUN_READY): $(INSTALLED_FROM)
	.ci/setup run
	touch $@

$(TEST_READY): $(INSTALLED_FROM)
	.ci/setup test
	touch $@ $(RUN_READY)

$(BENCH_READY): $(INSTALLED_FROM)
	.ci/setup bench
	touch $@ $(TEST_READY) $(RUN_READY)
