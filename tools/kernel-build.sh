# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# shellcheck disable=SC2154 # $top and what common.sh sets
#
# ./dev kernel 6.12: the oldest supported kernel. Debian's own 6.12 has sched_ext switched off, so
# it is built from Debian's source: tinyconfig, then the fragment in tools/kernel.

KERNEL_BUILD_PACKAGES="make bc flex bison xz-utils zstd libssl-dev libelf-dev gcc libc6-dev"
# Debian 12's pahole is too old to describe this kernel's types. The one of the release that has the
# source is unpacked beside its own libraries; nothing of it is installed.
PAHOLE_PACKAGES="pahole libc6 libdw1t64 libelf1t64 libbpf1 zlib1g liblzma5 libbz2-1.0 libzstd1"

kernel_build_command() {
	[ "$*" = "$OLDEST_SERIES" ] ||
		die "only $OLDEST_SERIES is built from source: use ./dev kernel $OLDEST_SERIES; newer kernels are fetched by themselves"
	if kb_have=$(kernel_local "$OLDEST_SERIES"); then
		say "kernel $OLDEST_SERIES is here already: $kb_have"
		return 0
	fi
	preconditions
	pm_tmp=$(mktemp)
	kb_missing=$(packages_missing "$KERNEL_BUILD_PACKAGES")
	rm -f "$pm_tmp"
	# shellcheck disable=SC2086
	[ -z "$kb_missing" ] || packages_install $kb_missing

	kb_dir=$CACHE/kernel-build
	kb_log=$CACHE/log/kernel-build
	mkdir -p "$kb_dir" "$CACHE/log" "$KERNEL_DIR"
	if [ ! -f "$kb_dir/unpacked" ]; then
		apt_reachable ||
			die "the Debian mirror in this machine's apt sources does not answer: connect to the network and run this again"
		apt_sources source trixie
		with_progress "reading trixie's package lists" "$kb_log" apt_with source apt-get update ||
			die "the package lists could not be read: see $kb_log and run this again"
		# shellcheck disable=SC2086
		(cd "$kb_dir" && rm -f ./*.deb &&
			with_progress "fetching linux-source-$OLDEST_SERIES (150 MB) and pahole" "$kb_log" \
				apt_with source apt-get download "linux-source-$OLDEST_SERIES" $PAHOLE_PACKAGES) ||
			die "the kernel's source could not be fetched: see $kb_log and run this again"
		with_progress "unpacking" "$kb_log" kernel_build_unpack "$kb_dir" ||
			die "unpacking failed: see $kb_log, remove $kb_dir and run this again"
		: >"$kb_dir/unpacked"
	fi
	with_progress "building kernel $OLDEST_SERIES (ten minutes on two CPUs)" "$kb_log" \
		kernel_build_make "$kb_dir" ||
		die "the kernel's build failed: see $kb_log"
	kb_version=$(cat "$kb_dir/linux/include/config/kernel.release")
	cp "$kb_dir/linux/arch/x86/boot/bzImage" "$KERNEL_DIR/new-$kb_version"
	mv "$KERNEL_DIR/new-$kb_version" "$KERNEL_DIR/vmlinuz-$kb_version"
	rm -rf "$kb_dir" "$KERNEL_DIR/missing-$OLDEST_SERIES"
	say "built $KERNEL_DIR/vmlinuz-$kb_version"
}

kernel_build_unpack() {
	for ku_deb in "$1"/*.deb; do
		dpkg -x "$ku_deb" "$1/x" || return 1
		rm -f "$ku_deb"
	done
	rm -rf "$1/linux"
	mkdir -p "$1/linux"
	tar -x -J -f "$1/x/usr/src/linux-source-$OLDEST_SERIES.tar.xz" -C "$1/linux" \
		--strip-components=1 || return 1
	rm -rf "$1/x/usr/src"
	cat >"$1/pahole" <<END
#!/bin/sh
x=$1/x
exec "\$(find "\$x" -name ld-linux-x86-64.so.2 | head -n 1)" \\
	--library-path "\$x/usr/lib/x86_64-linux-gnu:\$x/lib/x86_64-linux-gnu" "\$x/usr/bin/pahole" "\$@"
END
	chmod +x "$1/pahole"
}

kernel_build_make() (
	cd "$1/linux" || exit 1
	export PAHOLE="$1/pahole" KBUILD_BUILD_USER=gthulhu KBUILD_BUILD_HOST=gthulhu
	"$PAHOLE" --version || exit 1
	make tinyconfig PAHOLE="$PAHOLE" || exit 1
	scripts/kconfig/merge_config.sh -m .config "$top/tools/kernel/6.12.config-fragment" || exit 1
	make olddefconfig PAHOLE="$PAHOLE" || exit 1
	for km_option in CONFIG_SCHED_CLASS_EXT CONFIG_DEBUG_INFO_BTF; do
		grep -q "^$km_option=y" .config || {
			echo "$km_option is not set after the fragment was merged"
			exit 1
		}
	done
	make -j"$(nproc)" PAHOLE="$PAHOLE" bzImage
)
