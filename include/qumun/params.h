/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Scheduling parameters shared by the BPF half, user space and the simulator: slices, the
 * nice-to-weight table, hard limits, and the two structs that the reference API publishes.
 *
 * This header includes nothing of the project. The BPF half supplies the __u64 family itself.
 */
#ifndef QUMUN_PARAMS_H
#define QUMUN_PARAMS_H

#if !defined(__bpf__) && !defined(QUMUN_BPF_NATIVE)
#include <linux/types.h>
#endif

/* Time slices, nanoseconds. */
#define BASE_SLICE_NS 5000000ULL /* what a task gets when nothing else is asked */
#define MIN_SLICE_NS 1000000ULL	 /* a slice never shrinks below it */
#define MAX_SLICE_NS 20000000ULL /* a slice never grows beyond it */

/* The weight of nice 0. vruntime advances by runtime * WEIGHT_NICE_0 / weight. */
#define WEIGHT_NICE_0 1024
#define WEIGHT_MIN 15
#define WEIGHT_MAX 88761
/* SCHED_IDLE, class idle and a cgroup with cpu.idle: the kernel's own number. */
#define WEIGHT_IDLE 3

/* Hard limits of one scheduler instance. */
#define QUMUN_MAX_CPUS 1024
#define QUMUN_MAX_SHARDS 64
#define QUMUN_MAX_RECORDS 262144
#define QUMUN_DEFAULT_RECORDS 16384
#define QUMUN_COMM_LEN 16
#define QUMUN_RULE_SHARES 16 /* rules whose waits and runs are counted, the oldest ones */
#define QUMUN_RECENT_WAITS 8 /* waits that are remembered of each task */

/*
 * Defaults of the run-time parameters, with their limits:
 * X(name, unit, default, minimum, maximum, meaning)
 * The configuration, the arena's parameter block and the documentation follow this table.
 */
#define QUMUN_PARAMS(X)                                                                  \
	X(base_slice_ns, "ns", BASE_SLICE_NS, 100000, 100000000, "requested slice")      \
	X(min_slice_ns, "ns", MIN_SLICE_NS, 100000, 100000000, "smallest slice")         \
	X(max_slice_ns, "ns", MAX_SLICE_NS, 100000, 100000000, "largest slice")          \
	X(latency_factor_fp, "1/1024", 1024, 102, 10240,                                 \
	  "scales the slice in deadlines")                                               \
	X(weight_multiplier_fp, "1/1024", 1024, 102, 10240,                              \
	  "scales the weight of named tasks")                                            \
	X(min_run_ns, "ns", 20000, 0, 20000000,                                          \
	  "a task runs this long before a wakeup preempts it")                           \
	X(migration_cost_ns, "ns", 500000, 0, 100000000,                                 \
	  "a task waits this much longer rather than change CPUs")                       \
	X(max_wait_ns, "ns", 1000000000, 10000000, 10000000000,                          \
	  "no runnable task waits longer")                                               \
	X(stall_ns, "ns", 20000000, 1000000, 10000000000, "a later policy is overruled") \
	X(rescue_ns, "ns", 500000000, 10000000, 10000000000,                             \
	  "an undecided task is taken back")                                             \
	X(takeover_ns, "ns", 2000000000, 0, 60000000000,                                 \
	  "the scheduler ends so long after its policy's death")                         \
	X(latency_budget_pct, "%", 95, 1, 100,                                           \
	  "of a CPU over 100 ms, for class latency together")

/*
 * Classes, which a rule gives and SCHED_BATCH and SCHED_IDLE imply:
 * X(NAME, name, latency factor, slice factor, weight, preempts, meaning)
 * Factors are in 1/1024 and scale what the parameters say; weight 0 is the task's own; preempts:
 * may a wakeup take the CPU from who runs there.
 */
#define QUMUN_CLASSES(X)                                                                 \
	X(LATENCY, latency, 256, 1024, 0, 1,                                             \
	  "before everything else, within latency_budget")                               \
	X(INTERACTIVE, interactive, 256, 512, 0, 1, "served sooner, in shorter slices")  \
	X(NORMAL, normal, 1024, 1024, 0, 1, "fair by weight")                            \
	X(BATCH, batch, 2048, 4096, 0, 0,                                                \
	  "served later, in longer slices, never preempts")                              \
	X(IDLE, idle, 4096, 1024, WEIGHT_IDLE, 0, "the smallest weight, never preempts")

enum qumun_class {
	QUMUN_CLASS_NONE, /* no rule says; as the task's kernel policy says */
#define X(NAME, name, latency, slice, weight, preempts, doc) QUMUN_CLASS_##NAME,
	QUMUN_CLASSES(X)
#undef X
		QUMUN_NR_CLASSES
};

/* May a rule's tasks preempt when they wake? */
enum qumun_preempt {
	QUMUN_PREEMPT_BY_CLASS,
	QUMUN_PREEMPT_YES,
	QUMUN_PREEMPT_NO,
};

/* Weight of each nice level, -20 first (the reference API's table). */
static const int prio_to_weight[40] = {
	/* -20 */ 88761, 71755, 56483, 46273, 36291,
	/* -15 */ 29154, 23254, 18705, 14949, 11916,
	/* -10 */ 9548,	 7620,	6100,  4904,  3906,
	/*  -5 */ 3121,	 2501,	1991,  1586,  1277,
	/*   0 */ 1024,	 820,	655,   526,   423,
	/*   5 */ 335,	 272,	215,   172,   137,
	/*  10 */ 110,	 87,	70,    56,    45,
	/*  15 */ 36,	 29,	23,    18,    15,
};

/* A row of task_info_map, keyed by pid. Field order and types are the reference API's. */
struct task_info {
	__u64 vruntime;		/* virtual runtime, ns of a nice-0 task */
	__u32 weight;		/* weight, its cgroups' included, 1..102400 */
	__u32 slice_ns;		/* last time slice */
	__u64 exec_start;	/* when it last began to run, CLOCK_MONOTONIC ns */
	__u64 sum_exec_runtime; /* ns on a CPU since attach or since its row was deleted */
	__u32 voluntary_ctxt_switches;	  /* as in /proc/PID/status */
	__u32 nonvoluntary_ctxt_switches; /* as in /proc/PID/status */
};

/* Counters of one CPU, or summed over all. Monotonic while attached. */
struct perf_counters {
	__u64 dispatch_count;	    /* tasks put on a dispatch queue */
	__u64 enqueue_count;	    /* times a task was made runnable */
	__u64 context_switch_count; /* times a task began to run */
	__u64 total_runtime;	    /* ns that tasks ran */
	__u64 idle_time;	    /* ns since attach that no task ran */
};

#endif
