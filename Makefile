# The two commands of the README are `make serve` and `make test`; each sets up all it needs, and again only what changed.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv/bin
PYTHON := $(VENV)/python
FUZZ_SECONDS ?= 10
SOAK_SECONDS ?= 600
CPP_FILES = git ls-files --cached --others --exclude-standard '*.cc' '*.h' '*.cu'
# Sanitizer runtimes map fixed address ranges, which too much address randomisation collides with.
FIXED_LAYOUT := $(shell [ "$$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 28)" -gt 28 ] && setarch -R true && echo setarch -R)
# ccache then shares results between clones and build folders.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1
export CTEST_PARALLEL_LEVEL ?= $(shell nproc)
# What stands before a build that may run beside tests (`make -j2 test`): it takes what they leave, and some of them keep time.
YIELD ?= nice -n 19
# cmake presets export their values; ones inherited from the caller must not change what a preset means.
unexport CXX CC CXXFLAGS CFLAGS LDFLAGS

.PHONY: help
help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: setup
setup:  ## Debian packages, .venv with pinned requirements, ONNX Runtime's headers
	@sh deploy/bootstrap.sh

build/%/build.ninja: CMakePresets.json | setup
	cmake --preset $*

.PHONY: build
build: build/dev/build.ninja  ## server, extension and C++ tests (preset dev)
	cmake --build --preset dev

.PHONY: serve
serve: build/dev/build.ninja  ## train the flights model on first use, serve it on 8000 (HTTP), 8001 (gRPC), 8002 (metrics)
	@cmake --build --preset dev --target mlops-server _core python_tree
	$(VENV)/mlops serve --example flights --model-repository build/models

.PHONY: test
test: check test-cpp test-python asan tsan fuzz  ## everything a change must pass

.PHONY: test-cpp
test-cpp: build
	ctest --preset dev

.PHONY: test-python
test-python: build
	$(PYTHON) -m pytest -q

.PHONY: check
check: setup  ## layering, sizes, format, lint, types
	$(PYTHON) -m pytest -q tests/test_layering.py tests/test_sizes.py
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	@$(CPP_FILES) | xargs -r clang-format --dry-run -Werror
	$(VENV)/mypy

.PHONY: lint
lint: check

.PHONY: format
format: setup  ## rewrite the sources as check wants them
	$(VENV)/ruff check --fix-only --quiet
	$(VENV)/ruff format
	@$(CPP_FILES) | xargs -r clang-format -i

.PHONY: asan
asan: build/asan/build.ninja  ## C++ tests and the extension's Python tests under the address and UB sanitizers
	$(YIELD) flock build/asan cmake --build --preset asan
	$(FIXED_LAYOUT) ctest --preset asan
	@# libstdc++ is preloaded too, or the runtime finds no __cxa_throw to intercept; Python's own leaks are not ours.
	LD_PRELOAD="$$(clang++ -print-file-name=libclang_rt.asan-$$(uname -m).so) $$(g++ -print-file-name=libstdc++.so)" PYTHONMALLOC=malloc \
	  ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 PYTHONPATH=build/asan/python \
	  $(FIXED_LAYOUT) $(PYTHON) -m pytest -q -p no:cacheprovider -m native tests/python

.PHONY: tsan
tsan: build/tsan/build.ninja  ## the concurrent C++ tests under the thread sanitizer
	$(YIELD) cmake --build --preset tsan
	$(FIXED_LAYOUT) ctest --preset tsan

.PHONY: fuzz
fuzz: build/asan/build.ninja  ## every fuzz target for FUZZ_SECONDS, from its corpus
	$(YIELD) flock build/asan cmake --build --preset fuzz
	@sh tests/fuzz/run.sh build/asan/fuzz $(FUZZ_SECONDS)

.PHONY: soak
soak: build  ## the fault suite in its long form, with SOAK_SECONDS of leak check; wants a machine for itself
	MLOPS_SOAK=1 MLOPS_SOAK_SECONDS=$(SOAK_SECONDS) $(PYTHON) -m pytest -q -s \
	  --timeout=$$(( $(SOAK_SECONDS) + 1200 )) tests/python/server tests/python/registry -k "fault or soak or openapi or kill"

.PHONY: bench
bench: build/release/build.ninja  ## the figures of docs/benchmarks.md on this machine
	cmake --build --preset release
	PYTHONPATH=build/release/python $(VENV)/mlops-bench run --help

.PHONY: wheel
wheel: setup  ## dist/*.whl, checked and tagged for the oldest glibc it runs on
	$(YIELD) $(PYTHON) deploy/build_wheel.py dist

.PHONY: test-install
test-install: wheel  ## install the wheel as a stranger would, and use it
	$(PYTHON) -m pytest -q tests/install

DEMO := build/demo

# 3.18 needs an mlflow-skinny that is not published.
$(DEMO)/.installed: | setup
	$(PYTHON) -m venv $(DEMO)/mlflow
	$(DEMO)/mlflow/bin/pip install --quiet mlflow==3.17.2
	touch $@

.PHONY: demo
demo: build/dev/build.ninja $(DEMO)/.installed  ## half a year of flights in minutes: MLflow, drift, retraining, canary, rollback; leaves build/demo/run/demo.html
	@cmake --build --preset dev --target mlops-server _core python_tree
	$(VENV)/mlops demo --work $(DEMO)/run --mlflow $(DEMO)/mlflow/bin/mlflow --server-binary build/dev/src/mlops-server

INTEGRATIONS := build/integrations

$(INTEGRATIONS)/.installed: tests/integration/requirements.txt tests/integration/binaries.txt | setup
	$(PYTHON) -m venv $(INTEGRATIONS)
	$(INTEGRATIONS)/bin/pip install --quiet --requirement tests/integration/requirements.txt
	$(INTEGRATIONS)/bin/pip install --quiet --no-deps --requirement tests/integration/binaries.txt
	touch $@

.PHONY: test-integrations
test-integrations: build $(INTEGRATIONS)/.installed  ## perf_analyzer and KServe's SDK against the server (with Debian's libb64-0d); drift beside river, frouros, NannyML; MLflow, model-signing, and Debian's docker-registry if it is there
	MLOPS_INTEGRATIONS=$(INTEGRATIONS) $(PYTHON) -m pytest -q tests/integration
	$(PYTHON) -m pytest -q --timeout=3600 tests/peers
	MLOPS_SOAK=1 $(PYTHON) -m pytest -q tests/python/features -k served
	MLOPS_SOAK=1 $(PYTHON) -m pytest -q --timeout=1600 tests/python/engine/test_onnx_cases.py

CONTAINER_BASE := build/container/base

$(CONTAINER_BASE):
	mkdir -p $(dir $@)
	debootstrap --variant=minbase --include=python3 bookworm $@

.PHONY: test-container
test-container: wheel $(CONTAINER_BASE)  ## build the image with buildah and run it; as root, with Debian's buildah and debootstrap
	$(PYTHON) -m pip download --quiet --no-deps --constraint python/constraints.txt --dest build/container onnxruntime
	MLOPS_WHEEL=$$(ls -t dist/*.whl | head -n 1) MLOPS_ONNXRUNTIME_WHEEL=$$(ls -t build/container/onnxruntime-*.whl | head -n 1) \
	  MLOPS_CONTAINER_BASE=$(CONTAINER_BASE) $(PYTHON) -m pytest -q tests/container

.PHONY: lock
lock: setup  ## pin the newest versions that pyproject.toml admits
	sh deploy/lock.sh

.PHONY: clean
clean:  ## remove what was built (.venv stays)
	rm -rf build dist
