# Everything a developer types. `make` alone lists it.
# GOLANGCI is pinned; an installed golangci-lint of the same version is used.
GOLANGCI := v2.15.0
# What `make generate` writes. `make verify` fails when it is stale.
GENERATED := docs/channels docs/status-machine.md docs/openapi.json
# More words for run and bench: make run ARGS='--faults hard'
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run web e2e lighthouse test test-pg lint generate verify bench

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## start the demo: a hub with its panel, simulated marketplaces, buyers, a manager
	@scripts/web.sh --if-stale
	go run ./cmd/orderhub demo $(ARGS)

web: ## build the control panel into panel/dist (needs Node.js 20 or later)
	scripts/web.sh

e2e: ## drive the panel of the real binary in a real Chromium
	scripts/e2e.sh

lighthouse: ## ask Lighthouse what it thinks of the panel, on a desk and on a slow phone
	scripts/lighthouse.sh

test: ## run every test, the PostgreSQL half included (about 20 minutes on 2 cores)
	scripts/postgres.sh scripts/test.sh

test-pg: ## run the tests of both engines, both with the race detector, and fail where there is no PostgreSQL
	scripts/postgres.sh scripts/test.sh --engines

lint: ## check the form of the code: gofmt, golangci-lint; the panel: tsc, eslint
	@out=$$(gofmt -l .); if [ -n "$$out" ]; then echo "not formatted (gofmt -w):"; echo "$$out"; exit 1; fi
	GOLANGCI=$(GOLANGCI) scripts/lint.sh
	scripts/web.sh --lint

generate: ## write the generated documents again
	go generate ./...
	go test ./server -run '^TestDocumentIsCommitted$$' -update

verify: generate ## fail on stale generated files, modules, licences, paths, sizes
	git diff --exit-code -- $(GENERATED)
	@out=$$(git ls-files --others --exclude-standard -- $(GENERATED)); if [ -n "$$out" ]; then echo "generated and not committed:"; echo "$$out"; exit 1; fi
	go mod verify
	go mod tidy -diff
	go vet ./...
	scripts/verify.sh

bench: ## measure this machine, on disk and with fsync, on both engines
	ORDERHUB_TEST_POSTGRES_FSYNC=on scripts/postgres.sh \
		sh -c 'ORDERHUB_BENCH_POSTGRES="$$ORDERHUB_TEST_POSTGRES" go run ./cmd/orderhub bench $(ARGS)'
