#!/usr/bin/env bash
# All checks, from a fresh clone: bash tests/run.sh [PYTEST-ARGUMENT…]
# It installs what the tests need into .venvs/ in the checkout. With arguments, pytest alone runs, with these, and
# coverage is not asked for.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/environment.sh
find_python
. tests/parts/install.sh

install_parts
PATH="$PWD/.venvs/test/bin:$PATH"
unset PYTHONDONTWRITEBYTECODE # each of some hundred processes would compile the package anew

if [ $# -gt 0 ]; then
  step "pytest $*" python -m pytest "$@"
  exit
fi
step "ruff check" ruff check .
step "ruff format" ruff format --check .
step "mypy" mypy
step "import-linter" lint-imports
step "coverage erase" coverage erase
step "pytest, in random order, in two processes" coverage run -m pytest -n 2 --dist worksteal -m "not longer and not alone"
step "pytest, in random order, what is tried alone" coverage run -m pytest -m "not longer and alone"
step "coverage combine" coverage combine --quiet
step "coverage" coverage report
