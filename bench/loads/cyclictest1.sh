# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154
about='cyclictest every 2 ms beside 1 hogs, one CPU'
machine='icount 1'
seconds=4
metrics='p99_us:us:less avg_us:us:less p50_us:us:less max_us:us:less'
load() {
	cyclictest_beside 1
}
