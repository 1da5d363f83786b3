# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# shellcheck disable=SC2154 # $top and what common.sh sets
#
# Kernels for the virtual machine. A series such as 7.3 is looked up in the folders of
# QUMUN_KERNELS (separated by colons or spaces), then in the cache, then on the mirror, where the
# cloud packages of trixie-backports and of sid have kernels with sched_ext. A package is unpacked,
# never installed; only its vmlinuz is kept.

KERNEL_DIR=$CACHE/kernels

# kernel_local SERIES: the newest vmlinuz of that series that is already here.
kernel_local() {
	for kl_dir in $(printf '%s' "${QUMUN_KERNELS:-}" | tr ':' ' ') "$KERNEL_DIR"; do
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
	# A look on the mirror costs ten seconds: a series that was missing is missing for a day.
	if [ -n "$(find "$KERNEL_DIR/missing-$1" -mmin -1440 2>/dev/null)" ]; then
		return 1
	fi
	apt_reachable || return 1
	mkdir -p "$KERNEL_DIR"
	# Two machines that start side by side fetch once.
	(
		flock 9
		kernel_local "$1" >/dev/null || kernel_fetch "$1"
	) 9>"$KERNEL_DIR/lock" >&2 && kernel_local "$1"
}

# kernel_why SERIES: why there is none, and what to do.
kernel_why() {
	if [ -s "$KERNEL_DIR/missing-$1" ]; then
		cat "$KERNEL_DIR/missing-$1"
	else
		echo "not in QUMUN_KERNELS nor in $KERNEL_DIR, and the mirror does not answer"
	fi
}

# kernel_first SERIES...: the first of them that is to be had.
kernel_first() {
	kf_offline=
	for kf_series in "$@"; do
		kernel_local "$kf_series" && return 0
		# Without network every look at the mirror would cost seconds: one is enough.
		[ -z "$kf_offline" ] || continue
		kernel_find "$kf_series" && return 0
		apt_reachable || kf_offline=1
	done
	return 1
}

# kernel_newest: the newest series that is to be had. 7.1 is left out: Debian's builds of it cannot
# load any sched_ext program, the kernel tree's own examples included.
kernel_newest() {
	# shellcheck disable=SC2046,SC2086
	kernel_first $(printf '%s\n' $ALL_SERIES | grep -v -x '7\.1')
}

# kernel_required [SERIES]: one kernel, or the end. Called before anything is built, so that a machine
# that lacks the network stays as it was.
kernel_required() {
	if [ -n "${1:-}" ]; then
		kernel_find "$1" || die "kernel $1: $(kernel_why "$1"); connect to the network once, or set QUMUN_KERNELS"
	else
		# shellcheck disable=SC2086
		kernel_newest || die "no kernel in QUMUN_KERNELS nor in $KERNEL_DIR ($(kernel_why ${ALL_SERIES%% *})): connect to the network and run this again"
	fi
}

# kernel_missing SERIES TEXT...: remembers for a day that, and why, there is none.
kernel_missing() {
	km_series=$1
	shift
	echo "$*" >"$KERNEL_DIR/missing-$km_series"
	return 1
}

# kernel_lists SERIES: package lists of the suites that have such kernels, at most a day old.
kernel_lists() {
	[ -z "$(find "$APT_DIR/kernels.stamp" -mmin -1440 2>/dev/null)" ] || return 0
	mkdir -p "$CACHE/log"
	# A mirror may lack sid, or have a stale one that apt refuses: then backports must do.
	for kl_suites in 'trixie-backports sid' trixie-backports; do
		# shellcheck disable=SC2086
		apt_sources kernels $kl_suites
		if with_progress "looking for kernel packages on the mirror ($kl_suites)" \
			"$CACHE/log/kernel-lists" apt_with kernels apt-get update; then
			: >"$APT_DIR/kernels.stamp"
			return 0
		fi
	done
	kernel_missing "$1" "the mirror's package lists could not be read: see $CACHE/log/kernel-lists"
}

# kernel_packages SERIES: package names, the newest version first; of one version the bare image
# before the signed one.
kernel_packages() {
	kp_series=$(printf '%s' "$1" | sed 's/\./\\./g')
	apt_with kernels apt-cache search --names-only \
		"^linux-(binary|image)-$kp_series([.][0-9]+)?[+]deb[0-9]+-cloud-amd64\$" |
		awk '{ v = $1; sub(/^linux-(binary|image)-/, "", v); print v, $1 }' |
		sort -k1,1Vr -k2,2 | awk '{ print $2 }'
}

kernel_fetch() {
	rm -f "$KERNEL_DIR/missing-$1"
	kernel_lists "$1" || return 1
	kf_names=$(kernel_packages "$1" | head -n 4)
	[ -n "$kf_names" ] || [ "$1" != "$OLDEST_SERIES" ] ||
		kernel_missing "$1" "neither in QUMUN_KERNELS nor in $KERNEL_DIR, and no package of it has sched_ext: ./dev kernel $1 builds it" ||
		return 1
	[ -n "$kf_names" ] ||
		kernel_missing "$1" "neither in QUMUN_KERNELS nor in $KERNEL_DIR, and the mirror has no linux-binary-$1.* or linux-image-$1.* cloud package" ||
		return 1
	kf_dir=$(mktemp -d "$KERNEL_DIR/new.XXXXXX")
	for kf_name in $kf_names; do
		(cd "$kf_dir" && with_progress "fetching $kf_name" "$CACHE/log/kernel-fetch" \
			apt_with kernels apt-get download "$kf_name") || continue
		rm -rf "$kf_dir/x"
		dpkg -x "$kf_dir"/*.deb "$kf_dir/x"
		rm -f "$kf_dir"/*.deb
		kf_image=$(find "$kf_dir/x" -type f -name 'vmlinuz*' | head -n 1)
		[ -n "$kf_image" ] || continue
		kf_version=${kf_name#linux-*-}
		mv "$kf_image" "$KERNEL_DIR/vmlinuz-$kf_version"
		chmod 644 "$KERNEL_DIR/vmlinuz-$kf_version"
		rm -rf "$kf_dir"
		return 0
	done
	rm -rf "$kf_dir"
	kernel_missing "$1" "the mirror's packages could not be fetched or hold no vmlinuz: $(echo "$kf_names" | tr '\n' ' ')"
}

# kvm_works: boots a kernel for a moment, since /dev/kvm may exist and still be of no use. The
# answer is kept until the host boots again.
kvm_works() {
	[ -r /dev/kvm ] && [ -w /dev/kvm ] || return 1
	kw_key=$CACHE/kvm-$(cat /proc/sys/kernel/random/boot_id)-$(id -u)
	if [ ! -s "$kw_key" ]; then
		mkdir -p "$CACHE"
		if (timeout 8 qemu-system-x86_64 -M q35 -accel kvm -cpu host -m 512 -nodefaults \
			-nographic -no-reboot -serial stdio -kernel "$1" \
			-append 'console=ttyS0 panic=-1' </dev/null |
			grep -q 'Linux version') 2>/dev/null; then
			echo yes >"$kw_key"
		else
			echo no >"$kw_key"
		fi
	fi
	[ "$(cat "$kw_key")" = yes ]
}
