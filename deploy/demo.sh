#!/usr/bin/env bash
# The demo from a fresh clone: bash deploy/demo.sh [--once] [--port PORT]
# On Debian or Ubuntu with Python 3.11 or newer and the package registries. It installs into .venvs/ in the checkout
# (python3-venv from apt first, where that is missing: the only step that needs root) and then runs `sts demo`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/environment.sh

find_python
make_venv .venvs/service --editable '.[demo]'
make_venv .venvs/awscli 'awscli>=1.46' # of its own: it pins another botocore than the service

PATH="$PWD/.venvs/awscli/bin:$PATH" exec .venvs/service/bin/sts demo "$@"
