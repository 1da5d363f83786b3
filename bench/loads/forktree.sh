# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154
about='compile-like: a tree of short processes, 4 jobs, 2 CPUs'
machine='mt 2'
seconds=5
metrics='ms:ms:less'
load() {
	forktree --jobs 4 --units 60
}
