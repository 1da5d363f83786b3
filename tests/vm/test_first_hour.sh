#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# docs/first-hour.md does what it says: its commands run one after the other, in one shell, and the
# ones that the story hangs on say what the page makes of them. With TRANSCRIPT=FILE, what was typed
# and answered goes there, in the page's form.

commands=/opt/gthulhu/tests/docs/first_hour
n=0 bad=0 records=0

echo "TAP version 13"
if [ "$(id -u)" -ne 0 ] || [ ! -e /sys/kernel/sched_ext/state ]; then
	echo "1..0 # SKIP needs root and sched_ext"
	exit 77
fi
work=$(mktemp -d)

point() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' "$work/out" | tail -n 20
		bad=1
	fi
}

# expect PATTERN...: of the command's output.
expect() {
	for pattern in "$@"; do
		grep -q -e "$pattern" "$work/out"
		point $? "it says: $pattern"
	done
}

# judge COMMAND: what the page makes of its output.
# shellcheck disable=SC2016 # commands, as the page has them
judge() {
	case $1 in
	*'cat /tmp/gthulhu.log') expect 'attached: policy gthulhu, user mode' ;;
	'gthulhuctl status') expect '^waits ' '^autopilot ' ;;
	'gthulhuctl tasks '*) expect ' report ' ;;
	'gthulhuctl task '*)
		records=$((records + 1))
		case $records in
		1) expect '^class *idle, by rule 1: comm=re' '^why *no other rule' '^last .*s, ' ;;
		2) expect '^class *interactive, by rule 2: comm=report' ;;
		esac
		;;
	*' --without 1') expect '^ *then interactive *new *no other rule matches' ;;
	'gthulhuctl explain '*' --rule '*) expect '^conflict: new and 1 match 1 task equally' ;;
	'gthulhuctl explain '*) expect '^ *[0-9]* report *idle *1 *no other rule' ;;
	'gthulhuctl latency '*) expect '^[1-9].* waits, mean ' ;;
	'gthulhuctl shares') expect ' class interactive$' ' rule 2: comm=report' ;;
	'wget '*) expect 'class="interactive",le="+Inf"' ;;
	'gthulhuctl rules save') expect '^comm=report,class=interactive$' ;;
	*'head -n 7 '*) expect '^lost  *0 ' '^ejections  *0 ' '^disabled$' ;;
	esac
}

: >"$work/all"
while IFS= read -r command; do
	echo "    # $command" >>"$work/all"
	# in this shell: jobs and their numbers belong to it
	eval "$command" >"$work/out" 2>&1 </dev/null
	point $? "$command"
	sed 's/^/    /' "$work/out" >>"$work/all"
	judge "$command"
done <"$commands"
[ -z "${TRANSCRIPT:-}" ] || cat "$work/all" >"$TRANSCRIPT"
rm -rf "$work"
echo "1..$n"
exit $bad
