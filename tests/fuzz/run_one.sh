#!/bin/sh
# tests/fuzz/run_one.sh <fuzz_* binary> <seconds>
# New inputs go beside the binary, and so does a crash, to be replayed.
set -eu
binary=$1
seconds=$2
folder=$(dirname "$binary")
name=${binary##*/fuzz_}
seeds=$(dirname "$0")/corpus/$name
[ -d "$seeds" ] || seeds=
mkdir -p "$folder/corpus/$name"
# -rss_limit_mb and -timeout turn a parser's unbounded memory or time into a finding.
# Calls that wait to be used again are poisoned, and own memory all the same.
# shellcheck disable=SC2086 # none is no argument
if ! LSAN_OPTIONS=use_poisoned=1 "$binary" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
  -artifact_prefix="$folder/" "$folder/corpus/$name" $seeds >"$folder/$name.log" 2>&1; then
  tail -n 40 "$folder/$name.log"
  echo "fuzz_$name: FAILED (whole log: $folder/$name.log)"
  exit 1
fi
echo "fuzz_$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/$name.log") inputs, none failed"
