# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# shellcheck disable=SC2154 # $top and what common.sh sets
#
# ./dev soak: the full numbers, item by item. Each item's results are kept under build/soak, so an
# interrupted soak goes on where it stopped; an item is done again when the commit, or anything
# uncommitted, is another one.

# What proves the API, beside the tests of single features.
API_TESTS='test_api test_task_info test_exit_events test_params test_standing test_debug test_stats
	test_examples'

# soak_items: the names of all items, in the order in which they run. All rows of a test are one item.
soak_items() {
	echo host
	echo fuzz
	echo long
	manifest_rows soak | awk '!seen[$1]++ { print "vm:" $1 }'
	for si_series in $ALL_SERIES; do
		echo "kernel:$si_series"
	done
	echo chroot:bookworm
	echo chroot:trixie
}

# soak_key: what the results belong to.
soak_key() {
	(cd "$top" && {
		git rev-parse HEAD
		git diff HEAD
	} 2>/dev/null | sha256sum | cut -c1-16)
}

soak_item() {
	case $1 in
	host) host_all ;;
	fuzz)
		export QUMUN_FUZZ_SECONDS=600
		host_sanitized asan-fuzz fuzz -Db_sanitize=address,undefined -Dfuzz=true
		# the host tests in the chroots fuzz too, in their short form
		unset QUMUN_FUZZ_SECONDS
		;;
	long) meson_tests "$BUILD" long long ;;
	vm:*) vm_tests soak "$newest" all "${1#vm:}" ;;
	kernel:*)
		sn_series=${1#kernel:}
		if sn_kernel=$(kernel_find "$sn_series"); then
			vm_tests short "$sn_kernel" all smoke
			# the oldest kernel that we support gets the whole API
			# shellcheck disable=SC2086
			[ "$sn_series" != 6.12 ] || vm_tests soak "$sn_kernel" all $API_TESTS
		else
			skip "vm/$sn_series/smoke" "$(kernel_why "$sn_series")"
		fi
		;;
	chroot:*) soak_chroot "${1#chroot:}" ;;
	*) die "no soak item $1: ./dev soak --list names them" ;;
	esac
}

# soak_chroot RELEASE: in a bare system, main only: the build and the host tests pass, and the apt
# configuration is the same afterwards, byte for byte.
soak_chroot() {
	sc_name=chroot/$1
	if [ "$(id -u)" -ne 0 ]; then
		skip "$sc_name" "needs root"
		return
	fi
	sc_main=$(apt_main)
	sc_root=$(mktemp -d /var/tmp/gthulhu-chroot.XXXXXX)
	sc_log=$BUILD/soak/chroot-$1.log
	if ! with_progress "a bare $1" "$sc_log" mmdebstrap --variant=minbase --components=main \
		--include=ca-certificates,git "$1" "$sc_root" "${sc_main%%|*}"; then
		skip "$sc_name" "mmdebstrap failed: $(tail -n 1 "$sc_log")"
		rm -rf "$sc_root"
		return
	fi
	sc_before=$(cd "$sc_root/etc/apt" && find . -type f -exec sha256sum {} + | sort)
	mkdir -p "$sc_root/src"
	(cd "$top" && sources | tar -c -T - -f -) | tar -x -C "$sc_root/src"
	cp -a "$top/.git" "$sc_root/src/.git"
	sc_rc=0
	# a mount namespace of its own: what is mounted there is gone with it
	# shellcheck disable=SC2016 # expanded by the inner shell
	with_progress "./dev build and the host tests in it" "$sc_log" unshare --mount sh -c '
		mount -t proc proc "$1/proc" && mount -t sysfs sysfs "$1/sys" &&
			exec chroot "$1" env HOME=/root sh -c "cd /src && ./dev test --host"' \
		sh "$sc_root" || sc_rc=$?
	sc_after=$(cd "$sc_root/etc/apt" && find . -type f -exec sha256sum {} + | sort)
	if [ "$sc_rc" -eq 0 ]; then
		echo "1 0 0 0 $sc_name/build" >>"$results"
	else
		echo "0 1 0 0 $sc_name/build exit code $sc_rc: see $sc_log" >>"$results"
	fi
	if [ "$sc_before" = "$sc_after" ]; then
		echo "1 0 0 0 $sc_name/apt-unchanged" >>"$results"
	else
		echo "0 1 0 0 $sc_name/apt-unchanged /etc/apt changed" >>"$results"
	fi
	rm -rf "$sc_root"
}

soak_command() {
	soak_only=''
	while [ $# -gt 0 ]; do
		case $1 in
		--only) soak_only=$2; shift 2 ;;
		--list) soak_items; return ;;
		*) die "unknown option $1: use ./dev soak [--only NAME] [--list]" ;;
		esac
	done
	set_up soak
	newest=$(kernel_required) || exit 1
	build
	mkdir -p "$BUILD/soak" "$BUILD/test"
	soak_dir=$BUILD/soak/$(soak_key)
	mkdir -p "$soak_dir"
	soak_list=$(soak_items)
	if [ -n "$soak_only" ]; then
		# A test's name alone is enough.
		soak_list=$(printf '%s\n' "$soak_list" | grep -x -e "$soak_only" -e "vm:$soak_only") ||
			die "no soak item $soak_only: ./dev soak --list names them"
	fi
	for soak_name in $soak_list; do
		soak_file=$soak_dir/$(echo "$soak_name" | tr ':/' '--')
		if [ -s "$soak_file" ] && [ -z "$soak_only" ]; then
			say "$soak_name: done before for this state of the tree"
			continue
		fi
		say "$soak_name"
		results=$soak_file.part
		: >"$results"
		soak_item "$soak_name"
		[ -s "$results" ] || echo "0 1 0 0 $soak_name ran no test" >>"$results"
		mv "$results" "$soak_file"
	done
	results=$soak_dir/results
	for soak_name in $soak_list; do
		cat "$soak_dir/$(echo "$soak_name" | tr ':/' '--')"
	done >"$results"
	summary
}
