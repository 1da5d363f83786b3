#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Model-checks the protocols between the two halves: every interleaving of each model, and then the
# same model with one step of the protocol taken away, which must show a fault; a model that finds
# none there proves nothing.
#
# usage: tests/model/run.sh MODEL.pml...
# QUMUN_MODEL=long: the larger sizes (15 minutes, 3 GB)

if ! command -v spin >/dev/null; then
	echo "TAP version 13"
	echo "1..0 # SKIP spin is not installed (Debian package spin)"
	exit 77
fi
cc=$(command -v cc || command -v gcc || command -v clang-19) || {
	echo "TAP version 13"
	echo "1..0 # SKIP no C compiler"
	exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
n=0 failed=0

point() {
	n=$((n + 1))
	[ "$1" = ok ] || failed=1
	echo "$1 $n - $2"
}

# check MODEL WANT DEFINITION...: WANT is "holds" or "fails".
check() {
	ck_model=$1 ck_want=$2
	shift 2
	ck_name="$(basename "$ck_model" .pml)${*:+ $*}"
	rm -f "$work"/*
	# shellcheck disable=SC2086 # two words
	if ! (cd "$work" && spin -a "$@" "$ck_model" >log 2>&1 &&
		"$cc" -O2 -w -DSAFETY $compact -o pan pan.c >>log 2>&1); then
		sed 's/^/# /' "$work/log"
		point "not ok" "$ck_name: does not build"
		return
	fi
	(cd "$work" && ./pan -E -n -m200000 >out 2>&1)
	if ! grep -q 'errors: [0-9]' "$work/out" || grep -qE 'max search depth too small|MEMLIM' "$work/out"; then
		sed 's/^/# /' "$work/out"
		point "not ok" "$ck_name: the search did not end"
		return
	fi
	ck_states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$work/out")
	if grep -q 'errors: 0' "$work/out"; then
		ck_got=holds
	else
		ck_got=fails
	fi
	if [ "$ck_got" = "$ck_want" ]; then
		point ok "$ck_name: $ck_got as it should, $ck_states states"
		return
	fi
	grep '^pan:' "$work/out" | sed 's/^/# /'
	[ "$ck_got" != fails ] ||
		(cd "$work" && ./pan -r 2>/dev/null | tail -n 80 | sed 's/^/# /')
	point "not ok" "$ck_name: $ck_got, but should be: $ck_want"
}

# Each model names what to run it with, and what must break it, in lines "run: WANT DEFINITION...".
# Long searches keep a hash of each state instead of the state (8 bytes; nothing is missed but by
# collision).
tier='short' compact='-DCOLLAPSE -DMEMLIM=1000'
if [ "${QUMUN_MODEL:-}" = long ]; then
	tier='short|long' compact='-DHC4 -DMEMLIM=4000'
fi
echo "TAP version 13"
for model in "$@"; do
	sed -nE "s/^ \* run \(($tier)\): //p" "$model" >"$work.list"
	while read -r want defines; do
		# shellcheck disable=SC2086
		check "$model" "$want" $defines
	done <"$work.list"
	rm -f "$work.list"
done
echo "1..$n"
exit "$failed"
