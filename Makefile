# The two commands are `make run` and `make test`; both prepare the machine first, and say what they change.

# rustup puts cargo here, and not every shell looks there.
export PATH := $(HOME)/.cargo/bin:$(PATH)
# The queries are checked against what is committed in .sqlx, not against some database that may be near.
export SQLX_OFFLINE ?= true
TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help run test test-convert setup fmt lint sqlx

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' Makefile | expand -t 18

run: setup ## build, and serve at http://127.0.0.1:8080; drop pictures into data/upload
	cargo build --release
	$(TARGET)/release/chronograde serve

test: ## every check and every test, as continuous integration does
	@scripts/setup test
	scripts/test

test-convert: ## the converter of models, with random weights; installs TensorFlow (1.7 GB) in target/ once
	scripts/convert test

setup: ## packages and ONNX Runtime's library
	@scripts/setup

fmt: ## format the source
	cargo fmt

lint: ## what the compiler and clippy have to say
	cargo clippy --all-targets -- -D warnings

sqlx: setup ## write .sqlx anew, after a change of a query or a migration
	scripts/sqlx
