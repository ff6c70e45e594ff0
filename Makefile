# Two commands do everything on a fresh machine with Python 3.11+: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo setup test check serve bench pictures clean

demo: $(READY)
	@$(BIN)/mailer demo

setup: $(READY)

test: check
	@$(BIN)/pytest -n 2 --dist loadgroup

check: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

serve: $(READY)
	@$(BIN)/mailer serve

bench: $(READY)
	@$(BIN)/python -m tests.bench $(ARGS)

pictures: $(READY)
	@$(BIN)/python -m tests.looks.pictures
	@$(BIN)/python -m tests.looks.sizes

# uv where present (seconds), plain pip otherwise (a minute).
$(READY): pyproject.toml
	@echo "Setting up .venv (once) ..."
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv -q --allow-existing --python $(PYTHON) .venv && uv pip install -q --python $(BIN)/python -e '.[cluster,dev]'; \
	else \
	  $(PYTHON) -m venv .venv && $(BIN)/python -m pip install -q --disable-pip-version-check -e '.[cluster,dev]'; \
	fi
	@touch $(READY)

clean:
	rm -rf .venv demo dist build
