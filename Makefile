# The face of the build. The work is done by CMake (CMakePresets.json) and by
# the scripts in tools/; "make help" lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: demo build test test-services tsan bench bench-journal fuzz lint format install clean help

# Seconds that each fuzz target runs, and where make install puts things.
T ?= 60
PREFIX ?= /usr/local

demo: build ## build K2 and show it at work; needs only git and make on Debian 12
	tools/demo.sh

build: ## build the program and the library into build/release
	tools/bootstrap.sh
	tools/build.sh release k2_all

test: ## build and run all tests; the last line counts them
	tools/bootstrap.sh --with-tests
	tools/test.sh

test-services: ## run the tests with real servers (Kafka), installed first; needs some 500 MB
	tools/bootstrap.sh --with-tests --with-services
	tools/test.sh services campaign

tsan: ## run the tests of threads under the thread sanitizer
	tools/bootstrap.sh --with-tests
	tools/test.sh tsan

bench: ## measure beside the peers and the limits of this machine, as ratios
	tools/bootstrap.sh --with-tests
	tools/build.sh release k2_all tests-bench
	bench/run.sh

bench-journal: ## measure the journal beside librdkafka, Chronicle Queue and RocksDB, Avro beside JSON
	tools/bootstrap.sh --with-tests --with-services
	tools/services.sh install peers
	tools/build.sh release k2_all tests-bench
	bench/journal.sh

fuzz: ## run every fuzz target for T seconds (make fuzz T=60)
	tools/bootstrap.sh --with-lint
	tools/fuzz.sh $(T)

lint: ## format, static analysis and the rules of this tree
	tools/bootstrap.sh --with-lint
	tools/check

format: ## rewrite the C sources in the format that make lint asks for
	tools/bootstrap.sh --with-lint
	tools/check --format

install: build ## install below PREFIX (/usr/local); DESTDIR is honoured
	cmake --install build/release --prefix $(PREFIX)

clean: ## remove what was built; .deps/, that was fetched, stays
	rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
