#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Findings that are mended: each scenario of tests/sim/closed holds what it checks. A line
# "# policy: FLAGS... FILE" names the policy's source, otherwise it is the scenario's.
#
# usage: tests/sim/closed.sh SOURCE GTHULHU-SIM

set -u
src=$(cd "$1" && pwd) sim=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
here=$(mktemp -d) || exit 1
trap 'rm -rf "$here"' EXIT
n=0 failed=0

echo 'TAP version 13'
for scenario in "$src"/tests/sim/closed/*.scn; do
	n=$((n + 1))
	set -- run "$scenario" --check
	policy=$(sed -n 's/^# policy: //p' "$scenario")
	if [ -n "$policy" ]; then
		# shellcheck disable=SC2086 # flags and a file
		(cd "$src" && ${CC:-cc} -shared -fPIC -w -DQUMUN_POLICY_PLUGIN -I include \
			-o "$here/$n.so" $policy) || echo "# $policy does not compile"
		set -- "$@" --policy "$here/$n.so"
	fi
	if "$sim" "$@" >"$here/out" 2>&1; then
		echo "ok $n - $(basename "$scenario")"
	else
		sed 's/^/# /' "$here/out"
		echo "not ok $n - $(basename "$scenario")"
		failed=1
	fi
done
echo "1..$n"
exit $failed
