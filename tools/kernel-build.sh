# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# shellcheck disable=SC2154 # $top and what common.sh sets
#
# ./dev kernel 6.12: the oldest supported kernel, for which no package has sched_ext.

kernel_build_command() {
	die "not yet"
}
