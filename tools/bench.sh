# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# shellcheck disable=SC2154 # $top and what common.sh sets
#
# ./dev bench: the lab. bench/README.md describes loads, contenders and results.
#
# Results are collected in one file of lines (bench/report.awk reads it), kept under build/bench for
# this state of the tree: an interrupted bench goes on where it stopped.

BENCH_BOOT_S=8     # from power on to the first load, and the way down
BENCH_ATTACH_S=2   # start, settle and stop of a contender, guest time
BENCH_ICOUNT_SLOW=4 # real seconds of a second of virtual time
BENCH_REPETITIONS_ICOUNT=3
BENCH_REPETITIONS_MT=5

bench_usage() {
	cat <<'END'
usage: ./dev bench [--quick] [--only LOAD]... [--contender NAME|FILE|FOLDER]... [--kernel SERIES]
                   [--fresh] [--list]

  --quick      four loads, four contenders, one repetition: under 10 minutes
  --only       this load; can be given again
  --contender  this contender: its name, a file that describes one, or a folder of such files
  --fresh      forget what an earlier run of this state of the tree measured
  --list       the names of loads and contenders
END
}

# bench_key: what the results belong to.
bench_key() {
	(cd "$top" && {
		git rev-parse HEAD
		git diff HEAD -- . ':!bench/results' ':!docs'
	} 2>/dev/null | sha256sum | cut -c1-16)
}

# bench_about FILE NAME: one of the settings of a load or contender.
bench_about() {
	(
		# shellcheck disable=SC2034 # one of them is asked for
		about='' machine='' seconds='' quick=no metrics='' order=50
		# shellcheck disable=SC1090
		. "$1"
		eval "printf '%s\n' \"\$$2\""
	)
}

bench_name() {
	basename "$1" .sh
}

bench_list() {
	for bl_kind in loads contenders; do
		echo "$bl_kind:"
		for bl_file in "$top/bench/$bl_kind"/*.sh; do
			bl_quick=''
			[ "$(bench_about "$bl_file" quick)" != yes ] || bl_quick=' [quick]'
			printf '  %-14s %s%s\n' "$(bench_name "$bl_file")" \
				"$(bench_about "$bl_file" about)" "$bl_quick"
		done
	done
}

# bench_files KIND NAME...: the files of these names, files or folders; without a name, of all, or with
# --quick of those that say so.
bench_files() {
	bf_kind=$1
	shift
	if [ $# -eq 0 ]; then
		for bf_file in "$top/bench/$bf_kind"/*.sh; do
			[ -n "$bench_quick" ] && [ "$(bench_about "$bf_file" quick)" != yes ] ||
				echo "$(bench_about "$bf_file" order) $bf_file"
		done | sort -n | cut -d' ' -f2-
		return
	fi
	for bf_name in "$@"; do
		if [ -d "$bf_name" ]; then
			find "$(cd "$bf_name" && pwd)" -maxdepth 1 -name '*.sh' | sort
		elif [ -f "$bf_name" ]; then
			echo "$(cd "$(dirname "$bf_name")" && pwd)/$(basename "$bf_name")"
		elif [ -f "$top/bench/$bf_kind/$bf_name.sh" ]; then
			echo "$top/bench/$bf_kind/$bf_name.sh"
		else
			die "no file, folder or name in bench/$bf_kind: $bf_name (./dev bench --list names them)"
		fi
	done
}

# bench_carry FILE: the files that a contender takes along; else fails, the reason on stderr.
bench_carry() (
	# shellcheck disable=SC1090
	. "$1"
	! command -v files >/dev/null || files
)

# bench_describe: what the results are about. Taken before the runs: the tree may change meanwhile.
bench_describe() {
	echo "info kernel ${bench_kernel##*/vmlinuz-}"
	echo "info commit $(cd "$top" && git describe --always --dirty --abbrev=12)"
	echo "info form $bench_form"
	echo "info compilers $(gcc -dumpfullversion) (gcc), $(clang-19 -dumpversion) (clang)"
	echo "info machine $(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo), $(nproc) CPUs, $(kvm_works "$bench_kernel" && echo KVM || echo software emulation) for mt"
	for bd_load in $bench_loads; do
		bd_name=$(bench_name "$bd_load")
		echo "load $bd_name $(bench_about "$bd_load" machine) $(bench_about "$bd_load" about)"
		bench_about "$bd_load" metrics | tr ' ' '\n' | awk -F: -v l="$bd_name" 'NF { print "metric", l, $1, $2, $3 }'
	done
	for bd_file in $bench_contenders; do
		echo "contender $(bench_name "$bd_file") $(bench_about "$bd_file" about)"
	done
	printf '%s' "$bench_skipped" | sed 's/^/skipped /'
}

# bench_plan: "MODE CPUS LOAD CONTENDER REPETITION SECONDS" for all runs, in their order: what is
# compared runs one after the other.
bench_plan() {
	for bp_rep in 1 2 3 4 5; do
		for bp_load in $bench_loads; do
			bp_machine=$(bench_about "$bp_load" machine)
			case $bench_form:$bp_machine in
			quick:*) bp_reps=1 ;;
			*:icount*) bp_reps=$BENCH_REPETITIONS_ICOUNT ;;
			*) bp_reps=$BENCH_REPETITIONS_MT ;;
			esac
			[ "$bp_rep" -le "$bp_reps" ] || continue
			for bp_file in $bench_contenders; do
				echo "$bp_machine $(bench_name "$bp_load") $(bench_name "$bp_file") $bp_rep $(bench_about "$bp_load" seconds)"
			done
		done
	done
}

# bench_left PLAN: its rows that have no result yet.
bench_left() {
	awk -v results="$bench_results" '
		BEGIN {
			while ((getline line <results) > 0) {
				split(line, f, " ")
				if (f[1] == "done")
					seen[f[2] " " f[3] " " f[4]] = 1
			}
		}
		!(($3 " " $4 " " $5) in seen)' "$1"
}

# bench_seconds <ROWS: how long they will take.
bench_seconds() {
	awk -v boot="$BENCH_BOOT_S" -v attach="$BENCH_ATTACH_S" -v slow="$BENCH_ICOUNT_SLOW" '{
		if (!(($1 " " $2) in machine))
			total += boot
		machine[$1 " " $2] = 1
		total += ($6 + ($4 == "default" ? 1 : attach)) * ($1 == "icount" ? slow : 1.5)
	}
	END { printf "%d", total }'
}

# bench_boot MODE CPUS: the rows of $bench_rows that want this machine.
bench_boot() {
	bb_dir=$bench_dir/$1-$2
	rm -rf "$bb_dir"
	mkdir -p "$bb_dir/lab/loads" "$bb_dir/lab/contenders" "$bb_dir/lab/bin"
	cp -a "$top/bench/guest/lab" "$top/bench/guest/tools.sh" "$top/bench/profiles" "$bb_dir/lab/"
	# shellcheck disable=SC2086
	cp -a $bench_loads "$bb_dir/lab/loads/"
	# shellcheck disable=SC2086
	cp -a $bench_contenders "$bb_dir/lab/contenders/"
	while read -r bb_file; do
		cp -aL "$bb_file" "$bb_dir/lab/bin/"
	done <"$bench_dir/carry"
	awk -v m="$1" -v c="$2" '$1 == m && $2 == c { print $3, $4, $5, $6 }' "$bench_rows" >"$bb_dir/lab/plan"
	bb_seconds=$(awk -v m="$1" -v c="$2" '$1 == m && $2 == c' "$bench_rows" | bench_seconds)
	say "$(wc -l <"$bb_dir/lab/plan") runs, $1, $2 CPUs: about $bb_seconds s (console: $bb_dir/console.log)"
	# a busy host may need many times the estimate; what hangs is ended in the guest
	"$top/tools/vm.sh" --kernel "$bench_kernel" --mode "$1" --cpus "$2" --timeout $((bb_seconds * 10 + 300)) \
		--out "$bb_dir" --build "$BUILD" --add "$bb_dir/lab:/opt/gthulhu/lab" -- \
		/opt/gthulhu/lab/lab /opt/gthulhu/lab/plan | while read -r bb_line; do
		case $bb_line in
		'# '*) say "  ${bb_line#\# }" ;;
		esac
	done
	bench_harvest "$bb_dir/output.log"
}

# bench_harvest LOG: the lines of every run that came to its end.
bench_harvest() {
	[ -s "$1" ] || return 0
	awk '$1 == "value" || $1 == "failed" { text[$2 " " $3 " " $4] = text[$2 " " $3 " " $4] $0 "\n" }
		$1 == "done" { key = $2 " " $3 " " $4; printf "%s%s\n", text[key], $0; text[key] = "" }' "$1" >>"$bench_results"
	: >"$1"
}

# bench_choose CONTENDER-FILE...: $bench_contenders, those that can be had; reasons go to the results.
bench_choose() {
	bench_contenders='' bench_skipped=''
	: >"$bench_dir/carry"
	for bc_file in "$@"; do
		if bench_carry "$bc_file" >"$bench_dir/carry.one" 2>"$bench_dir/why"; then
			bench_contenders="$bench_contenders $bc_file"
			cat "$bench_dir/carry.one" >>"$bench_dir/carry"
			cat "$bench_dir/why" >&2
		else
			bc_why=$(grep -v '^gthulhu:   ' "$bench_dir/why" | tail -n 1 | sed 's/^gthulhu: //')
			say "skipped: $(bench_name "$bc_file"): $bc_why"
			bench_skipped="$bench_skipped$(bench_name "$bc_file") ${bc_why:-no reason given}
"
		fi
	done
	rm -f "$bench_dir/carry.one" "$bench_dir/why"
}

bench_report() {
	awk -f "$top/bench/report.awk" -f "$top/bench/table.awk" "$bench_results"
	awk -f "$top/bench/report.awk" -f "$top/bench/json.awk" "$bench_results" >"$bench_out.json"
	awk -f "$top/bench/report.awk" -f "$top/bench/plot.awk" "$bench_results" >"$bench_out.svg"
	say "written: $bench_out.json and .svg"
}

bench_command() {
	bench_quick='' bench_series='' bench_fresh='' bench_only='' bench_who=''
	while [ $# -gt 0 ]; do
		case $1 in
		--quick) bench_quick=1; shift ;;
		--only) bench_only="$bench_only $2"; shift 2 ;;
		--contender) bench_who="$bench_who $2"; shift 2 ;;
		--kernel) bench_series=$2; shift 2 ;;
		--fresh) bench_fresh=1; shift ;;
		--list) bench_list; return ;;
		*) bench_usage >&2; die "unknown option $1: see the usage above" ;;
		esac
	done
	set_up all
	bench_kernel=$(kernel_required "$bench_series") || exit 1
	# shellcheck disable=SC2086
	bench_loads=$(bench_files loads $bench_only) || exit 1
	# shellcheck disable=SC2086
	bench_who=$(bench_files contenders $bench_who) || exit 1
	build
	bench_form=full
	[ -z "$bench_quick" ] || bench_form=quick
	bench_dir=$BUILD/bench/${bench_kernel##*/vmlinuz-}-$bench_form-$(bench_key)
	[ -z "$bench_fresh" ] || rm -rf "$bench_dir"
	mkdir -p "$bench_dir"
	bench_results=$bench_dir/values bench_rows=$bench_dir/rows
	touch "$bench_results"
	# a run that was interrupted left its lines in the machine's log
	for bench_log in "$bench_dir"/*/output.log; do
		bench_harvest "$bench_log"
	done
	# shellcheck disable=SC2086
	bench_choose $bench_who
	bench_describe >"$bench_dir/about"
	bench_plan >"$bench_dir/plan"
	bench_left "$bench_dir/plan" >"$bench_rows"
	say "$(wc -l <"$bench_rows") of $(wc -l <"$bench_dir/plan") runs to do: about $((($(bench_seconds <"$bench_rows") + 59) / 60)) minutes"
	awk '{ print $1, $2 }' "$bench_rows" | sort -u >"$bench_dir/machines"
	while read -r bench_mode bench_cpus; do
		bench_boot "$bench_mode" "$bench_cpus" </dev/null
	done <"$bench_dir/machines"
	bench_finish
}

# bench_finish: the table; results of a complete bench go to the tree.
bench_finish() {
	bench_out=$bench_dir/part
	if [ -z "$bench_only" ] && [ -z "$(bench_left "$bench_dir/plan")" ]; then
		mkdir -p "$top/bench/results"
		bench_out=$top/bench/results/${bench_kernel##*/vmlinuz-}
		[ -z "$bench_quick" ] || bench_out=$bench_out-quick
	fi
	cat "$bench_dir/about" "$bench_results" >"$bench_dir/results"
	bench_results=$bench_dir/results
	bench_report
	bf_missing=$(bench_left "$bench_dir/plan" | wc -l)
	[ "$bf_missing" -eq 0 ] || die "$bf_missing runs have no result: see $bench_dir; run this again to repeat them"
	! grep -q '^failed ' "$bench_results" || die "some runs failed: see the table; with --fresh they are done again"
}
