# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154
about='scx_simple, a FIFO in BPF (example of the kernel tree)'
order=10 # of the columns
quick=yes
# on the host: the files to take along, or the reason why there are none on stderr
files() {
	kernel_example scx_simple
}
start() {
	exec scx_simple
}
attached() {
	[ "$(scheduler)" = simple ]
}
