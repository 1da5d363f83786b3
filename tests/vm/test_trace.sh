#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
#
# gthulhuctl trace and record against a live daemon with a known load: a hog on each CPU and a
# task that wakes 200 times a second; then the record in the simulator.
#
# shellcheck disable=SC2016,SC2317 # functions and conditions are run by is

top=/opt/gthulhu
ctl=$top/ctl/gthulhuctl
check=$top/tests/ctl/check_trace
work=$(mktemp -d)
export GTHULHUCTL_STRICT=1
cd "$work" || exit 1
n=0 bad=0

is() {
	n=$((n + 1))
	text=$1
	shift
	if "$@" >"$work/point" 2>&1; then
		echo "ok $n - $text"
	else
		echo "not ok $n - $text"
		sed 's/^/# /' "$work/point" | head -n 20
		bad=1
	fi
}

# between LOW HIGH VALUE
between() {
	echo "$3, wanted $1 to $2"
	awk -v l="$1" -v h="$2" -v v="$3" 'BEGIN { exit !(v != "" && v >= l && v <= h) }'
}

# sum FILE KIND NAME COLUMN: of check_trace's lines; a name may be a pattern.
sum() {
	awk -v kind="$2" -v name="$3" -v column="$4" '$1 == kind && $2 ~ name { s += $column } END { print s + 0 }' "$1"
}

"$top/daemon/gthulhu" 2>log >final &
daemon=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
	"$ctl" status >/dev/null 2>&1 && break
	sleep 1
done
for _ in 1 2; do
	sh -c 'while :; do :; done' &
	hogs="${hogs:-} $!"
done
cyclictest -q --policy=other -i 5000 -t 1 -D 60 >/dev/null 2>&1 &
load=$!
sleep 1

is 'a trace of a second' "$ctl" trace --seconds 1 -o trace.json
mv point said
is 'lost nothing' grep ' 0 lost' said
is 'parses and holds together' "$check" trace.json
mv point found
is 'has a track for each CPU' [ "$(sum found tracks . 2)" -gt 2 ]
span=$(sum found span . 2)
is 'it is a second long' between 990000 1300000 "$span"
part() {
	awk -v n="$1" -v span="$span" 'BEGIN { print n / span }'
}
all='^(sh|busybox|cyclictest|gthulhu.*)$'
is 'both CPUs are drawn as busy as they were' between 1.8 2.001 "$(part "$(sum found run "$all" 3)")"
is 'the hogs have most of it' between 1.4 2 "$(part "$(sum found run '^(sh|busybox)$' 3)")"
runs=$(sum found run '^cyclictest$' 4)
is 'the waker runs once in 5 ms' between 0.95 1.6 "$(part $((runs * 5000)))"
is 'an arrow for each of its runs at least' [ "$(sum found arrows . 2)" -ge 190 ]
is 'and a decision' [ "$(sum found decisions . 2)" -ge 190 ]

is 'a record' "$ctl" record --seconds 1 -o record.txt
is 'is drawn as a trace is' "$ctl" trace -i record.txt -o drawn.json
is 'which holds together' "$check" drawn.json

# near NAME COLUMN COLUMN PART LEAST: in the rows of tasks so called that have LEAST, two figures are
# near each other
near() {
	awk -v name="$1" -v a="$2" -v b="$3" -v part="$4" -v least="$5" '/^recorded, here/ { rows = 1 }
	rows && $1 ~ "^" name "-" { print $1, $a, $b }
	rows && $1 ~ "^" name "-" && $a >= least {
		d = $a > $b ? $a - $b : $b - $a
		seen = 1
		bad = bad || d > $a * part
	}
	END { exit bad || !seen }' replayed
}
is 'the record runs in the simulator' sh -c '"$0" replay record.txt >replayed' "$top/sim/gthulhu-sim"
is 'where the waker has the share that it had' near cyclict 2 3 0.1 0.1
is 'and wakes as often' near cyclict 4 5 0.05 2
is 'and the hogs have theirs' near sh 2 3 0.1 2

# the policy is stopped for half a second: an episode on the autopilot's track
policy=$("$ctl" status --json | sed -n 's/.*"pid":\([0-9]*\).*/\1/p')
"$ctl" trace --seconds 1 -o episode.json 2>/dev/null >&2 &
client=$!
usleep 300000
kill -STOP "$policy"
usleep 500000
kill -CONT "$policy"
is 'an episode is traced' wait "$client"
is 'and drawn' "$check" episode.json
mv point found
is 'as long as it was' between 450000 600000 "$(sum found autopilot . 2)"

"$ctl" trace --seconds 60 -o early.json 2>said >/dev/null &
client=$!
usleep 500000
kill -INT "$client"
is 'an interrupt ends a trace early' wait "$client"
is 'which is complete' "$check" early.json
is 'and the daemon is free for the next' "$ctl" record --seconds 0.1 -o next.txt

# shellcheck disable=SC2086
kill $hogs "$load"

# half a second without a reader while tasks switch all the time: more than the ring holds
stress-ng --quiet --switch 2 --timeout 2 &
load=$!
"$ctl" trace --seconds 1 -o slow.json 2>said >/dev/null &
client=$!
usleep 300000
kill -STOP "$client"
usleep 500000
kill -CONT "$client"
is 'a reader that is too slow gets what was kept' wait "$client"
is 'and hears what it lost' grep -E ' events, [1-9][0-9]* lost' said
is 'which does not tear the picture' "$check" slow.json
wait "$load"
is 'the next trace holds nothing of it' sh -c '
	"$0" record --seconds 0.5 -o after.txt 2>&1 | grep " 0 lost" && awk "
		\$1 == \"start\" { start = \$2 }
		/^[0-9]/ && \$1 < start - 50000000 { exit 1 }" after.txt' "$ctl"

"$ctl" trace --seconds 60 -o gone.json 2>gone.txt &
client=$!
sleep 1
is 'a second trace beside the first is refused' sh -c '
	"$0" trace --seconds 1 -o second.json 2>&1 | grep "one at a time" && [ ! -e second.json ]' "$ctl"
kill -STOP "$client"
sleep 17
is 'a client that stops reading does not leave the trace on' grep -q 'nobody reads it' log
kill -CONT "$client"
wait "$client"
is 'and is told that its trace ended' [ $? -ne 0 ]

"$ctl" trace --seconds 60 -o last.json 2>said >/dev/null &
client=$!
usleep 500000
kill "$daemon"
wait "$daemon"
wait "$client"
is 'a daemon that ends ends the trace' [ $? -ne 0 ]
is 'what came before is drawn' "$check" last.json
is 'and that is said' grep 'last.json holds what came before' said
echo "1..$n"
exit $bad
