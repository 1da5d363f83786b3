/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The BPF half's state. Shared memory (the arena) is reached through arena_*(); private state,
 * which user space cannot write, through *_priv() and the volatile constants below.
 */
#ifndef QUMUN_BPF_STATE_H
#define QUMUN_BPF_STATE_H

#include "../include/qumun/abi.h"
#include "../include/qumun/private.h"
#include "../include/qumun/ring.h"
#include "../include/qumun/vtime.h"

/* Its own section, so that the loader finds it without a skeleton. */
LOADER_CONST struct bpf_config config SEC(".rodata.config") = {
	.arena_base = 1,
	.nr_cpus = 1,
	.nr_shards = 1,
	.max_records = QUMUN_DEFAULT_RECORDS,
};

#define nr_cpus config.nr_cpus
#define nr_shards config.nr_shards
#define max_records config.max_records

enum run_mode { MODE_USER = 0, MODE_KERNEL = 1 };

/* A task record's private half. */
struct slot_priv {
	struct task_struct __kptr *task;
	u64 q;	       /* generation << 8 | enum qumun_state: the truth about custody */
	u64 enq_at;    /* when it was last queued to the policy */
	u64 exec_base; /* its se.sum_exec_runtime when it got the record */
	u32 on_dsq;    /* CPU + 1 of the dispatch queue that holds it, or 0 */
	u32 next_free;
	u32 incarnation;
	u32 pinned;	    /* queued with migration disabled */
	u64 standing_until; /* the standing decision that was taken over last: */
	u32 standing_gen;   /* left in answer to this question, or a later change, */
	u32 standing_left;  /* for so many more wakeups */
	u64 cred;	    /* its credentials and set of cgroups as last seen, */
	u64 css_set;	    /* pointers that are only compared; see rules.bpf.h */
	/* cgroup.bpf.h */
	u32 group;		/* handle of its cgroup; 0: the root */
	u32 weight;		/* its own */
	u32 active;		/* what the group's sum holds of it; 0: it sleeps */
	u32 shard;		/* that was asked about it last */
	struct bpf_waits waits; /* last, where libqumun looks for it */
};

QUMUN_STATIC_ASSERT(__builtin_offsetof(struct slot_priv, waits) +
				    sizeof(struct bpf_waits) ==
			    sizeof(struct slot_priv),
		    "the waits end a slot");

struct shard_priv {
	/* written by enqueue */
	u64 pushed;	  /* asks, in all; the arena's `taken` says how many were read */
	u64 undecided;	  /* tasks that wait for an answer */
	u64 undecided_at; /* when that became non-zero */
	u64 wake_sent_at; /* a wakeup is on its way; 0: none */
	u64 wake_sent_round; /* the round that the policy had completed then */
	u64 parked_at;	     /* when the policy thread was last parked */
	u64 pad0[2];
	/* the policy thread */
	u64 parked;	/* 1: runnable, in our queue of policy threads */
	u64 policy_cpu; /* CPU + 1 where it parked if it may not use all; 0: it may */
	u64 granted_at; /* first CPU time (or wakeup) since its last sign of life; 0: none */
	u64 last_decision; /* when it last answered validly */
	u64 rounds;	   /* the arena's round counter as last seen, */
	u64 passed_at;	   /* and when it was seen to have moved */
	u64 run_at;	   /* when the policy thread began to run; 0: not running */
	u64 run_pushed;	   /* `pushed` and */
	u64 run_decision; /* `last_decision` when it last got a CPU, and how many times */
	u64 vain_runs;	  /* in a row it got one and neither had moved */
	/* the down-ring's consumer */
	u64 drain_lock;
	u64 down_head; /* our cursor */
	u64 autopilot; /* 1: the BPF half decides */
	u64 autopilot_at;
	u64 autopilot_rounds;
	u64 mute;      /* 1: because the policy runs and answers nothing */
	u64 grant_at;  /* when the policy last got a CPU during autopilot */
	u64 scan;      /* where the next take-back scan begins, in words of queued_bits */
	u64 urgent;    /* 1: a pending ask wants a busy CPU at once */
	u64 gone_at;   /* when the policy's process died; 0: it lives */
	s32 gone_tgid; /* that process */
	u32 pad2;
	u64 rescue_at;	  /* when the last rescue scan ran */
	u64 nr_online;	  /* of its CPUs */
	u64 home;	  /* one of them, where asks come from */
	u64 hotplug;	  /* 1: a CPU went offline; its queue may hold tasks */
	u64 sweep_at;	  /* when offline CPUs' queues were last looked at */
	u64 sweep_cpu;	  /* and where the next look begins */
	u64 watch_pushed; /* `pushed` when the watch last looked */
	u64 watch_cpu;	  /* and the CPU that it called last */
	u64 tick_kicked; /* when a tick last ended a slice for the parked policy thread */
	u64 look_cpu; /* CPU + 1 that wants to look at the queues after the next answer */
};

/* See watch.bpf.h. */
struct watch {
	struct bpf_timer timer;
	u64 ended; /* 1: the scheduler was detached, the timer ends */
};

struct task_ctx {
	u32 slot; /* its record, or QUMUN_NO_SLOT */
	u32 incarnation;
	u32 on_dsq; /* of one without a record, as in struct slot_priv, */
	u32 pad;
	u64 queued_at; /* and since when */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
} arena SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_ctx);
} task_ctxs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct slot_priv);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} queued_bits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct bpf_cpu_priv);
} cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, QUMUN_MAX_SHARDS);
	__type(key, u32);
	__type(value, struct shard_priv);
} shards SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct bpf_control);
} control SEC(".maps");

/* for user space only */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct bpf_handover);
} handover SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct bpf_slot_list);
} free_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct bpf_exit_report);
} exit_report SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct watch);
} watch SEC(".maps");

/* pid -> accounting, for tools; user space copies changed records here every 100 ms. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, s32);
	__type(value, struct task_info);
} task_info_map SEC(".maps");

/* Wakes the sleeping policy thread of a shard. */
struct bell {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

/* One for each shard; the library puts them in. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, QUMUN_MAX_SHARDS);
	__type(key, u32);
	__array(values, struct bell);
} policy_bells SEC(".maps");

/* slots (u64) of tasks whose rule may have changed */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} rule_events SEC(".maps");

/* pids (s32) of tasks that are gone */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} exit_events SEC(".maps");

/*
 * Programs that reach the arena only through computed addresses must still name the map once,
 * or the verifier does not tie them to it.
 */
#ifndef QUMUN_BPF_NATIVE
#define use_arena() asm volatile("r1 = %[a] ll" ::[a] "i"(&arena) : "r1")
#else
#define use_arena() ((void)0)
#endif

static __always_inline struct qumun_arena QUMUN_ARENA *arena_header(void)
{
	return (struct qumun_arena QUMUN_ARENA *)config.arena_base;
}

static __always_inline struct qumun_cpu QUMUN_ARENA *arena_cpu(u32 cpu)
{
	if (cpu >= nr_cpus)
		cpu = 0;
	return (struct qumun_cpu QUMUN_ARENA *)(config.arena_base + config.cpus_off +
						cpu * sizeof(struct qumun_cpu));
}

static __always_inline struct qumun_shard QUMUN_ARENA *arena_shard(u32 shard)
{
	return (struct qumun_shard QUMUN_ARENA *)(config.arena_base + config.shards_off +
						  shard * sizeof(struct qumun_shard));
}

/* @slot must be below the record limit. */
static __always_inline struct qumun_task QUMUN_ARENA *arena_task(u32 slot)
{
	return (struct qumun_task QUMUN_ARENA *)(config.arena_base + config.records_off +
						 (u64)slot * sizeof(struct qumun_task));
}

static __always_inline struct bpf_cpu_priv *cpu_priv(u32 cpu)
{
	return bpf_map_lookup_elem(&cpus, &cpu);
}

static __always_inline struct shard_priv *shard_priv(u32 shard)
{
	return bpf_map_lookup_elem(&shards, &shard);
}

/* Are all CPUs of @shard offline? Then others serve it, as far as that is needed. */
static __always_inline bool orphaned(u32 shard)
{
	struct shard_priv *sh = shard_priv(shard);

	return sh && !shm_load(&sh->nr_online);
}

static __always_inline struct slot_priv *slot_priv(u32 slot)
{
	return bpf_map_lookup_elem(&slots, &slot);
}

static __always_inline struct bpf_control *control_priv(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

static __always_inline struct task_ctx *task_ctx(struct task_struct *p)
{
	return bpf_task_storage_get(&task_ctxs, p, NULL, 0);
}

/*
 * May @p, which enqueue() got, not leave its CPU for a while? A program that runs on behalf of a
 * task disables its migration once itself: for the current task that one does not count, nor that
 * of cpu_release(), which queues it anew when a real-time task takes its CPU. From another CPU the
 * two can't be told apart.
 */
static __always_inline bool migration_off(struct bpf_cpu_priv *cp, struct task_struct *p)
{
	struct task_struct *current = bpf_get_current_task_btf();
	u32 ours = current && current->pid == p->pid ? 1 + cp->releasing : 0;

	return p->migration_disabled > ours;
}

/*
 * @value, of which the verifier knows nothing any more: what it knows, it follows apart from every
 * other value that could be there, all the way to the end. Where one of few numbers comes out of
 * comparisons that is most of its work.
 */
static __always_inline u32 forget_value(struct bpf_cpu_priv *cp, u32 value)
{
	shm_store(&cp->forget, value);
	return shm_load(&cp->forget);
}

/*
 * Going round the CPUs from the one after @cpu: the one of turn @i, below nr_cpus. Reckoned from
 * scratch, because a number carried from turn to turn makes each a new state for the verifier.
 */
static __always_inline u32 cpu_after(u32 cpu, u32 i)
{
	u32 at = cpu + 1 + i;

	return at >= nr_cpus ? at - nr_cpus : at;
}

#define count_add(cp, name, n) ((cp)->counters[QUMUN_C_##name] += (n))
#define count(cp, name) count_add(cp, name, 1)

static __always_inline u64 state_word(u64 gen, enum qumun_state state)
{
	return gen << 8 | state;
}

static __always_inline u32 state_of(u64 word)
{
	return word & 0xff;
}

/* The generation travels in 32 bits; it wraps after four billion enqueues of one task. */
static __always_inline u32 gen_of(u64 word)
{
	return (u32)(word >> 8);
}

static __always_inline u64 bounded(u64 v, u64 min, u64 max)
{
	return v < min ? min : v > max ? max : v;
}

/*
 * bounded_stall_ns() and so on: a time of the arena's parameters, within its limits whoever wrote
 * there: none that keeps the BPF half from its duties goes without.
 */
#define X(name, unit, def, min, max, doc)                                                \
	static __always_inline u64 bounded_##name(void)                                  \
	{                                                                                \
		return bounded(arena_header()->params.name, min, max);                   \
	}
QUMUN_PARAMS(X)
#undef X

#define SLICE_FLOOR_NS 100000ULL /* = VT_LATENCY_MIN_NS */
#define SLICE_CEILING_NS 100000000ULL

/*
 * No slice that was read from the arena, or made of parameters there, goes to the kernel as it
 * is: the largest number means for ever.
 */
static __always_inline u64 bounded_slice(u64 slice)
{
	if (slice < SLICE_FLOOR_NS)
		return SLICE_FLOOR_NS;
	return slice > SLICE_CEILING_NS ? SLICE_CEILING_NS : slice;
}

static __always_inline u64 dsq_of_cpu(u32 cpu)
{
	return cpu;
}

static __always_inline u64 dsq_of_policy(u32 shard)
{
	return (1ULL << 32) + shard;
}

/*
 * Remember which queue holds a task, so that each CPU's queue length is known to the policy.
 * Swaps make the sum right whoever wins a race.
 */
static __always_inline void note_queued(u32 *on_dsq, u32 cpu)
{
	u32 old = shm_swap(on_dsq, cpu + 1);

	if (old)
		shm_add(&arena_cpu(old - 1)->nr_queued, -1);
	shm_add(&arena_cpu(cpu)->nr_queued, 1);
}

static __always_inline void note_unqueued(u32 *on_dsq)
{
	u32 old;

	if (!shm_load(on_dsq))
		return;
	old = shm_swap(on_dsq, 0);
	if (old)
		shm_add(&arena_cpu(old - 1)->nr_queued, -1);
}

#endif
