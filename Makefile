# make demo and make test are all the set-up there is.

GO       ?= go
BIN      := bin/tlsync
# 2026.2.2, pinned, so that a new release of the linter never fails an old commit.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 60s

.PHONY: build test lint bench demo fuzz

build:
	$(GO) build -trimpath -ldflags '-s -w' -o $(BIN) ./cmd/tlsync

test:
	$(GO) test -race -shuffle=on ./...

lint:
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt would change: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	$(GO) mod tidy -diff

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

demo: build
	$(BIN) sandbox --seed testdata/demo/seed.yaml -- sh testdata/demo/run.sh $(abspath $(BIN))

# The minimiser stalls short runs unless it is bounded.
fuzz:
	@set -e; for target in $$(grep -rho --include='*_test.go' '^func Fuzz[A-Za-z0-9]*' . | sed 's/func //' | sort); do \
		dir=$$(grep -rl --include='*_test.go' "^func $$target(" . | head -n 1 | xargs dirname); \
		echo "$$dir $$target"; \
		$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "$$dir"; \
	done
