/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The arena: memory that the BPF half and the policy process both map.
 *
 *     struct qumun_arena        header: identity, geometry, parameters
 *     struct qumun_shard[]      one per policy thread: its down-ring, sleep flag, round counter
 *     struct qumun_cpu[]        one per CPU: its up-ring and what runs there
 *     struct qumun_task[]       one record per task: the slab, indexed by slot
 *
 * Times are ns of the BPF half's clock: the kernel's scheduler clock, or CLOCK_MONOTONIC on kernels
 * without scx_bpf_now(). The two run apart by some ms from boot on, and by what time adjustment
 * does to CLOCK_MONOTONIC; `clock_ahead` is for user space that waits for a time.
 *
 * Everything is fixed width, offsets are asserted below, and QUMUN_ABI_VERSION guards them: a
 * process takes over a running scheduler only if it speaks the same version.
 *
 * Trust: user space can write all of it. The BPF half keeps its own cursors, limits and the
 * truth about custody in maps that user space does not see, and treats what it reads here as a
 * hint that can cost good scheduling, never safety.
 *
 * Custody. A queued task is in exactly one hand. The truth is the word `q` of the BPF half's
 * private slot (generation << 8 | state); the record's `state` is its published copy:
 *
 *     from                to              by           when
 *     any                 QUEUED, gen+1   BPF enqueue  the policy is asked; an undecided
 *                                                      predecessor counts as cancelled
 *     QUEUED(gen)         DISPATCHED      BPF dispatch a decision names slot and gen (one
 *                                                      compare-and-swap; the loser is stale)
 *     QUEUED(gen)         DISPATCHED,     BPF          take-back from a silent policy, whose
 *                         gen+1                        later answer is stale
 *     any                 DISPATCHED      BPF          decided without the policy
 *     any                 RUNNING         BPF running  some tasks never pass enqueue
 *     RUNNING             NONE            BPF stopping
 *     any                 NONE            BPF          exit, class change
 *
 * The policy never writes the word: it answers with the generation it was asked about, and a
 * decision for another generation is dropped and counted.
 */
#ifndef QUMUN_ABI_H
#define QUMUN_ABI_H

#include "params.h"

#ifdef __cplusplus
#define QUMUN_STATIC_ASSERT static_assert
#else
#define QUMUN_STATIC_ASSERT _Static_assert
#endif

#define QUMUN_ABI_VERSION 8
#define QUMUN_ARENA_MAGIC 0x61726e756d7571ULL /* "qumunra", little endian */

#define QUMUN_UP_SLOTS 1024   /* entries of a CPU's up-ring, a power of two */
#define QUMUN_DOWN_SLOTS 4096 /* entries of a shard's down-ring, a power of two */
#define QUMUN_NO_SLOT 0xffffffffU

enum qumun_state {
	QUMUN_NONE = 0,
	QUMUN_QUEUED = 1,
	QUMUN_DISPATCHED = 2,
	QUMUN_RUNNING = 3,
};

/* Flags of a record. */
#define QUMUN_TASK_KTHREAD 0x1U	 /* a kernel thread: decided by the BPF half */
#define QUMUN_TASK_WAKEUP 0x2U	 /* queued because it woke, not because its slice ended */
#define QUMUN_TASK_ALL_CPUS 0x4U /* may run on every CPU */
#define QUMUN_TASK_PINNED                                                                \
	0x8U /* may not leave `cpu` now (affinity or migration disabled) */
#define QUMUN_TASK_PREEMPTED 0x10U /* queued because a wakeup preempted it */

/*
 * A record's rule_marks: may the task preempt (enum qumun_preempt), and where its waits and runs
 * count for its rule, 1 .. QUMUN_RULE_SHARES, or 0: nowhere.
 */
#define QUMUN_MARKS_PREEMPT(marks) ((marks) & 3)
#define QUMUN_MARKS_SHARE(marks) ((marks) >> 2)
#define QUMUN_MARKS(preempt, share) ((preempt) | (share) << 2)

/*
 * A standing decision: what the policy left for a task's next wakeups, which are then decided
 * without asking it. qumun_leave_standing() writes it; `until` goes to 0 first and is written
 * last, but a wakeup meanwhile may still see parts of two decisions of the same policy.
 *
 * The BPF half takes one over when it first meets it, and only if it was left in answer to a
 * later question (`gen`) than the one before and than the last change of the task's affinity or
 * weight: a policy that is not asked cannot prolong it. From then on the BPF half counts wakeups
 * and time in memory of its own, within its own limits. `terms` and `rule_changes` must still be
 * what they were.
 */
#define QUMUN_STANDING_WAKEUPS 256	      /* longest by count, */
#define QUMUN_STANDING_NS 1000000000ULL	      /* by time */
#define QUMUN_STANDING_AHEAD_NS 0xffffffffULL /* and the latest deadline */

struct qumun_standing {
	__u64 until; /* 0: there is none */
	__u32 gen;   /* the question in whose answer it was left */
	__u32 terms; /* low half of params_seq then: a change of parameters ends it */
	__u32 deadline_ns; /* virtual deadline: where the task stands, and so much later */
	__u32 slice_ns;	   /* clamped to 100 us .. 100 ms */
	__u16 wakeups;	   /* for so many of them */
	__u8 flags;	   /* QUMUN_PREEMPT: if the deadline is earlier; QUMUN_LEAD */
	__u8 rule_changes; /* as in the record when it was left */
	__u32 covered;	   /* wakeups decided so; written by the BPF half */
};

/*
 * A task record. The BPF half writes it, except `policy` and `standing`, which belong to the
 * policy, and what a rule gives. While a task is queued to the policy the BPF half leaves
 * vruntime, vcpu, deadline and slice_ns alone and the policy may write them.
 */
struct qumun_task {
	/* first line: what a decision reads */
	__u64 state;	/* generation << 8 | enum qumun_state; see Custody above */
	__u64 vruntime; /* virtual runtime, relative to the queue of CPU vcpu */
	__u64 deadline; /* virtual deadline of the current request */
	__u64 enq_at;	/* when it became runnable */
	__u32 slice_ns; /* slice of the current request */
	__u32 weight; /* its own and its cgroups', 1..102400; VT_WEIGHT() applies the rule */
	__s32 cpu;    /* where it ran last or was placed on wakeup */
	__s32 vcpu;  /* the CPU whose front vruntime is relative to */
	__u32 flags; /* QUMUN_TASK_* */
	__u32 nr_cpus_allowed;
	__u64 allowed; /* CPUs 0..63 that it may run on */
	/* second line: accounting */
	__u64 exec_start;  /* when it last began to run */
	__u64 sum_exec;	   /* ns on a CPU */
	__u64 sum_wait;	   /* ns runnable but not running */
	__u64 nr_runs;	   /* times it began to run */
	__u64 nr_wakeups;  /* times it woke */
	__u32 nvcsw;	   /* voluntary context switches */
	__u32 nivcsw;	   /* involuntary context switches */
	__u32 last_run_ns; /* length of its last run, saturated */
	__u32 max_wait_us; /* longest wait */
	__u64 rule_cpus;   /* the rule's CPUs of 0..63; 0: wherever the task may run */
	/* third line: identity */
	__s32 pid; /* thread id in the initial namespace */
	__s32 tgid;
	__u32 incarnation; /* changes when the slot goes to another task */
	__u32 uid;
	__u64 cgroup_id;  /* cgroup v2 id (inode number of its directory) */
	__u64 start_time; /* boot-based, ns */
	char comm[QUMUN_COMM_LEN];
	/* what a rule gives; written by libqumun, inherited by a forked child (task.bpf.h) */
	__u32 rule_id;	     /* 0: no rule matches */
	__u32 rule_weight;   /* 0: the task's own */
	__u32 rule_slice_ns; /* 0: by the class */
	__u8 rule_class;     /* enum qumun_class */
	__u8 rule_marks;     /* QUMUN_MARKS_PREEMPT(), QUMUN_MARKS_SHARE() */
	__u8 own_class; /* by SCHED_NORMAL, SCHED_BATCH, SCHED_IDLE; if no rule gives one */
	__u8 rule_changes; /* times that libqumun wrote these fields */
	/* fourth line: the policy's own */
	struct qumun_standing standing;
	__u64 policy[4];
};

QUMUN_STATIC_ASSERT(sizeof(struct qumun_task) == 256, "a record is four cache lines");
QUMUN_STATIC_ASSERT(__builtin_offsetof(struct qumun_task, exec_start) == 64,
		    "second line");
QUMUN_STATIC_ASSERT(__builtin_offsetof(struct qumun_task, pid) == 128, "third line");
QUMUN_STATIC_ASSERT(__builtin_offsetof(struct qumun_task, rule_cpus) == 120,
		    "rule's CPUs");
QUMUN_STATIC_ASSERT(__builtin_offsetof(struct qumun_task, rule_id) == 176,
		    "rule's fields");
QUMUN_STATIC_ASSERT(__builtin_offsetof(struct qumun_task, standing) == 192,
		    "fourth line");
QUMUN_STATIC_ASSERT(__builtin_offsetof(struct qumun_task, policy) == 224,
		    "the policy's bytes");

/* An up-ring entry: who is asked about. */
struct qumun_ask {
	__u32 slot;
	__u32 gen;
};

/* A down-ring entry: the answer. */
struct qumun_answer {
	__u32 slot; /* QUMUN_NO_SLOT: no task, a kick of @cpu; QUMUN_PREEMPT as below */
	__u32 gen;
	__s32 cpu;	/* target; validated against the task's affinity */
	__u32 flags;	/* QUMUN_PREEMPT, QUMUN_HEAD */
	__u64 slice_ns; /* clamped to 100 us .. 100 ms */
	__u64 vtime;	/* key in the target's queue, smaller first */
};

#define QUMUN_PREEMPT 0x1U /* end the slice of whoever runs there */
#define QUMUN_HEAD 0x2U	   /* before everything in the target's queue */
#define QUMUN_LEAD 0x4U	   /* standing: as class latency, within its budget on that CPU */

/* Cursors run freely; an index is cursor & (slots - 1). Each on its own line. */
struct qumun_cursors {
	__u64 tail; /* written by the producer */
	__u64 pad0[7];
	__u64 head; /* written by the consumer */
	__u64 pad1[7];
};

struct qumun_cpu {
	/* what runs here, written by the BPF half on every switch */
	__u64 front;	     /* vruntime front of this CPU's queue */
	__u64 curr_deadline; /* virtual deadline of the running task */
	__u64 curr_start;    /* when it began; 0 when the CPU is idle */
	__u32 curr_slice_ns;
	__u32 curr_slot; /* QUMUN_NO_SLOT: it has no record; what ran last while idle */
	__u32 curr_weight;
	__s32 nr_queued; /* tasks in this CPU's dispatch queue */
	__u16 shard;
	__u16 llc, core, node; /* CPUs with equal numbers share a last-level cache, ... */
	__u32 online;
	__u32 latency_left_ns; /* slice that class latency may get now; 0: it comes last */
	__u64 base; /* this queue's virtual times minus it compare with other queues' */
	/* its up-ring: produced by enqueue on this CPU, consumed by the shard's policy */
	struct qumun_cursors up;
	struct qumun_ask up_ring[QUMUN_UP_SLOTS];
};

QUMUN_STATIC_ASSERT(__builtin_offsetof(struct qumun_cpu, up) == 64,
		    "cursors on own lines");

struct qumun_shard {
	__u64 sleeping; /* 1: the policy thread is about to wait or waits; see engine/engine.h */
	__u64 autopilot; /* 1: the BPF half decides in its place; for tools */
	__u64 timer_at; /* when the policy wants to run again, on the BPF half's clock; 0: never */
	__u64 clock_ahead; /* what CLOCK_MONOTONIC is ahead of that clock; 0: not known yet */
	__u64 pad0[4];
	__u64 rounds; /* complete passes of the policy over its rings: its sign of life */
	__u64 taken;  /* asks that it has read in these, in all: the sum of its cursors */
	__u64 pad1[6];
	struct qumun_cursors down;
	struct qumun_answer down_ring[QUMUN_DOWN_SLOTS];
};

/* Parameters as the BPF half and the policies read them; a change bumps `params_seq`. */
struct qumun_param_block {
#define X(name, unit, def, min, max, doc) __u64 name;
	QUMUN_PARAMS(X)
#undef X
};

struct qumun_arena {
	__u64 magic;
	__u32 abi_version;
	__u32 nr_cpus;
	__u32 nr_shards;
	__u32 max_records;
	__u64 size;	  /* bytes, all of it */
	__u64 shards_off; /* from the start of the arena */
	__u64 cpus_off;
	__u64 records_off;
	__u64 attached_at; /* CLOCK_MONOTONIC ns */
	__u64 params_seq;
	struct qumun_param_block params;
};

QUMUN_STATIC_ASSERT(sizeof(struct qumun_arena) <= 4096, "the header fits its page");
QUMUN_STATIC_ASSERT(sizeof(struct qumun_answer) == 32, "two answers a cache line");

/* The reference API's layout: what a tool that was built for that page reads. */
#define QUMUN_TASK_INFO_AT(field, offset, bytes)                                         \
	QUMUN_STATIC_ASSERT(__builtin_offsetof(struct task_info, field) == (offset) &&   \
				    sizeof(((struct task_info *)0)->field) == (bytes),   \
			    "task_info." #field)
QUMUN_TASK_INFO_AT(vruntime, 0, 8);
QUMUN_TASK_INFO_AT(weight, 8, 4);
QUMUN_TASK_INFO_AT(slice_ns, 12, 4);
QUMUN_TASK_INFO_AT(exec_start, 16, 8);
QUMUN_TASK_INFO_AT(sum_exec_runtime, 24, 8);
QUMUN_TASK_INFO_AT(voluntary_ctxt_switches, 32, 4);
QUMUN_TASK_INFO_AT(nonvoluntary_ctxt_switches, 36, 4);
#undef QUMUN_TASK_INFO_AT
QUMUN_STATIC_ASSERT(sizeof(struct task_info) == 40, "the reference API's layout");

#endif
