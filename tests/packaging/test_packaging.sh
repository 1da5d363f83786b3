#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# usage: tests/packaging/test_packaging.sh SAMPLE_METRICS SOURCE UNIT
#
# What is installed beside the programs: the systemd unit, the Grafana dashboard, completions; and a
# scrape against Prometheus's own check, where that is installed.
#
# shellcheck disable=SC2016,SC2317 # functions and conditions are run by is

sample=$1 src=$2 unit=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0 bad=0

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

# with PROGRAM TEXT COMMAND...: skipped where the program is missing.
with() {
	program=$1
	shift
	if command -v "$program" >/dev/null; then
		is "$@"
	else
		n=$((n + 1))
		echo "ok $n - $1 # SKIP $program is not installed"
	fi
}

promtool_check() {
	promtool check metrics <"$work/scrape" 2>&1 | tee "$work/promtool"
	[ ! -s "$work/promtool" ]
}

# What verify says of the program and the manual that are not installed, and of settings that this
# systemd is too old for, is no fault of the unit.
unit_verify() {
	sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' "$unit" >"$work/gthulhu.service"
	systemd-analyze verify "$work/gthulhu.service" 2>&1 | grep -v -e "Command 'man" -e RestartSteps -e RestartMaxDelaySec |
		grep 'gthulhu.service' | tee "$work/verify"
	[ ! -s "$work/verify" ]
}

dashboard_names() {
	grep -o 'gthulhu_[a-z_]*' "$src/packaging/grafana/gthulhu.json" | sort -u | while read -r name; do
		grep -q "^${name}[ {]" "$work/scrape" || echo "$name: there is no such series"
	done | tee "$work/names"
	[ ! -s "$work/names" ]
}

sample_lines() {
	! grep -v -E '^(# (HELP|TYPE) gthulhu_[a-z_]+ .+|gthulhu_[a-z_]+(\{.*\})? [0-9.e+-]+)$' "$work/scrape"
}

echo 'TAP version 13'
"$sample" >"$work/scrape"
is 'every line is a comment or a sample' sample_lines
is 'no series comes twice' sh -c '[ -z "$(grep -v "^#" "$0" | sed "s/ [^ ]*\$//" | sort | uniq -d)" ]' "$work/scrape"
is 'a label is escaped' grep -F 'policy="./a \"strange\"\\name\n.so"' "$work/scrape"
is 'buckets add up' grep -q 'seconds_bucket{le="+Inf"} 210$' "$work/scrape"
is 'up to 20 us: 15' grep -q 'seconds_bucket{le="2e-05"} 15$' "$work/scrape"
is 'ns became seconds' grep -q '^gthulhu_cpu_run_seconds_total{cpu="1"} 5.000000001$' "$work/scrape"
is 'a class has its own histogram' grep -q '^gthulhu_class_wait_duration_seconds_bucket{class="class2",le="+Inf"} 210$' \
	"$work/scrape"
is 'a rule too, by id and text' grep -q -F 'gthulhu_rule_wait_duration_seconds_count{id="1",rule="comm=a\"0\\*,class=idle"} 210' \
	"$work/scrape"
"$sample" 32 6 >"$work/scrape32"
is '32 CPUs and 6 rules: fewer than 500 series' sh -c '[ "$(grep -c -v "^#" "$0")" -lt 500 ]' "$work/scrape32"
with promtool 'promtool check metrics' promtool_check
is 'the dashboard names series that exist' dashboard_names
with jq 'the dashboard is JSON' jq -e '.panels | length > 5' "$src/packaging/grafana/gthulhu.json"
with systemd-analyze 'systemd-analyze verify' unit_verify
with bash 'completion for bash is bash' bash -n "$src/packaging/completion/gthulhuctl.bash"
with zsh 'completion for zsh is zsh' zsh -n "$src/packaging/completion/gthulhuctl.zsh"
with fish 'completion for fish is fish' fish -n "$src/packaging/completion/gthulhuctl.fish"
echo "1..$n"
exit $bad
