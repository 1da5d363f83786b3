# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154
about='a thread that wakes every 2 ms beside 2 hogs, one CPU'
machine='icount 1'
seconds=7
quick=yes
metrics='avg_us:us:less p50_us:us:less p99_us:us:less max_us:us:less iterations_per_s:1/s:more'
load() {
	mainjob --seconds 5 --json | tr -d '{}"' | tr ',:' '\n '
}
