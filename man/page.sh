#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# usage: man/page.sh INPUT.scd OUTPUT
#
# scdoc, minus the paragraph macros without a paragraph that it writes and mandoc warns of.
set -eu
rough=$(scdoc <"$1")
printf '%s\n' "$rough" | awk '
	/^\.P$/ { held = 1; next }
	{
		if (held && last !~ /^\.(SH|SS|TH)/ && $0 !~ /^\.(SH|SS|RE)/)
			print ".P"
		held = 0
		print
		last = $0
	}' >"$2"
