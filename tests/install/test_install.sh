#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What `meson install` puts into a staging root: a library that exports exactly the functions that
# the headers declare, under its version node; headers that compile alone as C11 and as C++17; and
# enough for pkg-config to build every example with -Wall -Wextra -Werror.
#
# usage: test_install.sh SOURCE-ROOT BUILD-ROOT
#
# shellcheck disable=SC2317 # functions are called through point

src=$1 build=$2
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
CC=${CC:-cc} CXX=${CXX:-c++}
n=0 failed=0

# point NAME COMMAND...: a TAP point; the command's output explains a failure.
point() {
	p_name=$1
	shift
	n=$((n + 1))
	if "$@" >"$stage/out" 2>&1; then
		echo "ok $n - $p_name"
	else
		failed=$((failed + 1))
		echo "not ok $n - $p_name"
		sed 's/^/# /' "$stage/out"
	fi
}

# The functions that the installed headers declare and do not define: names followed by a
# parenthesis that the compiler knows and leaves to the linker.
declared() {
	grep -ho 'qumun_[a-z0-9_]*(' "$include/qumun.h" "$include"/qumun/*.h | tr -d '(' |
		sort -u >"$stage/named"
	while read -r name; do
		printf '#include <qumun.h>\nvoid *f(void);\nvoid *f(void) { return (void *)&%s; }\n' \
			"$name" >"$stage/f.c"
		$CC -w -I"$include" -c "$stage/f.c" -o "$stage/f.o" 2>/dev/null || continue
		nm "$stage/f.o" | awk -v n="$name" '$1 == "U" && $2 == n { print n }'
	done <"$stage/named"
}

exported() {
	nm -D --defined-only "$lib" | awk '$2 ~ /[TDBR]/ { print $3 }' | grep -v '^QUMUN_' | sort
}

same_symbols() {
	declared | sort >"$stage/declared"
	exported | sed 's/@.*//' | sort >"$stage/exported"
	[ -s "$stage/declared" ] && diff "$stage/declared" "$stage/exported"
}

all_versioned() {
	! exported | grep -v '@@QUMUN_[0-9]*\.[0-9]*$'
}

header_alone() {
	printf '#include <%s>\n' "$1" | $CC -std=c11 -Wall -Wextra -Werror -pedantic-errors \
		-Wno-unused-function -Wno-unused-const-variable -Wno-pedantic -I"$include" -x c -c -o /dev/null -
}

header_alone_cxx() {
	printf '#include <%s>\n' "$1" | $CXX -std=c++17 -Wall -Wextra -Werror \
		-Wno-unused-function -Wno-unused-const-variable -I"$include" -x c++ -c -o /dev/null -
}

pkgconf() {
	PKG_CONFIG_SYSROOT_DIR=$stage PKG_CONFIG_PATH=$pc pkg-config "$@" qumun
}

example() {
	# shellcheck disable=SC2046
	$CC -Wall -Wextra -Werror "$1" $(pkgconf --cflags --libs) -o "$stage/example"
}

# The systemd unit names files that are there.
unit_files() {
	# shellcheck disable=SC2046 # its words
	set -- $(sed -n 's/^ExecStart=//p' "$(find "$stage" -name gthulhu.service)")
	echo "$*"
	[ $# -eq 3 ] && [ -x "$stage$1" ] && [ "$2" = --config ] &&
		LD_LIBRARY_PATH=${lib%/*} "$stage$1" --check-config --config "$stage$3"
}

echo "TAP version 13"
point "meson install" env DESTDIR="$stage" meson install --no-rebuild -C "$build"
include=$(dirname "$(find "$stage" -name qumun.h)")
lib=$(find "$stage" -name 'libqumun.so.0.*' -type f)
pc=$(dirname "$(find "$stage" -name qumun.pc)")
point "soname" sh -c "readelf -d '$lib' | grep -q 'SONAME.*\[libqumun.so.0\]'"
point "exported is what the headers declare" same_symbols
point "every symbol has a version" all_versioned
point "private.h stays at home" test ! -e "$include/qumun/private.h"
point "pkg-config knows the version" sh -c "grep -q '^Version: [0-9]' '$pc/qumun.pc'"
point "the systemd unit starts it with its configuration" unit_files
for h in "$include"/qumun.h "$include"/qumun/*.h; do
	h=${h#"$include"/}
	point "$h compiles alone as C11" header_alone "$h"
	case $h in
	qumun/atomic.h | qumun/ring.h) ;;
	*) point "$h compiles alone as C++17" header_alone_cxx "$h" ;;
	esac
done
for f in "$src"/examples/*.c; do
	point "examples/${f##*/} builds against the installed library" example "$f"
done
echo "1..$n"
exit $((failed > 0))
