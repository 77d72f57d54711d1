#!/bin/sh
# tests/fuzz/run.sh <folder of fuzz_* binaries> <seconds each>
# Runs every target from its committed corpus, as many at once as there are processors.
set -eu
binaries=$1
seconds=$2
here=$(dirname "$0")
set -- "$binaries"/fuzz_*
[ -x "$1" ] || { echo "no fuzz targets in $binaries" >&2; exit 1; }
for binary; do [ ! -x "$binary" ] || echo "$binary"; done |
  xargs -P "$(nproc)" -I '{}' sh "$here/run_one.sh" '{}' "$seconds"
