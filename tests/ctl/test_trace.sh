#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What gthulhuctl draws of a small record, slice by slice; records that are none; a daemon whose
# scheduler ends.
#
# usage: test_trace.sh GTHULHUCTL CHECK_TRACE GTHULHU-SIM FAKE_DAEMON
#
# shellcheck disable=SC2016,SC2317 # functions and conditions are run by is

ctl=$1 check=$2 sim=$3 fake=$4
record=$(dirname "$0")/small.record
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0 bad=0

# is TEXT COMMAND...: a point that passes when the command does.
is() {
	n=$((n + 1))
	text=$1
	shift
	if "$@" >"$work/point" 2>&1; then
		echo "ok $n - $text"
	else
		echo "not ok $n - $text"
		sed 's/^/# /' "$work/point"
		bad=1
	fi
}

# refused LINES WHY: a record of these lines is refused by those who read records, in one line.
refused() {
	printf "%b" "$1" >"$work/bad.record"
	rm -f "$work/none.json"
	"$ctl" trace -i "$work/bad.record" -o "$work/none.json" >"$work/said" 2>&1
	code=$?
	cat "$work/said"
	[ "$code" -eq 1 ] && grep "^gthulhuctl: $work/bad.record: " "$work/said" | grep -q "$2" &&
		[ ! -e "$work/none.json" ] && [ "$(wc -l <"$work/said")" -eq 1 ] || return 1
	# what does not even begin like a record is a scenario to it
	head -n 1 "$work/bad.record" | grep -qx 'gthulhu-record 1' || return 0
	"$sim" replay "$work/bad.record" >"$work/said" 2>&1
	code=$?
	cat "$work/said"
	[ "$code" -eq 2 ] && grep "^gthulhu-sim: $work/bad.record: " "$work/said" | grep -q "$2"
}

head='gthulhu-record 1\ncpus 2\nstart 5000000000\n'
run='5000001000 0 run 3 1024 0 x\n'

# damaged LINES WHY TEXT: the same behind a good head and an event. What came before is drawn.
damaged() {
	is "$3" spoilt "$head$run$1" "$2"
}

spoilt() {
	printf "%b" "$1" >"$work/bad.record"
	"$ctl" trace -i "$work/bad.record" -o "$work/some.json" >"$work/said" 2>&1
	code=$?
	cat "$work/said"
	[ "$code" -eq 1 ] && grep -q "$work/bad.record: $2.*record again" "$work/said" &&
		grep -q "some.json holds what came before" "$work/said" && "$check" "$work/some.json" || return 1
	"$sim" replay "$work/bad.record" >"$work/said" 2>&1
	code=$?
	cat "$work/said"
	[ "$code" -eq 2 ] && grep -q "$work/bad.record: $2" "$work/said"
}

# wrong LINES WHY TEXT: the same for lines behind a good head.
wrong() {
	is "$3" refused "$head$1" "$2"
}

# cut LINES: a record without an end is used as far as it goes, and that is said.
cut() {
	printf "%b" "$1" >"$work/cut.record"
	"$ctl" trace -i "$work/cut.record" -o "$work/cut.json" >"$work/said" 2>&1 || return 1
	"$sim" replay "$work/cut.record" >>"$work/said" 2>&1 || return 1
	cat "$work/said"
	[ "$(grep -c 'cut.record: it has no end' "$work/said")" -eq 2 ] && grep -q '2 events' "$work/said" &&
		"$check" "$work/cut.json" | grep -x 'run x 1 1'
}

# many TASKS: records of so many that come, run for a moment and exit, beside one that waits twice.
many() {
	awk -v n="$1" 'function turn(pid, ends) {
		print t, 0, "wake", pid, 0, 3, pid
		print t + 100, 0, "run", pid, 1024, 100, pid
		print t + 200, 0, "stop", pid, ends, 100, pid
		t += 1000
	}
	BEGIN {
		t = 1000000
		print "gthulhu-record 1\ncpus 1\nstart", t
		turn(1, 0)
		for (i = 2; i <= n; i++) turn(i, 2)
		turn(1, 0)
		print "lost 0\nend", t
	}'
}

# told TEXT COMMAND...: the command fails and says that, before timeout(1) ends it.
told() {
	pattern=$1
	shift
	"$@" >"$work/said" 2>&1
	code=$?
	cat "$work/said"
	[ "$code" -ne 0 ] && [ "$code" -ne 124 ] && grep -q "$pattern" "$work/said"
}

echo 'TAP version 13'
is 'a record is drawn' "$ctl" trace -i "$record" -o "$work/t.json"
mv "$work/point" "$work/said"
is 'what was lost is said' grep -q '15 events, 3 lost' "$work/said"
"$check" "$work/t.json" >"$work/found"
is 'the picture holds together' [ $? -eq 0 ]
cat >"$work/wanted" <<'END'
tracks 5
arrows 2
decisions 2
autopilot 50
span 1000
run hog 940 2
run gthulhu 20 1
run beat 100 1
run a "name" \ 300 1
wait stays runnable 60 1
wait woken 200 2
END
is 'each slice is where it should be' diff "$work/wanted" "$work/found"
is 'the waker of the first has the arrow' grep -q \
	'"ph":"s","pid":1,"tid":1,"cat":"wakeup","name":"wakeup","id":1,"ts":200.000' "$work/t.json"
is 'an interrupt has none' grep -q \
	'"ph":"s","pid":2,"tid":30,"cat":"wakeup","name":"wakeup","id":2,"ts":500.000' "$work/t.json"
echo mine >"$work/mine"
is 'a daemon that is not there leaves the file as it was' sh -c '
	"$0" --socket "$1/none" trace -o "$1/mine"; [ $? -ne 0 ] && grep -qx mine "$1/mine"' "$ctl" "$work"
is 'and so does a record that is none' sh -c '
	"$0" trace -i /dev/null -o "$1/mine"; [ $? -eq 1 ] && grep -qx mine "$1/mine"' "$ctl" "$work"
is 'a file that cannot be written' sh -c '
	"$0" trace -i "$2" -o "$1/none/t.json" 2>&1 | grep "No such file"' "$ctl" "$work" "$record"
is 'a disk that is full' sh -c '
	"$0" trace -i "$1" -o /dev/full 2>&1; [ $? -eq 1 ]' "$ctl" "$record"
is 'an empty record' refused '' 'no events'
is 'a text that is no record' refused 'hello\n' 'line 1: must be'
is 'no CPUs' refused 'gthulhu-record 1\nstart 1\n1 0 run 3 1024 0 x\n' 'line 3: cpus and start must'
is 'no start' refused 'gthulhu-record 1\ncpus 1\n1 0 run 3 1024 0 x\n' 'line 3: cpus and start must'
for cpus in 0 1025 4294967298 99999999999999999999; do
	is "$cpus CPUs" refused "gthulhu-record 1\ncpus $cpus\nstart 1\n" 'line 2: cpus: .*record again'
done
wrong 'start -5\n' 'line 4: start: no number: -5' 'a start below 0'
wrong 'own 5000000\n' 'line 4: own: must be 1 to' 'a thread of the scheduler that cannot be'
wrong '5000001000 2 run 3 1024 0 x\n' 'line 4: CPU 2: cpus says 0 to 1' 'a CPU that is not there'
wrong '5000001000 4294967296 run 3 1024 0 x\n' 'line 4: no event' 'a CPU beyond 32 bits'
wrong '5000001000 0 jump 3 1024 0 x\n' 'line 4: no event' 'a kind that is none'
wrong '5000001000 0 run 3\n' 'line 4: no event' 'an event that lacks numbers'
wrong '5000001000 0 run 0 1024 0 x\n' 'line 4: no such pid: 0' 'pid 0'
wrong '5000001000 0 run 4194305 1024 0 x\n' 'line 4: no such pid' 'a pid above all'
wrong '5000001000 0 autopilot 64 1 2\n' 'line 4: no such pid: 64' 'a shard above all'
wrong '5000001000 0 run 3 -1 0 x\n' 'line 4: no such weight: -1' 'a weight below 0'
wrong '5000001000 0 stop 3 3 0 x\n' 'line 4: no such end of a run: 3' 'an end of a run that is none'
wrong '5000001000 0 wake 3 -2 0 x\n' 'line 4: no such waker: -2' 'a waker that is none'
wrong '3999999999 0 run 3 1024 0 x\n' 'line 4: time goes back from 5000000000' 'an event long before the start'
wrong '7205000000001 0 run 3 1024 0 x\n' 'line 4: more than two hours' 'an event days after the start'
wrong 'end 4999999999\n' 'line 4: end .* lies before' 'an end before the start'
wrong 'end 7205000000001\n' 'line 4: end: a record of more than two hours' 'an end days after the start'
wrong "$(printf '%0140d' 1)" 'line 4: too long' 'a line without end'
wrong '50000\0000 0 run 3 1024 0 x\n5000002000 0 run' 'line 4: too long, or no text' 'bytes of zeros'
damaged '4000000999 0 wake 3 0 3 x\n' 'line 5: time goes back from 5000001000 to 4000000999' 'time that goes back'
damaged 'cpus 1024\n' 'line 5: cpus: must stand before' 'other CPUs from here on'
damaged 'end 5000002000\n5000003000 0 stop 3 1 100 x\n' 'line 6: an event after the end' 'more after the end'
damaged '7000000000 0 stop 3 1 100 x\nend 5500000000\n' 'line 6: end .* lies before' 'an end before the last event'
printf '%b' "$head${run}5000002000 0 on 4 1024 18446744073709551615 y\n5000003000 0 stop 3 0 9000000000000 x\n5000003500 0 stop 3 0 4900000000 x\nlost 0\nend 5000004000\n" \
	>"$work/ages.record"
is 'runs that lasted longer than the record' "$ctl" trace -i "$work/ages.record" -o "$work/ages.json"
"$check" "$work/ages.json" >"$work/found"
is 'are drawn within it' grep -x 'span 4' "$work/found"
is 'and replayed' sh -c '"$1" replay "$2" | grep -E "^x-3 +62.50 "' sh "$sim" "$work/ages.record"
# how far apart two CPUs may be
is 'what is nearly in order is read' sh -c 'printf "%b" "$3" | "$1" trace -i - -o "$2"' \
	"$ctl" "$ctl" "$work/t.json" "$head${run}4000001001 1 wake 4 0 3 y\nlost 0\nend 5000001000\n"
is 'a record without its end' cut "$head${run}5000002000 0 stop 3 1 1000 x\n"
is 'one that stops within a line' cut "$head${run}5000002000 0 stop 3 1 1000 x\n50000030"
many 40000 >"$work/many.record"
is 'many tasks are drawn' "$ctl" trace -i "$work/many.record" -o "$work/many.json"
is 'but not remembered: the first is named again' [ \
	"$(grep -c '"tid":1,"name":"thread_name","args":{"name":"1 1"' "$work/many.json")" -eq 2 ]
grep -v -e run -e stop "$work/many.record" >"$work/waits.record"
is 'nor are those that wait for ever' "$ctl" trace -i "$work/waits.record" -o "$work/waits.json"
ends=$(sed -n 's/.*"name":"woken","ts":\([0-9]*\).*"dur":\([0-9]*\).*/\1 \2/p' "$work/waits.json" |
	awk '{ ends[$1 + $2] = 1 } END { for (e in ends) n++; print n + 0 }')
is 'whose waits end when there are too many' [ "$ends" -ge 3 ]
is 'what the simulator makes of a record is drawn' sh -c '"$1" replay "$2" --trace "$3" && "$4" "$3"' \
	sh "$sim" "$record" "$work/sim.json" "$check"
is 'and a disk that is full is told' told 'No space left' "$sim" replay "$record" \
	--trace /dev/full
is 'the simulator refuses so many' told 'more than 20000 tasks: record for a shorter time' \
	"$sim" replay "$work/many.record"
is 'and a record of no time' told 'it lasts no time' sh -c 'printf "%b" "$2" >"$3"; "$1" replay "$3"' \
	"$sim" "$sim" "${head}5000000000 0 run 3 1024 0 x\nend 5000000000\n" "$work/short.record"

mkfifo "$work/in"
"$fake" "$work/s" ended <"$work/in" >"$work/ready" &
exec 9>"$work/in"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	grep -q ready "$work/ready" && break
	sleep 0.1
done
is 'a scheduler that ends ends the trace' told 'has ended' \
	timeout 20 "$ctl" --socket "$work/s" trace --seconds 600 -o "$work/ended.json"
is 'what came before is drawn' sh -c 'grep -x "gthulhuctl: $1 holds what came before" "$2" && "$3" "$1"' \
	sh "$work/ended.json" "$work/said" "$check"
is 'a record of it' told 'has ended' \
	timeout 20 "$ctl" --socket "$work/s" record --seconds 600 -o "$work/ended.record"
is 'has no end, and is drawn' sh -c '"$1" trace -i "$2" -o "$3" 2>&1 | grep "it has no end"' \
	sh "$ctl" "$work/ended.record" "$work/ended.json"
exec 9>&-
wait
is 'usage' sh -c '"$0" record -i x; [ $? -eq 2 ]' "$ctl"
echo "1..$n"
exit $bad
