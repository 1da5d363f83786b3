# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154
about='ping-pong over a pipe, 1 pair, each on a CPU of its own'
machine='mt 2'
seconds=4
metrics='ns_per_switch:ns:less'
load() {
	pingpong --cross --rounds 5000
}
