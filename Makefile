# Three commands: `make demo` shows a negotiation, `make quick` is for before a commit, `make test` is all that CI asks for.
# They need Python 3.11+, git and make, and nothing else: uv comes into .uv if there is none on PATH.

UV := $(or $(shell command -v uv),.uv/bin/uv)
VIEW := .venv/view/gridparley

.PHONY: demo quick test lint bench campaign env

demo: env
	.venv/bin/gridparley run three-microgrids

# With Hypothesis's profile `ci` the examples are the same on every machine; a bare `.venv/bin/pytest` looks for new ones.
# Each file is tested by one worker, since its tests share what they look at; tests/conftest.py puts the dearest files first.
PYTEST := .venv/bin/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder --hypothesis-profile ci

test: lint
	$(PYTEST) --doctest-modules --pyargs gridparley tests

quick: lint
	$(PYTEST) -m "not slow and not browser" tests

lint: env
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo

# How fast and how large a message is beside other ways to send it: `make bench ARGS="--sizes 1e4"`.
bench: $(UV)
	$(UV) run --isolated --no-dev --group bench python -m tests.benchmarks $(ARGS)

# The editable install finds the four folders by an import hook, which mypy, import-linter and pytest's doctests cannot
# follow. So the environment also has `gridparley` as a folder of links, under its real name and never out of date.
env: $(UV)
	@$(UV) sync --quiet
	@mkdir -p $(VIEW)
	@ln -sfn $(addprefix ../../../,$(wildcard src/gridparley/*.*) agents environment protocols runs tests/conformance) $(VIEW)
	@find -L $(VIEW) -maxdepth 1 -type l -delete
	@for site in .venv/lib/python*/site-packages; do echo ../../../view > $$site/gridparley_view.pth; done

# Two thousand random runs, each held against a central solve; what is done already in ./campaign.jsonl is not done again.
campaign: env
	.venv/bin/python -m tests.campaigns $(ARGS)

.uv/bin/uv:
	python3 -m venv .uv
	.uv/bin/pip install --quiet uv
