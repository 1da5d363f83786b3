# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154
about='a video call: frames, 3 ms every 33 ms, and packets, 200 us every 2 ms; beside 2 hogs, one CPU'
machine='icount 1'
seconds=4
metrics='wakeup_p99_us:us:less wakeup_avg_us:us:less wakeup_max_us:us:less late_pct:%:less'
load() {
	rt_app_beside 2 video
}
