# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # $top comes from, and the variables go to, the sourcing script
#
# What every script of the front door shares: where things live, how progress is told and how a
# failure ends. Sourced with $top set to the root of the source tree.

CACHE=${GTHULHU_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/gthulhu}
BUILD=${GTHULHU_BUILD:-$top/build}
OLDEST_SERIES=6.12
MIDDLE_SERIES="7.0 6.19 7.2 6.18"
ALL_SERIES="7.3 7.2 7.1 7.0 6.19 6.18 6.16 6.12"

# say TEXT...: progress, on stderr so that a command's output stays clean.
say() {
	printf '%s\n' "gthulhu: $*" >&2
}

# die TEXT...: the last line of every failure; the text says what to do.
die() {
	printf '%s\n' "dev: $*" >&2
	exit 1
}

# with_progress TEXT LOGFILE COMMAND...: runs a long command with its output in LOGFILE and shows
# TEXT with the seconds gone by: in place on a terminal, every 15 s otherwise.
with_progress() {
	wp_text=$1 wp_log=$2
	shift 2
	wp_start=$(date +%s)
	say "$wp_text"
	"$@" >"$wp_log" 2>&1 </dev/null &
	wp_pid=$!
	(
		trap 'exit 0' TERM
		n=0
		while sleep 1; do
			n=$((n + 1))
			if [ -t 2 ]; then
				printf '\rgthulhu:   %d s ' "$n" >&2
			elif [ $((n % 15)) -eq 0 ]; then
				say "  $n s: $(tail -n 1 "$wp_log" | tr -d '\r' | cut -c1-80)"
			fi
		done
	) &
	wp_tick=$!
	# A signal must not leave the command behind: end both by their ids.
	trap 'kill "$wp_pid" "$wp_tick" 2>/dev/null; exit 130' INT TERM HUP
	wp_rc=0
	wait "$wp_pid" || wp_rc=$?
	trap - INT TERM HUP
	kill "$wp_tick" 2>/dev/null
	wait "$wp_tick" 2>/dev/null || :
	[ ! -t 2 ] || printf '\r\033[K' >&2
	if [ "$wp_rc" -ne 0 ]; then
		tail -n 20 "$wp_log" >&2
	else
		say "  done in $(($(date +%s) - wp_start)) s"
	fi
	return "$wp_rc"
}

# as_root COMMAND...: directly when root, through sudo otherwise.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo -- "$@"
	else
		die "this step needs root: run as root or install sudo (was: $*)"
	fi
}
