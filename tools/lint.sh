# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# shellcheck disable=SC2154 # $top and what common.sh sets
#
# What can be said about the sources without running them. Each check is one TAP point.

# sources [PATTERN...]: the tree's files, tracked or new, that still exist.
sources() {
	(cd "$top" && git ls-files --cached --others --exclude-standard -- "$@") | while read -r f; do
		[ ! -f "$top/$f" ] || printf '%s\n' "$f"
	done
}

shell_sources() {
	sources | while read -r f; do
		case $f in
		*.sh) echo "$f" ;;
		*)
			head -n 1 "$top/$f" | grep -q -a '^#!/bin/\(busybox \)\?sh' && echo "$f"
			;;
		esac
	done
}

lint_format() {
	cd "$top" && sources '*.c' '*.h' | xargs -r clang-format-19 --dry-run -Werror
}

lint_shell() {
	cd "$top" && shell_sources | xargs -r shellcheck -x -s sh
}

lint_man() {
	lm_found=
	for f in "$BUILD"/man/*.[1-8]; do
		[ -f "$f" ] || continue
		lm_found=1
		mandoc -T lint -W warning "$f"
	done >"$BUILD/lint-man" 2>&1
	[ -n "$lm_found" ] || return 77
	# newer scdoc writes paragraph macros that newer mandoc finds superfluous
	! grep -v 'skipping paragraph macro' "$BUILD/lint-man"
}

lint_spdx() {
	cd "$top" && sources | while read -r f; do
		case $f in
		LICENSES/* | bench/profiles/*.json | bench/results/*.json | tests/fuzz/corpus/* | tests/sim/*.json) continue ;;
		esac
		[ -s "$f" ] || continue
		head -n 5 "$f" | grep -q -a 'SPDX-License-Identifier: ' ||
			echo "$f: no SPDX-License-Identifier in the first five lines"
		sed -n '1,5s/.*SPDX-License-Identifier: \(.*\)/\1/p' "$f" | tr -d '()",' | sed 's/ \(-->\|\*\/\).*//' |
			tr ' ' '\n' | grep -v -x -e OR -e AND -e '' | while read -r id; do
			[ -f "LICENSES/$id.txt" ] || echo "$f: LICENSES/$id.txt is missing"
		done
	done >"$lint_tmp.spdx"
	cat "$lint_tmp.spdx"
	[ ! -s "$lint_tmp.spdx" ]
}

# lint_tap: all checks as TAP.
lint_tap() {
	lint_tmp=$(mktemp)
	lt_n=0
	lt_bad=0
	echo "TAP version 13"
	for lt_check in format shell man spdx; do
		lt_n=$((lt_n + 1))
		lt_rc=0
		(lint_$lt_check) >"$lint_tmp" 2>&1 || lt_rc=$?
		case $lt_rc in
		0) echo "ok $lt_n - $lt_check" ;;
		77) echo "ok $lt_n - $lt_check # SKIP nothing built to check" ;;
		*)
			echo "not ok $lt_n - $lt_check"
			head -n 60 "$lint_tmp" | sed 's/^/# /'
			lt_bad=1
			;;
		esac
	done
	echo "1..$lt_n"
	rm -f "$lint_tmp" "$lint_tmp.spdx"
	return $lt_bad
}
