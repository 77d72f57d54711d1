#!/bin/sh
# Writes python/constraints.txt anew: resolves pyproject.toml's requirements in an empty environment and freezes it.
set -eu
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
.venv/bin/python deploy/dev_install.py --requirements >"$scratch/requirements.txt"
.venv/bin/python -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --requirement "$scratch/requirements.txt"
{
  echo "# Exact versions of everything in .venv, transitive ones too: what the project is developed and tested with."
  echo "# 'make lock' writes this file anew from the newest versions that pyproject.toml admits."
  "$scratch/venv/bin/pip" freeze
} >"$scratch/constraints.txt"
mv "$scratch/constraints.txt" python/constraints.txt
