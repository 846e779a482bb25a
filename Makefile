# make builds the exporter; make help lists what else there is.

BINARY  := datadog_org_connections_exporter
GO      ?= go
# One version here, so that everybody's linter finds the same.
GOLANGCI_LINT_VERSION ?= v2.15.0
ACTIONLINT_VERSION    ?= v1.7.12
FUZZTIME  ?= 60s
BENCH     ?= .
BENCHTIME ?= 1s
# Where docs/runbooks.md is served. make generate writes it into alerts and dashboards.
RUNBOOK_URL ?= https://runbooks.example.com/datadog_org_connections_exporter/runbooks.md

# What --version and the build_info metric say, without the v as is usual there.
# An archive of the sources has no history and becomes "dev", unless the caller
# says better: make VERSION=1.2.3.
VERSION  ?= $(patsubst v%,%,$(shell git describe --tags --always --dirty 2>/dev/null || echo dev))
REVISION ?= $(shell git rev-parse --quiet --verify HEAD 2>/dev/null)
BRANCH   ?= $(shell git symbolic-ref --quiet --short HEAD 2>/dev/null)
# The commit's date, not the clock's: the same commit gives the same binary.
BUILD_DATE ?= $(shell TZ=UTC0 git log -1 --format=%cd --date=format-local:%Y%m%d-%H:%M:%S 2>/dev/null \
	|| date -u +%Y%m%d-%H:%M:%S)

version_pkg := github.com/prometheus/common/version
ldflags = -s -w \
	-X $(version_pkg).Version=$(VERSION) \
	-X $(version_pkg).Revision=$(REVISION) \
	-X $(version_pkg).Branch=$(BRANCH) \
	-X $(version_pkg).BuildDate=$(BUILD_DATE)

golangci_lint = $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)

.DEFAULT_GOAL := build

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' Makefile

# Without Go's own stamp of the commit: ldflags has it, and the build would fail
# where git refuses to answer, as in a clone that belongs to somebody else.
.PHONY: build
build: ## Build the exporter (the default)
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '$(ldflags)' -o $(BINARY) .

# The race detector needs cgo. Coverage is what a package's own tests reach.
.PHONY: test
test: ## Vet and test everything, with the race detector and coverage
	$(GO) vet ./...
	CGO_ENABLED=1 $(GO) test -race -shuffle=on -coverprofile=coverage.out ./...
	@awk 'NR > 1 { sub(/\/[^\/]*$$/, "", $$1); all[$$1] += $$2; if ($$3 > 0) hit[$$1] += $$2 } \
		END { for (p in all) printf "%6.1f%% %s\n", 100 * hit[p] / all[p], p }' coverage.out | sort -k 2
	@$(GO) tool cover -func=coverage.out | awk 'END { printf "%7s total\n", $$NF }'

# Never from go test's cache, which does not see that the exporter has changed. The
# first run builds Prometheus and others, for minutes. What happened to an account, and
# what was told of it, is worth reading: that one is verbose.
.PHONY: e2e
e2e: ## Test the binary against real peers, and what packages it
	cd e2e && CGO_ENABLED=1 $(GO) test -race -count=1 -timeout 30m -v -run '^TestAlerts_MatchEvents$$' .
	cd e2e && CGO_ENABLED=1 $(GO) test -race -count=1 -timeout 30m -skip '^TestAlerts_MatchEvents$$' ./...
	cd e2e/packaging && $(GO) test -count=1 ./...

.PHONY: image-test
image-test: ## Build the image and run it, with Docker
	cd e2e/packaging && $(GO) test -v -count=1 ./image -docker

.PHONY: lint
lint: ## Run golangci-lint and actionlint, in pinned versions
	$(golangci_lint) run
	cd e2e && $(golangci_lint) run
	cd e2e/packaging && $(golangci_lint) run
	$(GO) run github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT_VERSION)

.PHONY: fmt
fmt: ## Format the code as lint wants it
	$(golangci_lint) fmt

.PHONY: bench
bench: ## Measure the exporter beside its peers, on Linux: three minutes and a build
	cd e2e && $(GO) run ./bench

.PHONY: benchmarks
benchmarks: ## Run the Go benchmarks, for benchstat (BENCH=regexp, BENCHTIME=1s)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem ./...

# go test fuzzes one target of one package at a time. Minimizing what is merely
# interesting may take a minute, and go test calls it a failure when that is cut off.
.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME=60s
	@set -e; for pkg in $$($(GO) list ./...); do \
		list=$$($(GO) test -list '^Fuzz' "$$pkg"); \
		for target in $$(printf '%s\n' "$$list" | sed -n '/^Fuzz/p'); do \
			echo "$$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s "$$pkg"; \
		done; \
	done

.PHONY: demo
demo: build ## Run the exporter against a simulated Datadog
	./$(BINARY) demo

.PHONY: generate
generate: ## Write generated files, with links to RUNBOOK_URL=https://...
	sed -i.bak 's|runbook_url: .*#|runbook_url: $(subst &,\&,$(RUNBOOK_URL))#|' deploy/prometheus/rules/*.yml deploy/prometheus/tests/*.yml
	rm deploy/prometheus/rules/*.bak deploy/prometheus/tests/*.bak
	$(GO) generate ./...
	cd e2e/packaging && $(GO) generate ./...

.PHONY: clean
clean: ## Remove what make built
	rm -rf $(BINARY) coverage.out .build dist
