# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154
about='a thread that wakes every 2 ms beside 4 hogs, 2 CPUs'
machine='mt 2'
seconds=6
metrics='p99_us:us:less avg_us:us:less p50_us:us:less max_us:us:less iterations_per_s:1/s:more'
load() {
	mainjob --cpus 2 --seconds 5 --json | tr -d '{}"' | tr ',:' '\n '
}
