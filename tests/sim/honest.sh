#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The simulator against the virtual machine. The figures below were measured with rt-app on kernel
# 6.12.107 in exact virtual time (tools/vm.sh --kernel 6.12 --mode icount), the same workload files in
# both. On one CPU mean and 99th percentile of the wakeup latency may differ by 30 %.
#
# usage: tests/sim/honest.sh SOURCE GTHULHU-SIM

set -u
src=$(cd "$1" && pwd) sim=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
n=0 failed=0

point() {
	n=$((n + 1))
	if [ "$1" -eq 1 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		failed=1
	fi
}

# within PERCENT MINE THEIRS
within() {
	awk -v p="$1" -v a="$2" -v b="$3" 'BEGIN { print (a >= b * (1 - p / 100) && a <= b * (1 + p / 100)) }'
}

# latency ARGUMENTS...: mean and 99th percentile of `periodic`, us
latency() {
	"$sim" run "$src/tests/sim/honest1.json" --cpus 1 --json "$@" | sed -n \
		's/.*"name":"periodic"[^}]*"latency":{"count":[0-9]*,"mean_ns":\([0-9]*\),"p50_ns":[0-9]*,"p90_ns":[0-9]*,"p99_ns":\([0-9]*\).*/\1 \2/p'
}

# NAME MEAN P99 ARGUMENTS...: what the virtual machine measured, us
compare() {
	name=$1 mean=$2 p99=$3
	shift 3
	# shellcheck disable=SC2046 # two words
	set -- $(latency "$@")
	[ $# -eq 2 ] || set -- 0 0
	point "$(within 30 "$(($1 / 1000))" "$mean")" "$name: mean $(($1 / 1000)) us, the machine $mean us"
	point "$(within 30 "$(($2 / 1000))" "$p99")" "$name: p99 $(($2 / 1000)) us, the machine $p99 us"
}

if "$sim" run "$src/tests/sim/honest1.json" --duration 1ms 2>&1 | grep -q 'needs a build with jansson'; then
	echo '1..0 # SKIP rt-app workloads need jansson'
	exit 77
fi
echo 'TAP version 13'
compare gthulhu 76 67 --policy gthulhu
compare fifo 11663 11884 --policy fifo
compare 'kernel mode' 86 62 --mode kernel
echo "1..$n"
exit $failed
