/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cpu.weight of nested cgroups, flattened into the weight of each task.
 *
 * The kernel's documentation (cgroup-v2.rst) has a group and the tasks beside it compete with
 * their weights, level by level. Here every task competes alone, with what the levels leave of
 * its own weight:
 *
 *	its weight * W(g) / S(g) * W(parent) / S(parent) * ...    up to, not including, the root
 *
 * W(g) is cpu.weight in the units of a task's weight (100 is nice 0, 1024), S(g) the sum of the
 * weights of what is active in g: its runnable tasks and the child groups that have some. So the
 * tasks of a group together weigh what the group does, however many they are, and a task of the
 * root has the weight it always had. The idea of a flat hierarchy is that of the kernel's example
 * scx_flatcg; unlike there, a group's tasks stand in the queues of the CPUs themselves.
 *
 * A group with cpu.idle weighs 3, as a SCHED_IDLE task does.
 *
 * S(g) is one number for the whole machine, as are the weights of the kernel's own groups; what
 * follows from that on several CPUs is in docs/design.md.
 *
 * Cost. A task of the root pays a comparison. Any other pays a lookup, a look at the clock, a
 * multiplication and a division when it is queued and when it begins to run, and an addition when
 * it wakes and when it sleeps. A group that gets its first runnable task or loses its last one adds
 * to its parent's sum. The levels above a group are walked by the first who is weighed in it after
 * its share was made in another SHARE_AGE, whatever changed there and however often: of 100,000
 * groups a second that come and go the others notice no more than the additions to the sums above.
 *
 * Error. S(g) of the task's own group is always that of the moment. The fractions of the levels
 * above are up to SHARE_AGE (1 ms) old, so after any change there (a sibling that became active or
 * idle, a weight, or a task beside the group, as threaded groups and the first hierarchy have them,
 * that came, went or got another nice value) a task may be queued, and charged for the one slice
 * that it begins, as if the change had come that much later.
 */
#ifndef QUMUN_BPF_CGROUP_H
#define QUMUN_BPF_CGROUP_H

#include "state.bpf.h"

#define MAX_GROUPS                                                                       \
	4096 /* a power of two; groups beyond it compete as tasks of the root */
#define MAX_LEVELS 64
#define SHARE_SHIFT 16	   /* of a share's fraction */
#define SHARE_AGE_SHIFT 20 /* SHARE_AGE: 2^20 ns */
#define SHARE_AGE_BITS 24  /* how many of them are told apart; it wraps after 4.9 hours */
#define ACTIVE_NR_SHIFT 40 /* 4 million tasks of nice -20 weigh less than half of 2^40 */

/*
 * What everybody below reads first, what wakeups and sleeps write behind it. No line of 64 bytes
 * has parts of both, wherever the kernel lets the values of a map begin (at a multiple of 8).
 */
struct group {
	u32 handle;  /* incarnation * MAX_GROUPS + index; 0: free */
	u32 parent;  /* index; 0: the root */
	u32 weight;  /* W */
	u32 own;     /* what cpu.weight makes of W, and cpu.idle overrides */
	u32 idle;    /* cpu.idle */
	u32 nr_used; /* times that the entry was taken */
	u64 share; /* W times the fractions above it, and when that was (share_time()) */
	u64 pad0[7];
	u64 active; /* its runnable tasks and active children: how many, and S; see active_nr() */
	struct bpf_spin_lock lock; /* of `counted` and `weight` */
	u32 counted; /* what the parent's sum holds of it: W, or 0 while it has nothing active */
	u64 pad1[7];
};

QUMUN_STATIC_ASSERT(__builtin_offsetof(struct group, active) -
					    __builtin_offsetof(struct group, share) >=
				    64 &&
			    sizeof(struct group) -
					    __builtin_offsetof(struct group, counted) >=
				    60,
		    "what is written often has its own cache lines");

struct group_tree {
	u32 last; /* the entry that was taken last */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_GROUPS);
	__type(key, u32);
	__type(value, struct group);
} groups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct group_tree);
} group_tree SEC(".maps");

struct cgroup_ctx {
	u32 handle;
};

struct {
	__uint(type, BPF_MAP_TYPE_CGRP_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct cgroup_ctx);
} cgroup_ctxs SEC(".maps");

static __always_inline struct group *group_at(u32 index)
{
	index &= MAX_GROUPS - 1;
	return bpf_map_lookup_elem(&groups, &index);
}

static __always_inline struct group_tree *tree(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&group_tree, &zero);
}

/* NULL: the root, or a group that is gone. */
static __always_inline struct group *group_of(u32 handle)
{
	struct group *g = handle ? group_at(handle) : NULL;

	return g && g->handle == handle ? g : NULL;
}

static __always_inline u32 cgroup_handle(struct cgroup *cgrp)
{
	struct cgroup_ctx *ctx;

	if (!config.cgroups || !cgrp)
		return 0;
	ctx = bpf_cgrp_storage_get(&cgroup_ctxs, cgrp, NULL, 0);
	return ctx ? ctx->handle : 0;
}

/*
 * A group's `active` changes by active_one() for each member that comes or goes: its number and
 * its weight in one addition. The low 40 bits are a signed sum: it is negative for a moment when
 * what two CPUs add for one member arrives in the other order, and must not borrow from the number.
 */
static __always_inline u64 active_one(u32 weight)
{
	return (1ULL << ACTIVE_NR_SHIFT) + weight;
}

static __always_inline s64 active_nr(u64 active)
{
	return (s64)(active + (1ULL << (ACTIVE_NR_SHIFT - 1))) >> ACTIVE_NR_SHIFT;
}

static __always_inline s64 active_sum(u64 active)
{
	return (s64)(active << (64 - ACTIVE_NR_SHIFT)) >> (64 - ACTIVE_NR_SHIFT);
}

/*
 * The group at @index got its first active member, lost its last one, or weighs something else:
 * make its parent's sum agree, and so on upwards. What is counted follows the state as it is when
 * the lock is held, so of two CPUs that come here in the wrong order the second sets it right.
 */
__noinline int group_settle(u32 index)
{
	struct group *g, *parent;
	u32 i, old, new, up;
	u64 was;

	bpf_for(i, 0, MAX_LEVELS) {
		if (!(g = group_at(index)))
			break;
		bpf_spin_lock(&g->lock);
		old = g->counted;
		new = g->handle &&active_nr(shm_load(&g->active)) > 0 ? g->weight : 0;
		up = g->parent;
		g->counted = new;
		bpf_spin_unlock(&g->lock);
		if (new == old || !up || !(parent = group_at(up)))
			break;
		if (old && new) {
			shm_add(&parent->active, (u64) new - old);
			break;
		}
		was = __sync_fetch_and_add(&parent->active,
					   new ? active_one(new) : -active_one(old));
		if (active_nr(was) != (new ? 0 : 1))
			break;
		index = up;
	}
	return 0;
}

/*
 * S of @g, in which a member weighs @weight: no part is more than the whole. It is less while the
 * member is not counted yet, and negative while what two CPUs add to it arrives in the other order.
 */
static __always_inline u64 sum_with(struct group *g, u32 weight)
{
	s64 sum = active_sum(shm_load(&g->active));

	return sum < (s64)weight ? weight : (u64)sum;
}

static __always_inline u64 share_time(void)
{
	return (clock_now() >> SHARE_AGE_SHIFT) & ((1 << SHARE_AGE_BITS) - 1);
}

/*
 * W of the group at @index times the fractions of the levels above it; kept for the rest of the
 * SHARE_AGE that @time is. Two CPUs may do it at once: the number and its time are written as one.
 */
__noinline u64 group_share(u32 index, u64 time)
{
	struct group *g = group_at(index), *up;
	u32 i, at, weight;
	u64 share, sum;

	if (!g)
		return (u64)WEIGHT_NICE_0 << SHARE_SHIFT;
	weight = g->weight;
	share = (u64)weight << SHARE_SHIFT;
	at = g->parent;
	bpf_for(i, 0, MAX_LEVELS) {
		if (!at || !(up = group_at(at)))
			break;
		sum = sum_with(up, weight);
		weight = up->weight;
		if (sum)
			share = share * weight / sum;
		at = up->parent;
	}
	/* while it has nothing active the sums above lack it: too much for who wakes in it next */
	if (shm_load(&g->counted))
		shm_store(&g->share, share << SHARE_AGE_BITS | time);
	return share;
}

/* What a task of the group @handle weighs in the end whose own weight is @own. */
__noinline u32 weight_in(u32 handle, u32 own)
{
	struct group *g = group_of(handle);
	u64 share, sum, weight, time;

	if (!g)
		return own;
	time = share_time();
	share = shm_load(&g->share);
	/* 0: it was never made */
	if (!share || ((share ^ time) & ((1 << SHARE_AGE_BITS) - 1)))
		share = group_share(handle, time);
	else
		share >>= SHARE_AGE_BITS;
	sum = sum_with(g, own);
	if (!sum)
		return 1;
	weight = (own * share / sum + (1 << (SHARE_SHIFT - 1))) >> SHARE_SHIFT;
	return weight ? weight : 1;
}

static __always_inline u32 flat_weight(struct slot_priv *s)
{
	return s->group ? weight_in(s->group, s->weight) : s->weight;
}

/*
 * The task in @s is runnable, or runs: its group counts it. Everything about one task's part in
 * the sums happens under the lock of its runqueue or, while it wakes, under its own (pi_lock),
 * which all who change a task from outside hold as well.
 */
static __always_inline void group_join(struct slot_priv *s)
{
	struct group *g;

	if (s->active || !(g = group_of(s->group)))
		return;
	s->active = s->weight;
	if (active_nr(__sync_fetch_and_add(&g->active, active_one(s->weight))) == 0)
		group_settle(s->group);
}

/* The task in @slot, of a group, is runnable: count it, and bring its weight up to date. */
__noinline int weigh_member(u32 slot)
{
	struct slot_priv *s = slot_priv(slot);

	use_arena();
	if (!s || slot >= max_records)
		return 0;
	group_join(s);
	arena_task(slot)->weight = weight_in(s->group, s->weight);
	return 0;
}

/* That in @slot, which was counted, sleeps or is gone. */
__noinline int forget_member(u32 slot)
{
	struct slot_priv *s = slot_priv(slot);
	struct group *g;
	u32 active;

	if (!s)
		return 0;
	active = s->active;
	s->active = 0;
	g = group_of(s->group);
	if (!g)
		return 0;
	if (active_nr(__sync_fetch_and_add(&g->active, -active_one(active))) == 1)
		group_settle(s->group);
	return 0;
}

static __always_inline void weigh(struct slot_priv *s, u32 slot)
{
	if (s->group)
		weigh_member(slot);
}

static __always_inline void group_leave(struct slot_priv *s, u32 slot)
{
	if (s->active)
		forget_member(slot);
}

/* Its own weight became @weight. */
static __always_inline void set_own_weight(struct slot_priv *s,
					   struct qumun_task QUMUN_ARENA *rec, u32 weight)
{
	struct group *g = s->active ? group_of(s->group) : NULL;

	if (g) {
		shm_add(&g->active, (u64)weight - s->active);
		s->active = weight;
	}
	s->weight = weight;
	rec->weight = flat_weight(s);
}

static __always_inline u32 weight_of_cgroup(u32 cpu_weight)
{
	u32 weight = cpu_weight * WEIGHT_NICE_0 / 100;

	return weight ? weight : 1;
}

/*
 * Take a free entry. Groups come and go one at a time (the kernel holds its cgroup lock); the one
 * that was free for longest is next, so that a late task of a dead group meets its own entry.
 */
__noinline u32 group_take(u32 parent, u32 weight, bool idle)
{
	struct group_tree *t = tree();
	struct group *g;
	u32 i, index, handle;

	if (!t)
		return 0;
	index = t->last;
	bpf_for(i, 0, MAX_GROUPS) {
		index = (index + 1) & (MAX_GROUPS - 1);
		if (!index || !(g = group_at(index)) || g->handle)
			continue;
		t->last = index;
		handle = g->nr_used * MAX_GROUPS + index;
		g->nr_used++;
		g->parent = parent & (MAX_GROUPS - 1);
		g->own = weight;
		g->idle = idle;
		g->weight = idle ? WEIGHT_IDLE : weight;
		g->counted = 0;
		g->active = 0;
		g->share = 0;
		shm_store_release(&g->handle, handle);
		return handle;
	}
	return 0;
}

/* Older kernels tell of cpu.idle only when it is written. */
static __always_inline bool starts_idle(struct scx_cgroup_init_args *args)
{
	return bpf_core_field_exists(args->sched_idle) && args->sched_idle;
}

static __always_inline void group_reweigh(u32 handle, struct group *g)
{
	/* cpu.weight and cpu.idle may be written at once: the later one here sees both */
	bpf_spin_lock(&g->lock);
	g->weight = g->idle ? WEIGHT_IDLE : g->own;
	bpf_spin_unlock(&g->lock);
	group_settle(handle);
}

s32 BPF_STRUCT_OPS(gthulhu_cgroup_init, struct cgroup *cgrp,
		   struct scx_cgroup_init_args *args)
{
	struct bpf_cpu_priv *cp = cpu_priv(bpf_get_smp_processor_id());
	struct cgroup_ctx *own;
	struct cgroup *up;
	u32 parent = 0;

	if (!config.cgroups || !cp || cgrp->level <= 0)
		return 0; /* the root is entry 0 */
	up = bpf_cgroup_ancestor(cgrp, cgrp->level - 1);
	if (up) {
		parent = cgroup_handle(up);
		bpf_cgroup_release(up);
	}
	own = bpf_cgrp_storage_get(&cgroup_ctxs, cgrp, NULL,
				   BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (own)
		own->handle = group_take(parent, weight_of_cgroup(args->weight),
					 starts_idle(args));
	if (!own || !own->handle)
		count(cp, cgroups_refused);
	return 0;
}

void BPF_STRUCT_OPS(gthulhu_cgroup_exit, struct cgroup *cgrp)
{
	u32 handle = cgroup_handle(cgrp);
	struct group *g = group_of(handle);

	if (!g)
		return;
	/*
	 * Tasks that are about to be gone may still be counted, or join just now: without a handle
	 * nothing is counted for it, and who settles after this one finds that too.
	 */
	shm_store(&g->handle, 0);
	group_settle(handle);
}

void BPF_STRUCT_OPS(gthulhu_cgroup_set_weight, struct cgroup *cgrp, u32 weight)
{
	u32 handle = cgroup_handle(cgrp);
	struct group *g = group_of(handle);

	if (!g)
		return;
	g->own = weight_of_cgroup(weight);
	group_reweigh(handle, g);
}

void BPF_STRUCT_OPS(gthulhu_cgroup_set_idle, struct cgroup *cgrp, bool idle)
{
	u32 handle = cgroup_handle(cgrp);
	struct group *g = group_of(handle);

	if (!g)
		return;
	g->idle = idle;
	group_reweigh(handle, g);
}

#endif
