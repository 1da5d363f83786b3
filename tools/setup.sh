# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# shellcheck disable=SC2154 # $top and what common.sh sets
#
# Brings a Debian 12 or 13 machine to the point where the build and the virtual machine work. When
# nothing is missing it costs a fraction of a second and needs no network.

BUILD_PACKAGES="gcc g++ libc6-dev git clang-19 llvm-19 libclang-rt-19-dev clang-format-19 meson
	ninja-build pkg-config libbpf-dev libelf-dev zlib1g-dev libzstd-dev libjansson-dev
	libyaml-dev libmicrohttpd-dev libncurses-dev scdoc mandoc shellcheck"
VM_PACKAGES="qemu-system-x86 busybox-static cpio zstd stress-ng rt-tests rt-app bpftool tmux spin"
SOAK_PACKAGES="mmdebstrap"
LIBBPF_FLOOR=1.4
QEMU_FLOOR=8.0

# preconditions: what no package can mend. Each ends in one line and nothing has changed.
preconditions() {
	case $(os_field ID)-$(os_field VERSION_ID) in
	debian-12 | debian-13) ;;
	*) die "this is $(os_field PRETTY_NAME), and only Debian 12 and 13 are prepared for: use one of them, or a container or virtual machine of one" ;;
	esac
	[ "$(dpkg --print-architecture)" = amd64 ] ||
		die "this machine is $(dpkg --print-architecture), and only amd64 is prepared for: use an amd64 machine"
	for pc_dir in "$top" "$CACHE"; do
		while [ ! -e "$pc_dir" ]; do
			pc_dir=${pc_dir%/*}
			[ -n "$pc_dir" ] || pc_dir=/
		done
		pc_free=$(df -Pk "$pc_dir" | awk 'NR == 2 { print $4 }')
		[ "$pc_free" -ge 6291456 ] ||
			die "$pc_dir has $((pc_free / 1024)) MB free and 6 GB are needed: free some, or set GTHULHU_CACHE to a folder on another disk"
	done
}

# packages_missing: the names, of all we need, that are absent or too old.
packages_missing() {
	# shellcheck disable=SC2086
	dpkg-query -W -f '${Package} ${db:Status-Status} ${Version}\n' $1 2>/dev/null |
		awk '$2 == "installed" { print $1, $3 }' >"$pm_tmp"
	for pm_name in $1; do
		pm_version=$(awk -v n="$pm_name" '$1 == n { print $2; exit }' "$pm_tmp")
		pm_floor=0
		case $pm_name in
		libbpf-dev) pm_floor=$LIBBPF_FLOOR ;;
		qemu-system-x86) pm_floor=$QEMU_FLOOR ;;
		esac
		# Version numbers may carry an epoch, which the floors do not have.
		if [ -z "$pm_version" ] ||
			{ [ "$pm_floor" != 0 ] && dpkg --compare-versions "${pm_version#*:}" lt "$pm_floor"; }; then
			echo "$pm_name"
		fi
	done
}

# packages_install NAME...: from the machine's own archive; what Debian 12 has too old comes from
# its backports.
packages_install() {
	pi_suite=
	[ "$(os_field VERSION_ID)" != 12 ] || pi_suite=bookworm-backports
	say "these packages are missing and will be installed:" "$@"
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null 2>&1 ||
			die "installing packages needs root: run as root or install sudo"
		# Ask for the password before anything runs in the background.
		sudo -v || die "installing packages needs root: sudo refused"
	fi
	apt_reachable ||
		die "the Debian mirror in this machine's apt sources does not answer: connect to the network and run this again"
	mkdir -p "$CACHE/log"
	# shellcheck disable=SC2086
	apt_sources build $pi_suite
	with_progress "reading the package lists" "$CACHE/log/apt-update" \
		apt_with build apt-get update ||
		die "the package lists could not be read: see $CACHE/log/apt-update and run this again"
	pi_main='' pi_back=''
	for pi_name in "$@"; do
		case $pi_name in
		libbpf-dev | qemu-system-x86) pi_back="$pi_back $pi_name" ;;
		*) pi_main="$pi_main $pi_name" ;;
		esac
	done
	if [ -z "$pi_suite" ]; then
		pi_main="$pi_main $pi_back"
		pi_back=''
	fi
	# shellcheck disable=SC2086
	if [ -n "${pi_back# }" ]; then
		packages_apt "installing$pi_back from backports" -t "$pi_suite" $pi_back
	fi
	# shellcheck disable=SC2086
	if [ -n "${pi_main# }" ]; then
		packages_apt "installing$pi_main" $pi_main
	fi
	rm -rf "$APT_DIR/cache/archives"
}

packages_apt() {
	pa_text=$1
	shift
	with_progress "$pa_text" "$CACHE/log/apt-install" \
		packages_apt_run install -y --no-install-recommends "$@" ||
		die "apt-get failed: see $CACHE/log/apt-install, mend it and run this again"
}

packages_apt_run() {
	mkdir -p "$APT_DIR/cache/archives/partial"
	if [ "$(id -u)" -eq 0 ]; then
		DEBIAN_FRONTEND=noninteractive apt_with build apt-get "$@"
	else
		# The lists are this user's, in this user's cache; only the command itself is root's.
		# shellcheck disable=SC2016 # expanded by the inner shell
		sudo -n env DEBIAN_FRONTEND=noninteractive "GTHULHU_CACHE=$CACHE" sh -c '
			top=$1
			shift
			. "$top/tools/common.sh"
			. "$top/tools/apt.sh"
			apt_with build apt-get "$@"' sh "$top" "$@"
	fi
}

# set_up build|all|soak: what the build needs, the virtual machine too, or all that is ever used.
set_up() {
	preconditions
	pm_tmp=$(mktemp)
	case $1 in
	build) su_missing=$(packages_missing "$BUILD_PACKAGES") ;;
	all) su_missing=$(packages_missing "$BUILD_PACKAGES $VM_PACKAGES") ;;
	soak) su_missing=$(packages_missing "$BUILD_PACKAGES $VM_PACKAGES $SOAK_PACKAGES") ;;
	esac
	rm -f "$pm_tmp"
	[ -z "$su_missing" ] || {
		# shellcheck disable=SC2086
		packages_install $su_missing
	}
}
