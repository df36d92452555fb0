#!/usr/bin/env bash
# The benchmark: bash tests/bench/run.sh [--rounds N] [--seconds S] [--write]
# It installs what it compares into .venvs/ in the checkout, and wrk, Redis and PostgreSQL from apt; runs everything
# side by side; and prints one table, which --write puts into tests/bench/README.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deploy/environment.sh

find_python
. tests/parts/install.sh
install_redis
install_postgresql
install_wrk
make_venv .venvs/bench --editable .
make_venv .venvs/bench-moto 'moto[server]>=5.2,<5.3'
exec .venvs/bench/bin/python -m tests.bench.benchmark --moto .venvs/bench-moto "$@"
