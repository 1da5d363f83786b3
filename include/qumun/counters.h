/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every counter of the scheduler, once: X(name, meaning). The BPF half keeps them per CPU, the
 * library sums them, and everything that prints them follows this table.
 *
 * At rest they reconcile exactly:
 *     made runnable = direct + asked + standing + kernel_*          (all causes)
 *     asked         = decided + taken_back + rescued + cancelled + still queued
 */
#ifndef QUMUN_COUNTERS_H
#define QUMUN_COUNTERS_H

#define QUMUN_COUNTERS(X)                                                                \
	X(direct, "woken onto an idle CPU without asking")                               \
	X(asked, "queued to the policy")                                                 \
	X(standing, "wakeups decided by what the policy had left for them")              \
	X(kernel_mode, "decided by the BPF half: kernel mode")                           \
	X(kernel_autopilot, "decided by the BPF half: the policy was late")              \
	X(kernel_kthread, "decided by the BPF half: a kernel thread")                    \
	X(kernel_self,                                                                   \
	  "decided by the BPF half: a thread of the scheduler's own process")            \
	X(kernel_no_record, "decided by the BPF half: no free task record")              \
	X(kernel_ring_full, "decided by the BPF half: the up-ring was full")             \
	X(kernel_exiting, "decided by the BPF half: an exiting task")                    \
	X(kernel_offline, "decided by the BPF half: queued by a CPU that goes offline")  \
	X(decided, "decisions of the policy applied")                                    \
	X(taken_back, "taken back from a late policy")                                   \
	X(rescued, "taken back because it alone waited too long")                        \
	X(cancelled, "requeued, run or gone before the policy answered")                 \
	X(stale, "decisions dropped: the task was no longer waiting for them")           \
	X(doubled, "decisions dropped: the task had been decided already")               \
	X(bad_slot, "decisions dropped: no such task record")                            \
	X(bad_cpu, "decisions redirected: no such CPU or offline")                       \
	X(forbidden_cpu, "decisions redirected: the task may not run there")             \
	X(standing_expired, "standing decisions that ended, by time or by count")        \
	X(standing_dropped,                                                              \
	  "standing decisions that ended: affinity, weight, rule or parameters changed") \
	X(ring_broken, "a ring cursor that made no sense")                               \
	X(runs, "times a task began to run")                                             \
	X(resumed, "of these: it went on after a real-time task or a change of its own") \
	X(run_ns, "ns that tasks ran")                                                   \
	X(wait_ns, "ns that tasks were runnable but not running")                        \
	X(migrations, "moves of a task to another CPU, queued there or running")         \
	X(steals, "tasks taken from another CPU's queue by an idle one")                 \
	X(pulls, "tasks taken from another CPU's queue by a busy one, to be fair")       \
	X(preempt_kicks, "CPUs asked to drop the running task for a waking one")         \
	X(policy_kicks, "CPUs kicked because the policy asked for it")                   \
	X(idle_kicks, "idle CPUs asked to look at their queue")                          \
	X(floor_runs, "tasks run first because they had waited max_wait")                \
	X(policy_runs, "times a policy thread was given a CPU")                          \
	X(policy_ns, "ns that policy threads ran")                                       \
	X(policy_wakes, "times a sleeping policy thread was woken")                      \
	X(autopilot_late, "times the BPF half took over: no answer for stall_ns")        \
	X(autopilot_mute,                                                                \
	  "times the BPF half took over: no valid answer for twice stall_ns")            \
	X(autopilot_blocked,                                                             \
	  "times the BPF half took over: the policy thread was stopped or blocked")      \
	X(autopilot_gone, "times the BPF half took over: the policy thread exited")      \
	X(autopilot_ns, "ns spent so")                                                   \
	X(tasks_seen, "tasks that had a record")                                         \
	X(tasks_gone, "tasks whose record was given back")                               \
	X(cgroups_refused,                                                               \
	  "cgroups whose weight does not count: 4,095 have one already")                 \
	X(rule_events_lost,                                                              \
	  "reports for the rules dropped; everybody is looked at instead")               \
	X(exit_events_lost, "exit events dropped: the reader was too slow")              \
	X(trace_events_lost, "events of a trace dropped: the reader was too slow")       \
	X(rows_refused, "tasks without a row in task_info_map: max_tasks reached")

enum qumun_counter {
#define X(name, doc) QUMUN_C_##name,
	QUMUN_COUNTERS(X)
#undef X
		QUMUN_NR_COUNTERS
};

#endif
