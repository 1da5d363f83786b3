#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# usage: tests/ctl/test_ctl.sh GTHULHUCTL FAKE_DAEMON SOURCE
#
# gthulhuctl's words and exit codes against a daemon without a scheduler.
#
# shellcheck disable=SC2016,SC2317 # conditions are run by is

ctl=$1 fake=$2 src=$3
work=$(mktemp -d)
socket=$work/s
n=0 bad=0
export GTHULHUCTL_STRICT=1 GTHULHU_SOCKET="$socket"

# is TEXT COMMAND...: a point that passes when the command does.
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

# code WANTED PATTERN COMMAND...: the command ends with that code and says that.
code() {
	wanted=$1 pattern=$2
	shift 2
	got=0
	"$@" >"$work/out" 2>&1 || got=$?
	cat "$work/out"
	echo "exit code $got, wanted $wanted: $pattern"
	[ "$got" -eq "$wanted" ] && grep -q -e "$pattern" "$work/out"
}

start() {
	rm -f "$work/in"
	mkfifo "$work/in"
	"$fake" "$socket" "$@" <"$work/in" >"$work/ready" &
	pid=$!
	exec 9>"$work/in"
	while ! grep -q ready "$work/ready" 2>/dev/null; do
		kill -0 "$pid" 2>/dev/null || return 1
		sleep 0.05
	done
}

stop() {
	exec 9>&-
	wait "$pid"
}

names() {
	"$ctl" --help | sed -n '/^commands:/,/^options:/s/^  \([a-z]*\) .*/\1/p'
}

# Every command has a word in the man page and in each shell's completion.
mentioned() {
	for c in $(names); do
		grep -q "^\*${c}[ *]" "$src/man/gthulhuctl.1.scd" || echo "$c: not in man/gthulhuctl.1.scd"
		for f in "$src"/packaging/completion/gthulhuctl.*; do
			grep -q -w "$c" "$f" || echo "$c: not in $f"
		done
	done >"$work/missing"
	for o in $("$ctl" --help | sed -n '/^commands:/,/^exit/p' | grep -o -e '--[a-z]*' | sort -u); do
		for f in "$src"/packaging/completion/gthulhuctl.*; do
			grep -q -e "$o\\>" -e "-l ${o#--}\\>" "$f" || echo "option $o: not in $f"
		done
		grep -q -e "$o\\>" "$src/man/gthulhuctl.1.scd" || echo "option $o: not in man/gthulhuctl.1.scd"
	done >>"$work/missing"
	for p in $("$ctl" params get | sed 's/ .*//'); do
		for f in "$src"/packaging/completion/gthulhuctl.*; do
			grep -q "[ ($(printf '\t')']$p=" "$f" || echo "parameter $p: not in $f"
		done
	done >>"$work/missing"
	cat "$work/missing"
	[ ! -s "$work/missing" ]
}

echo 'TAP version 13'
is 'no argument: usage' code 2 '^usage:' "$ctl"
is 'an unknown command' code 2 'no command "rule"' "$ctl" rule
is 'an unknown option' code 2 'gthulhuctl' "$ctl" --foo status
is '--help' code 0 'exit codes' "$ctl" --help
is '--version' code 0 'control protocol 1' "$ctl" --version
is 'no socket' code 3 'systemctl start gthulhu' "$ctl" status
: >"$socket"
is 'a file that is no socket' code 3 'is gone' "$ctl" status
rm "$socket"
is 'the daemon starts' start
for c in status stats latency 'latency --cpu 1 --for 0.1' 'latency --class batch' 'latency --rule 1' shares 'task 1' tasks 'tasks --sort wait --limit 5' 'params get' \
	'params set base_slice_ns=3ms' 'policy list' 'policy set fifo' 'policy set /bin/sh' 'explain --pid 1' 'explain --comm a* --rule comm=a*,class=idle --without 3' \
	'params set latency_budget_pct=50 stall_ns=30ms' 'rules list' 'rules add comm=x,class=idle' 'rules remove 7' 'params set latency_factor=2 min_slice_ns=250us' 'mode kernel' dump schema; do
	# shellcheck disable=SC2086
	is "$c" "$ctl" $c
	# shellcheck disable=SC2086
	is "$c --json: one line" sh -c '"$@" --json >"$0" && [ "$(wc -l <"$0")" -eq 1 ]' "$work/json" "$ctl" $c
done
is 'status is for people' code 0 '^attached for ' "$ctl" status
is 'task is for people' code 0 'voluntary' "$ctl" task 1
printf '# a comment\ncomm=x,class=idle  # one\n\n' >"$work/rules"
is 'rules load' code 0 'rules are in effect' "$ctl" rules load "$work/rules"
is 'rules save' "$ctl" rules save
is 'a rule without an id' code 2 'an id of' "$ctl" rules remove nginx
is 'a file that is none' code 1 'No such file' "$ctl" rules load "$work/none"
is 'no such task' code 5 'no task 404' "$ctl" task 404
is 'a task that is no number' code 2 'the id of a thread' "$ctl" task bash
is 'two tasks' code 2 'the id of a thread' "$ctl" task 1 2
is 'a mode that is none' code 2 'user or kernel' "$ctl" mode both
is 'a parameter that is none' code 2 'no parameter "slice"' "$ctl" params set slice=1
is 'a parameter without value' code 2 'NAME=VALUE' "$ctl" params set base_slice_ns
is 'a slice that is no time' code 2 'must be a time' "$ctl" params set base_slice_ns=3x
is 'a slice out of range' code 1 'must be 100000 .. 100000000 ns' "$ctl" params set base_slice_ns=3s
is 'half a percent' code 1 'latency_budget_pct must be a whole number' "$ctl" params set latency_budget_pct=50.5
is 'a policy of nowhere' code 1 'No such file' "$ctl" policy set ./none.so
is 'two policies' code 2 'policy takes' "$ctl" policy set fifo gthulhu
is 'a CPU and a class' code 2 'one of' "$ctl" latency --cpu 1 --class batch
is 'shares are for people' code 0 'MEDIAN' "$ctl" shares
is 'explain what?' code 2 'one of --pid' "$ctl" explain
is 'a thread that is none' code 2 '--pid PID' "$ctl" explain --pid nginx
is 'explain is for people' code 0 'because' sh -c '"$0" explain --comm x --rule comm=x,class=idle | tr A-Z a-z' "$ctl"
is 'nothing to set' code 2 'get, or set' "$ctl" params set
is 'a limit out of range' code 2 '--limit 1 to 1000' "$ctl" tasks --limit 0
is 'an order that is none' code 1 'sort is "age"' "$ctl" tasks --sort age
is 'stats --watch, until interrupted' code 0 'runs/s' timeout --preserve-status -s INT 2 "$ctl" stats --watch 0.5
is 'top needs a terminal' code 2 'terminal' sh -c '"$0" top </dev/null | cat; exit 2' "$ctl"
is 'a bug report' "$ctl" bugreport -o "$work/report"
is 'with what is needed' code 0 'dump ==' grep '==' "$work/report"
is 'to nowhere' code 1 'No such file' "$ctl" bugreport -o "$work/none/report"
is 'to a full disk' code 1 'No space' "$ctl" bugreport -o /dev/full
is 'commands and parameters are in the man page and the completions' mentioned
is 'it ends' stop
start broken
is 'a result that lacks a field' code 1 'is missing' "$ctl" params get
stop
start denied
is 'denied' code 4 'you may not' "$ctl" mode user
is 'but may look' "$ctl" status
kill -9 "$pid"
stop 2>/dev/null
is 'a dead daemon' code 3 'is gone' "$ctl" status
is 'a bug report without one' "$ctl" bugreport -o "$work/report"
rm -rf "$work"
echo "1..$n"
exit $bad
