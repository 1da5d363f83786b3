#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# usage: tests/ctl/test_top.sh GTHULHUCTL FAKE_DAEMON
#
# gthulhuctl top in a terminal of tmux: real keys in, captured screens out.
#
# shellcheck disable=SC2016,SC2317 # conditions are run by is

ctl=$1 fake=$2
work=$(mktemp -d)
n=0 bad=0
command -v tmux >/dev/null || {
	echo '1..0 # SKIP tmux is not installed'
	exit 77
}

t() {
	# the server must not inherit the fake daemon's input
	tmux -L "gthulhu-$$" -f /dev/null "$@" 9>&-
}

screen() {
	t capture-pane -p -t top >"$work/screen" 2>/dev/null
}

# shows PATTERN: within five seconds.
shows() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
		screen
		grep -q -e "$1" "$work/screen" && return 0
		sleep 0.2
	done
	return 1
}

hides() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		screen
		grep -q -e "$1" "$work/screen" || return 0
		sleep 0.3
	done
	return 1
}

is() {
	n=$((n + 1))
	text=$1
	shift
	if "$@"; then
		echo "ok $n - $text"
	else
		echo "not ok $n - $text"
		sed 's/^/# |/' "$work/screen"
		bad=1
	fi
}

fits() {
	screen
	[ "$(LC_ALL=C.UTF-8 wc -L <"$work/screen")" -le "$1" ]
}

daemon_start() {
	rm -f "$work/in"
	mkfifo "$work/in"
	"$fake" "$work/s" <"$work/in" >"$work/ready" 2>&1 &
	pid=$!
	exec 9>"$work/in"
	while ! grep -q ready "$work/ready"; do
		kill -0 "$pid" || exit 1
		sleep 0.05
	done
}

daemon_stop() {
	exec 9>&-
	wait "$pid"
}

# top_start COLUMNS LINES TERM: "ended N" appears when it ends.
top_start() {
	t new-session -d -s top -x "$1" -y "$2" \
		"env TERM=$3 LC_ALL=C.UTF-8 '$ctl' --socket '$work/s' top --interval 0.5; echo ended \$?; sleep 60"
}

top_end() {
	t send-keys -t top q
	is "$1: q ends it" shows '^ended 0'
	t kill-session -t top
}

trap 't kill-server 2>/dev/null; rm -rf "$work"' EXIT
echo 'TAP version 13'
# A server ends with its last session, and the next command may still find it: this one stays.
t new-session -d -s keeper 'exec sleep 600'
daemon_start

top_start 80 24 screen-256color
is '80x24: the head' shows '^gthulhu text  user mode, policy text'
is 'a task' shows '1234567 text  *sleeping'
is 'every column' shows 'NAME .*STATE .*CLASS .*CPU .*WAIT .*AT MOST .*RUNS/s$'
is 'the caches' shows '^caches: 0: 0 % of 1 CPUs, 1234567 queued'
is 'no panel' hides 'LAST INTERVAL'
is 'nothing wider than the screen' fits 80
is 'it sorts by CPU' shows '>CPU'
t send-keys -t top s
is 's: by wait' shows '>WAIT'
t send-keys -t top s s s
is 's again: by class' shows '>CLASS'
t send-keys -t top r
is 'r: classes and rules' shows 'RULE (TASKS)'
is 'what they cost' shows '% .* 1234567 text (1234567)'
t send-keys -t top r
is 'r: back to the tasks' hides 'RULE (TASKS)'
t send-keys -t top c
is 'c: which class?' shows '^class of 1234567 text: (l)atency'
t send-keys -t top x
is 'another key: none' shows '^q end'
t send-keys -t top c b
is 'b: is that meant?' shows '^give 1234567 text class batch by a rule. y: yes'
t send-keys -t top n
is 'no: nothing is changed' shows '^q end'
is 'nothing was asked of the daemon' sh -c '! grep -q rules.add "$0"' "$work/ready"
t send-keys -t top c b y
is 'yes: a rule' shows '^rule 1: pid=1234567,class=batch'
is 'the daemon was asked' grep -q 'rules.add {"rule": "pid=1234567,class=batch"}' "$work/ready"
t send-keys -t top Escape
t send-keys -t top h
is 'h: help' shows 'order of tasks'
t send-keys -t top Escape
is 'escape: back' hides 'order of tasks'
t send-keys -t top Enter
is 'enter: one task' shows 'voluntary'
t send-keys -t top Escape
is 'escape: back again' hides 'voluntary'
t send-keys -t top f
is 'f: a filter is asked for' shows 'name has: _'
t send-keys -t top x y z
is 'it shows what is typed' shows 'name has: xyz_'
t send-keys -t top Enter
is 'and filters' shows 'no task.s name has "xyz" in it'
t send-keys -t top f Enter
is 'an empty one shows all' shows '1234567 text'
t send-keys -t top p
is 'p: pause' shows 'PAUSED'
t send-keys -t top p
is 'p: go on' hides 'PAUSED'
t send-keys -t top +
is '+: longer' shows '+-1 s'
t send-keys -t top - -
is '-: shorter' shows '+-0.25 s'
t resize-window -t top -x 200 -y 60
is 'a larger window gets the panel' shows 'WAITS OF THE LAST INTERVAL'
is 'with classes and rules' shows 'RULE (TASKS)'
is 'and the list has the weight' shows 'RUNS/s WEIGHT'
t resize-window -t top -x 40 -y 8
is 'a tiny one still has the keys' shows '^q end'
is 'and nothing outside' fits 40
is 'nor over what was there' shows '^gthulhu text  user mode, policy text, up'
t resize-window -t top -x 80 -y 24
is 'and back' shows 'RUNS/s'
daemon_stop
is 'the daemon ends: it says so' shows '^no daemon, trying again'
is 'and still shows what it knew' shows '1234567 text'
daemon_start
is 'the daemon is back: it goes on' shows '^q end'
top_end '80x24'

top_start 200 60 screen
is '200x60: the panel' shows 'WAITS OF THE LAST INTERVAL'
is 'the clock' shows '[0-2][0-9]:[0-5][0-9]:[0-5][0-9]$'
top_end '200x60'
top_start 80 24 vt100
is 'without colour: all is there' shows 'AUTOPILOT ON'
top_end 'vt100'
daemon_stop
top_start 80 24 screen
is 'without a daemon it does not begin' shows '^ended 3'
is 'and says why' shows 'no gthulhu is running'
echo "1..$n"
exit $bad
