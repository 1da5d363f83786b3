# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# shellcheck disable=SC2154 # $here comes from the lab
#
# For load files: packaged load generators, their output as lines "NAME VALUE".

# beside N COMMAND...: with N hogs; the command's exit code.
beside() {
	stress-ng --quiet -c "$1" >/dev/null 2>&1 &
	be_hogs=$!
	shift
	sleep 0.3
	be_rc=0
	"$@" || be_rc=$?
	kill "$be_hogs"
	wait "$be_hogs" 2>/dev/null
	return "$be_rc"
}

# cyclictest_beside HOGS: 3 s of one thread that wakes every 2 ms.
cyclictest_beside() {
	beside "$1" cyclictest --quiet --policy=other -t 1 -i 2000 -D 3 -h 50000 >/tmp/cyclictest || return
	awk '
	$1 ~ /^[0-9]+$/ && $2 > 0 { us[++n] = $1 + 0; count[n] = $2 + 0; all += $2; sum += $1 * $2 }
	# a latency beyond the histogram would be missing from every figure
	/^# Histogram Overflows:/ { over = $4 + 0 }
	END {
		if (!all || over)
			exit 1
		for (i = 1; i <= n; i++) {
			seen += count[i]
			if (p50 == "" && seen >= all * 0.5)
				p50 = us[i]
			if (p99 == "" && seen >= all * 0.99)
				p99 = us[i]
		}
		printf "avg_us %.1f\np50_us %d\np99_us %d\nmax_us %d\n", sum / all, p50, p99, us[n]
	}' /tmp/cyclictest
}

# rt_app_beside HOGS PROFILE: how late its threads woke, and how many of their runs ended after the
# period that they belong to.
rt_app_beside() {
	rm -rf /tmp/rt-app
	mkdir -p /tmp/rt-app
	beside "$1" rt-app "$here/profiles/$2.json" >/tmp/rt-app.out 2>&1 || return
	awk '!/^[ \t]*#/ && NF >= 11 { print $11, $8 }' /tmp/rt-app/*.log | sort -n |
		awk '{ us[++n] = $1; sum += $1; late += $2 < 0 }
		END {
			if (!n)
				exit 1
			rank = int(n * 0.99)
			if (rank < n * 0.99)
				rank++
			printf "wakeup_avg_us %.1f\nwakeup_p99_us %d\nwakeup_max_us %d\nlate_pct %.2f\n", sum / n, us[rank], us[n], late * 100 / n
		}'
}
