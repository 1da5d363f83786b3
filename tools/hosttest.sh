# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# shellcheck disable=SC2154 # $top and what common.sh sets
#
# Builds and the tests that need neither root nor a kernel.

# meson_build FOLDER TEXT SETUP-OPTION...: configures once, compiles.
meson_build() {
	mb_dir=$1 mb_text=$2
	shift 2
	[ -f "$top/meson.build" ] || die "$top/meson.build is missing: this is no complete source tree"
	mkdir -p "$CACHE/log"
	mb_log=$CACHE/log/${mb_dir##*/}
	if [ ! -f "$mb_dir/build.ninja" ]; then
		with_progress "configuring $mb_text" "$mb_log" meson setup "$mb_dir" "$top" "$@" ||
			die "configuring failed: see $mb_dir/meson-logs/meson-log.txt, or remove $mb_dir and run this again"
	fi
	with_progress "building $mb_text" "$mb_log" meson compile -C "$mb_dir" ||
		die "the build failed: see the compiler's message above"
}

build() {
	meson_build "$BUILD" gthulhu
}

# log_split LOG FOLDER: one file with the standard output of each test in meson's log, and an index
# with lines "FILE EXIT-CODE SECONDS NAME".
log_split() {
	awk -v dir="$2" '
	/^=+ [0-9]+\/[0-9]+ =+$/ { n++; file = dir "/" n; name = ""; code = 1; out = 0; printf "" >file; next }
	/^test: / && !out { name = $0; sub(/^test: */, "", name); sub(/.* \/ /, "", name); gsub(/ /, "-", name); next }
	/^duration: / && !out { seconds = $2; sub(/s$/, "", seconds); next }
	/^result: / && !out {
		if ($0 ~ /exit status/) {
			code = $0
			sub(/.*exit status /, "", code)
			code += 0
		} else if ($0 ~ /signal/) {
			code = $0
			sub(/.*signal /, "", code)
			code += 128
		}
		next
	}
	/^-+ stdout -+$/ && !out { out = 1; next }
	/^-+ stderr -+$/ { out = 2; next }
	/^=+$/ { if (n) print file, code, seconds, name >(dir "/index"); out = 0; next }
	out == 1 { print >file }' "$1"
}

# meson_tests FOLDER SUITE LABEL: runs a suite and appends each program's points to $results.
meson_tests() {
	mt_rc=0 mt_label=$3
	rm -f "$1/meson-logs/testlog.txt"
	meson test -C "$1" --no-rebuild --suite "$2" --print-errorlogs </dev/null 2>&1 || mt_rc=$?
	mt_dir=$(mktemp -d)
	if [ -f "$1/meson-logs/testlog.txt" ]; then
		log_split "$1/meson-logs/testlog.txt" "$mt_dir"
	fi
	mt_failed=0
	if [ -s "$mt_dir/index" ]; then
		while read -r mt_file mt_code mt_seconds mt_name; do
			mt_line=$(awk -v rc="$mt_code" -f "$top/tests/vm/guest/tap.awk" "$mt_file")
			# shellcheck disable=SC2086
			set -- $mt_line
			echo "$1 $2 $3 $mt_seconds $mt_label/$mt_name $(echo "$mt_line" | cut -d' ' -f4-)" >>"$results"
			mt_failed=$((mt_failed + $2))
		done <"$mt_dir/index"
	else
		echo "0 1 0 0 $mt_label ran no test" >>"$results"
		mt_failed=1
	fi
	# What meson holds against a test counts even where its output looks right.
	if [ "$mt_rc" -ne 0 ] && [ "$mt_failed" -eq 0 ]; then
		echo "0 1 0 0 $mt_label meson test ended with exit code $mt_rc" >>"$results"
	fi
	rm -rf "$mt_dir"
}
