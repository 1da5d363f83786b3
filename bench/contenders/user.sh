# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154
about='gthulhu, user mode'
order=30 # of the columns
quick=yes
start() {
	# shellcheck disable=SC2086 # rules are words
	exec gthulhu --mode user --json ${rules:-}
}
attached() {
	[ "$(scheduler)" = gthulhu ]
}
figures() {
	json_numbers "$1" asked policy_runs policy_wakes preempt_kicks idle_kicks
}
