# The tasks of the project; `make` lists them. Only Python 3.10 or later and make are needed: each task makes
# .venv, or reuses it, and installs there what it lacks.

VENV ?= .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
MCUQ := $(PY) -m mcuq
DIGITS := firmware_examples/digits
SUNSPOTS := firmware_examples/sunspots
WORKERS ?= auto
PYTEST := $(PY) -m pytest -q -n $(WORKERS) --maxprocesses 8 --dist worksteal
# What `make check` runs: tests without compilers, emulators and whole networks, so that it ends within a minute.
FAST_FOLDERS := calibrate eliminate interchange ir memory onnxio ops passes project proofs
FAST := -m "not slow" $(FAST_FOLDERS:%=tests/%)
# What runs quantized models in onnxruntime.
QUANTIZED := $(addprefix tests/interchange/test_,export.py exporters.py forms.py gru.py ort_quantizer.py saturation.py) \
	"tests/e2e/test_exports.py::test_exported_qdq_gives_the_codes_of_the_simulator[ad-8x8]"
BASE ?= main
GRAPHS ?= 1000
CASES ?= 3000
SEED ?= 0
THOROUGH ?= 4
MODELS ?= digits,kws,ic

# Before any import of onnxruntime; mcuq does so for itself (mcuq/calibrate/runtime.py).
export ORT_DISABLE_TELEMETRY := 1

# An interpreter that was asked for is the only one tried.
ifeq ($(origin PYTHON),undefined)
PYTHON := python3
CANDIDATES := python3 python3.13 python3.12 python3.11 python3.10 python3.14 python
else
CANDIDATES := $(PYTHON)
endif

HAS_TEST := $(VENV)/.mcuq-test
HAS_DEV := $(VENV)/.mcuq-dev
# Twice quiet: errors are shown, warnings of pip about itself and its cache are not.
INSTALL := $(PY) -m pip install --quiet --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo locks test lint check no-vnni format docs bless replay fuzz fuzz-models fuzz-files fuzz-tflite verify-tflite networks bench bench-mcu cliffs cores flash-model accuracy ablation sweep contract onnx-cases measure-kernels flags compilers mutants misra analyze-c proofs new-op stress clean placement

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  variables: PYTHON (interpreter for .venv), VENV, WORKERS (test processes)"

demo: $(HAS_TEST) ## build the examples, prove them on an emulated Cortex-M4, measure their accuracy
	$(MCUQ) build $(DIGITS)/model.onnx --target cortex-m4 --calibration $(DIGITS)/calibration.npy \
		--name digits --output build/digits_mcuq --verify emulator
	$(MCUQ) evaluate build/digits_mcuq --model $(DIGITS)/model.onnx \
		--inputs $(DIGITS)/test_images.npy --labels $(DIGITS)/test_labels.npy
	$(MCUQ) build $(SUNSPOTS)/model.onnx --target cortex-m4 --calibration $(SUNSPOTS)/calibration.npy \
		--state h:h_next --state-initial h=$(SUNSPOTS)/initial.npy --input-range sunspots=0:250 --samples 221 \
		--name sunspots --output build/sunspots_mcuq --verify emulator
	$(MCUQ) evaluate build/sunspots_mcuq --model $(SUNSPOTS)/model.onnx \
		--inputs $(SUNSPOTS)/test.npy --labels $(SUNSPOTS)/test_next.npy --metric mse

locks: $(HAS_TEST) ## build the examples again from their stored programs, hold them to their locks
	set -e; for lock in firmware_examples/*/*.mcuq.lock; do $(MCUQ) check $$lock; done

test: $(HAS_TEST) ## all tests
	$(PYTEST)

lint: $(HAS_DEV) ## format, lint and types
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy

check: lint ## lint and the fast tests (sizes, imports, fresh docs): run it before a commit
	$(PYTEST) $(FAST)

no-vnni: $(HAS_TEST) ## the tests that run quantized models in onnxruntime, as on a processor without VNNI
	$(PY) -m tests.no_vnni -q $(QUANTIZED)

format: $(HAS_DEV) ## format the Python code, and mend what the linter can
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

docs: $(HAS_TEST) ## write docs/ops.md, docs/targets.md and docs/errors.md again
	$(PY) tools/generate_docs.py

bless: $(HAS_TEST) ## accept changed results: golden files and the locks of the examples
	$(PY) tools/bless.py

replay: $(HAS_TEST) ## BASE=main: compile the example and test models with BASE and with this tree, compare the C
	$(PY) tools/replay.py --base $(BASE)

networks: $(HAS_TEST) ## ONLY=vit,ridge: export, build and verify well-known kinds of networks: docs/networks.md
	$(INSTALL) -e ".[networks]"
	$(PY) tools/networks.py $(if $(ONLY),--only $(ONLY)) --output docs/networks.md

fuzz: $(HAS_TEST) ## GRAPHS=1000 SEED=0 [MIXED=1 TARGETS=cortex-m4,cortex-m55]: random graphs, their C against the simulator (SEED=: new ones)
	$(PY) -W error -m tests.random_graphs --graphs $(GRAPHS) $(if $(SEED),--seed $(SEED)) \
		$(if $(MIXED),--mixed) $(if $(TARGETS),--targets $(TARGETS))

fuzz-models: $(HAS_TEST) ## CASES=3000 SEED=0: build damaged models under limits of memory and time (SEED=: new ones)
	$(PY) -W error -m tests.damaged_models --cases $(CASES) $(if $(SEED),--seed $(SEED))

fuzz-files: $(HAS_TEST) ## CASES=10000 SEED=0: read damaged files of every kind under limits: docs/verification.md
	$(PY) -W error -m tests.damaged_files --cases $(if $(filter command line,$(origin CASES)),$(CASES),10000) $(if $(SEED),--seed $(SEED)) --output docs/verification.md

fuzz-tflite: $(HAS_TEST) ## CASES=1500 SEED=0: build damaged TensorFlow Lite files under limits: docs/verification.md
	$(PY) -W error -m tests.tflite_files --cases $(if $(filter command line,$(origin CASES)),$(CASES),1500) $(if $(SEED),--seed $(SEED)) --output docs/verification.md

verify-tflite: $(HAS_TEST) ## compare real TensorFlow Lite files with TensorFlow Lite Micro: docs/verification.md
	$(PY) -W error -m tests.tflite_files.page --output docs/verification.md

bench: $(HAS_TEST) ## measure accuracy and speed on the real models beside other tools: docs/benchmarks.md
	$(PY) tools/bench.py --output docs/benchmarks.md

bench-mcu: $(HAS_TEST) ## CMSIS_NN=FOLDER: cycles, flash and RAM beside CMSIS-NN and others: docs/benchmarks-mcu.md
	$(PY) tools/bench_mcu.py $(if $(CMSIS_NN),--cmsis-nn "$(CMSIS_NN)") --output docs/benchmarks-mcu.md

cliffs: $(HAS_TEST) ## find layers above 3 cycles a product and 25 an output on Cortex-M4 (6 minutes): docs/cliffs.md
	$(PY) tools/cliffs.py --output docs/cliffs.md

cores: $(HAS_TEST) ## GRAPHS=100: hold layers on every core against the portable kernels (30 minutes): docs/verification.md
	$(PY) tools/cores.py --graphs $(if $(filter command line,$(origin GRAPHS)),$(GRAPHS),100) --output docs/verification.md

flash-model: $(HAS_TEST) ## print cycles of the four networks on a model of flash with wait states and caches (2 minutes)
	$(PY) tools/flash_model.py

accuracy: $(HAS_TEST) ## measure accuracy beside other tools, data and options (10 minutes): docs/accuracy.md
	$(PY) tools/accuracy.py --output docs/accuracy.md

ablation: $(HAS_TEST) ## print what each algorithm that adjusts weights is worth, 8 and 4 bits (5 minutes)
	$(PY) tools/ablation.py --data evaluation --networks ic,vww,kws,ad

sweep: $(HAS_TEST) ## verify models for every core, aim and board, on the host, Unicorn and QEMU: docs/verification.md
	$(PY) tools/sweep.py --workers 2 --output docs/verification.md

placement: $(HAS_TEST) ## print bits of models with parts in memories of emulated boards (10 minutes): docs/verification.md
	$(PY) tools/placement.py

onnx-cases: $(HAS_TEST) ## compile ONNX's own test cases, run their C (20 minutes): docs/onnx-cases.md
	$(PY) -m tests.onnx_cases --output docs/onnx-cases.md

measure-kernels: $(HAS_TEST) ## CORES=: measure time, bytes and stack of all kernels: targets/*/costs.toml, stack.toml
	$(PY) -m tests.kernels.measured_costs $(CORES)
	$(PY) -m tests.kernels.measured_stack

flags: $(HAS_TEST) ## MODELS=digits,kws,ic: real models under options of three compilers (20 minutes): docs/verification.md
	$(PY) -W error -m tests.flags --models $(MODELS) --output docs/verification.md

compilers: $(HAS_TEST) ## digits by every version of every compiler that is installed, MCUQ_FLAGS_COMPILERS=PATH:... for more (20 minutes): docs/verification.md
	$(PY) -W error -m tests.flags --set compilers --output docs/verification.md
	$(PY) -W error -m tests.flags --set stack --output docs/verification.md

contract: $(HAS_TEST) ## THOROUGH=4: hold kernels on every core against their steps, on more examples than `make test` (30 minutes)
	MCUQ_THOROUGH=$(THOROUGH) $(PYTEST) tests/kernels/test_contract.py

mutants: $(HAS_TEST) ## break kernels and lowering in 450 ways, hold that tests notice (6 minutes): docs/verification.md
	$(PY) -m tests.mutants --output docs/verification.md

misra: $(HAS_TEST) ## hold the list of MISRA deviations in docs/c-code.md against cppcheck over generated firmware
	$(PY) tools/misra.py

analyze-c: $(HAS_TEST) ## hold the list of checks in docs/c-code.md against clang-tidy and GCC's analyzer over generated firmware
	$(PY) tools/analyze_c.py

proofs: $(HAS_TEST) ## prove requantization and kernels, as docs/proofs.md says; needs CBMC 6 (CBMC=, or tools/get_cbmc.sh)
	+$(MAKE) --no-print-directory -C proofs PYTHON="$(abspath $(PY))"

new-op: $(HAS_TEST) ## NAME=foo: start an operator: all its files, with stubs that tests name until they are filled in
	$(PY) tools/new_op.py "$(NAME)"

stress: $(HAS_TEST) ## RACES=200 KILLS=100 SEED=0: builds that race for one folder, or are killed at any moment (Linux)
	$(PY) -W error -m tests.stress --races $(or $(RACES),200) --kills $(or $(KILLS),100) --seed $(or $(SEED),0)

clean: ## remove what builds and tests left, but not .venv
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(PY):
	@sh tools/make_venv.sh "$(VENV)" $(CANDIDATES)

$(HAS_TEST): pyproject.toml | $(PY)
	@echo "installing mcuq with its test tools into $(VENV) (once; this can take some minutes)"
	@$(INSTALL) -e ".[test]"
	@touch $@

$(HAS_DEV): pyproject.toml | $(PY)
	@echo "installing mcuq with its development tools into $(VENV) (once; this can take some minutes)"
	@$(INSTALL) -e ".[dev]"
	@touch $(HAS_TEST) $@
