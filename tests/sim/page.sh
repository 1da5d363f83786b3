#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# docs/simulator.md's newcomer's section does what it says: its files are written out, its commands
# run one after the other.
#
# usage: tests/sim/page.sh SOURCE GTHULHU-SIM

set -u
src=$(cd "$1" && pwd) sim=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
page=$src/docs/simulator.md
here=$(mktemp -d) || exit 1
trap 'rm -rf "$here"' EXIT
mkdir "$here/bin"
ln -s "$sim" "$here/bin/gthulhu-sim"
ln -s "$src/include" "$here/include"
PATH=$here/bin:$PATH
cd "$here" || exit 1

# a block whose first line names a file is that file; lines "$ ..." are commands
awk '
	/^## Scenarios/ { exit }
	/^```/ {
		inside = !inside
		first = inside
		file = ""
		next
	}
	!inside { next }
	first {
		first = 0
		if ($0 ~ /^\/\* [a-z]+\.c \*\/$/)
			file = $2
		else if ($0 ~ /^# [a-z]+\.scn$/)
			file = $2
	}
	file != "" { print >file }
	/^\$ / { print substr($0, 3) >"commands" }' "$page"

echo 'TAP version 13'
n=0 failed=0
while IFS= read -r command; do
	n=$((n + 1))
	if sh -c "$command" >out 2>&1 </dev/null; then
		echo "ok $n - $command"
	else
		echo "not ok $n - $command"
		sed 's/^/# /' out | tail -n 10
		failed=1
	fi
done <commands
n=$((n + 1))
if [ -s mine.json ] && grep -q '"name":"hog.0"' mine.json; then
	echo "ok $n - the trace names the tasks"
else
	echo "not ok $n - the trace names the tasks"
	failed=1
fi
n=$((n + 1))
lines=$(grep -c . mine.c)
if [ "$lines" -le 40 ]; then
	echo "ok $n - the policy has $lines lines"
else
	echo "not ok $n - the policy has $lines lines"
	failed=1
fi
echo "1..$n"
exit $failed
