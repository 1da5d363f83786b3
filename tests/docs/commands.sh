#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# usage: tests/docs/commands.sh PAGE OUTPUT
#
# The commands that a page shows with root's prompt, one a line, in a file that the virtual machine
# takes along.

sed -n 's/^    # //p' "$1" >"$2"
[ -s "$2" ] && chmod 755 "$2"
