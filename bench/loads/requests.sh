# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154
about='16 request workers at 40 % of the CPU beside 2 hogs, one CPU'
machine='icount 1'
seconds=5
quick=yes
metrics='wakeup_p50_us:us:less wakeup_p99_us:us:less wakeup_max_us:us:less response_p99_us:us:less requests_per_s:1/s:more'
load() {
	requests --workers 16 --period-us 500 --work-us 200 --hogs 2 --seconds 3
}
