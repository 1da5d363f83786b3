#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The simulator's self-test: plants a known bug into a copy of the sources, builds the simulator
# from the copy, and expects `explore` to find the bug and to make the case small.
#
# usage: tests/sim/planted.sh [NAME...]     all of them, or those named; --list names them
#
# Environment: CC (cc), RUNS (20000) scenarios at most for each, SMALL (19) steps and events.

set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
runs=${RUNS:-20000} small=${SMALL:-19}
# NAME FILE SED-EXPRESSION: what it stands for. The expression must change the file.
bugs='ring-wrap
stale-generation
lost-wakeup
affinity
sleeper-credit
double-dispatch
lost-bell
parked-bell
sync-starves'

# The file and the edit that plant $1.
edit_of() {
	case $1 in
	# the ask that wraps round goes to the wrong place: a decision is lost
	ring-wrap) file=bpf/custody.bpf.h
		edit='s/up_ring\[tail & (QUMUN_UP_SLOTS - 1)\]/up_ring[(tail == QUMUN_UP_SLOTS) + (tail \& (QUMUN_UP_SLOTS - 1))]/' ;;
	# an answer to an old question is taken for one to the new question
	stale-generation) file=bpf/custody.bpf.h
		edit='s/if (gen_of(word) != gen || state_of(word) != QUMUN_QUEUED)/if (state_of(word) != QUMUN_QUEUED)/' ;;
	# no second look between "nothing to do" and sleep
	lost-wakeup) file=engine/engine.c
		edit='s/if (shm_load_acquire(&e->cpus\[cpu\].up.tail) != e->up_head\[cpu\])/if (0)/' ;;
	# a task whose affinity changed while it was queued is moved to where it may not run
	affinity) file=bpf/decide.bpf.h
		edit='s/return scx_bpf_task_cpu(p) == (s32)cpu ||/return 1 ||/' ;;
	# who sleeps long may run long
	sleeper-credit) file=include/qumun/vtime.h
		edit='s/if (vt_before(vruntime, front - credit))/if (0)/' ;;
	# a task that was taken back stays QUEUED: the late answer dispatches it again
	double-dispatch) file=bpf/custody.bpf.h
		edit='/take_back_one(u32 shard, u32 slot, u64 min_age, u64 now)$/,/^}/s/if (!shm_cas(.*))$/if (0)/' ;;
	# bugs that the simulator found in this project
	lost-bell) file=bpf/policy.bpf.h
		edit='s/sh->wake_sent_round == rounds &&/1 \&\&/' ;;
	parked-bell) file=bpf/policy.bpf.h
		edit='s/if (shm_load(&arena_shard(shard)->sleeping))$/if (!shm_load(\&sh->parked) \&\& shm_load(\&arena_shard(shard)->sleeping))/' ;;
	sync-starves) file=bpf/main.bpf.c
		edit='s/if (!idle || !cp || arena_cpu(cpu)->nr_queued > 0)/if (!idle || !cp)/' ;;
	*) return 1 ;;
	esac
}

build_copy() {
	(cd "$1/src/sim" && ${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O1 -w -I. -I.. -I../include -rdynamic \
		./*.c ../engine/*.c ../policies/*.c ../base/parse.c ../base/record.c ../base/timeline.c -o "$1/gthulhu-sim" -ldl)
}

point() {
	nr=$((nr + 1))
	echo "$1 $nr - $2"
	[ "$1" = ok ] || failed=1
}

try_bug() {
	edit_of "$1" || {
		point 'not ok' "$1: no such bug"
		return
	}
	dir=$work/$1
	mkdir -p "$dir/src"
	(cd "$top" && cp -r base bpf engine include policies sim "$dir/src")
	sed "$edit" "$top/$file" >"$dir/src/$file"
	if cmp -s "$top/$file" "$dir/src/$file"; then
		point 'not ok' "$1: the edit no longer fits $file: bring it up to date"
		return
	fi
	if ! build_copy "$dir" >"$dir/build.log" 2>&1; then
		sed 's/^/# /' "$dir/build.log" | head -n 5
		point 'not ok' "$1: the copy with the bug does not compile"
		return
	fi
	start=$(date +%s)
	"$dir/gthulhu-sim" explore --quiet --runs "$runs" --out "$dir" >"$dir/log" 2>&1
	took=$(($(date +%s) - start))
	sed 's/^/# /' "$dir/log"
	size=$(sed -n 's/.* runs: \([0-9]*\) steps and events.*/\1/p' "$dir/log" | head -n 1)
	if [ -z "$size" ]; then
		point 'not ok' "$1: not found in $runs scenarios"
	elif [ "$size" -gt "$small" ]; then
		point 'not ok' "$1: found in $took s, but the case has $size steps and events"
	elif ! "$work/plain" replay "$dir"/case-*.scn >/dev/null 2>&1; then
		point 'not ok' "$1: the case fails without the bug too: explore found another one"
	elif ! "$dir/gthulhu-sim" replay "$dir"/case-*.scn >"$dir/replay" 2>&1; then
		point ok "$1: found in $took s, $size steps and events, replayed"
	else
		point 'not ok' "$1: the case does not fail again"
	fi
}

if [ "${1:-}" = --list ]; then
	echo "$bugs"
	exit 0
fi
echo 'TAP version 13'
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
nr=0 failed=0
mkdir -p "$work/src" && (cd "$top" && cp -r base bpf engine include policies sim "$work/src")
build_copy "$work" && mv "$work/gthulhu-sim" "$work/plain" || exit 1
[ $# -gt 0 ] || {
	# shellcheck disable=SC2086 # one name a word
	set -- $bugs
}
for bug in "$@"; do
	try_bug "$bug"
done
echo "1..$nr"
exit $failed
