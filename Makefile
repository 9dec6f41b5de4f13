# Needs Go and make; everything else comes from the Go module proxy, pinned in go.mod and tools/go.mod.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

TOOL := go tool -modfile=tools/go.mod
# What the tests run on: the first broker found, one kind (docker, installed), or all that can be had.
BROKERS ?=
BROKERS_FLAG = $(if $(filter all,$(BROKERS)),-all,$(addprefix -kind ,$(BROKERS)))
WITH = go run ./internal/rabbit/with
BENCHTIME ?= 1s
FUZZTIME ?= 10s
# The race detector needs a C compiler and its headers: asking for the build is the only sure test of both.
RACE = $(shell go build -race runtime/cgo 2>/dev/null && echo -race)
# -count=1: another broker, or another package for the import test, is no change that Go's test cache sees.
GO_TEST = $(TOOL) gotestsum --format pkgname -- -count=1 $(or $(RACE),$(info no C compiler: the tests run without the race detector))
# Packages whose tests ask for a broker say so in their imports.
NO_BROKER = go list -f '{{.ImportPath}} {{.TestImports}} {{.XTestImports}}' ./... | awk '!/rabbittest/ && $$1 !~ "/internal/rabbit(/|$$)" {print $$1}'
GOLDEN = grep -rl --include='*_test.go' 'flag.Bool("update"' . | xargs -r dirname | sort -u
FUZZERS = grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' .

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the commands into bin/
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/...

.PHONY: test
test: ## run every test, on a broker found or started for them (BROKERS=all: on each kind that can be had)
	$(WITH) $(BROKERS_FLAG) -- $(GO_TEST) ./...

.PHONY: test-fast
test-fast: ## run the tests that need no broker
	$(NO_BROKER) | xargs $(GO_TEST)

.PHONY: lint
lint: ## hold the code against .golangci.yml and gofmt
	go vet ./...
	$(TOOL) golangci-lint fmt --diff
	$(TOOL) golangci-lint run

.PHONY: fmt
fmt: ## format the code
	$(TOOL) golangci-lint fmt

.PHONY: generate
generate: ## write the golden files anew; a change of them belongs in the commit
	$(GOLDEN) | xargs -r -I{} go test -count=1 {} -update

.PHONY: check
check: build test lint demo ## what a change must pass: the same gates as CI

.PHONY: bench
bench: ## run the benchmarks (BENCHTIME=1s)
	$(WITH) -- go test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) ./...

.PHONY: fuzz
fuzz: ## fuzz each decoder for a short while (FUZZTIME=10s)
	@$(FUZZERS) | while IFS=: read -r file func; do \
		echo "== $${func#func } in $$(dirname "$$file")"; \
		go test -run '^$$' -fuzz "^$${func#func }\$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")" </dev/null; \
	done

.PHONY: vuln
vuln: ## look for known vulnerabilities (asks vuln.go.dev, so it needs the network and is not part of check)
	$(TOOL) govulncheck ./...

.PHONY: demo
demo: ## run the example service against a broker found or started for it
	$(WITH) -- go run ./examples/gofmt

.PHONY: clean
clean: ## remove what the other targets leave behind
	rm -rf bin dist
