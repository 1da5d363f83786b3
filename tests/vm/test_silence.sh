#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A policy that falls silent: replaced by a newcomer, killed and replaced, killed and not replaced,
# stopped for a while. Times are read from /proc/uptime, in virtual time.
# shellcheck disable=SC2319 # what a condition found is what is reported

state=/sys/kernel/sched_ext/state
sequence=/sys/kernel/sched_ext/enable_seq
n=0 bad=0
hog=

ok() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		bad=1
	fi
}

# starts NAME OPTION...: a daemon with its output in /tmp/NAME.out and .err; its pid in $daemon.
starts() {
	st_name=$1
	shift
	gthulhu --json "$@" >"/tmp/$st_name.out" 2>"/tmp/$st_name.err" &
	daemon=$!
}

# becomes STATE TENTHS: waits for it.
becomes() {
	be_left=$2
	until read -r be_word <"$state" && [ "$be_word" = "$1" ]; do
		be_left=$((be_left - 1))
		[ "$be_left" -gt 0 ] || return 1
		sleep 0.1
	done
}

# says NAME TEXT TENTHS: waits until the daemon's messages have it.
says() {
	sa_left=$3
	until grep -q "$2" "/tmp/$1.err"; do
		sa_left=$((sa_left - 1))
		[ "$sa_left" -gt 0 ] || return 1
		sleep 0.1
	done
}

# figure NAME KEY: out of the final JSON.
figure() {
	sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p" "/tmp/$1.out" | tail -n 1
}

centiseconds() {
	read -r cs_up _ </proc/uptime
	echo "${cs_up%.*}${cs_up#*.}"
}

trap 'kill $hog 2>/dev/null' EXIT
echo "TAP version 13"
if [ "$(id -u)" -ne 0 ] || [ ! -e "$state" ]; then
	echo "1..0 # SKIP needs root and sched_ext"
	exit 77
fi

starts first
first=$daemon
becomes enabled 100
ok $? "a daemon attaches"
attached=$(cat "$sequence")

starts second --takeover
second=$daemon
wait "$first"
ok $? "a second one takes over, and the first ends cleanly"
says first "another process took over" 1
ok $? "the first says so"
says second "attached" 50
ok $? "the second one is attached"

kill -KILL "$second"
starts third --takeover
third=$daemon
says third "attached" 50
ok $? "a third takes over from the second, which was killed"
sleep 1
[ "$(cat "$state")" = enabled ] && [ "$(cat "$sequence")" = "$attached" ]
ok $? "the scheduler was attached all the time"

kill -KILL "$third"
killed=$(centiseconds)
becomes disabled 60
ok $? "killed and not replaced: the kernel's scheduler is back"
after=$(($(centiseconds) - killed))
echo "# after $after hundredths of a second"
[ "$after" -le 300 ]
ok $? "within takeover_ns and a second"
[ ! -e /sys/fs/bpf/gthulhu/link ] || rm -r /sys/fs/bpf/gthulhu

sh -c 'while :; do :; done' &
hog=$!
starts stopped
becomes enabled 100
ok $? "a daemon attaches beside a hog"
attached=$(cat "$sequence")
sleep 0.5
kill -STOP "$daemon"
sleep 5
[ "$(cat "$state")" = enabled ] && [ "$(cat "$sequence")" = "$attached" ]
ok $? "stopped for 5 s: the scheduler stays attached"
kill -CONT "$daemon"
sleep 0.5
kill -INT "$daemon"
wait "$daemon"
ok $? "continued: it ends cleanly"
for zero in lost double_dispatched forbidden_cpu ejections autopilot_late autopilot_gone; do
	[ "$(figure stopped "$zero")" = 0 ]
	ok $? "$zero is 0"
done
[ "$(figure stopped autopilot_blocked)" = 1 ]
ok $? "the kernel half took over once, because the policy thread was stopped"
ms=$(($(figure stopped autopilot_ns) / 1000000))
echo "# for $ms ms"
[ "$ms" -ge 4900 ] && [ "$ms" -le 5100 ]
ok $? "for the 5 s, and handed back within 100 ms"
for name in first second third stopped; do
	sed "s/^/# $name: /" "/tmp/$name.err"
done
echo "1..$n"
exit "$bad"
