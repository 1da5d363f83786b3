# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154
about='10,000 threads that wake every 2 s each, one CPU'
machine='icount 1'
seconds=8
metrics='wakeup_p99_us:us:less wakeup_avg_us:us:less wakeup_p50_us:us:less wakeup_max_us:us:less cpu_pct:%:less'
load() {
	sleepers --threads 10000 --period-ms 2000 --seconds 4
}
