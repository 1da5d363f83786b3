# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# shellcheck disable=SC2154 # $top and what common.sh sets
#
# The virtual machine tests of tests/vm/manifest, in batches: tests that want the same machine
# share one boot. Results go to the file $results, one line for each test:
#
#     PASSED FAILED SKIPPED SECONDS NAME REASON...

# manifest_rows TIER: the manifest's rows of that tier as "NAME CPUS MODE MEM TIMEOUT EXTRA...". The
# timeout of a row for both is that of the short form.
manifest_rows() {
	[ -e "$top/tests/vm/manifest" ] || return 0
	awk -v tier="$1" '/^[ \t]*(#|$)/ { next }
		$2 == tier || $2 == "both" {
			if (tier == "soak" && $2 == "both")
				$6 *= 8
			line = $1
			for (i = 3; i <= NF; i++)
				line = line " " $i
			print line
		}' "$top/tests/vm/manifest"
}

# manifest_batches <ROWS: "CPUS MODE MEM SECONDS NAME:TIMEOUT,... EXTRA...", one line for each machine,
# in the order of the manifest.
manifest_batches() {
	awk '{
		extra = ""
		for (i = 6; i <= NF; i++)
			extra = extra " " $i
		if (extra == "")
			extra = " -"
		key = $2 " " $3 " " $4 "|" extra
		if (!(key in names))
			order[++n] = key
		else
			names[key] = names[key] ","
		names[key] = names[key] $1 ":" $5
		seconds[key] += $5
	}
	END {
		for (i = 1; i <= n; i++) {
			split(order[i], part, "|")
			print part[1], seconds[order[i]], names[order[i]] part[2]
		}
	}'
}

# vm_results KERNEL FILE NAME:TIMEOUT,... CODE: reads the runner's output and appends to $results. A test
# without an outcome means that the machine died or was stopped: that is a failure.
vm_results() {
	awk -v kernel="$1" -v names="$3" -v code="$4" '
	/^# result / {
		split($4, p, "=")
		split($5, f, "=")
		split($6, s, "=")
		split($7, t, "=")
		reason = ""
		for (i = 8; i <= NF; i++)
			reason = reason " " $i
		print p[2], f[2], s[2], t[2], "vm/" kernel "/" $3 reason
		seen[$3] = 1
	}
	END {
		n = split(names, list, ",")
		for (i = 1; i <= n; i++) {
			sub(/:.*/, "", list[i])
			if (!(list[i] in seen))
				print 0, 1, 0, 0, "vm/" kernel "/" list[i], \
					"no outcome: the virtual machine ended with exit code", code
		}
	}' "$2" >>"$results"
}

# vm_batch KERNEL-FILE CPUS MODE MEM SECONDS NAMES EXTRA...: one boot.
vm_batch() {
	vb_kernel=$1 vb_cpus=$2 vb_mode=$3 vb_mem=$4 vb_seconds=$5 vb_names=$6
	shift 6
	vb_version=${vb_kernel##*/vmlinuz-}
	vb_version=${vb_version%%[!0-9.]*}
	vb_smp=$vb_cpus vb_append='' vb_numa=''
	for vb_word in "$@"; do
		case $vb_word in
		smp=*) vb_smp=${vb_word#smp=} ;;
		numa=*) vb_numa=${vb_word#numa=} ;;
		append=*) vb_append="$vb_append ${vb_word#append=}" ;;
		-) ;;
		*) die "tests/vm/manifest: unknown word $vb_word: use smp=..., numa=... or append=..." ;;
		esac
	done
	vb_first=${vb_names%%:*}
	vb_out=$BUILD/vm-logs/$vb_version-$vb_mode-$vb_first
	mkdir -p "$vb_out"
	# The guest's own time limits should strike first; virtual time passes several times slower.
	if [ "$vb_mode" = icount ]; then
		vb_limit=$((vb_seconds * 10 + 120))
	else
		vb_limit=$((vb_seconds * 2 + 90))
	fi
	say "kernel $vb_version, $vb_smp CPUs, $vb_mode: $(echo "$vb_names" | sed 's/:[0-9]*//g; s/,/ /g')"
	vb_boot "$vb_names"
	if [ "$vb_rc" -ne 0 ] && grep -q -a 'Oops: int3' "$vb_out/console.log" 2>/dev/null; then
		vb_left=$(by_outcome no "$vb_out/output.log" "$vb_names")
		vb_done=$(by_outcome yes "$vb_out/output.log" "$vb_names")
		say "the emulator lost a race with the kernel's patching of its own code (Oops: int3): booting once more"
		[ -z "$vb_done" ] ||
			vm_results "$vb_version" "$vb_out/output.log" "$vb_done" "$vb_rc"
		vb_names=$vb_left
		[ -z "$vb_left" ] || vb_boot "$vb_left"
	fi
	[ -z "$vb_names" ] || vm_results "$vb_version" "$vb_out/output.log" "$vb_names" "$vb_rc"
}

# vb_boot NAMES: runs them in the machine that vm_batch describes.
vb_boot() {
	vb_rc=0
	# shellcheck disable=SC2046
	"$top/tools/vm.sh" --kernel "$vb_kernel" --smp "$vb_smp" --mem "$vb_mem" \
		${vb_numa:+--numa "$vb_numa"} --mode "$vb_mode" \
		--timeout "$vb_limit" --append "$vb_append" --out "$vb_out" --build "$BUILD" \
		-- env "GTHULHU_TIER=$vm_tier" "GTHULHU_NODES=$vb_numa" run-tests $(echo "$1" | tr ',' ' ') || vb_rc=$?
}

# by_outcome yes|no FILE NAME:TIMEOUT,...: those that the runner reported on, or those it did not.
by_outcome() {
	echo "$3" | tr ',' '\n' | while read -r bo_name; do
		bo_has=no
		! grep -q -a "^# result ${bo_name%%:*} " "$2" || bo_has=yes
		[ "$bo_has" != "$1" ] || echo "$bo_name"
	done | paste -s -d , -
}

# vm_tests TIER KERNEL-FILE WHICH [NAME...]: the tier's tests, all or the named ones. WHICH picks the
# batches: mt, icount or all.
vm_tests() {
	vm_tier=$1 vt_kernel=$2 vt_which=$3
	shift 3
	vt_names=" $* "
	vt_list=$(mktemp)
	manifest_rows "$vm_tier" | while read -r vt_row; do
		case $vt_names in
		"  " | *" ${vt_row%% *} "*) printf '%s\n' "$vt_row" ;;
		esac
	done | manifest_batches >"$vt_list"
	while read -r vt_batch; do
		case $vt_which:$vt_batch in
		all:* | mt:*" mt "* | icount:*" icount "*)
			# shellcheck disable=SC2086
			vm_batch "$vt_kernel" $vt_batch </dev/null
			;;
		esac
	done <"$vt_list"
	rm -f "$vt_list"
}
