#!/bin/sh
# tests/fuzz/run.sh <folder of fuzz_* binaries> <seconds each>
# Runs every target from its committed corpus; new inputs go to the build folder, a crash stays there to be replayed.
set -eu
binaries=$1
seconds=$2
corpora=$(dirname "$0")/corpus
ran=0
for binary in "$binaries"/fuzz_*; do
  [ -x "$binary" ] || continue
  name=${binary##*/fuzz_}
  mkdir -p "$binaries/corpus/$name"
  seeds=
  [ ! -d "$corpora/$name" ] || seeds=$corpora/$name
  # -rss_limit_mb and -timeout turn a parser's unbounded memory or time into a finding.
  if ! "$binary" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$binaries/" "$binaries/corpus/$name" $seeds >"$binaries/$name.log" 2>&1; then
    tail -n 40 "$binaries/$name.log"
    echo "fuzz_$name: FAILED (whole log: $binaries/$name.log)"
    exit 1
  fi
  echo "fuzz_$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$binaries/$name.log") inputs, none failed"
  ran=$((ran + 1))
done
[ "$ran" -gt 0 ] || { echo "no fuzz targets in $binaries" >&2; exit 1; }
