# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154
about='ping-pong over futexes, 4 pairs on one CPU'
machine='icount 1'
seconds=2
metrics='ns_per_switch:ns:less'
load() {
	pingpong --futex --pairs 4 --rounds 5000
}
