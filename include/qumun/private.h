/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Layout of the BPF half's private maps that libqumun writes before load or reads while running.
 * Not installed and no interface: both sides come from one build, and the library compares the
 * sizes with the object file it loads.
 */
#ifndef QUMUN_PRIVATE_H
#define QUMUN_PRIVATE_H

#include "counters.h"
#include "latency.h"
#include "params.h"
#include "vtime.h"

/* Constants to the verifier: map .rodata.config, written before load. */
struct bpf_config {
	__u64 arena_base; /* user-space address of the arena */
	__u64 shards_off; /* from there */
	__u64 cpus_off;
	__u64 records_off;
	__u32 nr_cpus;
	__u32 nr_shards;
	__u32 max_records;
	__u32 debug;
	__u32 cgroups; /* the kernel tells of cgroups */
	__u32 pad;
};

/* The end of an element of map `slots`: a task's last waits, saturated; the next
 * one is ns[nr & 7]. */
struct bpf_waits {
	__u32 ns[QUMUN_RECENT_WAITS];
	__u32 nr;
	__u32 pad;
};

/* Map `control`, one element: written while running. */
struct bpf_control {
	__u32 mode;	   /* enum qumun_mode */
	__s32 policy_tgid; /* the process that decides; 0: nobody */
	__s32 policy_tid[QUMUN_MAX_SHARDS];
	__u32 record_limit; /* records that user space has touched; never above max_records */
	__u32 rules;	    /* 1: there are rules, changes of tasks are reported */
};

/*
 * Map `handover`, one element: who is the policy, between processes that share the scheduler; see
 * lib/takeover.c. Not in the arena: who writes over that must not make the policy believe that
 * it was replaced.
 */
struct bpf_handover {
	__u32 owner;	   /* process that is the policy */
	__u32 handed_over; /* 1: the former owner let go */
};

/* What tasks of a class, or those for whom a rule counts, had of a CPU. */
struct bpf_share {
	__u64 waits[QUMUN_NR_LATENCY]; /* by qumun_latency_bucket() */
	__u64 wait_ns;
	__u64 run_ns;
};

/*
 * Elements of bpf_cpu_priv.shares: by enum qumun_class, then by a record's place for its rule. Both are
 * powers of two, so that a mask keeps an index that came from shared memory inside.
 */
#define QUMUN_CLASS_SHARES 8
#define QUMUN_NR_SHARES (QUMUN_CLASS_SHARES + QUMUN_RULE_SHARES)

/* Map `cpus`, one element for each possible CPU. */
struct bpf_cpu_priv {
	__u64 up_tail; /* the BPF half's cursor in this CPU's up-ring */
	__u32 shard;
	__u32 online;
	__u64 floor_at;	      /* when the starvation floor was last checked */
	__u64 looked;	      /* tasks looked at in this walk through a queue */
	__u64 balance_queues; /* queues looked at in balance_busy() */
	__u64 relief_at;      /* when this CPU last looked for CPUs that are taken */
	__u64 kthread_ns;     /* its bound kernel threads ran for so long in a row */
	__u64 balance_at;     /* and when for queues that lag behind this one */
	__u64 look_at;	      /* when it last asked to be brought back for such a look */
	__u32 balance_cpu;    /* where the next such look begins */
	__u32 releasing;      /* cpu_release() is putting tasks back into enqueue() */
	__u32 steal_hint; /* CPU + 1 whose queue wants to be looked at first; 0: none */
	__u32 forget;	  /* see forget_value() */
	__u64 latency_turned; /* 1: class latency's budget was used up or came back since */
	__u64 window_at;      /* until when a running task is in it */
	struct vt_window window; /* what class latency took */
	__u64 counters[QUMUN_NR_COUNTERS];
	struct bpf_share shares[QUMUN_NR_SHARES];
	__u64 answers[QUMUN_NR_LATENCY]; /* from question to applied answer */
	__u64 answer_ns;
};

/* Map .data.trace, one element: is somebody reading the trace? */
struct bpf_trace {
	__u32 on;
	__u32 interrupt_bits; /* of the preemption count, while an interrupt is served */
};

/* Map `free_slots`, one element. */
struct bpf_slot_list {
	__u64 head;  /* tag << 32 | slot; QUMUN_NO_SLOT ends the list */
	__u32 fresh; /* slots from here on were never used */
	__u32 pad;
};

/* Map `exit_report`, one element: why the kernel ended the scheduler. */
struct bpf_exit_report {
	__s32 kind; /* 0: it did not */
	__u32 pad;
	__s64 exit_code;
	char reason[128];
	char msg[1024];
	char dump[32768];
};

#endif
