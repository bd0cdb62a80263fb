# GNU Make 3.81 or newer and a POSIX shell. Every path is relative or quoted: the folder's own name may hold spaces.

UV := 0.13.9
ARGS ?=

# Locks carry no address of a registry, so the mirror that pip is set up for is handed on to uv.
export UV_SYSTEM_CERTS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# A virtual environment names its own folder in its scripts, and its Python in its site-packages. One that was moved,
# that was left half made, or whose Python has been replaced is made anew; `STALE` is then the target that does it.
STALE := $(shell { grep -qF "$$(pwd -P)/.venv" .venv/pyvenv.cfg && .venv/bin/python -c 'import pip'; } 2>/dev/null || echo virtual-environment)

# The system's Python is built with profile-guided optimisation, one that was compiled on the spot seldom: it needs a sixth more CPU
# for each message. So the first one in PATH is taken where it says that it is optimised, and else the system's.
OPTIMISED := import sys, sysconfig; sys.exit("--enable-optimizations" not in (sysconfig.get_config_var("CONFIG_ARGS") or ""))
FITS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

define find_python
for found in $(if $(PYTHON),"$(PYTHON)",$$(python3 -c '$(OPTIMISED)' 2>/dev/null && echo python3) /usr/bin/python3 \
    python3 python3.14 python3.13 python3.12 python3.11) ""; do \
  if "$$found" -c '$(FITS)' 2>/dev/null; then break; fi; \
done; \
if [ -z "$$found" ]; then \
  echo "No Python 3.11 or newer with venv and ensurepip$(if $(PYTHON), at $(PYTHON)). On Debian and Ubuntu:" >&2; \
  echo "apt install python3-venv. Or name another one: make PYTHON=/path/to/python3.12" >&2; exit 2; \
fi
endef

# Byte code is compiled at once, so that every command starts fast where PYTHONDONTWRITEBYTECODE keeps Python from doing it later.
# $(1) a lock, $(2) --exact to remove what the lock does not name. uv takes seconds where pip takes a minute; both take
# the same files and check the same hashes, so pip stands in where uv cannot be had or cannot reach the registry.
define install
@index=$${PIP_INDEX_URL:-$$(.venv/bin/python -m pip config get global.index-url 2>/dev/null)}; \
if [ -n "$$index" ]; then UV_DEFAULT_INDEX=$${UV_DEFAULT_INDEX:-$$index}; export UV_DEFAULT_INDEX; fi; \
$(have_uv) && .venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python --require-hashes $(2) -r $(1) || { \
  echo "jianbao: uv cannot do it here, so pip installs the same files; that takes about a minute"; \
  .venv/bin/python -m pip install --quiet --use-pep517 --require-hashes -r $(1); \
}
@.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
@.venv/bin/python -m compileall -q mailer subscribers workers
@touch $@
endef

have_uv = { .venv/bin/uv --version || .venv/bin/python -m pip install --quiet uv==$(UV); } >/dev/null 2>&1

compile = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate $(ARGS)

.PHONY: help setup demo test coverage check lock client-support apple-egress bench transcript clean virtual-environment

help: ## say what can be made (the default)
	@echo "Jianbao: everything is installed into .venv beside this file, nothing outside it. Needs Python 3.11 or newer."
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' Makefile | while IFS='|' read -r name text; do printf '%-19s %s\n' "$$name" "$$text"; done

demo: .venv/.runtime ## send one issue through the whole system on this machine, and show the report
	@.venv/bin/jianbao demo $(ARGS)

test: .venv/.development ## run the tests, two at a time; ARGS="-k word" picks some, ARGS="-n 0 --pdb" debugs
	@.venv/bin/python -m pytest --numprocesses 2 $(ARGS)

coverage: .venv/.development ## the same, and say which lines no test runs; on Python 3.11 that takes longer
	@.venv/bin/python -m pytest --numprocesses 2 --cov --cov-report=term:skip-covered $(ARGS)

check: .venv/.development ## lint, format, types, import layers, dependencies
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo
	.venv/bin/deptry .

setup: .venv/.development ## install everything that the tests and checks need
	@echo "jianbao: .venv is ready"

lock: $(STALE) ## write both locks from pyproject.toml; ARGS=--upgrade takes newer versions
	@$(have_uv)
	$(compile) --all-extras --group build --output-file requirements.lock pyproject.toml
	$(compile) --all-extras --group dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

client-support: .venv/.development ## fetch caniemail's data anew: what each mail program can show
	@folder=$$(mktemp -d) && npm pack "caniemail@$$(npm view caniemail dist-tags.latest)" --silent --pack-destination "$$folder" >/dev/null && tar -xzf "$$folder"/caniemail-*.tgz -C "$$folder" \
	&& .venv/bin/python -m mailer.client_support.refresh < "$$folder/package/data/caniemail.json" > "$$folder/kept.json" \
	&& mv "$$folder/kept.json" mailer/client_support/client_support.json && cp "$$folder/package/LICENSE" mailer/client_support/client_support.LICENSE; \
	status=$$?; rm -rf "$$folder"; exit $$status

apple-egress: .venv/.development ## fetch the networks of Apple's relays anew, behind which Mail loads every picture
	@fetched=$$(mktemp) && curl --fail --silent --show-error --location --max-time 120 --output "$$fetched" "$$(.venv/bin/python -c 'from mailer.origin.egress import SOURCE; print(SOURCE)')" \
	&& .venv/bin/python -m mailer.origin.refresh < "$$fetched" > "$$fetched.kept" && mv "$$fetched.kept" mailer/origin/apple_egress.txt && wc -l mailer/origin/apple_egress.txt; \
	status=$$?; rm -f "$$fetched" "$$fetched.kept"; exit $$status

bench: .venv/.development ## measure, each figure beside its reference in the same run (docs/benchmarks.md); takes an hour
	@if ! PATH="$$PATH:/usr/sbin" command -v smtp-source >/dev/null; then \
	  if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
	    echo "jianbao: install Postfix' smtp-source and smtp-sink first; on Debian and Ubuntu: apt install postfix" >&2; exit 2; \
	  fi; \
	  echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections; \
	  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends postfix >/dev/null; \
	fi
	@for name in $$(.venv/bin/python -c 'from benchmarks.__main__ import BENCHMARKS; print(*BENCHMARKS)'); do \
	  .venv/bin/python -m benchmarks "$$name" --against celery --against nuntius --record $(ARGS) || exit; \
	done

transcript: .venv/.development ## run an admin's day anew and write it into docs/admins.md; BULLETIN=FILE is the issue that was sent
	@.venv/bin/python examples/day_of_an_admin.py $(if $(BULLETIN),"$(BULLETIN)") --into docs/admins.md

clean: ## remove .venv, caches and builds; data and demo results stay
	rm -rf .venv node_modules dist htmlcov .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find benchmarks mailer subscribers workers tests -name __pycache__ -type d -prune -exec rm -rf {} +

virtual-environment:
	@$(find_python); \
	echo "jianbao: making .venv with $$("$$found" -V), $$(command -v "$$found")"; \
	rm -rf .venv; "$$found" -m venv .venv

.venv/.runtime: requirements.lock pyproject.toml $(STALE)
	@echo "jianbao: installing what it runs on (requirements.lock)"
	$(call install,requirements.lock,)

# The development lock holds all of the other, in the same versions, so that it serves the demo too.
.venv/.development: requirements-dev.lock requirements.lock pyproject.toml $(STALE)
	@echo "jianbao: installing what it runs on and is tested with (requirements-dev.lock)"
	$(call install,requirements-dev.lock,--exact)
	@touch .venv/.runtime
