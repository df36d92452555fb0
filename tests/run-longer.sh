#!/usr/bin/env bash
# What takes long to build or to run, apart from the usual tests: bash tests/run-longer.sh [PYTEST-ARGUMENT…]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/environment.sh
find_python
. tests/parts/install.sh

install_parts
install_wrk
PATH="$PWD/.venvs/test/bin:$PATH"

step "pytest, the longer tests" python -m pytest -m longer "$@"
if [ $# -eq 0 ]; then
  step "pytest, properties with new examples" python -m pytest --hypothesis-profile=default -m hypothesis
fi
