#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# usage: tests/docs/test_gthulhu_8.sh GTHULHU
#
# What gthulhu(8) promises and no kernel is needed for: options, environment, messages, exit codes.

gthulhu=$1
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
n=0 bad=0
unset GTHULHU_DEBUG GTHULHU_LOG_LEVEL GTHULHU_MAX_TASKS JOURNAL_STREAM

# says NAME EXIT-CODE WORDS [VARIABLE=VALUE...] -- ARGUMENT...: WORDS, separated by |, all stand in what
# it prints.
says() {
	name=$1 code=$2 words=$3
	shift 3
	set_env=
	while [ "$1" != -- ]; do
		set_env="$set_env $1"
		shift
	done
	shift
	# shellcheck disable=SC2086 # no value has a blank
	env $set_env "$gthulhu" "$@" >"$here/out" 2>&1
	rc=$?
	n=$((n + 1))
	why=
	[ "$rc" -eq "$code" ] || why="exit code $rc, not $code"
	old_ifs=$IFS
	IFS='|'
	for word in $words; do
		grep -q -F -e "$word" "$here/out" || why="$why; \"$word\" is missing"
	done
	IFS=$old_ifs
	if [ -z "$why" ]; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name: ${why#; }"
		sed 's/^/# /' "$here/out" | head -n 20
		bad=1
	fi
}

echo "TAP version 13"
says "help" 0 "usage:|--policy|fair by weight" -- --help
says "version: program, interfaces, kernel" 0 "gthulhu v0.|(alpha)|commit|libqumun|policy ABI|kernel $(uname -r)" -- --version
says "unknown option" 2 "--no-such" -- --no-such
says "argument" 2 "word" -- word
says "bad mode" 2 "--mode|fast|user|kernel" -- --mode fast
says "bad level" 2 "--log-level|LOUD|DEBUG" -- --log-level LOUD
for time in 0 -1s soon 5d 1e9 nan ''; do
	says "bad time \"$time\"" 2 "--for" -- --for "$time"
done
for time in 5 0.1s 60s 5m 1h; do
	says "time $time" 0 "usage:" -- --for "$time" --help
done
for value in 0 1 true false TRUE; do
	says "GTHULHU_DEBUG=$value" 0 "usage:" "GTHULHU_DEBUG=$value" -- --help
done
for value in 2 yes ''; do
	says "GTHULHU_DEBUG=$value" 2 "GTHULHU_DEBUG|0, 1, true" "GTHULHU_DEBUG=$value" -- --help
done
for value in ERROR WARN INFO DEBUG; do
	says "GTHULHU_LOG_LEVEL=$value" 0 "usage:" "GTHULHU_LOG_LEVEL=$value" -- --help
done
says "GTHULHU_LOG_LEVEL=4" 2 "GTHULHU_LOG_LEVEL|ERROR, WARN" GTHULHU_LOG_LEVEL=4 -- --help
for value in 1 4096 1000000; do
	says "GTHULHU_MAX_TASKS=$value" 0 "usage:" "GTHULHU_MAX_TASKS=$value" -- --help
done
for value in 0 -1 1000001 99999999999999999999 4k ''; do
	says "GTHULHU_MAX_TASKS=$value" 2 "GTHULHU_MAX_TASKS|1 to 1000000" "GTHULHU_MAX_TASKS=$value" -- --help
done
says "missing object file" 2 "/no/such/main.bpf.o" -- --bpf-object /no/such/main.bpf.o

# whatever this kernel can do, --check and its exit code agree
"$gthulhu" --check >"$here/check"
rc=$?
verdict="This kernel can run gthulhu."
[ "$rc" -eq 0 ] || verdict="This kernel cannot run gthulhu."
[ "$rc" -eq 0 ] || [ "$rc" -eq 78 ] || rc="0 or 78"
says "check" "$rc" "kernel $(uname -r)|sched_ext|$verdict" -- --check
says "check as JSON" "$rc" '{"|"can_run":|"features":[' -- --check --json

echo "1..$n"
exit "$bad"
