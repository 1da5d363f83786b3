#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
#
# gthulhuctl, the control socket and the metrics against a live daemon. Every result is held against
# the table of the protocol (GTHULHUCTL_STRICT).
#
# shellcheck disable=SC2016,SC2317 # functions and conditions are run by is

top=/opt/gthulhu
ctl=$top/ctl/gthulhuctl
socket=/run/gthulhu/gthulhu.sock
work=$(mktemp -d)
export GTHULHUCTL_STRICT=1
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
		sed 's/^/# /' "$work/point" | head -n 20
		bad=1
	fi
}

# code WANTED PATTERN COMMAND...: the command ends with that code and says that.
code() {
	wanted=$1 pattern=$2
	shift 2
	"$@" >"$work/out" 2>&1
	got=$?
	cat "$work/out"
	echo "exit code $got, wanted $wanted"
	[ "$got" -eq "$wanted" ] && grep -q "$pattern" "$work/out"
}

# value REQUEST NAME: one number of a result.
value() {
	# shellcheck disable=SC2086
	"$ctl" $1 --json | sed -n "s/.*\"$2\":\\([0-9.e+-]*\\).*/\\1/p"
}

# grows REQUEST NAME: within ten seconds.
grows() {
	before=$(value "$1" "$2")
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		sleep 1
		after=$(value "$1" "$2")
		echo "$2: $before, then $after"
		[ -n "$before" ] && [ "$after" -gt "$before" ] && return 0
	done
	return 1
}

start() {
	"$top/daemon/gthulhu" "$@" 2>"$work/log" >"$work/final" &
	daemon=$!
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
		"$ctl" status >/dev/null 2>&1 && return 0
		sleep 1
	done
	cat "$work/log"
	return 1
}

near() {
	awk -v a="$1" -v b="$2" -v part="$3" 'BEGIN {
		d = a > b ? a - b : b - a
		printf "%s and %s\n", a, b
		exit !(a > 0 && d <= b * part)
	}'
}

commands() {
	for c in status stats 'params get' 'task 1' tasks 'tasks --sort wait --limit 3' latency 'latency --cpu 0' 'latency --class normal' shares \
		dump schema; do
		# shellcheck disable=SC2086
		is "$c" "$ctl" $c
		# shellcheck disable=SC2086
		is "$c --json is one line" sh -c '[ $("$@" --json | wc -l) -eq 1 ]' sh "$ctl" $c
	done
}

changes() {
	is 'params set' "$ctl" params set base_slice_ns=3ms latency_factor=2
	is 'is kept' [ "$(value 'params get' base_slice_ns)" = 3000000 ]
	is 'a set that makes no sense is refused' code 1 'max_slice_ns' "$ctl" params set base_slice_ns=30ms \
		latency_factor=1
	is 'all of it' [ "$(value 'params get' latency_factor)" = 2.0 ]
	is 'a value out of range is refused' code 1 'must be 0.1 .. 10' "$ctl" params set latency_factor=11
	is 'every parameter can be set' sh -c '"$0" params get --json | grep -o "\"[a-z_]*\":[0-9.]*" | tr -d "\"" | tr : = |
		while read -r p; do "$0" params set "$p" || exit 1; done' "$ctl"
	is 'a parameter beside the slices' "$ctl" params set max_wait_ns=2s latency_budget_pct=80
	is 'is kept too' [ "$(value 'params get' max_wait_ns)/$(value 'params get' latency_budget_pct)" = 2000000000/80 ]
	is 'the smallest factor comes back' code 0 '^latency_factor *0.1 ' "$ctl" params set latency_factor=0.1
	is 'as it was' "$ctl" params set max_wait_ns=1s latency_budget_pct=95 latency_factor=2
	is 'mode kernel' "$ctl" mode kernel
	is 'then the BPF half decides' grows stats kernel_mode
	is 'mode user' "$ctl" mode user
	is 'then the policy decides' grows stats decided
	is 'status says so' sh -c '"$0" status | grep -q "user mode"' "$ctl"
}

# Policies change while hackbench runs and hogs fill both CPUs: no task is lost, nobody takes over.
policies() {
	is 'policy list' code 0 '^[*] gthulhu ' "$ctl" policy list
	is 'policy set' code 0 'policy fifo decides' "$ctl" policy set fifo
	is 'the list says so' code 0 '^[*] fifo ' "$ctl" policy list
	is 'and status' code 0 'policy fifo' "$ctl" status
	is 'and the log' sh -c 'grep -q "policy fifo by request, in place of gthulhu" "$0"' "$work/log"
	is 'it decides' grows stats decided
	chmod go-w "$top/tests/vm/plugin_policy.so"
	is 'one from a file' sh -c 'cd "$1" && "$0" policy set ./plugin_policy.so' "$ctl" "$top/tests/vm"
	is 'it decides too' grows stats decided
	is 'a file that is no policy' code 1 'lacks the symbol\|cannot be loaded' "$ctl" policy set "$(which busybox)"
	is 'a name that is none' code 5 'no policy "lottery"' "$ctl" policy set lottery
	is 'after all that the file decides' code 0 'plugin_policy.so (a file)' "$ctl" policy list
	is 'twenty changes under load' sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do
		"$0" policy set fifo && "$0" policy set gthulhu || exit 1; done' "$ctl"
	is 'in kernel mode too' sh -c '"$0" mode kernel && "$0" policy set fifo; c=$?
		"$0" policy set gthulhu && "$0" mode user && exit $c' "$ctl"
	is 'the policy decides' grows stats decided
	is 'no fault of the policy so far' [ "$(value status policy_faults)" = 0 ]
	before=$(value stats standing) now=$(value status decided_ahead) after=$(value stats standing)
	is "decided ahead: $before, $now, $after" sh -c '[ "$0" -le "$1" ] && [ "$1" -le "$2" ]' "$before" "$now" "$after"
	# of one look: what grows between two would seem lost
	"$ctl" stats --json >"$work/look"
	asked=$(sed -n 's/.*"asked":\([0-9]*\).*/\1/p' "$work/look")
	sum=0
	for c in decided taken_back rescued cancelled; do
		sum=$((sum + $(sed -n "s/.*\"$c\":\([0-9]*\).*/\1/p" "$work/look")))
	done
	is 'every task that was asked about was decided' near "$asked" "$sum" 0.01
}

# One task's record against what the kernel says of it.
one_task() {
	"$ctl" task "$1" --json >"$work/task"
	runtime=$(sed -n 's/.*"runtime_ns":\([0-9]*\).*/\1/p' "$work/task")
	is 'a task: its runtime is near schedstat' near "$runtime" "$(cut -d' ' -f1 "/proc/$1/schedstat")" 0.2
	is 'its weight is that of nice 0' grep -q '"weight":1024' "$work/task"
	is 'a task that is none' code 5 'no task 99999' "$ctl" task 99999
}

# series NAME FILE: the value of a series without labels.
series() {
	sed -n "s/^$1 //p" "$2"
}

metrics() {
	url=http://127.0.0.1:9464/metrics
	is 'a scrape' wget -q -O "$work/m1" "$url"
	"$ctl" stats --json >"$work/stats"
	is 'a second one' wget -q -O "$work/m2" "$url"
	is 'every line is a comment or a sample' sh -c \
		'! grep -v -E "^(# (HELP|TYPE) gthulhu_[a-z_]+ .+|gthulhu_[a-z_]+(\{[^}]*\})? [0-9.e+]+)\$" "$0"' "$work/m1"
	is 'no total goes back' awk '/^gthulhu_[a-z_]*_(total|bucket|sum|count)/ {
		key = $1
		if (FNR == NR)
			first[key] = $2
		else if ($2 < first[key] || !(key in first)) {
			print key, first[key], $2
			bad = 1
		}
	} END { exit bad }' "$work/m1" "$work/m2"
	runs=$(sed -n 's/.*"runs":\([0-9]*\),[^{}]*"wait_ns.*/\1/p' "$work/stats")
	is 'stats lies between the two' [ "$(series gthulhu_runs_total "$work/m1")" -le "$runs" ]
	is 'fewer than 500 series' [ "$(grep -c -v '^#' "$work/m1")" -lt 500 ]
	is 'the histogram counts what the counter counts' near \
		"$(series gthulhu_run_queue_wait_duration_seconds_count "$work/m2")" \
		"$(series gthulhu_runs_total "$work/m2")" 0.3
	is 'another path is not found' sh -c '! wget -q -O - http://127.0.0.1:9464/ 2>/dev/null'
}

strangers() {
	is 'the socket is root'"'"'s' [ "$(stat -c '%a %u' "$socket")" = '600 0' ]
	chmod 755 /opt /opt/gthulhu "$top/ctl" 2>/dev/null
	is 'nobody may not use it' code 4 'not for this user' su nobody -s /bin/sh -c "$ctl status"
}

hostile() {
	for _ in 1 2 3 4 5 6; do
		(while :; do "$ctl" dump >/dev/null 2>&1; done) &
		flood="${flood:-} $!"
	done
	is 'served beside six that dump without end' "$ctl" status
	is 'decisions go on meanwhile' grows stats decided
	# shellcheck disable=SC2086
	kill $flood
	is 'no fault of the policy' [ "$(value status policy_faults)" = 0 ]
}

rules() {
	is 'no rules at first' code 0 'no rules' "$ctl" rules list
	is 'a rule for a task' "$ctl" rules add "pid=$1,class=batch"
	is 'the task says so' code 0 "class    batch, by rule 1: pid=$1,class=batch" "$ctl" task "$1"
	is 'and why' code 0 '^why *no other rule matches' "$ctl" task "$1"
	is 'its waits count for its class' grows 'latency --class batch' count
	is 'and for its rule' grows 'latency --rule 1' count
	is 'the rule got most of a CPU, and the class no less' sh -c '"$0" shares --json | sed "s/}, *{\"buckets/}\n{\"buckets/g" >"$1"
		rule=$(sed -n "s/.*\"run_ns\":\([0-9]*\),\"rule\":1,.*/\1/p" "$1")
		class=$(sed -n "s/.*\"run_ns\":\([0-9]*\),\"class\":\"batch\".*/\1/p" "$1")
		echo "$rule of $class ns"; [ "$rule" -gt 300000000 ] && [ "$class" -ge "$rule" ]' "$ctl" "$work/shares"
	is 'its last waits are told' code 0 '^last .*[mu]s, ' "$ctl" task "$1"
	is 'a rule that is not there has none' code 5 'no rule 9' "$ctl" latency --rule 9
	all=$(value latency count)
	sum=0
	for c in latency interactive normal batch idle; do
		sum=$((sum + $(value "latency --class $c" count)))
	done
	is 'classes add up to all' near "$all" "$sum" 0.2
	is 'explain says so too' code 0 "^ *$1 .* batch *1 *no other rule" "$ctl" explain --pid "$1"
	is 'explain: a weaker rule would change nothing' code 0 'would change for 0 of' \
		"$ctl" explain --pid "$1" --rule 'comm=*,class=idle'
	is 'explain: an equal one would, and conflicts' code 0 'conflict: new and 1 match 1 task equally' \
		"$ctl" explain --pid "$1" --rule "pid=$1,class=latency"
	is 'with its class' code 0 'then latency *new *as strong as rule 1, and younger' \
		"$ctl" explain --pid "$1" --rule "pid=$1,class=latency"
	is 'explain: without the rule' code 0 'then normal *- *no rule matches' "$ctl" explain --pid "$1" --without 1
	is 'explain: all of a name' code 0 '^ *new *[1-9][0-9]* *0 *[1-9]' "$ctl" explain --comm 'hackbench*' \
		--rule 'comm=hack*,class=batch'
	is 'explain: all of a cgroup' sh -c '[ $("$0" explain --cgroup / --json | sed "s/.*\"total\":\([0-9]*\).*/\1/") -gt 10 ]' "$ctl"
	is 'explain: a rule that is none' code 5 'no rule 77' "$ctl" explain --pid "$1" --without 77
	is 'explain: a task that is none' code 5 'no task 99999' "$ctl" explain --pid 99999
	is 'the task is as before' code 0 'class    batch, by rule 1:' "$ctl" task "$1"
	is 'the list counts it' code 0 "^ *1 *1 request *pid=$1,class=batch" "$ctl" rules list
	is 'a rule that is none' code 1 'colour' "$ctl" rules add "pid=$1,colour=red"
	printf '# two\ncomm=hackbench*,class=interactive\nuid=7,weight=200\n' >"$work/rules"
	is 'rules from a file' code 0 '^2 rules' "$ctl" rules load "$work/rules"
	is 'took the place of the first' code 0 'class    normal' "$ctl" task "$1"
	"$ctl" rules save "$work/saved"
	is 'and are saved as they were' sh -c 'grep -v "#" "$0" | cmp - "$1"' "$work/rules" "$work/saved"
	is 'a file with one bad rule' code 1 'class' sh -c 'echo class=fast >"$1"; "$0" rules load "$1"' "$ctl" "$work/bad"
	is 'changes nothing' [ "$("$ctl" rules list --json | grep -o '"id"' | wc -l)" -eq 2 ]
	is 'one is removed' "$ctl" rules remove 3
	is 'and gone' code 5 'no rule 3' "$ctl" rules remove 3
}

# reads: how many reads the daemon has done
reads() {
	awk '$1 == "syscr:" { print $2 }' "/proc/$daemon/io"
}

# Cgroups with a limit are told, and 200 of them are not looked through for each request.
limits() {
	groups=/sys/fs/cgroup
	echo +cpu >$groups/cgroup.subtree_control
	mkdir -p $groups/limited
	echo +cpu >$groups/limited/cgroup.subtree_control
	for i in $(seq 200); do
		mkdir "$groups/limited/$i"
	done
	echo '20000 100000' >$groups/limited/cpu.max
	is 'within 10 s status knows of a limit' sh -c 'for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
		"$0" status | grep "^cpu.max *NOT enforced: /limited, 20000 of 100000 us" && exit
		sleep 1
	done; exit 1' "$ctl"
	before=$(reads)
	for _ in 1 2 3 4 5; do
		"$ctl" status >/dev/null
	done
	is 'and does not look for others each time' between 0 399 $(($(reads) - before))
	rmdir $groups/limited/* $groups/limited
}

between() {
	echo "$3, wanted $1 to $2"
	[ "$3" -ge "$1" ] && [ "$3" -le "$2" ]
}

echo 'TAP version 13'
is 'without a daemon' code 3 'no gthulhu is running' "$ctl" status
is 'the daemon starts' start --metrics
sh -c 'while :; do :; done' &
hog=$!
hackbench -g 1 -f 2 -l 20000000 >/dev/null &
load=$!
commands
changes
limits
policies
metrics
strangers
hostile
one_task "$hog"
rules "$hog"
is 'a bug report' "$ctl" bugreport -o "$work/report"
is 'has what it should' sh -c 'for w in "== log ==" "attached: policy" "\"decided\":" os-release; do
	grep -q "$w" "$0" || { echo "$w is missing"; exit 1; }
done' "$work/report"
kill "$load" "$hog"
kill -9 "$daemon"
sleep 1
is 'the daemon was killed' code 3 'is gone' "$ctl" status
is 'another takes its socket' start
kill "$daemon"
is 'it ends in order' wait "$daemon"
is 'and takes its socket along' [ ! -e "$socket" ]
is 'unless told: --socket none' sh -c '"$0/daemon/gthulhu" --socket none --for 1s && [ ! -e "$1" ]' "$top" "$socket"
rm -rf "$work"
echo "1..$n"
exit $bad
