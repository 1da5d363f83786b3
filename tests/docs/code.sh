#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# usage: tests/docs/code.sh FILE [N]
#
# The C code of a manual page's source or of a Markdown file: its literal blocks, one after the other,
# or only the Nth. Blocks that begin with a prompt are commands and left out.
awk -v want="${2:-0}" '
	/^```/ {
		inside = !inside
		first = inside
		lang = substr($0, 4)
		next
	}
	!inside { next }
	first {
		first = 0
		code = !/^[$#] / && (lang == "" || lang == "c")
		if (code)
			n++
	}
	code && (!want || n == want) {
		if (FILENAME ~ /\.scd$/)
			gsub(/\\\\/, "\\")
		print
	}' "$1"
