# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# Kernels for the virtual machine. A series such as 7.3 is looked up in the folders of
# QUMUN_KERNELS (separated by colons or spaces), then in the cache, then on the mirror.

# kernel_local SERIES: the newest vmlinuz of that series that is already here.
kernel_local() {
	for kl_dir in $(printf '%s' "${QUMUN_KERNELS:-}" | tr ':' ' ') "$CACHE/kernels"; do
		kl_file=$(find "$kl_dir/" -maxdepth 1 \( -name "vmlinuz-$1" -o -name "vmlinuz-$1.*" \
			-o -name "vmlinuz-$1-*" \) 2>/dev/null | sort -V | tail -n 1)
		if [ -n "$kl_file" ]; then
			printf '%s\n' "$kl_file"
			return 0
		fi
	done
	return 1
}

# kernel_find SERIES: prints the path of a vmlinuz, fetching the package where needed. When there is
# none, kernel_why says so in words.
kernel_find() {
	kernel_local "$1" && return 0
	kernel_fetch "$1" >&2 && kernel_local "$1"
}

kernel_why() {
	if [ -s "$CACHE/kernels/missing-$1" ]; then
		cat "$CACHE/kernels/missing-$1"
	else
		echo "not in QUMUN_KERNELS, nor in $CACHE/kernels, nor on the mirror"
	fi
}

# kernel_newest: the newest series that is to be had. 7.1 is left out: Debian's builds of it cannot
# load any sched_ext program, the kernel tree's own examples included.
kernel_newest() {
	for kn_series in $ALL_SERIES; do
		[ "$kn_series" = 7.1 ] || ! kernel_find "$kn_series" || return 0
	done
	return 1
}

kernel_fetch() {
	return 1
}
