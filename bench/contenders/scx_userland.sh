# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154
about='scx_userland, the C example with a policy in user space'
order=20 # of the columns
quick=no
# on the host: the files to take along, or the reason why there are none on stderr
files() {
	kernel_example scx_userland
}
start() {
	exec scx_userland
}
attached() {
	[ "$(scheduler)" = userland ]
}
