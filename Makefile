# A fresh machine needs git, make and a Python of 3.11 or newer. `make help` lists the targets.

PYTHON ?= python3
UV_VERSION := 0.13.9
TOOLS := .local/tools
UV := $(TOOLS)/uv/bin/uv
RUN := .venv/bin/python
DARKROOM := .venv/bin/darkroom
# The tests of a file share a process, and so their stack.
PARALLEL := --numprocesses=auto --dist=loadfile

# The installed Python is used, and no other is downloaded.
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1

.DEFAULT_GOAL := help
.PHONY: help demo photo up down logs redrive backfill lint check test-unit test test-all torture fuzz bench clean tools browser clients readers locks

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  make demo PHOTO=cat.jpg                              with a photo of your own"
	@echo "  make up PORT=4600 PARAMETERS=\"DailyCallLimit=5\"      another port, other parameters"
	@echo "  make up IMAGE_API_URL=https://… IMAGE_API_KEY=…      the real image API"
	@echo "  make backfill PREFIX=shop/ INSTRUCTION='Make it night'  MOST=5000 for more than 1000, MAX_CALLS=500, YES=1 without asking"

demo: photo up ## a whole conversation about a picture, on this machine
	@$(RUN) -m local.demo $(if $(PHOTO),--photo "$(PHOTO)")

# A misspelt name is reported before anything is started.
photo:
	@test -z "$(PHOTO)" || test -f "$(PHOTO)" || { echo "There is no file $(PHOTO). Nothing was started." >&2; exit 1; }

up: tools ## start the stack on this machine, or bring it up to date
	@$(RUN) -m local.stack up

down: ## stop it (all of them, or the one on PORT=…); its data stays
	@if [ -x $(RUN) ]; then $(RUN) -m local.stack down; else echo "Nothing was running."; fi

logs: ## follow the functions' logs
	@if [ -x $(RUN) ]; then $(RUN) -m local.stack logs; else echo "There is no stack here yet. make up starts one."; fi

# The stack of a command: a name on AWS, or one on this machine: that on PORT, or the last one brought up.
STACK_MEANT = $(or $(STACK),local$(if $(PORT),:$(PORT)))

redrive: tools ## bring dead letters back, here (PORT=…) or on AWS (STACK=…)
	@$(DARKROOM) redrive --stack "$(STACK_MEANT)"

# The words are used as typed: make would expand a `$` in them, and run commands.
unexport PREFIX INSTRUCTION
export BACKFILL_PREFIX := $(value PREFIX)
export BACKFILL_INSTRUCTION := $(value INSTRUCTION)
backfill: tools ## one INSTRUCTION=… for all pictures below PREFIX=…; asks before it sends
	@$(DARKROOM) backfill --stack "$(STACK_MEANT)" $(if $(MOST),--most "$(MOST)") $(if $(MAX_CALLS),--max-calls "$(MAX_CALLS)") \
	  $(if $(filter 1,$(YES)),--yes) -- "$$BACKFILL_PREFIX" "$$BACKFILL_INSTRUCTION"

lint: .venv/stamp ## ruff and mypy
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/mypy --no-error-summary

check: tools lint $(TOOLS)/checkov/stamp ## lint, and the templates: cfn-lint, sam validate, checkov, parliament
	@.venv/bin/cfn-lint template.yaml monitoring.yaml examples/*.yaml
	@SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 $(TOOLS)/sam/bin/sam validate --lint --region us-east-1 >/dev/null
	@said=$$(BC_SKIP_MAPPING=TRUE $(TOOLS)/checkov/bin/checkov --framework cloudformation --skip-download \
	  --quiet --compact --file template.yaml monitoring.yaml) || { echo "$$said"; exit 1; }
	@$(TOOLS)/checkov/bin/python -W ignore -m local.check_policies template.yaml monitoring.yaml examples/*.yaml
	@echo "All good."

test-unit: .venv/stamp ## the tests on fakes alone; under a minute
	@$(RUN) -m pytest $(PARALLEL) tests/unit $(ARGS)

test: tools browser ## the tests, those on the deployed stack last
	@$(RUN) -m pytest $(PARALLEL) $(ARGS)

test-all: tools clients browser readers ## the rest of the tests: every client, kill, outage and minute-long wait
	@$(RUN) -m pytest $(PARALLEL) -m "slow and not torture" $(ARGS)

torture: tools clients ## kills, crashes in pairs, an API that fails in every way; SEED=… repeats a run
	@$(RUN) -m pytest -m torture $(if $(SEED),--seed $(SEED)) $(ARGS)
	@$(MAKE) --no-print-directory fuzz

fuzz: $(TOOLS)/fuzz/stamp ## look for bytes that break a parser; SECONDS=… for each, SEED=… repeats a run
	@$(TOOLS)/fuzz/bin/python -m tests.fuzz.fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

bench: tools $(TOOLS)/bench/stamp ## measure it against the naive handler and the floor; ARGS="memory cpu" some rows
	@$(RUN) -m benchmarks $(ARGS)

clean: ## stop the stack and remove everything that was made here, its data too
	@if [ -x $(RUN) ]; then $(RUN) -m local.stack down; fi
	@rm -rf .local .venv .aws-sam .hypothesis .mypy_cache .pytest_cache .ruff_cache demo
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---------------------------------------------------------------- tools, each in an environment of its own

tools: .venv/stamp $(TOOLS)/sam/stamp $(TOOLS)/ministack/stamp

# The browser for the tests of the console.
browser: $(TOOLS)/browser/stamp

# The upload clients of the tests. The AWS CLI is one of the project's packages, and s3fs is fetched by its test.
clients: $(TOOLS)/rclone/stamp $(TOOLS)/aws-sdk-js/stamp

# The readers of a picture's metadata and its signature, for the tests. exiftool needs a Perl.
readers: $(TOOLS)/c2pa/stamp $(TOOLS)/exiftool/stamp

$(UV): local/tools/get_uv.py
	@echo "Getting uv …"
	@$(PYTHON) local/tools/get_uv.py $(TOOLS)/uv $(UV_VERSION)
	@touch $@

.venv/stamp: uv.lock pyproject.toml | $(UV)
	@echo "Installing what the project needs …"
	@$(UV) sync --frozen --quiet --python "$(PYTHON)"
	@touch $@

$(TOOLS)/%/stamp: local/tools/%.txt | $(UV)
	@echo "Installing $* …"
	@$(UV) venv --quiet --clear --no-project --python "$(PYTHON)" $(TOOLS)/$*
	@$(UV) pip install --quiet --compile-bytecode --require-hashes --python $(TOOLS)/$*/bin/python --requirement $<
	@touch $@

# With the functions' version of Python, if this machine has it.
$(TOOLS)/bench/stamp: local/tools/bench.txt .venv/stamp | $(UV)
	@echo "Installing bench …"
	@$(UV) venv --quiet --clear --no-project --python "$$($(RUN) -m benchmarks.interpreter)" $(TOOLS)/bench
	@$(UV) pip install --quiet --compile-bytecode --require-hashes --python $(TOOLS)/bench/bin/python --requirement $<
	@touch $@

$(TOOLS)/aws-sdk-js/stamp: local/tools/aws-sdk-js/package-lock.json $(TOOLS)/node/stamp
	@echo "Installing the AWS SDK for JavaScript …"
	@mkdir -p $(@D) && cp $(<D)/package.json $< $(@D)
	@$(TOOLS)/node/bin/npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(TOOLS)/exiftool/stamp: local/tools/exiftool/package-lock.json $(TOOLS)/node/stamp
	@echo "Installing exiftool …"
	@mkdir -p $(@D) && cp $(<D)/package.json $< $(@D)
	@$(TOOLS)/node/bin/npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# Chromium is unpacked here, because tests that run side by side would disturb each other's unpacking.
$(TOOLS)/browser/stamp: local/tools/browser/package-lock.json local/tools/browser/unpack.mjs $(TOOLS)/node/stamp
	@echo "Installing a browser for the tests …"
	@rm -rf $(@D) && mkdir -p $(@D)/unpacked && cp $(<D)/package.json $< $(@D)
	@$(TOOLS)/node/bin/npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --silent
	@cd $(@D) && TMPDIR=$$PWD/unpacked ../node/bin/node --input-type=module - < $(CURDIR)/$(<D)/unpack.mjs
	@touch $@

locks: $(TOOLS)/node/stamp | $(UV) ## write the lock files again
	@$(UV) lock --quiet
	@{ echo "# Exported from uv.lock by \`make locks\`; what the layer ships."; \
	  $(UV) export --quiet --frozen --only-group layer --no-emit-project --no-annotate --no-header; } > layers/darkroom/requirements.txt
	@for tool in sam ministack bench fuzz checkov rclone node c2pa; do \
	  $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	    --custom-compile-command "make locks" --output-file local/tools/$$tool.txt local/tools/$$tool.in || exit 1; \
	done
	@$(UV) pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-annotate \
	  --custom-compile-command "make locks" --override local/tools/localstack/overrides.txt \
	  --output-file local/tools/localstack/localstack.txt local/tools/localstack/localstack.in
	@for tool in aws-sdk-js browser exiftool; do \
	  $(TOOLS)/node/bin/npm install --prefix local/tools/$$tool --package-lock-only --omit-lockfile-registry-resolved --silent || exit 1; \
	done
