#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Runs one command as root in a virtual machine with this build in it. The command's output is
# ours, its exit code too. Exit codes of our own: 124 when the time is up, 125 when the machine
# ended without reporting (the end of its console follows on stderr).

set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tools/common.sh
. "$top/tools/common.sh"
# shellcheck source=tools/apt.sh
. "$top/tools/apt.sh"
# shellcheck source=tools/kernel.sh
. "$top/tools/kernel.sh"
# shellcheck source=tools/initramfs.sh
. "$top/tools/initramfs.sh"

usage() {
	cat <<'END'
usage: tools/vm.sh [options] [--] COMMAND [ARGUMENT...]

  --kernel SERIES|FILE  7.3, 6.12, ... or a vmlinuz (default: the newest that is to be had)
  --cpus N              virtual CPUs (default 2)
  --smp TOPOLOGY        QEMU's -smp text, such as 4,sockets=2,cores=2 (overrides --cpus)
  --mem SIZE            memory (default 2G)
  --numa N              so many NUMA nodes, memory and CPUs shared out evenly (default: none)
  --mode mt|icount      mt: one host thread for each CPU, or KVM where it works;
                        icount: virtual time, one instruction is one nanosecond
  --tcg                 never KVM
  --timeout SECONDS     of the whole machine (default 120)
  --add FILE[:/DEST]    one more file or folder in the guest (default: in /root)
  --out DIR             keep console.log and output.log there
  --append TEXT         more kernel arguments
  --build DIR           build folder to take along (default: build)
  --interactive         the command gets this terminal
END
}

kernel='' cpus=2 smp='' mem=2G numa='' mode=mt timeout=120 out='' append='' interactive='' tcg='' adds=''
newline='
'
while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2; shift 2 ;;
	--cpus) cpus=$2; shift 2 ;;
	--smp) smp=$2; shift 2 ;;
	--mem) mem=$2; shift 2 ;;
	--numa) numa=$2; shift 2 ;;
	--mode) mode=$2; shift 2 ;;
	--tcg) tcg=1; shift ;;
	--timeout) timeout=$2; shift 2 ;;
	--add) adds=$adds$2$newline; shift 2 ;;
	--out) out=$2; shift 2 ;;
	--append) append=$2; shift 2 ;;
	--build) BUILD=$(cd "$2" && pwd); shift 2 ;;
	--interactive) interactive=1; shift ;;
	-h | --help) usage; exit 0 ;;
	--) shift; break ;;
	-*) usage >&2; die "unknown option $1: see the usage above" ;;
	*) break ;;
	esac
done
[ $# -gt 0 ] || { usage >&2; die "no command given: see the usage above"; }

case $kernel in
*/*) [ -r "$kernel" ] || die "$kernel: no such kernel; give a vmlinuz or a series such as 7.3" ;;
*) kernel=$(kernel_required "$kernel") || exit 1 ;;
esac

work=$(mktemp -d "${TMPDIR:-/tmp}/gthulhu-vm.XXXXXX")
[ -n "$out" ] || out=$work
mkdir -p "$out"
machine='' reader='' saved_tty=''
# shellcheck disable=SC2317 # called by the traps
clean_up() {
	[ -z "$machine" ] || kill "$machine" 2>/dev/null || :
	[ -z "$reader" ] || kill "$reader" 2>/dev/null || :
	[ -z "$saved_tty" ] || stty "$saved_tty" || :
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# The command's words are quoted one by one, so that the guest sees them as we did.
mkdir -p "$work/root"
initramfs_build "$work/root"
{
	printf 'exec'
	for word in "$@"; do
		printf " '%s'" "$(printf '%s' "$word" | sed "s/'/'\\\\''/g")"
	done
	echo
} >"$work/root/etc/gthulhu/command"
if [ -n "$interactive" ]; then
	[ -t 0 ] || die "--interactive needs a terminal: run it from one"
	echo "${TERM:-linux} $(stty size)" >"$work/root/etc/gthulhu/interactive"
fi
printf '%s' "$adds" >"$work/adds"
while read -r file; do
	initramfs_add "$work/root" "$file"
done <"$work/adds"
base=$(initramfs_base)
pack "$work/root" "$work/fresh.cpio"
cat "$base" "$work/fresh.cpio" >"$work/initrd"
rm -rf "$work/root" "$work/fresh.cpio"

case $mode in
mt)
	if [ -z "$tcg" ] && kvm_works "$kernel"; then
		accel='-accel kvm -cpu host'
	else
		accel='-accel tcg,thread=multi -cpu max'
	fi
	;;
icount) accel='-accel tcg -cpu max -icount shift=0,sleep=off -rtc clock=vm,base=2026-01-01' ;;
*) die "--mode $mode: use mt or icount" ;;
esac

# Both numbers must divide evenly; CPUs 0 .. n-1 are on node 0, and so on.
nodes=''
if [ -n "$numa" ]; then
	numa_cpus=${smp:-$cpus}
	numa_cpus=$((${numa_cpus%%,*} / numa))
	case $mem in
	*G) numa_mem=$((${mem%G} * 1024 / numa)) ;;
	*M) numa_mem=$((${mem%M} / numa)) ;;
	*) die "--numa with --mem $mem: use M or G" ;;
	esac
	numa_i=0
	while [ "$numa_i" -lt "$numa" ]; do
		nodes="$nodes -object memory-backend-ram,id=node$numa_i,size=${numa_mem}M"
		nodes="$nodes -numa node,nodeid=$numa_i,memdev=node$numa_i"
		nodes="$nodes,cpus=$((numa_i * numa_cpus))-$(((numa_i + 1) * numa_cpus - 1))"
		numa_i=$((numa_i + 1))
	done
fi

: >"$out/console.log"
# The kernel's tests of its own ciphers would compete with the first second of every command.
# shellcheck disable=SC2086
set -- qemu-system-x86_64 -M q35 $accel -smp "${smp:-$cpus}" -m "$mem" $nodes -nodefaults -display none \
	-no-reboot -chardev "file,id=console,path=$out/console.log" -serial chardev:console \
	-chardev stdio,id=command,signal=off -serial chardev:command \
	-kernel "$kernel" -initrd "$work/initrd" \
	-append "console=ttyS0 panic=-1 quiet printk.devkmsg=on cryptomgr.notests=1 $append"

rc=0
if [ -n "$interactive" ]; then
	saved_tty=$(stty -g)
	stty raw -echo
	"$@" 2>"$out/qemu.log" || rc=$?
	stty "$saved_tty"
	saved_tty=''
else
	# QEMU makes its standard output non-blocking: give it a pipe of its own.
	mkfifo "$work/pipe"
	tee "$out/output.log" <"$work/pipe" &
	reader=$!
	timeout -k 5 "$timeout" "$@" </dev/null >"$work/pipe" 2>"$out/qemu.log" &
	machine=$!
	wait "$machine" || rc=$?
	machine=''
	wait "$reader" || :
	reader=''
fi

code=$(sed -n 's/.*gthulhu-vm: exit \([0-9]*\).*/\1/p' "$out/console.log" | tail -n 1)
if [ -n "$code" ]; then
	exit "$code"
fi
if [ "$rc" -eq 124 ] || [ "$rc" -eq 137 ]; then
	tail -n 20 "$out/console.log" >&2
	say "the virtual machine did not finish within $timeout s"
	exit 124
fi
tail -n 20 "$out/qemu.log" >&2
tail -n 40 "$out/console.log" >&2
say "the virtual machine ended (QEMU exit code $rc) before the command did"
exit 125
