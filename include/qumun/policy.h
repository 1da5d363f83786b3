/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * qumun/policy.h - what a policy author reads
 *
 * A policy is a table of functions over task records: a task and the time go in, decisions come
 * out. It has no clock, no I/O, no threads and no randomness of its own, so the same object file
 * runs on a live kernel and in the simulator. All callbacks of one policy instance are called
 * from one thread, except init, which qumun_attach() calls before; nothing in them may allocate,
 * lock, log or make a system call.
 *
 * The smallest complete policy:
 *
 *     static void fifo_enqueue(struct qumun_policy_ctx *ctx, struct qumun_task *t, __u64 now)
 *     {
 *             const struct qumun_cpu *cpu = qumun_policy_cpu(ctx, t->cpu);
 *             struct qumun_decision d = { .cpu = QUMUN_CPU_ANY, .slice_ns = BASE_SLICE_NS };
 *
 *             d.vtime = cpu ? cpu->front : now;
 *             qumun_dispatch(ctx, t, &d);
 *     }
 *     QUMUN_POLICY(fifo, "first come, first served", .enqueue = fifo_enqueue);
 */
#ifndef QUMUN_POLICY_H
#define QUMUN_POLICY_H

#include "abi.h"
#include "atomic.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this interface; a policy built for another one is refused. Since 0.1. */
#define QUMUN_POLICY_ABI 3

/* Any CPU that the task may use: the engine chooses the one it ran on last. */
#define QUMUN_CPU_ANY (-1)
/* One of qumun_decision.cpus: the engine chooses an idle one near, else the shortest queue. */
#define QUMUN_CPU_SET (-2)

struct qumun_policy_ctx;

/*
 * struct qumun_decision - what is to happen to a queued task
 * @cpu:      CPU whose queue gets it, QUMUN_CPU_ANY or QUMUN_CPU_SET. A CPU that does not exist,
 *            is offline or is forbidden to the task is replaced by the task's own, and counted.
 * @flags:    QUMUN_PREEMPT: end the slice of whoever runs there; QUMUN_HEAD: before all others
 * @slice_ns: how long it may run; clamped to 100 us .. 100 ms
 * @vtime:    its key in that CPU's queue: smaller runs first (signed difference, so it may wrap).
 *            Tasks that the BPF half decides itself are in the same queue, with keys near
 *            qumun_cpu.front: a key that is far beyond the front is served after all of them.
 *            A policy whose keys are virtual deadlines (qumun/vtime.h) leaves each in t->deadline
 *            too; then the BPF half evens out the queues of different CPUs by them.
 * @cpus:     for QUMUN_CPU_SET: bits of CPUs 0..63. If the task may use none of them, as
 *            QUMUN_CPU_ANY.
 */
struct qumun_decision {
	__s32 cpu;
	__u32 flags;
	__u64 slice_ns;
	__u64 vtime;
	__u64 cpus;
};

/*
 * struct qumun_terms - a decision for a task's next wakeups (qumun_leave_standing())
 * @deadline_ns: its key in the queue: where the task stands in virtual time, and so much later;
 *               at most QUMUN_STANDING_AHEAD_NS
 * @slice_ns:    how long it may run; clamped to 100 us .. 100 ms
 * @flags:       QUMUN_PREEMPT: it may end the slice of a task with a later deadline that had its
 *               minimum (min_run_ns). QUMUN_LEAD: its deadline is before all others' that do not
 *               lead, as class latency's; while that class's budget on its CPU is used up the
 *               policy is asked instead.
 * @wakeups:     for so many, at most QUMUN_STANDING_WAKEUPS
 * @for_ns:      for so long from @now, at most QUMUN_STANDING_NS
 */
struct qumun_terms {
	__u64 deadline_ns;
	__u64 slice_ns;
	__u32 flags;
	__u32 wakeups;
	__u64 for_ns;
};

/*
 * struct qumun_policy_ops - a policy
 * @abi_version: QUMUN_POLICY_ABI
 * @size:        sizeof(struct qumun_policy_ops), so that the table can grow
 * @name:        what --policy takes. Required.
 * @description: one line for people
 * @state_size:  bytes of private state, at most 1 GiB; the host zeroes them before @init
 * @tick_ns:     how often @tick is called: 1 ms (QUMUN_TICK_MIN_NS) to an hour (QUMUN_TICK_MAX_NS),
 *               else the nearer bound
 *
 * @init:      called once for each instance, before its first task. 0 or a negative errno, which
 *             ends the attach.
 * @enqueue:   @t became runnable and waits. Answer now with qumun_dispatch(), or keep the task
 *             and answer from a later callback. Required.
 * @dispatch:  the end of a pass: a policy that keeps tasks hands out what it wants to. Passes
 *             happen when something became runnable, and at least once a second; a task that is
 *             kept for longer than rescue_ns is decided by the BPF half, and all of them for a
 *             second if none was answered for twice stall_ns. Optional.
 * @cancel:    a kept task is no longer waiting (it was requeued, rescued, or it left). Noticed
 *             when its record is next asked about, just before @enqueue; do not count on
 *             promptness. Optional.
 * @task_init: first time that this policy sees @t; t->policy[] is zero. Optional.
 * @task_exit: the task that had the record in @slot (qumun_task_slot()) is gone. Its record may be
 *             another's already, so keep what must outlive it in the policy's state, by slot.
 *             Called once for each task that the policy has seen, before the next one in that
 *             slot is, at the latest some passes later; if it was kept, @cancel comes first.
 *             Optional.
 * @tick:      every tick_ns while any task beside the policy thread runs or waits; when the
 *             machine was idle meanwhile, with the next pass. That may be a second away: nobody is
 *             asked about tasks that find an idle CPU. Optional.
 * @timer:     the time of qumun_set_timer() has come. Optional.
 * @covered:   @nr wakeups of @t were decided by the policy's standing decision since it was last
 *             asked about @t. Called just before @enqueue, with the record as of now. Optional.
 *
 * @flags:     QUMUN_POLICY_SHARDS, or 0
 *
 * @now is in ns of the scheduler's clock, near CLOCK_MONOTONIC (abi.h): when the newest task asked
 * about so far became runnable, or the present while the policy has a timer, or a tick and any task
 * beside its thread runs or waits. It never goes back within one instance, and else stands still
 * while nothing becomes runnable.
 */
struct qumun_policy_ops {
	__u32 abi_version;
	__u32 size;
	const char *name;
	const char *description;
	__u64 state_size;
	__u64 tick_ns;
	int (*init)(struct qumun_policy_ctx *ctx);
	void (*enqueue)(struct qumun_policy_ctx *ctx, struct qumun_task *t, __u64 now);
	void (*dispatch)(struct qumun_policy_ctx *ctx, __u64 now);
	void (*cancel)(struct qumun_policy_ctx *ctx, struct qumun_task *t, __u64 now);
	void (*task_init)(struct qumun_policy_ctx *ctx, struct qumun_task *t, __u64 now);
	void (*task_exit)(struct qumun_policy_ctx *ctx, __u32 slot, __u64 now);
	void (*tick)(struct qumun_policy_ctx *ctx, __u64 now);
	void (*timer)(struct qumun_policy_ctx *ctx, __u64 now);
	void (*covered)(struct qumun_policy_ctx *ctx, struct qumun_task *t, __u32 nr);
	__u64 flags;
};

/*
 * The policy may have several instances in one process, each with its own state, called from a
 * thread of its own: it keeps nothing in static variables. A task may be asked about by one
 * instance after the other: t->policy[] is zeroed when an instance meets the task for the first
 * time and else holds what the last one left, which while the policy is being changed may be another
 * policy's: nothing may lie there that does harm if it is wrong.
 */
#define QUMUN_POLICY_SHARDS 0x1ULL

#pragma GCC visibility push(default)

/*
 * Answer for @t, which must be waiting (its enqueue was called and it was not answered since).
 * 0; -ENOENT if it no longer waits (dropped and counted, nothing to do); -EAGAIN if the ring of
 * answers is full: keep the task and answer in the next @dispatch. Since 0.1.
 */
int qumun_dispatch(struct qumun_policy_ctx *ctx, struct qumun_task *t,
		   const struct qumun_decision *d);

/*
 * Leave a standing decision with the record of @t, which this policy was asked about: @t's next
 * wakeups that find no idle CPU are put by the BPF half into the queue of the CPU where @t is,
 * as @terms say, without asking. Where @t stands in virtual time is worked out as by vt_decide():
 * its vruntime, no further behind that queue's front than a sleeper's credit.
 *
 * It holds until as many wakeups or as much time are over as @terms say, until @t's affinity,
 * weight or rule or any parameter changes, until the policy is asked about @t and leaves another,
 * or until qumun_drop_standing(). Ends of slices are asked about as ever, and so is everything
 * else while it holds: it never keeps a task from being asked about that waits already.
 *
 * 0; -ENOENT if this policy was not asked about @t; -EINVAL if @terms exceed a limit or are for
 * no wakeup. Since 0.1.
 */
int qumun_leave_standing(struct qumun_policy_ctx *ctx, struct qumun_task *t,
			 const struct qumun_terms *terms);

/* Take it back: @t's next wakeup is asked about. Since 0.1. */
void qumun_drop_standing(struct qumun_policy_ctx *ctx, struct qumun_task *t);

/*
 * Call @timer at time @at, on the clock of @now, or as soon after it as the policy thread gets a
 * CPU: a sleeping one is woken and preempts; on a CPU that it left to others it waits for the next
 * tick of the kernel. When four of its runs in a row brought neither a question nor an answer, it
 * waits for the end of a slice instead, as it does without a timer. There is one timer, the last
 * call counts. It fires once, not sooner than 100 us after the pass in which it was set, however
 * long ago @at is. 0, or a time that never comes (2^63 or later, such as ~0ULL): none. Since 0.1.
 */
#define QUMUN_TIMER_MIN_NS 100000ULL
#define QUMUN_TICK_MIN_NS 1000000ULL
#define QUMUN_TICK_MAX_NS 3600000000000ULL
void qumun_set_timer(struct qumun_policy_ctx *ctx, __u64 at);

/*
 * Make @cpu look for work: an idle one wakes, on a busy one QUMUN_PREEMPT in @flags ends the slice
 * of a task that has run for min_run_ns. Dropped while the BPF half decides (kernel mode or
 * autopilot).
 * 0; -EINVAL: no such CPU; -EAGAIN: the ring of answers is full. Since 0.1.
 */
int qumun_kick(struct qumun_policy_ctx *ctx, __s32 cpu, __u32 flags);

/*
 * An idle CPU that @t may use, the nearest to @cpu: itself, one of its core, of its last-level
 * cache, of its node, any. -1 if there is none. A hint: another task may be quicker. Looks at
 * every CPU at worst. Since 0.1.
 */
__s32 qumun_idle_near(const struct qumun_policy_ctx *ctx, const struct qumun_task *t,
		      __s32 cpu);

/* The number of @t's record, below qumun_max_tasks(): an index for tables. Since 0.1. */
__u32 qumun_task_slot(const struct qumun_policy_ctx *ctx, const struct qumun_task *t);
__u32 qumun_max_tasks(const struct qumun_policy_ctx *ctx);

/* The policy's private state: state_size bytes, zeroed at first. Since 0.1. */
void *qumun_policy_state(struct qumun_policy_ctx *ctx);

/* CPUs are numbered 0 .. n-1; some may be offline. Since 0.1. */
__u32 qumun_nr_cpus(const struct qumun_policy_ctx *ctx);

/*
 * What runs on @cpu and how long its queue is, or NULL if there is no such CPU. The fields up to
 * `online` are for reading; they are hints and may be a switch old. Since 0.1.
 */
const struct qumun_cpu *qumun_policy_cpu(const struct qumun_policy_ctx *ctx, __s32 cpu);

/* The run-time parameters, current as of this pass. Since 0.1. */
const struct qumun_param_block *qumun_policy_params(const struct qumun_policy_ctx *ctx);

/* Does @t still wait for the answer to the question that enqueue last put? Since 0.1. */
int qumun_task_waiting(const struct qumun_policy_ctx *ctx, const struct qumun_task *t);

#ifdef QUMUN_POLICY_PLUGIN
/* what QUMUN_POLICY() defines; a constant of C++ is its file's own unless it was declared before */
extern const struct qumun_policy_ops qumun_policy_plugin;
#endif

#pragma GCC visibility pop

/* May @t run on @cpu, as far as its record tells? Since 0.1. */
static inline int qumun_task_may_use(const struct qumun_task *t, __s32 cpu)
{
	if (t->flags & QUMUN_TASK_ALL_CPUS)
		return 1;
	if (cpu == t->cpu)
		return 1;
	return cpu >= 0 && cpu < 64 && (t->allowed >> cpu & 1);
}

/*
 * Define a policy: qumun_policy_NAME, or, when built as a shared object (-DQUMUN_POLICY_PLUGIN),
 * the symbol that qumun_load_policy() and `gthulhu --policy FILE.so` look for. What follows the
 * description are members of struct qumun_policy_ops, in its order for C++. Since 0.1.
 */
#ifdef QUMUN_POLICY_PLUGIN
#define QUMUN_POLICY_OBJECT(_name) const struct qumun_policy_ops qumun_policy_plugin
#else
#define QUMUN_POLICY_OBJECT(_name) const struct qumun_policy_ops qumun_policy_##_name
#endif
#define QUMUN_POLICY(_name, _description, ...)                                           \
	QUMUN_POLICY_OBJECT(_name) = { .abi_version = QUMUN_POLICY_ABI,                  \
				       .size = sizeof(struct qumun_policy_ops),          \
				       .name = #_name,                                   \
				       .description = _description,                      \
				       __VA_ARGS__ }

#ifdef __cplusplus
}
#endif
#endif
