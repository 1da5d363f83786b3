# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# shellcheck disable=SC2154 # $top and what common.sh sets
#
# The virtual machine's root file system: an initramfs made of two cpio archives, one after the
# other. The base (busybox, the load generators and their libraries) is cached outside the tree and
# rebuilt when one of these programs changes on the host; the second holds this build and is made
# afresh for every boot, so that a boot costs seconds.

INITRAMFS_TOOLS="stress-ng hackbench cyclictest rt-app bpftool"
INITRAMFS_TERMS="l/linux x/xterm x/xterm-256color s/screen s/screen-256color t/tmux-256color v/vt100 d/dumb"

# tool_path NAME: also looks where a user's PATH does not (bpftool is in /usr/sbin).
tool_path() {
	PATH=$PATH:/usr/sbin:/sbin command -v "$1"
}

# copy_libs ROOT FILE...: copies the shared libraries that the files need to the same place below
# ROOT; those of the build itself come with the build.
copy_libs() {
	cl_root=$1
	shift
	ldd "$@" 2>/dev/null | awk '/=> \// { print $3 } $1 ~ /^\// && $2 ~ /^\(/ { print $1 }' |
		sort -u | while read -r lib; do
		case $lib in
		"$top"/*) continue ;;
		esac
		[ -e "$cl_root$lib" ] && continue
		mkdir -p "$cl_root${lib%/*}"
		cp -L "$lib" "$cl_root$lib"
	done
}

# pack ROOT FILE: everything below ROOT as a cpio archive owned by root.
pack() {
	(cd "$1" && find . -print0 | LC_ALL=C sort -z |
		cpio --null --quiet -o -H newc --owner=0:0) >"$2"
}

# initramfs_base: prints the path of the cached base archive, building it first where needed.
initramfs_base() {
	ib_files=
	for t in busybox $INITRAMFS_TOOLS; do
		ib_path=$(tool_path "$t") ||
			die "$t is not installed: run ./dev build, which installs what is missing"
		ib_files="$ib_files $ib_path"
	done
	# shellcheck disable=SC2086
	ib_key=$({ stat -L -c '%n %s %Y' $ib_files; cat "$top/tools/initramfs.sh"; } | sha256sum | cut -c1-16)
	ib_out=$CACHE/initramfs/base-$ib_key.cpio
	if [ ! -s "$ib_out" ]; then
		mkdir -p "$CACHE/initramfs"
		ib_root=$(mktemp -d "$CACHE/initramfs/new.XXXXXX")
		mkdir -p "$ib_root/bin" "$ib_root/usr/bin" "$ib_root/usr/sbin" "$ib_root/sbin" \
			"$ib_root/proc" "$ib_root/sys" "$ib_root/dev" "$ib_root/tmp" "$ib_root/run" \
			"$ib_root/etc" "$ib_root/root" "$ib_root/var/tmp" "$ib_root/lib/terminfo"
		cp -L "$(tool_path busybox)" "$ib_root/bin/busybox"
		for t in $("$ib_root/bin/busybox" --list); do
			[ "$t" = busybox ] || ln -s busybox "$ib_root/bin/$t"
		done
		for t in $INITRAMFS_TOOLS; do
			cp -L "$(tool_path "$t")" "$ib_root/usr/bin/$t"
		done
		# shellcheck disable=SC2086
		copy_libs "$ib_root" $ib_files
		for t in $INITRAMFS_TERMS; do
			for d in /lib/terminfo /usr/share/terminfo; do
				[ -e "$d/$t" ] || continue
				mkdir -p "$ib_root/lib/terminfo/${t%/*}"
				cp -L "$d/$t" "$ib_root/lib/terminfo/$t"
				break
			done
		done
		echo 'root:x:0:0:root:/root:/bin/sh' >"$ib_root/etc/passwd"
		echo 'nobody:x:65534:65534:nobody:/:/bin/false' >>"$ib_root/etc/passwd"
		printf 'root:x:0:\nnogroup:x:65534:\n' >"$ib_root/etc/group"
		pack "$ib_root" "$ib_root.cpio"
		mv "$ib_root.cpio" "$ib_out"
		rm -rf "$ib_root"
	fi
	printf '%s\n' "$ib_out"
}

# initramfs_build ROOT: this build below ROOT/opt/gthulhu, in the build's own folders (so that
# run paths relative to the program still hold), the guest's scripts and the tests' data.
initramfs_build() {
	bu_root=$1
	mkdir -p "$bu_root/opt/gthulhu/guest" "$bu_root/opt/gthulhu/tests/vm" "$bu_root/etc/gthulhu"
	if [ -d "$BUILD" ]; then
		(cd "$BUILD" && find . \( -name '*.p' -o -name 'meson-*' -o -path ./tests/unit \
			-o -path ./tests/fuzz -o -path ./soak -o -path ./vm-logs \) -prune -o \
			\( -type f \( -perm -u+x -o -name '*.so' -o -name '*.so.*' -o -name '*.bpf.o' \) \
			-o -type l \) -print0 |
			xargs -0 -r cp -a --parents -t "$bu_root/opt/gthulhu")
		# shellcheck disable=SC2046
		copy_libs "$bu_root" $(find "$bu_root/opt/gthulhu" -type f -perm -u+x)
	fi
	for f in "$top"/tests/vm/*; do
		[ -f "$f" ] || continue
		case $f in
		*.c | *.h | */meson.build) ;;
		*) cp -a "$f" "$bu_root/opt/gthulhu/tests/vm/" ;;
		esac
	done
	cp -a "$top"/tests/vm/guest/* "$bu_root/opt/gthulhu/guest/"
	cp -a "$top/tests/vm/guest/init" "$bu_root/init"
}

# initramfs_add ROOT FILE[:DEST]: one more file or folder; below /root unless DEST says otherwise.
initramfs_add() {
	ia_src=${2%%:*}
	case $2 in
	*:*) ia_dest=${2#*:} ;;
	*) ia_dest=/root/${ia_src##*/} ;;
	esac
	[ -e "$ia_src" ] || die "--add $ia_src: no such file"
	mkdir -p "$1${ia_dest%/*}"
	cp -aL "$ia_src" "$1$ia_dest"
	# shellcheck disable=SC2046
	copy_libs "$1" $(find "$1$ia_dest" -type f \( -perm -u+x -o -name '*.so*' \))
}
