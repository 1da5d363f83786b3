# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154
about='hackbench over pipes, 4 groups, 2 CPUs'
machine='mt 2'
seconds=5
metrics='seconds:s:less'
load() {
	hackbench -p -g 4 -l 100 | awk '/^Time:/ { print "seconds", $2; found = 1 } END { exit !found }'
}
