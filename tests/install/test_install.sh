#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What `meson install` puts into a staging root: a library that exports exactly the functions that
# the headers declare, under its version node; headers that compile alone as C11 and as C++17, without
# a warning; one version everywhere; a manual page for each function; and enough for pkg-config to
# build every example with -Wall -Wextra -Werror and whatever qumun(7) tells its reader to build.
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

# header_alone COMPILER STANDARD LANGUAGE HEADER
header_alone() {
	printf '#include <%s>\nextern int something;\n' "$4" |
		$1 -std="$2" -Wall -Wextra -Wpedantic -Werror -I"$include" -x "$3" -c -o /dev/null -
}

example() {
	# shellcheck disable=SC2046
	$CC -Wall -Wextra -Werror "$1" $(pkg-config --cflags --libs qumun) -o "$stage/example"
}

# A program in C++ that links: the declarations have C's linkage.
from_cxx() {
	cat >"$stage/program.cc" <<'END'
#include <qumun.h>
#include <cstdio>

int main()
{
	qumun_options options = QUMUN_OPTIONS_INIT;
	qumun_rule rule = QUMUN_RULE_INIT;

	if (options.size != sizeof(options) || rule.size != sizeof(rule) || rule.id)
		return 1;
	std::puts(qumun_version());
	return 0;
}
END
	# shellcheck disable=SC2046
	$CXX -std=c++17 -Wall -Wextra -Werror "$stage/program.cc" \
		$(pkg-config --cflags --libs qumun) -o "$stage/program" &&
		[ "$(LD_LIBRARY_PATH=${lib%/*} "$stage/program")" = "$(pkg-config --modversion qumun)" ]
}

# A policy in C++: its symbol is found. (C++ wants every member named, or is told not to.)
policy_cxx() {
	cat >"$stage/policy.cc" <<'END'
#include <qumun/policy.h>

static void enqueue(qumun_policy_ctx *ctx, qumun_task *task, __u64 now)
{
	qumun_decision d = {};

	d.cpu = QUMUN_CPU_ANY;
	d.vtime = now;
	qumun_dispatch(ctx, task, &d);
}

QUMUN_POLICY(cxx, "a policy in C++", .enqueue = enqueue);
END
	# shellcheck disable=SC2046
	$CXX -std=c++17 -Wall -Wextra -Wno-missing-field-initializers -Werror -shared -fPIC \
		-fvisibility=hidden -DQUMUN_POLICY_PLUGIN "$stage/policy.cc" \
		$(pkg-config --cflags qumun) -o "$stage/policy.so" &&
		nm -D --defined-only "$stage/policy.so" | grep -q ' qumun_policy_plugin$'
}

# One version: the library's file, qumun.pc, the header in numbers and in words, the README.
one_version() {
	v=$(pkg-config --modversion qumun)
	grep -q "^#define QUMUN_VERSION \"$v\"\$" "$include/qumun.h" &&
		[ "$(sed -n 's/^#define QUMUN_VERSION_[A-Z]* //p' "$include/qumun.h" | paste -s -d .)" = "$v" ] &&
		[ "${lib##*.so.}" = "$v" ] &&
		grep -q "Version ${v%.*}, alpha" "$include/qumun.h" &&
		grep -q "version ${v%.*}, alpha" "$src/README.md"
}

# Each exported function is found by man(1).
has_pages() {
	find "$stage" -name qumun.7 | grep -q . || return 0 # scdoc is not installed
	exported | sed 's/@.*//' | while read -r name; do
		find "$stage" -name "$name.3" | grep -q . || echo "$name has no page"
	done >"$stage/pageless"
	cat "$stage/pageless"
	[ ! -s "$stage/pageless" ]
}

# The n-th command that qumun(7) gives for a user, where it has short.c for it.
told() {
	sed -n 's/^\$ \(cc .*\)/\1/p' "$src/man/qumun.7.scd" | sed -n "$1p" >"$stage/command"
	[ -s "$stage/command" ] && cat "$stage/command" && cd "$stage/walk" && sh -e "$stage/command"
}

walk_program() {
	mkdir -p "$stage/walk"
	"$src/tests/docs/code.sh" "$src/man/qumun.7.scd" >"$stage/walk/short.c"
	told 1 && LD_LIBRARY_PATH=${lib%/*} ldd "$stage/walk/short" | grep -q "libqumun.so.0 => ${lib%/*}"
}

walk_file() {
	"$src/tests/docs/code.sh" "$src/man/qumun.7.scd" | "$src/tests/docs/in_a_file.sh" >"$stage/walk/short.c"
	told 2 && nm -D --defined-only "$stage/walk/short.so" | grep -q ' qumun_policy_plugin$'
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
export PKG_CONFIG_SYSROOT_DIR="$stage" PKG_CONFIG_PATH="$pc"
point "soname" sh -c "readelf -d '$lib' | grep -q 'SONAME.*\[libqumun.so.0\]'"
point "exported is what the headers declare" same_symbols
point "every symbol has a version" all_versioned
point "private.h stays at home" test ! -e "$include/qumun/private.h"
point "one version everywhere" one_version
point "a manual page for each function" has_pages
point "the systemd unit starts it with its configuration" unit_files
for h in "$include"/qumun.h "$include"/qumun/*.h; do
	h=${h#"$include"/}
	point "$h compiles alone as C11" header_alone "$CC" c11 c "$h"
	point "$h compiles alone as C++17" header_alone "$CXX" c++17 c++ "$h"
done
point "a program in C++" from_cxx
point "a policy in C++" policy_cxx
for f in "$src"/examples/*.c; do
	point "examples/${f##*/} builds against the installed library" example "$f"
done
point "qumun(7): the program builds as the page says" walk_program
point "qumun(7): the same policy in a file" walk_file
echo "1..$n"
exit $((failed > 0))
