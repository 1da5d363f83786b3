# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154
about='what a decision costs, 4 pairs: as pipe, with the time of each BPF operation'
machine='icount 1'
seconds=2
metrics='bpf_ns:ns:less bpf_calls::less bpf_select_cpu_ns:ns:less bpf_enqueue_ns:ns:less bpf_dispatch_ns:ns:less bpf_running_ns:ns:less bpf_stopping_ns:ns:less'
load() {
	progcost pingpong --pairs 4 --rounds 5000 | sed '/^ns_per_switch/d'
}
