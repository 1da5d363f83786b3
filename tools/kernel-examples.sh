# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# shellcheck disable=SC2154 # $top and what common.sh sets
#
# The kernel tree's own sched_ext examples, to compare with: built from Debian's source package of
# the kernel that runs in the virtual machine, by that tree's own makefile, kept in the cache.
# Nothing of them is part of this tree.

EXAMPLES_DIR=$CACHE/examples
EXAMPLES=" scx_simple scx_userland"

# kernel_example NAME: prints the path of the program; else why there is none on stderr.
kernel_example() {
	ke_series=$(kernel_series "$bench_kernel")
	ke_out=$EXAMPLES_DIR/$ke_series
	if [ ! -x "$ke_out/$1" ]; then
		mkdir -p "$ke_out"
		(
			flock 9
			[ -x "$ke_out/$1" ] || examples_build "$ke_series"
		) 9>"$ke_out/lock" >&2 || return 1
	fi
	printf '%s\n' "$ke_out/$1"
}

# kernel_series FILE: 7.3 of a vmlinuz-7.3.4+...
kernel_series() {
	printf '%s' "${1##*/vmlinuz-}" | sed 's/^\([0-9]*\.[0-9]*\).*/\1/'
}

# examples_source SERIES DIR: what the examples' makefile needs, unpacked below DIR.
examples_source() {
	es_tar=$EXAMPLES_DIR/linux-source-$1.tar.xz
	if [ ! -s "$es_tar" ]; then
		apt_reachable || {
			say "the mirror does not answer, and $es_tar is not there"
			return 1
		}
		kernel_lists "$1" || return 1
		es_dir=$(mktemp -d "$EXAMPLES_DIR/new.XXXXXX")
		if ! (cd "$es_dir" && with_progress "fetching linux-source-$1" "$CACHE/log/examples-fetch" \
			apt_with kernels apt-get download "linux-source-$1") ||
			! dpkg -x "$es_dir"/*.deb "$es_dir/x"; then
			rm -rf "$es_dir"
			say "the mirror has no package linux-source-$1"
			return 1
		fi
		mv "$es_dir/x/usr/src/linux-source-$1.tar.xz" "$es_tar"
		rm -rf "$es_dir"
	fi
	mkdir -p "$2"
	tar -x -f "$es_tar" -C "$2" --strip-components=1 --wildcards \
		"linux-source-$1/tools/sched_ext" "linux-source-$1/tools/lib" \
		"linux-source-$1/tools/build" "linux-source-$1/tools/scripts" \
		"linux-source-$1/tools/include" "linux-source-$1/tools/bpf" \
		"linux-source-$1/tools/arch" "linux-source-$1/kernel/bpf" \
		"linux-source-$1/include/uapi" "linux-source-$1/scripts/*"
}

# kernel_elf VMLINUZ FILE: the kernel inside, whose BTF says what types it has.
kernel_elf() {
	ke_at=$(LC_ALL=C grep -a -b -o -P '\x28\xb5\x2f\xfd' "$1" | head -n 1 | cut -d: -f1)
	[ -n "$ke_at" ] || {
		say "$1 holds no zstd-compressed kernel"
		return 1
	}
	# what follows the compressed kernel is no concern of ours
	tail -c "+$((ke_at + 1))" "$1" | zstd -d -c -q >"$2" 2>/dev/null || :
	[ -s "$2" ]
}

# examples_build SERIES: all that contenders ask for, in one go.
examples_build() {
	eb_dir=$(mktemp -d "$EXAMPLES_DIR/build.XXXXXX")
	eb_rc=0
	mkdir -p "$CACHE/log"
	if examples_source "$1" "$eb_dir" && kernel_elf "$bench_kernel" "$eb_dir/vmlinux"; then
		# shellcheck disable=SC2086
		with_progress "building$EXAMPLES of linux-source-$1" "$CACHE/log/examples-build" \
			make -C "$eb_dir/tools/sched_ext" -j "$(nproc)" $EXAMPLES CLANG=clang-19 \
			LLVM_STRIP=llvm-strip-19 VMLINUX_BTF="$eb_dir/vmlinux" || eb_rc=1
		[ "$eb_rc" -eq 0 ] || say "the examples could not be built: see $CACHE/log/examples-build"
	else
		eb_rc=1
	fi
	[ "$eb_rc" -ne 0 ] || cp "$eb_dir"/tools/sched_ext/build/bin/scx_* "$EXAMPLES_DIR/$1/"
	rm -rf "$eb_dir"
	return "$eb_rc"
}
