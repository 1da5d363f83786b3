# SPDX-License-Identifier: Apache-2.0
# Completion for fish: /usr/share/fish/vendor_completions.d/gthulhuctl.fish

set -l commands status stats latency shares task tasks params rules explain mode policy top trace record dump bugreport schema
complete -c gthulhuctl -f
complete -c gthulhuctl -s s -l socket -r -F -d 'socket of the daemon'
complete -c gthulhuctl -s j -l json -d 'print JSON'
complete -c gthulhuctl -s V -l version -d version
complete -c gthulhuctl -s h -l help -d help

set -l none "not __fish_seen_subcommand_from $commands"
complete -c gthulhuctl -n $none -a status -d 'what runs and how it fares'
complete -c gthulhuctl -n $none -a stats -d 'every counter, or what changes each second'
complete -c gthulhuctl -n $none -a latency -d 'how long tasks wait before they run'
complete -c gthulhuctl -n $none -a shares -d 'what classes and rules had of the CPUs'
complete -c gthulhuctl -n $none -a task -d "one task's record"
complete -c gthulhuctl -n $none -a tasks -d 'many tasks'
complete -c gthulhuctl -n $none -a params -d 'run-time parameters'
complete -c gthulhuctl -n $none -a rules -d 'which tasks matter, and how'
complete -c gthulhuctl -n $none -a explain -d 'which rule counts, why, and what a change would do'
complete -c gthulhuctl -n $none -a mode -d 'who decides'
complete -c gthulhuctl -n $none -a policy -d 'what decides'
complete -c gthulhuctl -n $none -a top -d 'live view'
complete -c gthulhuctl -n $none -a trace -d 'what the scheduler does, for ui.perfetto.dev'
complete -c gthulhuctl -n $none -a record -d 'the same as text'
complete -c gthulhuctl -n $none -a dump -d 'status, stats, latency and tasks as JSON'
complete -c gthulhuctl -n $none -a bugreport -d 'all that a bug report needs'
complete -c gthulhuctl -n $none -a schema -d 'every request that the daemon answers'

complete -c gthulhuctl -n '__fish_seen_subcommand_from stats' -l watch -d 'rates each second'
complete -c gthulhuctl -n '__fish_seen_subcommand_from latency' -l cpu -x -d 'one CPU'
complete -c gthulhuctl -n '__fish_seen_subcommand_from latency' -l class -x -a 'latency interactive normal batch idle'
complete -c gthulhuctl -n '__fish_seen_subcommand_from latency' -l rule -x -d 'id of a rule'
complete -c gthulhuctl -n '__fish_seen_subcommand_from latency' -l for -x -d seconds
complete -c gthulhuctl -n '__fish_seen_subcommand_from task' -a '(__fish_complete_pids)'
complete -c gthulhuctl -n '__fish_seen_subcommand_from tasks' -l sort -x -a 'recent runtime wait max_wait runs'
complete -c gthulhuctl -n '__fish_seen_subcommand_from tasks' -l limit -x -d 'how many'
complete -c gthulhuctl -n '__fish_seen_subcommand_from params' -a 'get set base_slice_ns= min_slice_ns= max_slice_ns= latency_factor= weight_multiplier= min_run_ns= migration_cost_ns= max_wait_ns= stall_ns= rescue_ns= takeover_ns= latency_budget_pct='
complete -c gthulhuctl -n '__fish_seen_subcommand_from rules' -F -a 'list add remove load save'
complete -c gthulhuctl -n '__fish_seen_subcommand_from explain' -l pid -x -a '(__fish_complete_pids)' -d thread
complete -c gthulhuctl -n '__fish_seen_subcommand_from explain' -l cgroup -x -d 'all below a cgroup'
complete -c gthulhuctl -n '__fish_seen_subcommand_from explain' -l comm -x -d 'all so named'
complete -c gthulhuctl -n '__fish_seen_subcommand_from explain' -l rule -x -d 'a proposed rule'
complete -c gthulhuctl -n '__fish_seen_subcommand_from explain' -l without -x -d 'a rule that goes'
complete -c gthulhuctl -n '__fish_seen_subcommand_from mode' -a 'user kernel'
complete -c gthulhuctl -n '__fish_seen_subcommand_from policy' -F -a 'list set gthulhu fifo'
complete -c gthulhuctl -n '__fish_seen_subcommand_from top' -l interval -x -d seconds
complete -c gthulhuctl -n '__fish_seen_subcommand_from bugreport' -s o -r -F -d file
complete -c gthulhuctl -n '__fish_seen_subcommand_from trace record' -l seconds -x -d 'how long'
complete -c gthulhuctl -n '__fish_seen_subcommand_from trace record' -s o -r -F -d file
complete -c gthulhuctl -n '__fish_seen_subcommand_from trace' -s i -r -F -d 'a record'
