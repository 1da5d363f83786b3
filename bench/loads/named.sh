# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154
about='a server that a rule names, a request every 5 ms, beside 5 hogs, one CPU'
machine='icount 1'
seconds=4
rules='--rule comm=named-server,class=latency'
metrics='response_avg_us:us:less response_p50_us:us:less response_p99_us:us:less response_max_us:us:less'
load() {
	requests --workers 1 --period-us 5000 --work-us 200 --hogs 5 --seconds 3 --comm named-server
}
