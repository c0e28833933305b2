# make demo and make test are all the set-up there is.

GO       ?= go
BIN      := bin/tlsync
# 2026.2.2, pinned, so that a new release of the linter never fails an old commit.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
ACTIONLINT  := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
# The runner of GitHub workflows that runs the action on this machine.
ACT         := github.com/nektos/act@v0.2.89
FUZZTIME ?= 60s

.PHONY: build test test-action test-probe lint lint-action bench demo demo-import fuzz man screens

# Without cgo the program runs wherever its kernel does, as the one that the action builds.
# The tag leaves out the CLI library's own manual pages, which make man does not use.
build:
	CGO_ENABLED=0 $(GO) build -tags urfave_cli_no_docs -trimpath -ldflags '-s -w' -o $(BIN) ./cmd/tlsync

# The stories of cmd/tlsync take longer on a busy machine than the ten minutes that go
# gives a package. They are told twice: once as they go when Cloudflare no longer gives all
# settings of a zone in one answer, which takes a minute. The JSON library of the SDK has
# a lock only under the race detector, so its test needs a build without.
test:
	$(GO) test -race -shuffle=on -timeout 25m ./...
	$(GO) test -run '^TestNoDecoderIsCompiledBesideOthers$$' ./engine/cloudflare
	$(GO) test -timeout 25m -run '^TestScript$$' ./cmd/tlsync -batch-gone

# Runs the action and the ready-made workflows in a real runner, on this machine.
test-action:
	GOBIN=$(abspath .cache/bin) $(GO) install $(ACT)
	TLSYNC_ACT=$(abspath .cache/bin/act) $(GO) test -count=1 -timeout 25m -run '^TestAction' ./cmd/tlsync

# Holds probe to two scanners that have nothing in common with it: sslscan for 20 servers,
# testssl.sh for three, which takes some minutes. It installs them where it can.
test-probe:
	@for p in sslscan testssl.sh; do \
		command -v $$p > /dev/null || command -v $${p%.sh} > /dev/null || \
		{ test "$$(id -u)" = 0 && apt-get install -y --no-install-recommends $$p > /dev/null 2>&1; } || \
		echo "$$p is not installed, so nothing is compared with it (Debian: apt-get install $$p)"; done
	TLSYNC_SCANNERS=1 $(GO) test -count=1 -timeout 25m -v -run '^TestTheProbeAgrees|^TestOddSuites|^TestTripleDES|^TestAThousandNames' ./engine/probe

lint: lint-action
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt would change: $$unformatted"; exit 1; }
	$(GO) vet ./...
	GOOS=windows $(GO) vet ./...
	GOOS=darwin $(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	$(GO) mod tidy -diff

# Once more with the action beside the workflows: then inputs and outputs are checked too.
# And once more as tlsync init writes them.
lint-action:
	$(GO) run $(ACTIONLINT) testdata/workflows/*.yml
	@set -e; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	mkdir -p "$$dir/.github/workflows"; git -C "$$dir" init -q; cp action.yml "$$dir"; \
	for f in testdata/workflows/*.yml; do sed 's|uses: OWNER/tlsync@.*|uses: ./|' "$$f" > "$$dir/.github/workflows/$$(basename "$$f")"; done; \
	cd "$$dir"; $(GO) run $(ACTIONLINT)
	@set -e; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; git -C "$$dir" init -q; \
	CLOUDFLARE_API_TOKEN= $(GO) run ./cmd/tlsync init --config "$$dir/infra/tls" > /dev/null; $(GO) run ./cmd/tlsync validate --config "$$dir/infra/tls" > /dev/null; \
	$(GO) run $(ACTIONLINT) "$$dir"/.github/workflows/*.yml

# Every stage with its allocations, then the whole program against a sandbox. What a
# run said is in testdata/bench.
bench:
	$(GO) test -run '^$$' -bench . -benchmem $$($(GO) list ./... | grep -v /cmd/)
	$(GO) test -run '^$$' -bench . -benchtime 3x -timeout 30m ./cmd/tlsync

# Pictures of the comments, issues, summaries and pages that people read, for people to look
# at. They need a Chromium in PATH (Debian: apt-get install chromium).
screens:
	$(GO) test ./engine/report ./engine/report/html -count=1 -run '^TestScreens$$' -screens $(abspath .cache/screens)
	@echo "The pictures are in .cache/screens."

demo: build
	$(BIN) sandbox --seed testdata/demo/seed.yaml -- sh testdata/demo/run.sh $(abspath $(BIN))

# Adopts a fleet that was made by hand: 12 zones, 18,000 custom hostnames.
demo-import: build
	@set -e; seed=$$(mktemp); trap 'rm -f "$$seed"' EXIT; \
	$(GO) run ./testdata/demo-import > "$$seed"; \
	$(BIN) sandbox --seed "$$seed" -- sh testdata/demo-import/run.sh $(abspath $(BIN))

# The manual page, from the tables that the help of the program is made from.
man: build
	$(BIN) __man > bin/tlsync.1
	@echo "man -l bin/tlsync.1"

# The minimiser stalls short runs unless it is bounded.
fuzz:
	@set -e; for target in $$(grep -rho --include='*_test.go' '^func Fuzz[A-Za-z0-9]*' . | sed 's/func //' | sort); do \
		dir=$$(grep -rl --include='*_test.go' "^func $$target(" . | head -n 1 | xargs dirname); \
		echo "$$dir $$target"; \
		$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "$$dir"; \
	done
