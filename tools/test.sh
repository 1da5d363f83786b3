# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# shellcheck disable=SC2154 # $top and what common.sh sets
#
# ./dev test and ./dev soak.
#
# What is judged by the real clock runs alone. Virtual time does not depend on how busy the host is,
# and host tests judge no time: these two overlap.

# sh_tests LABEL COMMAND...: one TAP program of the host.
sh_tests() {
	st_label=$1
	shift
	st_out=$(mktemp)
	st_start=$(date +%s) st_rc=0
	"$@" >"$st_out" 2>&1 || st_rc=$?
	cat "$st_out"
	st_line=$(awk -v rc="$st_rc" -f "$top/tests/vm/guest/tap.awk" "$st_out")
	rm -f "$st_out"
	# shellcheck disable=SC2086
	set -- $st_line
	echo "$1 $2 $3 $(($(date +%s) - st_start)) host/$st_label $(echo "$st_line" | cut -d' ' -f4-)" >>"$results"
}

# host_all: every test that needs neither root nor a kernel, plain and under the sanitizers.
host_all() {
	sh_tests layering "$top/tests/layering.sh"
	sh_tests lint lint_tap
	meson_tests "$BUILD" host host
	host_sanitized asan-fuzz host -Db_sanitize=address,undefined -Dfuzz=true
	host_sanitized tsan ring -Db_sanitize=thread
}

host_sanitized() {
	hs_name=$1 hs_suite=$2
	shift 2
	if (meson_build "$BUILD-$hs_name" "gthulhu under $hs_name" -Db_lundef=false -Dbpf=disabled "$@"); then
		meson_tests "$BUILD-$hs_name" "$hs_suite" "$hs_name"
	else
		echo "0 1 0 0 $hs_name the build failed" >>"$results"
	fi
}

# skip NAME REASON...: counts as skipped, by name.
skip() {
	sk_name=$1
	shift
	say "skipped: $sk_name: $*"
	echo "0 0 1 0 $sk_name $*" >>"$results"
}

# smoke_others: the smoke test on the oldest supported kernel and on one between.
smoke_others() {
	if so_kernel=$(kernel_find "$OLDEST_SERIES"); then
		vm_tests short "$so_kernel" all smoke
	else
		skip "vm/$OLDEST_SERIES/smoke" "$(kernel_why "$OLDEST_SERIES")"
	fi
	# shellcheck disable=SC2086
	if so_kernel=$(kernel_first $MIDDLE_SERIES); then
		vm_tests short "$so_kernel" all smoke
	else
		skip "vm/${MIDDLE_SERIES%% *}/smoke" "$(kernel_why "${MIDDLE_SERIES%% *}")"
	fi
}

# in_background NAME FUNCTION...: output goes to a log, shown when in_background_end is called.
in_background() {
	ib_name=$1
	shift
	("$@") >"$BUILD/test/$ib_name.log" 2>&1 </dev/null &
	eval "ib_pid_$ib_name=\$!"
}

in_background_end() {
	eval "ie_pid=\$ib_pid_$1"
	ie_n=0
	while kill -0 "$ie_pid" 2>/dev/null; do
		sleep 1
		ie_n=$((ie_n + 1))
		[ $((ie_n % 15)) -ne 0 ] || say "  still at the $1 tests: $(tail -n 1 "$BUILD/test/$1.log" | cut -c1-70)"
	done
	ie_rc=0
	wait "$ie_pid" || ie_rc=$?
	cat "$BUILD/test/$1.log"
	[ "$ie_rc" -eq 0 ] || echo "0 1 0 0 $1 the $1 tests ended early with exit code $ie_rc" >>"$results"
}

# stop_background PID...: on interrupt, everything that we started: a parent before its children, so
# that it starts no others. A subshell, since it calls itself.
stop_background() (
	for pid in "$@"; do
		[ -n "$pid" ] || continue
		children=$(ps -o pid= --ppid "$pid" 2>/dev/null || :)
		kill "$pid" 2>/dev/null || :
		# shellcheck disable=SC2086
		stop_background $children
	done
)

# summary: what failed and what was skipped, by name, then the one line that counts.
summary() {
	awk '
	{ passed += $1; failed += $2; skipped += $3 }
	$2 > 0 || $3 > 0 {
		reason = ""
		for (i = 6; i <= NF; i++)
			reason = reason " " $i
		printf "%-8s %s:%s\n", ($2 > 0 ? "FAILED" : "skipped"), $5, reason
	}
	END {
		if (passed + failed == 0) {
			print "FAILED   everything: ran no test"
			failed = 1
		}
		printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
		exit (failed > 0)
	}' "$results"
}

test_command() {
	test_start=$(date +%s)
	case ${1:-} in
	'') set_up all ;;
	--host) set_up build ;;
	*) die "unknown option $1: use ./dev test [--host]; for a single test ./dev soak --only NAME" ;;
	esac
	if [ "${1:-}" = '' ]; then
		newest=$(kernel_required) || exit 1
	fi
	build
	mkdir -p "$BUILD/test"
	results=$BUILD/test/results
	: >"$results"
	if [ "${1:-}" = --host ]; then
		host_all
		summary
		return
	fi
	trap 'stop_background "${ib_pid_host:-}" "${ib_pid_vm:-}"; die "interrupted: nothing is left running"' INT TERM
	say "host tests, and virtual machines where real time is not judged"
	in_background host host_all
	in_background vm test_overlapping
	in_background_end vm
	in_background_end host
	vm_tests short "$newest" mt
	say "took $(($(date +%s) - test_start)) s"
	summary
}

test_overlapping() {
	vm_tests short "$newest" icount
	smoke_others
}
