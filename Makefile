# Every habit of this project is one command. `make demo` and `make test` need nothing but
# python3 (with venv and headers), gcc and make; they build what they need inside .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NATIVE := $(wildcard src/rtaudio/_native/*.pyx src/rtaudio/_native/*.pxd src/rtaudio/_native/include/*.h)

.PHONY: demo test clients soak build lint format types bench bench-guardrails bench-transcribe bench-many bench-webrtc bench-service asan fuzz neon counts counts-renew dist clean

## demo: transcribe the speech in samples/ through a realtime session, offline
demo: $(VENV)/.demo
	$(BIN)/rtaudio transcribe samples/

## test: the whole test suite; what is skipped is named with what to do about it
test: $(VENV)/.dev
	@timeout 300 $(MAKE) --no-print-directory --keep-going clients \
	  || echo "make clients failed: tests with clients of others are skipped" >&2
	$(BIN)/pytest -rs

## clients: openai-agents in an environment of its own, and the Node packages that tests/clients needs
clients: $(VENV)/clients/.done tests/clients/node_modules/.done

## bench: race the kernels against their peers; JSON, tables and plots in build/bench
bench: $(VENV)/.bench
	mkdir -p build/bench
	$(BIN)/pytest bench -q -o 'python_files=bench_*.py' --benchmark-disable-gc --benchmark-quiet \
	  --benchmark-json=build/bench/kernels.json
	$(BIN)/rtaudio bench --from build/bench/kernels.json --plot build/bench

## bench-guardrails: the delay that checks add to sound with hold_audio
bench-guardrails: $(VENV)/.dev
	mkdir -p build/bench
	$(BIN)/python bench/bench_guardrails.py --json build/bench/guardrails.json

## bench-transcribe: race transcription against calling the recogniser directly
bench-transcribe: $(VENV)/.dev
	mkdir -p build/bench
	$(BIN)/python bench/bench_transcribe.py --json build/bench/transcribe.json

## bench-many: 500 sessions at once on one core, DURATION seconds: delays, processor, memory
DURATION := 30
bench-many: $(VENV)/.dev
	mkdir -p build/bench
	$(BIN)/python bench/bench_many_sessions.py --seconds $(DURATION) --json build/bench/many.json

## bench-webrtc: processor time of a call over WebRTC, against stock aiortc
bench-webrtc: $(VENV)/.dev
	mkdir -p build/bench
	$(BIN)/python bench/bench_webrtc.py --json build/bench/webrtc.json

## bench-service: what the embedded service adds to its engines
bench-service: $(VENV)/.dev
	mkdir -p build/bench
	$(BIN)/python bench/bench_service.py --json build/bench/service.json

## soak: a thousand connections cut at random, over both engines, and RTP_SECONDS of calls over bad networks;
## no sound may be lost or repeated but what the network lost
CUTS := 1000
RTP_SECONDS := 60
soak: $(VENV)/.dev
	mkdir -p build/bench
	$(BIN)/python tests/support/soak.py --cuts $(CUTS) --json build/bench/soak.json
	$(BIN)/python tests/support/rtp_soak.py --seconds $(RTP_SECONDS) --json build/bench/rtp_soak.json

## build: rebuild the kernels in place
build: $(VENV)/.dev

## lint: style and formatting
lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

## format: apply the formatting
format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

## types: mypy strict on src, and the kernels' stubs against the built modules
types: $(VENV)/.dev
	$(BIN)/mypy
	MYPYPATH=src $(BIN)/stubtest --concise $(patsubst src/rtaudio/_native/%.pyx,rtaudio._native.%,$(wildcard src/rtaudio/_native/*.pyx))

## asan: the tests of the kernels under AddressSanitizer and UBSan, built aside in build/asan
asan: $(VENV)/.dev
	$(BIN)/python tools/sanitize.py

## fuzz: wire decoder, Opus decoder and resampler, guided by coverage, SECONDS each; needs clang
SECONDS := 60
fuzz: $(VENV)/.dev
	$(BIN)/pip install --quiet --disable-pip-version-check 'atheris>=3'
	$(BIN)/python fuzz/run.py --seconds $(SECONDS)

## neon: the kernels compiled for aarch64, and their tests run there, emulated by qemu
neon: $(VENV)/.dev
	$(BIN)/python tools/neon.py

## counts: instructions of the kernels' calls against the figures kept; fails where one grew by 5 %
counts: $(VENV)/.dev
	$(BIN)/python tools/count_instructions.py

## counts-renew: count again and keep the result as the new figures
counts-renew: $(VENV)/.dev
	$(BIN)/python tools/count_instructions.py --renew

## dist: build sdist and wheel, and try the wheel in an environment that has nothing else
dist: $(VENV)/.dev
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python tools/try_wheel.py dist

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "could not make a virtual environment; on Debian: apt-get install python3-venv python3-dev"; exit 1; }

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml setup.py $(NATIVE)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[local,score]'
	touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml setup.py $(NATIVE)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[local,score,voice,dev]'
	touch $@ $(VENV)/.demo

# Of its own because openai-agents wants an older websockets than we are tested with.
$(VENV)/clients/.done: tests/clients/requirements.txt $(VENV)/bin/python
	$(BIN)/python -m venv $(VENV)/clients
	$(VENV)/clients/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

tests/clients/node_modules/.done: tests/clients/package-lock.json
	@command -v npm > /dev/null || { echo "npm is missing; on Debian: apt-get install nodejs npm"; exit 1; }
	npm --prefix tests/clients ci
	touch $@

$(VENV)/.bench: $(VENV)/.dev
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[bench]'
	touch $@

clean:
	rm -rf $(VENV) tests/clients/node_modules build dist src/*.egg-info src/rtaudio/_native/*.so src/rtaudio/_native/*.c
