#!/bin/sh
# Pins what the image is built from, with hashes: sh deploy/image/lock.sh, whenever a dependency in pyproject.toml changes.
# Needs uv (https://docs.astral.sh/uv/), from the package registry: pip install uv.
set -eu
cd "$(dirname "$0")/../.."

# lock FILE SOURCE OPTION…: pins what SOURCE asks for, on every platform and Python that we run on.
lock() {
  file=$1
  shift
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url \
    --output-file "deploy/image/$file" "$@"
}

# Nothing can be added to an image that runs, so that it holds what traces need.
lock requirements.lock --extra traces pyproject.toml
sed -n '/^requires = \[/s/.*\["\(.*\)"\]/\1/p' pyproject.toml > deploy/image/build.in
lock build.lock deploy/image/build.in
rm deploy/image/build.in
