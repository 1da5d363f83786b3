#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# One libFuzzer target for a while: first the kept corpus, then what it makes of it.
#
# usage: tests/fuzz/run.sh TARGET CORPUS
# QUMUN_FUZZ_SECONDS: how long (default 5; soak: 600). The short form always begins alike, so that
# what it finds belongs to the change under test; a longer one goes its own way each time.

target=$1 corpus=$2
seconds=${QUMUN_FUZZ_SECONDS:-5}
seed=1
[ "$seconds" -le 5 ] || seed=0
name=${target##*/}
found=${target%/*}/found-$name
log=$found.log

mkdir -p "$found" || exit 1
echo "TAP version 13"
if "$target" -seed="$seed" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
	-artifact_prefix="$found-" "$found" "$corpus" >"$log" 2>&1; then
	grep -E '^stat::number_of_executed_units|DONE' "$log" | sed 's/^/# /'
	echo "ok 1 - $name: $seconds s from $(find "$corpus" -type f | wc -l) kept inputs"
	echo 1..1
	exit 0
fi
tail -n 60 "$log" | sed 's/^/# /'
echo "not ok 1 - $name: the input is in $found-*; replay with $target FILE"
echo 1..1
exit 1
