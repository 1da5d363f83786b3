#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Timelines that were read and found right: golden/NAME.scn runs, and every event must be that of
# golden/NAME.txt. Lines of that file that begin with # say why and are not compared. A change of
# the scheduler or of the model that moves an event shows here; when the new timeline is right too,
# --update writes it, and the reasons are to be written again.
#
# usage: golden.sh GTHULHU-SIM [--update]

sim=$1
here=$(dirname "$0")/golden
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0 bad=0

echo 'TAP version 13'
for scenario in "$here"/*.scn; do
	n=$((n + 1))
	name=$(basename "$scenario" .scn)
	# the figures after the timeline begin in the first column
	"$sim" run "$scenario" --timeline | sed '/^[^ ]/,$d; s/ *$//' >"$work/$name.txt"
	if [ "${2:-}" = --update ]; then
		cp "$work/$name.txt" "$here/$name.txt"
	fi
	grep -v '^#' "$here/$name.txt" >"$work/wanted"
	if [ -s "$work/wanted" ] && diff "$work/wanted" "$work/$name.txt" >"$work/diff"; then
		echo "ok $n - $name: $(wc -l <"$work/wanted") events where they were"
	else
		echo "not ok $n - $name: < as it was, > as it is"
		sed 's/^/# /' "$work/diff"
		bad=1
	fi
done
echo "1..$n"
exit $bad
