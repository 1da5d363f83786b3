#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# usage: tests/docs/test_docs.sh SOURCE BUILD CC...
#
# The documents against the code: what they name exists, what exists is named, what they show
# compiles.
# shellcheck disable=SC2016 # backquotes in patterns are meant as they stand

src=$1 build=$2
shift 2
cd "$src" || exit 1
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
n=0 bad=0

# point NAME FILE: passed if FILE, which lists what is wrong, is empty.
point() {
	n=$((n + 1))
	if [ -s "$2" ]; then
		echo "not ok $n - $1"
		sed 's/^/# /' "$2" | head -n 40
		bad=1
	else
		echo "ok $n - $1"
	fi
}

skip() {
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

documents() {
	for f in README.md NEWS.md CONTRIBUTING.md docs/*.md; do
		[ ! -f "$f" ] || echo "$f"
	done
}

echo "TAP version 13"

lines=$(wc -l <README.md)
[ "$lines" -lt 100 ] || echo "it has $lines lines" >"$here/readme"
: >>"$here/readme"
point "README.md is shorter than 100 lines" "$here/readme"

documents | while read -r f; do
	grep -o '](\([^)#]*\)[)#]' "$f" | sed 's/^](//; s/[)#]$//' | while read -r link; do
		case $link in
		'' | *://* | mailto:*) ;;
		*) [ -e "$(dirname "$f")/$link" ] || echo "$f: $link does not exist" ;;
		esac
	done
done >"$here/links"
point "relative links resolve" "$here/links"

# `name/with.suffix` in backquotes is a path from the root of the tree
documents | while read -r f; do
	grep -o '`[A-Za-z0-9_.-]*/[A-Za-z0-9_./-]*`' "$f" | tr -d '`' | sort -u | while read -r path; do
		case $path in
		/* | build/* | */ | *.o | *NAME*) continue ;;
		esac
		[ -e "$path" ] || [ -e "include/$path" ] || [ -e "${path#./}" ] || echo "$f: $path does not exist"
	done
done >"$here/paths"
point "paths in the documents exist" "$here/paths"

# a word with an underscore in backquotes or bold is a name in the code, or in the document's own;
# docs/reference.md has the names of another language, docs/performance.md those of other programs
{
	documents | grep -v -x -e docs/reference.md -e docs/performance.md | xargs grep -o '`[a-z][a-z0-9]*_[a-z0-9_]*\(()\)\?`' /dev/null
	grep -o '\*[a-z][a-z0-9]*_[a-z0-9_]*\*' man/*.scd
} | tr -d '`*()' | sort -u | while IFS=: read -r f name; do
	find include bpf engine lib policies daemon control sim tools tests meson.build -name docs -prune \
		-o -type f -print0 2>/dev/null | xargs -0 grep -q -w -- "$name" ||
		tests/docs/code.sh "$f" | grep -q -w -- "$name" ||
		[ -f "man/$name.3.scd" ] || echo "$f: $name is not in the code"
done >"$here/names"
point "names in the documents exist" "$here/names"

for t in counters parameters; do
	"$build/tests/docs/tables" "$t" | diff - "docs/$t.md" >"$here/$t"
	point "docs/$t.md is what the header says" "$here/$t"
done

"$@" -E -P -Iinclude include/qumun.h | grep -o 'qumun_[a-z0-9_]*(' | tr -d '(' | sort -u >"$here/functions"
sed -n 's/^\t\(qumun_[a-z0-9_]*\);$/\1/p' lib/libqumun.map >>"$here/functions"
for f in man/*.3.scd; do
	awk '/^# /{ inside = /^# NAME/; next } inside' "$f"
done | grep -o 'qumun_[a-z0-9_]*' | sort -u >"$here/named"
sort -u "$here/functions" | comm -23 - "$here/named" | sed 's/$/ is in no page of section 3/' >"$here/undocumented"
[ -s "$here/functions" ] || echo "no function was found" >>"$here/undocumented"
point "every function has its manual page" "$here/undocumented"
sort -u "$here/functions" | comm -13 - "$here/named" | while read -r name; do
	[ -f "man/$name.3.scd" ] || echo "$name is documented and does not exist"
done >"$here/imagined"
point "every documented function exists" "$here/imagined"
while read -r name; do
	grep -q "'$name'" man/meson.build || echo "$name: man $name would find nothing"
done <"$here/named" >"$here/aliases"
point "every function is found by its name" "$here/aliases"

# the contract stands in the header: a comment before each function, with the release it came with
awk '
	FNR == 1 || /^$/ { comment = "" }
	/^\/\*/ { comment = ""; inside = 1 }
	inside { comment = comment $0 }
	inside && /\*\// { inside = 0; next }
	!inside && /^[a-z]/ && match($0, /qumun_[a-z_0-9]+\(/) && comment !~ /Since 0\.[0-9]+\./ {
		print FILENAME ": " substr($0, RSTART, RLENGTH - 1) "() does not say since when it is there"
	}' include/qumun.h include/qumun/policy.h include/qumun/rules.h include/qumun/latency.h >"$here/since"
point "every function's comment says since when it is there" "$here/since"

# every member of the structs that a caller fills or reads is in bold in section 3
for t in qumun_options scheduler_stats perf_counters scheduling_params qumun_exit_report \
	qumun_feature qumun_decision qumun_policy_ops qumun_latency qumun_cpu_info qumun_run_state \
	qumun_rule qumun_task_rule qumun_terms qumun_share qumun_cpu_limit qumun_rule_match; do
	awk -v begin="^struct $t \\{" '
		$0 ~ begin { inside = 1; next }
		/^}/ { inside = 0 }
		inside && /;/ {
			sub(/;.*/, "")
			if (match($0, /\(\*[a-z_]+\)/)) {
				print substr($0, RSTART + 2, RLENGTH - 3)
				next
			}
			sub(/^[ \t]*((struct|enum|const|unsigned) )*[A-Za-z_0-9]+ /, "")
			gsub(/[*\t ]|\[[^]]*\]/, "")
			gsub(/,/, "\n")
			print
		}' include/qumun.h include/qumun/policy.h include/qumun/params.h include/qumun/rules.h | while read -r member; do
		case $member in
		size | abi_version | description | name) continue ;;
		esac
		grep -q "[*]\(int \|void \)\?${member}[*(]" man/*.3.scd || echo "$t.$member is in no page"
	done
done >"$here/members"
point "every member of the public structs is documented" "$here/members"

if [ -x "$build/daemon/gthulhu" ]; then
	"$build/daemon/gthulhu" --help >"$here/help"
	grep -o -e '--[a-z][a-z-]*' "$here/help" | sort -u >"$here/options"
	sed 's/\\//g' man/gthulhu.8.scd | grep -o -e '^\*.*' | grep -o -e '--[a-z][a-z-]*' | sort -u >"$here/shown"
	comm -3 "$here/options" "$here/shown" | sed 's/\t/only in gthulhu.8: /' >"$here/difference"
	point "gthulhu.8 has the options of --help" "$here/difference"
	grep -o 'GTHULHU_[A-Z_]*' "$here/help" | sort -u | while read -r name; do
		grep -q "^\*$name\*" man/gthulhu.8.scd || echo "$name is not in gthulhu.8"
	done >"$here/environment"
	point "gthulhu.8 has the environment of --help" "$here/environment"
	awk '/^policies:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }' "$here/help" | while read -r name; do
		grep -q "^\*$name\*\$" man/gthulhu.8.scd || echo "$name is not in gthulhu.8"
	done >"$here/policies"
	point "gthulhu.8 has the built-in policies" "$here/policies"
else
	skip "gthulhu.8 against --help" "gthulhu is not part of this build"
fi

# compile NAME FILE FLAG...: with every warning an error.
compile() {
	name=$1 file=$2
	shift 2
	"$@" -Iinclude -O1 -Wall -Wextra -Werror -fsyntax-only -x c "$file" >"$here/messages" 2>&1 ||
		echo "it does not compile" >>"$here/messages"
	[ -s "$file" ] || echo "there is no code" >>"$here/messages"
	point "$name compiles" "$here/messages"
}

tests/docs/code.sh man/qumun.7.scd >"$here/tutorial.c"
compile "the program of qumun.7" "$here/tutorial.c" "$@"
{
	echo '#include <qumun/policy.h>'
	tests/docs/code.sh man/qumun_policy.3.scd
} >"$here/smallest.c"
compile "the policy of qumun_policy.3" "$here/smallest.c" "$@" -DQUMUN_POLICY_PLUGIN
{
	printf '#include <qumun.h>\n#include <poll.h>\n#include <stdio.h>\nvoid f(struct qumun *q);\n'
	printf 'void f(struct qumun *q)\n{\n'
	tests/docs/code.sh man/qumun_exit_events.3.scd
	echo '}'
} >"$here/events.c"
compile "the loop of qumun_exit_events.3" "$here/events.c" "$@"
{
	printf '#include <qumun.h>\n#include <stdio.h>\nvoid f(struct qumun *q);\n'
	printf 'void f(struct qumun *q)\n{\n'
	tests/docs/code.sh man/qumun_rules.3.scd
	echo '}'
} >"$here/rules.c"
compile "the rule of qumun_rules.3" "$here/rules.c" "$@"
if [ -f docs/writing-a-policy.md ]; then
	tests/docs/code.sh docs/writing-a-policy.md >"$here/policy.c"
	compile "the policy of writing-a-policy.md" "$here/policy.c" "$@" -DQUMUN_POLICY_PLUGIN
	# the number of lines that the text promises
	promised=$(sed -n 's/.*\b\([0-9][0-9]*\) lines of C.*/\1/p' docs/writing-a-policy.md | head -n 1)
	lines=$(wc -l <"$here/policy.c")
	: >"$here/lines"
	[ "${promised:-$lines}" = "$lines" ] || echo "it says $promised lines, there are $lines" >"$here/lines"
	point "it has as many lines as the text says" "$here/lines"
fi

if [ -f "$build/man/qumun.7" ]; then
	# a page may refer to its own section 3, 7 and 8, and to what Linux has
	sed -n '/^# SEE ALSO/,$p' man/*.scd | grep -o '\*[a-z_]*\*([1-8])' | tr -d '*()' | sort -u |
		while read -r ref; do
			name=${ref%?} section=${ref#"${ref%?}"}
			case $name in
			gthulhuctl) [ ! -d ctl ] || [ -f "man/$name.$section.scd" ] || echo "$name($section) does not exist" ;;
			qumun* | gthulhu*)
				[ -f "man/$name.$section.scd" ] || grep -q "'$name'" man/meson.build ||
					echo "$name($section) does not exist"
				;;
			esac
		done >"$here/refs"
	point "references between pages resolve" "$here/refs"
else
	skip "manual pages" "scdoc is not installed"
fi

# docs/reference.md: rows "| entry | our names | tests |". Every function and every name in the middle
# exists and is used by a test of its row (or, for what is no function, exists in the headers or the
# BPF half); every test exists and is run by somebody; and no function of the library is left out.
sed -n 's/^| \(.*\) |$/\1/p' docs/reference.md | grep -v -e '^---' -e '^the page |' -e '^in C |' >"$here/rows"
: >"$here/reference"
while IFS= read -r row; do
	entry=${row%% | *}
	tests=$(echo "${row##* | }" | grep -o '`tests/[A-Za-z0-9_/.-]*`' | tr -d '`')
	[ -n "$tests" ] || echo "$entry: no test"
	for path in $tests; do
		base=${path##*/} word=${path##*/}
		word=${word%.*}
		case $path in
		tests/vm/faults/*) word=fault_$word ;;
		esac
		if [ ! -f "$path" ]; then
			echo "$entry: $path does not exist"
		elif [ "${path#tests/vm/}" != "$path" ]; then
			grep -q "^$word " tests/vm/manifest || echo "$entry: $path is not in the manifest"
		else
			grep -q -e "'$word'" -e "'$base'" "${path%/*}/meson.build" || echo "$entry: nobody runs $path"
		fi
	done
	middle=${row% | *}
	echo "${middle##* | }" | grep -o '`[A-Za-z_0-9. ]*\(()\)\?`' | tr -d '`' | while read -r name; do
		case $name in
		*'()')
			name=${name%'()'}
			# shellcheck disable=SC2086 # a list of files without blanks
			case $name in
			qumun_*) grep -q -w "$name" $tests tests/vm/live.h tests/holder.h || echo "$entry: $name() is in none of its tests" ;;
			*) grep -q -r -w "$name" bpf include || echo "$entry: $name() does not exist" ;;
			esac
			;;
		*) grep -q -r -w -- "${name##* }" include bpf examples daemon lib/qumun.pc.in || echo "$entry: $name does not exist" ;;
		esac
	done
done <"$here/rows" >"$here/reference"
sed -n 's/^\t\(qumun_[a-z0-9_]*\);$/\1/p' lib/libqumun.map | while read -r name; do
	grep -q "\`$name()\`" "$here/rows" || echo "$name() is in no row"
done >>"$here/reference"
[ "$(wc -l <"$here/rows")" -gt 40 ] || echo "there are no rows" >>"$here/reference"
point "docs/reference.md: every entry exists, with a test that uses it" "$here/reference"

if [ -f docs/dependencies.md ]; then
	sed -n '/^[A-Z]*_PACKAGES="/,/"$/p' tools/setup.sh | sed 's/^[A-Z_]*="//; s/"$//' | tr -s ' \t' '\n' |
		grep . | while read -r name; do
		grep -q "\`$name\`" docs/dependencies.md || echo "$name is not in docs/dependencies.md"
	done >"$here/packages"
	point "docs/dependencies.md has every package of tools/setup.sh" "$here/packages"
fi

echo "1..$n"
exit "$bad"
