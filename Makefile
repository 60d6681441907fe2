# dth: build, test, lint, measure. Needs Go, git and make; every other tool is
# installed below .tools/, pinned, by the Go toolchain at hand.

VERSION ?= $(shell git describe --tags --match 'v[0-9]*' 2>/dev/null | sed 's/^v//' | grep . \
             || echo 0.0.0-dev+$$(git rev-parse --short HEAD))
TOOLS   := $(CURDIR)/.tools
PLUGINS := $(patsubst plugins/%/main.go,%,$(wildcard plugins/*/main.go))

# Tools: change a pin here and the tool is built anew.
versitygw          := github.com/versity/versitygw/cmd/versitygw@v1.8.0
minio              := github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c
rclone             := github.com/rclone/rclone@v1.76.0
buf                := github.com/bufbuild/buf/cmd/buf@v1.75.0
golangci-lint      := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
protoc-gen-go      := google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
protoc-gen-go-grpc := google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2

SERVERS  := versitygw minio
PROTOC   := buf protoc-gen-go protoc-gen-go-grpc
ALLTOOLS := $(SERVERS) rclone golangci-lint $(PROTOC)

export PATH := $(TOOLS)/bin:$(PATH)

# The race detector needs cgo, and go turns cgo off where there is no C compiler.
RACE := $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)

.DEFAULT_GOAL := build
.PHONY: build assets emulators cloud-tools fleet-up fleet-demo fleet-down demo picture test test-cloudformation lint generate fresh breaking bench scale faults faults-fleet soak tools clean help

help: ## Say what each target does.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

build: ## Build bin/dth and bin/plugins/.
	@echo "==> build dth $(VERSION) into bin/"
	@mkdir -p bin/plugins
	@CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/dth ./cmd/dth
	@for name in $(PLUGINS); do \
	   CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/plugins/dth-plugin-$$name ./plugins/$$name && \
	   cp plugins/$$name/dth-plugin-$$name.yaml bin/plugins/ || exit 1; \
	 done

# What a stack of infra/cloudformation/dth.yaml installs, under the names that it asks for.
ARM := GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go build -trimpath
assets: ## Build bin/assets/: what the stack of a fleet installs, and its checksums.
	@echo "==> build the assets of dth $(VERSION) into bin/assets/"
	@rm -rf bin/assets && mkdir -p bin/assets/dth/plugins bin/assets/function
	@$(ARM) -ldflags '-s -w -X main.version=$(VERSION)' -o bin/assets/dth/dth ./cmd/dth
	@for name in $(PLUGINS); do \
	   $(ARM) -ldflags '-s -w' -o bin/assets/dth/plugins/dth-plugin-$$name ./plugins/$$name && \
	   cp plugins/$$name/dth-plugin-$$name.yaml bin/assets/dth/plugins/ || exit 1; \
	 done
	@$(ARM) -ldflags '-s -w' -tags lambda.norpc -o bin/assets/function/bootstrap ./infra/cloudformation/lambda
	@tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C bin/assets/dth -cf - dth plugins | gzip -n >bin/assets/dth_linux_arm64.tar.gz
	@cd bin/assets/function && python3 -m zipfile -c ../dth_lambda_linux_arm64.zip bootstrap
	@rm -r bin/assets/dth bin/assets/function
	@cd bin/assets && sha256sum dth_* | tee SHA256SUMS

# Emulators of the vendors' stores, for tests and for anybody's clients.
EMULATORS := oss cos kodo
emulators: ## Build bin/emulators/.
	@mkdir -p bin/emulators
	@for name in $(EMULATORS); do CGO_ENABLED=0 go build -trimpath -o bin/emulators/$$name ./tests/emulators/$$name || exit 1; done

# A stamp names the tool and its pin: .tools/stamp/NAME@VERSION.
stamp = $(TOOLS)/stamp/$(1)@$(lastword $(subst @, ,$($(1))))
define install_rule
$(call stamp,$(1)):
	@echo "==> install $(1) $(lastword $(subst @, ,$($(1)))) into .tools/bin"
	@mkdir -p $(TOOLS)/bin $(TOOLS)/stamp
	@rm -f $(TOOLS)/stamp/$(1)@*
	@GOBIN=$(TOOLS)/bin CGO_ENABLED=0 go install -trimpath -ldflags '-s -w' $($(1))
	@touch $$@
endef
$(foreach tool,$(ALLTOOLS),$(eval $(call install_rule,$(tool))))
stamps = $(foreach tool,$(1),$(call stamp,$(tool)))

tools: $(call stamps,$(ALLTOOLS)) ## Install every pinned tool (the other targets install what they need).

# Emulators of AWS: tests/cloud/install pins them, and a stamp is older than what it
# was installed from when that changed. They run on what the machine has of Python
# and Node; what it has not is said, and the tests that need it are not run.
PYTHON := $(shell python3 -c 'import ensurepip, venv' 2>/dev/null && echo python3)
NPM    := $(shell command -v npm)
CLOUD  := $(if $(PYTHON),ministack moto cfn) $(if $(NPM),node)
PINS   := tests/cloud/install

define venv_rule
$(TOOLS)/stamp/cloud-$(1): $(PINS)/$(1).txt
	@echo "==> install $(1) into .tools/cloud"
	@mkdir -p $(TOOLS)/cloud $(TOOLS)/stamp && rm -rf $(TOOLS)/cloud/$(1)
	@$(PYTHON) -m venv $(TOOLS)/cloud/$(1)
	@$(TOOLS)/cloud/$(1)/bin/python -m pip install -q --require-hashes -r $$<
	@touch $$@
endef
$(foreach name,ministack moto cfn,$(eval $(call venv_rule,$(name))))

$(TOOLS)/stamp/cloud-node: $(addprefix $(PINS)/,package.json package-lock.json fauxqs.mjs)
	@echo "==> install fauxqs and asl-validator into .tools/cloud"
	@mkdir -p $(TOOLS)/cloud/node $(TOOLS)/stamp
	@cp $^ $(TOOLS)/cloud/node
	@$(NPM) ci --prefix $(TOOLS)/cloud/node --ignore-scripts --no-audit --no-fund --loglevel error
	@touch $@

cloud-tools: $(CLOUD:%=$(TOOLS)/stamp/cloud-%) ## Install the emulators of AWS that this machine can run.
	@lacking=; lack() { lacking=yes; echo "not run: tests on $$1: install $$2, then run make cloud-tools"; }; \
	   test -n "$(PYTHON)" || lack "MiniStack, moto and the checks of the template" "python3 with venv (package python3-venv)"; \
	   test -n "$(NPM)" || lack "fauxqs" "node and npm (packages nodejs, npm)"; \
	   if [ "$$CI$$lacking" = trueyes ]; then echo "CI needs every emulator" >&2; exit 1; fi

fleet-up: cloud-tools $(call stamps,versitygw) ## Start an emulated AWS and two S3 servers, and say how to reach them.
	@go run ./tests/fleet up

fleet-demo: build cloud-tools $(call stamps,versitygw) ## Show a finder and three workers at work on it.
	@go run ./tests/fleet demo

fleet-down: ## End what fleet-up started.
	@go run ./tests/fleet down

demo: build $(call stamps,versitygw) ## Copy a bucket between two real servers, and show it.
	@go run ./tests/demo

picture: build $(call stamps,versitygw) ## Draw a demo run into docs/demo.svg.
	@go run ./tests/demo -picture docs/demo.svg

# Most tests wait for other processes, so four packages, and four tests of each, share two
# cores well. The longest package goes first.
test: build emulators cloud-tools $(call stamps,$(SERVERS)) ## Run all tests, with the race detector where there is a C compiler.
ifeq ($(RACE),)
	@echo "==> no C compiler: testing without the race detector"
	@if [ "$$CI" = true ]; then echo "CI needs a C compiler: install gcc or clang" >&2; exit 1; fi
endif
	@echo "==> test"
	go test $(RACE) -shuffle=on -p 4 -parallel 4 -timeout 30m ./tests/integration ./...

test-cloudformation: build cloud-tools ## Check the template of the fleet, and make a stack of it on an emulator (make test does it too).
	@echo "==> test the template"
	go test -count 1 -timeout 20m ./tests/cloudformation ./infra/...
	go test -count 1 -timeout 20m -run TestFleetKeepsToItsRoles ./tests/integration

lint: $(call stamps,golangci-lint $(PROTOC)) fresh breaking ## Check style, import directions, the wire contract, generated code.
	@echo "==> gofmt"
	@test -z "$$(gofmt -l . | tee /dev/stderr)"
	@echo "==> buf lint"
	@buf lint
	@echo "==> go mod tidy -diff"
	@go mod tidy -diff
	@echo "==> golangci-lint"
	@golangci-lint run ./...

generate: $(call stamps,$(PROTOC)) ## Generate the Go code of the wire contract.
	@echo "==> buf generate"
	@buf generate

fresh: $(call stamps,$(PROTOC)) ## Check that the generated code is what generate would write.
	@echo "==> generated code is fresh"
	@rm -rf $(TOOLS)/fresh && mkdir -p $(TOOLS)/fresh
	@buf generate -o $(TOOLS)/fresh
	@diff -ru $(TOOLS)/fresh/sdk/internal/storagepb sdk/internal/storagepb || \
	   { echo "generated code is stale: run make generate" >&2; exit 1; }

# The wire contract is frozen by release v1.0.0: from then on no release may
# break its predecessor. Before that, what breaks is shown and allowed.
RELEASE := $(shell git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null)
breaking: $(call stamps,buf) ## Compare the wire contract with the newest release.
ifeq ($(RELEASE),)
	@echo "==> buf breaking: no release yet, nothing to compare the wire contract with"
else
	@echo "==> buf breaking against $(RELEASE)"
	@buf breaking --against '.git#tag=$(RELEASE)' $(if $(filter v0.%,$(RELEASE)),|| echo "allowed: the wire contract is not frozen before v1.0.0")
endif

bench: build emulators $(call stamps,rclone) ## Measure against rclone and a bare relay (2 to 12 minutes; BENCHFLAGS=-quick: a third of it).
	@go run ./tests/bench $(BENCHFLAGS)

scale: build ## Push 1.1 million objects through a fleet and print what each takes (15 minutes).
	@go run ./tests/scale $(SCALEFLAGS)

faults: build emulators cloud-tools $(call stamps,$(SERVERS)) ## Run the kill, rewrite and supervision tests at length, and 100,000 histories.
	@echo "==> faults, at length"
	DTH_FAULTS=long go test $(RACE) -shuffle=on -p 1 -count 1 -timeout 60m ./tests/dynamodb/... ./tests/faults/... ./tests/integration/...
	@echo "==> 100,000 histories" # without the race detector, which would take hours; make test has it for some hundreds
	DTH_FAULTS=long go test -count 1 -timeout 3h -v ./tests/truth

faults-fleet: build emulators cloud-tools $(call stamps,$(SERVERS)) ## Kill a fleet's processes 200 times while AWS fails.
	@echo "==> a fleet under siege, at length"
	DTH_FAULTS=long go test -count 1 -v -timeout 60m -run 'TestFleetSurvives' ./tests/integration

soak: build emulators cloud-tools $(call stamps,$(SERVERS)) ## Run everything at length, three times over.
	@echo "==> soak"
	DTH_FAULTS=long go test $(RACE) -shuffle=on -p 1 -count 3 -timeout 6h ./...

# By name: what else is in bin/ is not ours, such as a plugin of one's own.
clean: ## Remove what build, assets and emulators made; the tools stay in .tools/.
	@rm -f bin/dth $(PLUGINS:%=bin/plugins/dth-plugin-%) $(PLUGINS:%=bin/plugins/dth-plugin-%.yaml) $(EMULATORS:%=bin/emulators/%)
	@rm -f bin/assets/dth_linux_arm64.tar.gz bin/assets/dth_lambda_linux_arm64.zip bin/assets/SHA256SUMS
	@rmdir bin/plugins bin/emulators bin/assets bin 2>/dev/null || true
