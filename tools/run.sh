# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# shellcheck disable=SC2154 # $top and what common.sh sets
#
# ./dev run: the main job under the kernel's own scheduler and under gthulhu, and a table of both.

# json_get NAME <JSON: one number out of a flat object; "-" when it is not there.
json_get() {
	awk -v k="\"$1\"" '{
		i = index($0, k)
		if (!i) { print "-"; exit }
		v = substr($0, i + length(k))
		sub(/^[ \t]*:[ \t]*/, "", v)
		sub(/[,}\] \t].*/, "", v)
		print v
		exit
	}'
}

# run_field LINE NAME: NAME out of the result line that begins with LINE.
run_field() {
	{ sed -n "s/^$1 //p" "$run_out" | tail -n 1; echo '{}'; } | head -n 1 | json_get "$2"
}

run_table() {
	printf '\n%-28s %14s %14s\n' "" "kernel" "gthulhu"
	for rt_row in 'wakeup latency average, us:avg_us' 'wakeup latency p50, us:p50_us' \
		'wakeup latency p99, us:p99_us' 'wakeup latency max, us:max_us' \
		'throughput, iterations/s:iterations_per_s'; do
		printf '%-28s %14s %14s\n' "${rt_row%%:*}" "$(run_field kernel "${rt_row##*:}")" \
			"$(run_field gthulhu "${rt_row##*:}")"
	done
	printf '\n%-28s %14s\n' "decisions made" "$(run_field final decisions)"
	printf '%-28s %14s\n' "wakeups decided ahead" "$(run_field final standing)"
	printf '%-28s %14s\n' "tasks seen" "$(run_field final tasks_seen)"
	echo "must be zero:"
	for rt_row in lost double_dispatched forbidden_cpu ring_overflow ejections \
		policy_page_faults; do
		printf '  %-26s %14s\n' "$(echo "$rt_row" | tr _ ' ')" "$(run_field final "$rt_row")"
	done
	printf '\n%s\n' "clock: $run_clock"
}

# run_watch COMMAND...: the main job; its progress lines appear as they come, the results go to $run_out.
run_watch() {
	{ "$@" || echo "failed with exit code $?"; } | tee "$run_out" | while read -r line; do
		case $line in
		\#*) say " ${line#\#}" ;;
		esac
	done
}

run_usage() {
	cat <<'END'
usage: ./dev run [--native] [--seconds N] [--kernel SERIES] [--cpus N] [--mode mt|icount]
                 [-- GTHULHU-OPTION...]
END
}

run_command() {
	run_native='' run_seconds=10 run_kernel='' run_cpus='' run_mode=''
	while [ $# -gt 0 ]; do
		case $1 in
		--native) run_native=1; shift ;;
		--seconds) run_seconds=$2; shift 2 ;;
		--kernel) run_kernel=$2; shift 2 ;;
		--cpus) run_cpus=$2; shift 2 ;;
		--mode) run_mode=$2; shift 2 ;;
		--) shift; break ;;
		*) run_usage >&2; die "unknown option $1: see the usage above" ;;
		esac
	done
	if [ -n "$run_native" ] && [ ! -e /sys/kernel/sched_ext/state ]; then
		die "this kernel ($(uname -r)) has no sched_ext: leave out --native to run in a virtual machine"
	fi
	if [ -n "$run_native" ]; then
		set_up build
	else
		set_up all
		run_file=$(kernel_required "$run_kernel") || exit 1
	fi
	build
	run_out=$BUILD/run/result
	mkdir -p "$BUILD/run"
	if [ -n "$run_native" ]; then
		run_clock="real time, $(nproc) CPUs, this machine's kernel $(uname -r)"
		run_watch as_root env "MAINJOB=$BUILD/bench/mainjob" "GTHULHU=$BUILD/daemon/gthulhu" \
			"$top/tests/vm/guest/main-job" "$run_seconds" "$@"
	else
		if [ -z "$run_mode" ]; then
			# Without KVM the real clock measures the host's load; virtual time does not.
			if kvm_works "$run_file"; then run_mode=mt; else run_mode=icount; fi
		fi
		if [ "$run_mode" = icount ]; then
			run_cpus=${run_cpus:-1}
			run_clock="virtual time (one instruction is one nanosecond), $run_cpus virtual CPU, software emulation, ${run_file##*/vmlinuz-}"
		else
			run_cpus=${run_cpus:-2}
			kvm_works "$run_file" && run_accel=KVM || run_accel='software emulation'
			run_clock="real time of the virtual machine, $run_cpus virtual CPUs, $run_accel, ${run_file##*/vmlinuz-}"
		fi
		say "booting ${run_file##*/} (console: $BUILD/run/console.log)"
		run_watch "$top/tools/vm.sh" --kernel "$run_file" --cpus "$run_cpus" --mode "$run_mode" \
			--timeout 900 --out "$BUILD/run" --build "$BUILD" -- \
			main-job "$run_seconds" "$@"
	fi
	if grep -q '^failed' "$run_out"; then
		grep '^kernel ' "$run_out" >/dev/null && run_table
		die "the main job failed ($(grep '^failed' "$run_out" | head -n 1)): see the files in $BUILD/run"
	fi
	run_table
}
