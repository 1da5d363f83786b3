#compdef gthulhuctl
# SPDX-License-Identifier: Apache-2.0
# Completion for zsh: /usr/share/zsh/vendor-completions/_gthulhuctl

local -a commands params
commands=(
	'status:what runs and how it fares'
	'stats:every counter, or what changes each second'
	'latency:how long tasks wait before they run'
	'shares:what classes and rules had of the CPUs'
	'task:one task'"'"'s record'
	'tasks:many tasks'
	'params:run-time parameters'
	'rules:which tasks matter, and how'
	'explain:which rule counts, why, and what a change would do'
	'mode:who decides'
	'policy:what decides'
	'top:live view'
	'trace:what the scheduler does, for ui.perfetto.dev'
	'record:the same as text'
	'dump:status, stats, latency and tasks as JSON'
	'bugreport:all that a bug report needs'
	'schema:every request that the daemon answers'
)
params=(base_slice_ns= min_slice_ns= max_slice_ns= latency_factor= weight_multiplier= min_run_ns= migration_cost_ns=
		max_wait_ns= stall_ns= rescue_ns= takeover_ns= latency_budget_pct=)

_arguments -C \
	'(-s --socket)'{-s,--socket}'[socket of the daemon]:socket:_files' \
	'(-j --json)'{-j,--json}'[print JSON]' \
	'(- *)'{-V,--version}'[version]' \
	'(- *)'{-h,--help}'[help]' \
	'1:command:->command' \
	'*::argument:->argument'

case $state in
command) _describe command commands ;;
argument)
	case $words[1] in
	stats) _arguments '--watch[rates each second]:seconds:' '--json' ;;
	latency) _arguments '--cpu[one CPU]:CPU:' '--rule[one rule]:id:' \
		'--class[one class]:class:(latency interactive normal batch idle)' '--for[from now on]:seconds:' '--json' ;;
	task) _arguments '1:process:_pids' '--json' ;;
	tasks)
		_arguments '--sort[order]:order:(recent runtime wait max_wait runs)' \
			'--limit[how many]:number:' '--json'
		;;
	params) if ((CURRENT == 2)); then _values what get set; else compadd -S '' -a params; fi ;;
	rules) if ((CURRENT == 2)); then _values what list add remove load save; else _files; fi ;;
	explain)
		_arguments '--pid[thread]:process:_pids' '--cgroup[all below it]:cgroup:' \
			'--comm[all so named]:name:' '--rule[proposed]:rule:' '--without[that goes]:id:' '--json'
		;;
	mode) _values mode user kernel ;;
	policy)
		if ((CURRENT == 2)); then
			_values what list set
		else
			_alternative 'policies:policy:(gthulhu fifo)' 'files:file:_files'
		fi
		;;
	top) _arguments '--interval[between updates]:seconds:' ;;
	trace)
		_arguments '--seconds[how long]:seconds:' '-o[file]:file:_files' \
			'-i[a record to draw]:file:_files'
		;;
	record) _arguments '--seconds[how long]:seconds:' '-o[file]:file:_files' ;;
	bugreport) _arguments '-o[file]:file:_files' ;;
	esac
	;;
esac
