# One line per target; the work is in scripts/. Everything a target needs is installed by the target itself.
.DEFAULT_GOAL := help
.PHONY: help run test check bench bench-rt test-browsers setup deny clean
export EVERY_CHECK

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST) | expand -t 20

run: ## build and start the service with the demo instrument; ARGS="--device hw:2" for your own
	@scripts/run.sh $(ARGS)

test: ## every test, counted in the last line; STAGES="rust web" for some
	@scripts/test.sh $(STAGES)

check: ## formatting, lints, types, dependencies
	@scripts/check.sh

bench: ## the listening bench; BENCH_ARGS="--baseline" compares with the classic design
	@scripts/packages.sh test
	@tools/bench.sh $(BENCH_ARGS)

bench-rt: ## the capture thread's system calls per period, traced
	@scripts/bench_rt.sh

test-browsers: ## the page in Firefox and WebKit
	@scripts/test.sh engines

setup: ## install the packages that run, test and check need
	@scripts/packages.sh check

deny: ## build cargo-deny, which `make check` uses when it is there
	@scripts/cargo_deny.sh

clean: ## remove what was built
	@rm -rf target tools/target node_modules
