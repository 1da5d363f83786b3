#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# usage: test_report.sh SOURCE-FOLDER
#
# The lab's reports, from results written here: medians, spread, what is called noise, and that the
# JSON and the picture are well formed.
# shellcheck disable=SC2319 # what a condition found is what is reported

set -u
src=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0

point() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

# has TEXT-PATTERN WHAT
has() {
	grep -q -e "$1" "$tmp/table"
	point $? "$2"
}

cat >"$tmp/results" <<'END'
info kernel 9.9.9
load exact icount 1 a load "in" virtual time
metric exact ns ns less
load parallel mt 2 a load in real time
metric parallel rate 1/s more
contender default the default
contender better clearly better
contender same as good
skipped absent could not be built
value exact default 1 ns 1000
value exact default 2 ns 1010
value exact default 3 ns 990
value exact better 2 ns 500
value exact better 1 ns 480
value exact better 3 ns 510
value exact same 1 ns 1005
value exact same 2 ns 1015
value exact same 3 ns 1020
value parallel default 1 rate 100
value parallel better 1 rate 200
failed parallel same 1 it did not attach
END
report() {
	awk -f "$src/bench/report.awk" -f "$src/bench/$1.awk" "$tmp/results"
}
report table >"$tmp/table" || echo "Bail out! no table"
has '^  ns  *1000 +-1.0%  *500.0 +-3.0% 0.50x  *1015 +-0.7% 1.01x~$' 'median, spread and what may be noise'
has '^  rate (more)  *100.0  *200.0 2.00x?  *-$' 'one run in real time says so, a missing one too'
has '^skipped: absent could not be built$' 'who was left out, and why'
has '^FAILED: parallel same 1 it did not attach$' 'what failed'
if command -v jq >/dev/null; then
	report json >"$tmp/json"
	test "$(jq -c '.loads.exact.values.better.ns' "$tmp/json")" = '[500,480,510]'
	point $? 'JSON: every value'
	test "$(jq -r '.loads.exact.about' "$tmp/json")" = 'a load "in" virtual time'
	point $? 'JSON: quotes survive'
else
	echo "ok $((n += 1)) - JSON # SKIP jq is not installed"
fi
report plot >"$tmp/svg"
test "$(grep -c '<rect x=' "$tmp/svg")" -eq 3 && tail -n 1 "$tmp/svg" | grep -q '^</svg>$'
point $? 'the picture has a bar for each comparison'
echo "1..$n"
