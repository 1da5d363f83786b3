#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# usage: tests/docs/in_a_file.sh <PROGRAM
#
# What qumun(7) tells to do with its program to make it a policy in a file: leave out everything after
# QUMUN_POLICY() and the `static` before it, include qumun/policy.h only.
awk '
	/^#include/ {
		if (!n++)
			print "#include <qumun/policy.h>"
		next
	}
	sub(/^static QUMUN_POLICY/, "QUMUN_POLICY") { last = 1 }
	{ print }
	last && /;$/ { exit }'
