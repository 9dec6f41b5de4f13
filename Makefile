# Needs Go and make; everything else comes from the Go module proxy, pinned in go.mod and tools/go.mod.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

TOOL := go tool -modfile=tools/go.mod
BENCH_TOOL := go tool -modfile=../tools/go.mod
# What the tests run on: the first broker found, one kind (docker, installed), or all that can be had.
BROKERS ?=
BROKERS_FLAG = $(if $(filter all,$(BROKERS)),-all,$(addprefix -kind ,$(BROKERS)))
WITH = go run ./internal/rabbit/with
BENCHTIME ?= 1s
COUNT ?= 6
FUZZTIME ?= 10s
SEEDS ?= 1-1000
FOR ?= 1h
ONLY ?=
SCALE ?=
BENCH ?= brief
SDK ?=
FAULTS = go run ./test/faults/run $(if $(ONLY),-only $(ONLY)) $(if $(REPORT),-report $(REPORT))
# The race detector needs a C compiler and its headers: asking for the build is the only sure test of both.
RACE = $(shell go build -race runtime/cgo 2>/dev/null && echo -race)
# -timeout: a test may wait for long until a broker of its own is its turn.
# -count=1: another broker, or another package for the import test, is no change that Go's test cache sees.
GO_TEST = $(TOOL) gotestsum --format pkgname -- -count=1 -timeout 20m $(or $(RACE),$(info no C compiler: the tests run without the race detector))
# Not the system in containers, which takes minutes and Docker: make compose-test.
PACKAGES = go list ./... | grep -v '/test/compose$$'
# Packages whose tests ask for a broker say so in their imports.
NO_BROKER = go list -f '{{.ImportPath}} {{.TestImports}} {{.XTestImports}}' ./... | awk '!/rabbittest/ && $$1 !~ "/internal/rabbit(/|$$)|/test/compose$$" {print $$1}'
GOLDEN = grep -rl --include='*_test.go' 'flag.Bool("update"' . | xargs -r dirname | sort -u
FUZZERS = grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' .

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the commands into bin/
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/...

.PHONY: test
test: ## run every test, on a broker found or started for them (BROKERS=all: on each kind that can be had), and the simulation
	$(PACKAGES) | xargs $(WITH) $(BROKERS_FLAG) -- $(GO_TEST)
	$(MAKE) --no-print-directory simulate

.PHONY: simulate
simulate: ## run worlds with faults in virtual time (SEEDS=1-1000)
	go run ./test/simulation/simulate -seeds $(SEEDS)

.PHONY: mutants
mutants: ## break the client and the engine on purpose, and see the simulation catch each mutant
	go run ./test/simulation/simulate -mutants -seeds 1-1000

.PHONY: mutants-brief
mutants-brief: ## a few of them, as in CI
	go run ./test/simulation/simulate -mutants -seeds 1-1000 -every 5

.PHONY: faults
faults: ## hurt real brokers, networks, workers and producers, for a quarter of an hour (ONLY=F2/worker-killed: one scenario)
	$(FAULTS)

.PHONY: faults-brief
faults-brief: ## its short form, as in CI
	$(FAULTS) -scale brief

.PHONY: faults-full
faults-full: ## its long form, hours: 100 broker kills, 1,000 worker kills
	$(FAULTS) -scale full

.PHONY: soak
soak: ## random faults for a time, and what the workers hold meanwhile (FOR=1h)
	$(FAULTS) -soak $(FOR)

.PHONY: test-fast
test-fast: ## run the tests that need no broker
	$(NO_BROKER) | xargs $(GO_TEST)

.PHONY: deploy-test
deploy-test: ## check the files of deploy/ (builds promtool, which takes minutes the first time)
	cd deploy/check && go vet . && go test -count=1 -timeout 30m .

.PHONY: compose-test
compose-test: ## start the system of deploy/ in containers, scale it, kill a part, stop it: nothing is lost (needs Docker)
	go test -count=1 -v -timeout 20m ./test/compose

.PHONY: up
up: ## start the system of deploy/ in containers, with the demo
	docker compose -f deploy/docker-compose.yml --profile demo up --build --wait

.PHONY: down
down: ## stop it again; the data stays
	docker compose -f deploy/docker-compose.yml --profile demo down

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
	$(GOLDEN) | xargs -r -I{} go test -C {} -count=1 . -update

.PHONY: check
check: build test deploy-test bench-test lint mutants-brief faults-brief demo ## what a change must pass: the same gates as CI

.PHONY: bench
bench: ## run the benchmarks, and compare them with those of the last release (BENCHTIME=1s COUNT=6)
	$(WITH) $(BROKERS_FLAG) -- bench/compare.sh $(BENCHTIME) $(COUNT)

.PHONY: scale
scale: build ## measure what a second and a fourth worker add (SCALE='-slots 50 -rounds 5')
	$(WITH) $(BROKERS_FLAG) -- go run -C bench ./scale -bin $(CURDIR)/bin $(SCALE)

.PHONY: bench-peers
bench-peers: ## measure Warrener beside other task systems (ONLY=asynq,river; BENCH=full takes half an hour and writes docs/performance.md)
	go run -C bench ./run -scale $(BENCH) $(if $(ONLY),-only $(ONLY)) $(if $(filter full,$(BENCH)),-o ../docs/performance/report.json -write ../docs/performance.md $(if $(SDK),-sdk $(abspath $(SDK))))

.PHONY: bench-test
bench-test: ## check what measures: bench/, a module of its own
	cd bench && go vet ./... && $(BENCH_TOOL) golangci-lint fmt --diff && $(BENCH_TOOL) golangci-lint run
	cd bench && go test -count=1 ./...

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
