# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154
about="the kernel's own scheduler"
order=0 # of the columns
quick=yes
