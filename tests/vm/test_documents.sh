#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What the documents show runs: the program of qumun(7), the policy of docs/writing-a-policy.md.

here=/opt/gthulhu/tests/docs
state=/sys/kernel/sched_ext/state
hog='while :; do :; done'
n=0 bad=0
pids=

ok() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		bad=1
	fi
}

# cpu_ticks PID...: user time so far, in $ticks; without a fork, which would wait for the hogs.
cpu_ticks() {
	ticks=0
	for ct_pid in "$@"; do
		read -r ct_line <"/proc/$ct_pid/stat"
		# shellcheck disable=SC2086 # fields
		set -- ${ct_line#*)}
		ticks=$((ticks + ${12}))
	done
}

# attached PID: waits until a scheduler is there; fails when PID ends first.
attached() {
	until read -r at_word <"$state" && [ "$at_word" = enabled ]; do
		kill -0 "$1" 2>/dev/null || return 1
		sleep 0.1
	done
}

trap 'kill $pids 2>/dev/null' EXIT
echo "TAP version 13"
if [ "$(id -u)" -ne 0 ] || [ ! -e "$state" ]; then
	echo "1..0 # SKIP needs root and sched_ext"
	exit 77
fi

"$here/short" 2>/tmp/short.err &
program=$!
attached "$program"
ok $? "the program of qumun(7) attaches"
sleep 1
kill -INT "$program"
wait "$program"
ok $? "and ends cleanly"
sed 's/^/# /' /tmp/short.err

cd "$here" || exit 1
gthulhu --policy ./short.so --json >/tmp/short.json 2>/tmp/short.err &
daemon=$!
attached "$daemon"
ok $? "gthulhu loads the same policy from a file"
taskset 1 sh -c "$hog" &
pids="$pids $!"
taskset 1 sh -c "$hog" &
pids="$pids $!"
sleep 1
kill -INT "$daemon"
wait "$daemon"
ok $? "and ends cleanly"
# shellcheck disable=SC2086 # several pids
kill $pids
pids=
sed 's/^/# /' /tmp/short.err
grep -q '"decided":[1-9]' /tmp/short.json
ok $? "which decided"

# three tasks of one user beside one of another, all on one CPU: half each
for _ in 1 2 3; do
	su nobody -s /bin/sh -c "exec taskset 1 sh -c '$hog'" &
	many="$many $!"
done
taskset 1 sh -c "$hog" &
one=$!
pids="$many $one"
gthulhu --policy "$here/users.so" --json >/tmp/users.json 2>/tmp/users.err &
daemon=$!
attached "$daemon"
ok $? "gthulhu loads the policy of writing-a-policy.md"
sleep 0.5
# shellcheck disable=SC2086 # several pids
cpu_ticks $many
many_before=$ticks
cpu_ticks "$one"
one_before=$ticks
sleep 3
# shellcheck disable=SC2086 # several pids
cpu_ticks $many
many_ticks=$((ticks - many_before))
cpu_ticks "$one"
one_ticks=$((ticks - one_before))
kill -INT "$daemon"
wait "$daemon"
ok $? "and ends cleanly"
sed 's/^/# /' /tmp/users.err
echo "# three tasks of one user $many_ticks ticks, one of another $one_ticks"
[ $((one_ticks * 10)) -gt $((many_ticks * 8)) ] && [ $((one_ticks * 8)) -lt $((many_ticks * 10)) ]
ok $? "three tasks of one user get what one of another gets, within a fifth"
for zero in lost double_dispatched forbidden_cpu ejections; do
	grep -q "\"$zero\":0[,}]" /tmp/users.json
	ok $? "$zero is 0"
done
echo "1..$n"
exit "$bad"
