# One line per target; the work is in scripts/. Each target installs the packages it needs.
.DEFAULT_GOAL := help
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*\#\#.*/\1/p' $(MAKEFILE_LIST))
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
export ARCH CUTS CHAOS_S EVERY_CHECK ADVISORY_DB TRACE MODE SKEW_PPM PROFILE SEED SEEDS SECONDS FILE

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST) | expand -t 22

run: ## build and start the service with the demo instrument; ARGS="--device hw:2" for your own
	@scripts/run.sh $(ARGS)

test: ## every test, counted in the last line; STAGES="rust web" for some
	@scripts/test.sh $(STAGES)

check: ## formatting, lints, types, dependencies
	@scripts/check.sh

documents: ## regenerate the documents' tables of settings and HTTP paths from the code
	@WRITE=1 scripts/cargo.sh test --quiet --locked --test documents

bench: ## the listening bench; BENCH_ARGS="--baseline" compares with the classic design
	@tools/bench.sh $(BENCH_ARGS)

bench-network: ## the same over bad networks (as root); BENCH_ARGS="--profile bad-wifi" for one, "--skew-ppm 300" for clocks apart
	@tools/bench.sh --network $(BENCH_ARGS)

bench-fanout: ## the cost of 1 to 500 listeners, compared with a bare loop; BENCH_ARGS="--listeners 100" for some
	@tools/fanout.sh $(BENCH_ARGS)

bench-fanout-arm: ## a listener's cost in instructions, on an emulated Cortex-A72 (as in a Pi 4)
	@tools/fanout_arm64.sh

bench-rt: ## the capture thread's system calls per period, traced
	@scripts/bench_rt.sh

bench-concealment: ## gain and cost of concealment compared with a fade, with pictures
	@. scripts/with_packages.sh node && node benches/js/concealment.mjs

bench-audibility: ## what a gap costs by our measure, compared with Zimtohrli and ViSQOL; PLACES=30 of gaps in each excerpt
	@scripts/bench_audibility.sh $(PLACES)

bench-resampler: ## cost and distortion of resampling, by method
	@. scripts/with_packages.sh node && node benches/js/resampler.mjs

simulate: ## what a listener hears on a trace of arrivals: TRACE=file.csv MODE=auto|lowest|safest SKEW_PPM=0 SOUND=piano
	@. scripts/with_packages.sh node && node scripts/simulate.mjs

simulate-sweep: ## every network in every mode, as a table; SEED=1 SECONDS=600 PROFILES="wired loss" MODES=auto SOUND=piano
	@. scripts/with_packages.sh node && node scripts/simulate_sweep.mjs

simulate-clocks: ## how right the drift stays with a late event every minute, as a table; SEEDS=1000 SECONDS=3600
	@. scripts/with_packages.sh node && node scripts/simulate_clocks.mjs

trace: ## generate such a trace: PROFILE=bad-wifi SEED=1 SECONDS=600 FILE=trace.csv
	@. scripts/with_packages.sh node && node scripts/simulate.mjs trace

test-listening: ## long bit-exact sound tests in Chromium; on an otherwise idle machine
	@scripts/test.sh listening

pictures: ## the pictures of the page in docs/, taken in Chromium; on an otherwise idle machine
	@scripts/test.sh pictures

test-browsers: ## the page in Firefox and WebKit
	@scripts/test.sh engines

test-hostile: ## tests by independent tools: conformance, slow and misbehaving clients, ten minutes of chaos (as root)
	@scripts/test_hostile.sh $(STAGES)

fuzz: ## fuzz the code that parses untrusted bytes, MINUTES=10 each; TARGET=wire_decode for one
	@scripts/fuzz.sh "$(TARGET)" $(MINUTES)

test-vm: ## the service and a virtual MONTAGE under a real kernel, in a virtual machine; CYCLES=10 for fewer unpluggings
	@tools/vm.sh $(CYCLES)

cross: ## build the program for a Raspberry Pi (arm64), stripped and reproducible
	@scripts/release.sh arm64

test-cross: ## the tests, built for arm64 and run in an emulator
	@scripts/test.sh cross

deb: ## the Debian packages; ARCHS="arm64" for one of arm64 and amd64
	@scripts/deb.sh $(ARCHS)

test-deb: ## the package and its units, in Debian 12 and 13 (as root); SUITES="trixie" for one, ARCH=arm64 for the Pi's
	@scripts/test_deb.sh $(SUITES)

test-systemd: ## the package under a real systemd, in an emulated machine (as root)
	@scripts/test_systemd.sh

bundle: ## a signed update from the parts of the image (as root)
	@image/update/bundle.sh

test-update: ## updates and falling back, by the real rauc in an emulated machine (as root)
	@scripts/test_update.sh

test-reproducible: ## two builds of the last commit, compared byte for byte
	@scripts/test_reproducible.sh

image: ## the SD card's image for a Raspberry Pi (as root)
	@image/build.sh

test-image: ## that image booted in an emulated machine, with power cuts (as root); CUTS=20 of them
	@tools/image.sh

setup: ## install the packages that run, test and check need
	@scripts/packages.sh check

deny: ## build cargo-deny, which `make check` uses if it is installed
	@scripts/cargo_deny.sh

audit: ## known vulnerabilities of dependencies, and yanked releases; ADVISORY_DB=FOLDER for a copy of RustSec's advisories
	@scripts/audit.sh

clean: ## remove what was built
	@rm -rf target tools/target node_modules
