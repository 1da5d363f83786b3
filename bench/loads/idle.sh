# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154
about='an idle machine, one CPU'
machine='icount 1'
seconds=1 # of a CPU that is not idle: the rest passes at once
metrics='switches_per_s:1/s:less'
load() {
	before=$(awk '/^ctxt/ { print $2 }' /proc/stat)
	sleep 10
	awk -v before="$before" '/^ctxt/ { printf "switches_per_s %.1f\n", ($2 - before) / 10 }' /proc/stat
}
