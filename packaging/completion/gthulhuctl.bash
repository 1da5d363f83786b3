# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Completion for bash: /usr/share/bash-completion/completions/gthulhuctl

_gthulhuctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command='' i words=''
	local params='base_slice_ns= min_slice_ns= max_slice_ns= latency_factor= weight_multiplier= min_run_ns= migration_cost_ns=
		max_wait_ns= stall_ns= rescue_ns= takeover_ns= latency_budget_pct='

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s | --socket) i=$((i + 1)) ;;
		-*) ;;
		*)
			command=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	case $prev in
	-s | --socket | -o | --output | -i | --input)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--class)
		mapfile -t COMPREPLY < <(compgen -W 'latency interactive normal batch idle' -- "$cur")
		return
		;;
	--sort)
		mapfile -t COMPREPLY < <(compgen -W 'recent runtime wait max_wait runs' -- "$cur")
		return
		;;
	esac
	case $command in
	'') words='status stats latency shares task tasks params rules explain mode policy top trace record dump bugreport schema
		--socket --json --version --help' ;;
	stats) words='--watch --json' ;;
	latency) words='--cpu --class --rule --for --json' ;;
	task) words=$(cd /proc && echo [0-9]*) ;;
	tasks) words='--sort --limit --json' ;;
	params)
		words='get set'
		[[ " ${COMP_WORDS[*]} " != *' set '* ]] || words=$params
		compopt -o nospace
		;;
	mode) words='user kernel' ;;
	policy)
		words='list set gthulhu fifo'
		compopt -o default
		;;
	rules)
		words='list add remove load save'
		compopt -o default
		;;
	explain) words='--pid --cgroup --comm --rule --without --json' ;;
	top) words='--interval' ;;
	trace) words='--seconds -o -i' ;;
	record) words='--seconds -o' ;;
	bugreport) words='-o' ;;
	status | shares | dump | schema) words='--json' ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _gthulhuctl gthulhuctl
