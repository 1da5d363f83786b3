#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Every example runs on a real kernel: it attaches, the machine works under it, it ends in time,
# and what it prints is what it promises.
#
# shellcheck disable=SC2016,SC2034 # conditions are evaluated by point

here=$(dirname "$0")
examples=$here/../../examples
state=/sys/kernel/sched_ext/state
out=$(mktemp)
trap 'rm -f "$out"' EXIT
n=0 failed=0

point() {
	n=$((n + 1))
	if eval "$2"; then
		echo "ok $n - $1"
	else
		failed=$((failed + 1))
		echo "not ok $n - $1"
		sed 's/^/# /' "$out"
	fi
}

# run NAME SECONDS ARGUMENT...: attaches, gives it work, waits for its end; $rc is its exit code.
run() {
	r_name=$1 r_seconds=$2
	shift 2
	"$examples/example_$r_name" --for "$r_seconds" "$@" >"$out" 2>&1 &
	r_pid=$!
	r_waited=0
	until [ "$(cat $state)" = enabled ] || [ "$r_waited" -ge 300 ]; do
		kill -0 "$r_pid" 2>/dev/null || break
		r_waited=$((r_waited + 1))
		sleep 0.1
	done
	point "$r_name attaches" '[ "$(cat $state)" = enabled ]'
	for _ in 1 2 3; do
		timeout 1 sh -c 'while :; do :; done' &
	done
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		sleep 0.05
	done
	wait "$r_pid"
	rc=$?
	point "$r_name ends well" '[ "$rc" -eq 0 ]'
	point "$r_name leaves the kernel's scheduler" '[ "$(cat $state)" = disabled ]'
}

if [ "$(id -u)" -ne 0 ] || [ ! -e "$state" ]; then
	echo "1..0 # SKIP no root or no sched_ext"
	exit 77
fi
# await TEXT: for at most 30 s, that the output has such a line.
await() {
	a_waited=0
	until grep -q "$1" "$out" || [ "$a_waited" -ge 300 ]; do
		a_waited=$((a_waited + 1))
		sleep 0.1
	done
}

# The same program twice; a third one after the second was killed.
takeover() {
	: >"$out"
	"$examples/example_takeover" --for 60 >>"$out" 2>&1 &
	t_first=$!
	await "^$t_first: attached"
	point "takeover attaches when it is alone" 'grep -q "^$t_first: attached" "$out"'
	t_enabled=$(cat /sys/kernel/sched_ext/enable_seq)
	"$examples/example_takeover" --for 60 >>"$out" 2>&1 &
	t_second=$!
	wait "$t_first"
	rc=$?
	point "the first one hands over and ends" '[ "$rc" -eq 0 ] && grep -q "^$t_first: handed over" "$out"'
	await "^$t_second: took over"
	point "the second one took over" 'grep -q "^$t_second: took over" "$out"'
	kill -KILL "$t_second"
	"$examples/example_takeover" --for 1 >>"$out" 2>&1
	rc=$?
	point "a third one takes over from the dead" '[ "$rc" -eq 0 ] && grep -c "took over" "$out" | grep -q 2'
	point "it was attached once, through all of that" '[ "$(cat /sys/kernel/sched_ext/enable_seq)" = "$t_enabled" ]'
	point "and detached at the end" '[ "$(cat $state)" = disabled ]'
}

echo "TAP version 13"
run fifo 2
run weighted 2
run round_robin 2
run edf 2 "1=20" "$$=5"
run observe 3
point "observe prints a line a second" '[ "$(grep -c "^tasks [1-9].* busy " "$out")" -eq 3 ]'
run exit_events 2
point "exit_events prints pids" '[ "$(grep -c "^[1-9][0-9]*$" "$out")" -ge 10 ]'
run params 3
point "params prints switches for each slice" '[ "$(grep -c "^slice .* switches/s" "$out")" -eq 3 ]'
takeover
"$examples/example_edf" nonsense >"$out" 2>&1
rc=$?
point "edf refuses nonsense" '[ "$rc" -eq 2 ] && grep -q "TGID=MILLISECONDS" "$out"'
echo "1..$n"
exit $((failed > 0))
