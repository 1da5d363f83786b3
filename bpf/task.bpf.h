/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A task's record from init_task to exit_task: the slab's free list, identity, affinity, weight.
 */
#ifndef QUMUN_BPF_TASK_H
#define QUMUN_BPF_TASK_H

#include "autopilot.bpf.h"
#include "rules.bpf.h"
#include "standing.bpf.h"

#define SLOT_TRIES 64

/*
 * Take a free slot: a stack with a tagged head, so that a slot that was taken and given back
 * between our read and our swap is noticed; behind it, slots that were never used.
 */
static __always_inline u32 slot_take(void)
{
	struct bpf_control *ctl = control_priv();
	struct bpf_slot_list *list;
	struct slot_priv *s;
	u32 zero = 0, slot, i, limit;
	u64 head;

	list = bpf_map_lookup_elem(&free_slots, &zero);
	if (!list || !ctl)
		return QUMUN_NO_SLOT;
	limit = ctl->record_limit < max_records ? ctl->record_limit : max_records;
	bpf_for(i, 0, SLOT_TRIES) {
		head = shm_load(&list->head);
		slot = (u32)head;
		if (slot == QUMUN_NO_SLOT)
			break;
		s = slot_priv(slot);
		if (!s)
			return QUMUN_NO_SLOT;
		if (shm_cas(&list->head, head,
			    ((head >> 32) + 1) << 32 | shm_load(&s->next_free)))
			return slot;
	}
	/* never beyond the limit and back: what is taken back could be given out twice */
	bpf_for(i, 0, SLOT_TRIES) {
		slot = shm_load(&list->fresh);
		if (slot >= limit)
			break;
		if (shm_cas(&list->fresh, slot, slot + 1))
			return slot;
	}
	return QUMUN_NO_SLOT;
}

static __always_inline void slot_give(struct slot_priv *s, u32 slot)
{
	struct bpf_slot_list *list;
	u32 zero = 0, i;
	u64 head;

	list = bpf_map_lookup_elem(&free_slots, &zero);
	if (!list)
		return;
	bpf_for(i, 0, SLOT_TRIES) {
		head = shm_load(&list->head);
		shm_store(&s->next_free, (u32)head);
		if (shm_cas(&list->head, head, ((head >> 32) + 1) << 32 | slot))
			return;
	}
}

static __always_inline void task_note_affinity(struct task_struct *p,
					       struct qumun_task QUMUN_ARENA *rec,
					       const struct cpumask *mask)
{
	u64 allowed = 0;
	u32 i, nr = nr_cpus < 64 ? nr_cpus : 64, flags = rec->flags;

	bpf_for(i, 0, nr) {
		if (bpf_cpumask_test_cpu(i, mask))
			allowed |= 1ULL << i;
	}
	rec->allowed = allowed;
	rec->nr_cpus_allowed = p->nr_cpus_allowed;
	flags &= ~(QUMUN_TASK_ALL_CPUS | QUMUN_TASK_PINNED);
	if (p->nr_cpus_allowed >= nr_cpus)
		flags |= QUMUN_TASK_ALL_CPUS;
	if (p->nr_cpus_allowed == 1)
		flags |= QUMUN_TASK_PINNED;
	rec->flags = flags;
}

/* Nice value and kernel policy: the kernel calls set_weight() for a change of either. */
static __always_inline void task_note_weight(struct task_struct *p, struct slot_priv *s,
					     struct qumun_task QUMUN_ARENA *rec)
{
	set_own_weight(s, rec,
		       p->policy == SCHED_IDLE ? WEIGHT_IDLE
					       : vt_weight_of_prio(p->static_prio));
	rec->own_class = p->policy == SCHED_IDLE    ? QUMUN_CLASS_IDLE
			 : p->policy == SCHED_BATCH ? QUMUN_CLASS_BATCH
						    : QUMUN_CLASS_NORMAL;
}

/* What the policy left for the next wakeups was for another weight, or other CPUs. */
static __always_inline void task_new_weight(struct task_struct *p, u32 slot)
{
	struct slot_priv *s = slot_priv(slot);

	if (!s)
		return;
	task_note_weight(p, s, arena_task(slot));
	drop_standing(s);
}

static __always_inline void task_new_affinity(struct task_struct *p, u32 slot,
					      const struct cpumask *mask)
{
	struct slot_priv *s = slot_priv(slot);

	task_note_affinity(p, arena_task(slot), mask);
	if (s)
		drop_standing(s);
}

/* A new task has what the rule of the one that forks it gives, until libqumun has looked. */
static __always_inline void task_inherit(struct task_struct *p,
					 struct qumun_task QUMUN_ARENA *rec, bool fork)
{
	struct task_struct *parent = fork ? bpf_get_current_task_btf() : NULL;
	struct task_ctx *ctx = parent ? task_ctx(parent) : NULL;
	struct qumun_task QUMUN_ARENA *from;

	rec->rule_id = rec->rule_weight = rec->rule_slice_ns = 0;
	rec->rule_class = rec->rule_marks = 0;
	rec->rule_cpus = 0;
	if (!ctx || ctx->slot >= max_records)
		return;
	from = arena_task(ctx->slot);
	/* not in its cgroup yet; check_owner() sees to it when it first runs */
	rec->cgroup_id = from->cgroup_id;
	rec->rule_id = from->rule_id;
	rec->rule_weight = from->rule_weight;
	rec->rule_slice_ns = from->rule_slice_ns;
	rec->rule_class = from->rule_class;
	rec->rule_marks = from->rule_marks;
	rec->rule_cpus = from->rule_cpus;
}

static __always_inline s32 task_begin(struct task_struct *p,
				      struct scx_init_task_args *args)
{
	struct bpf_cpu_priv *cp = cpu_priv(bpf_get_smp_processor_id());
	struct qumun_task QUMUN_ARENA *rec;
	struct task_struct *mine;
	struct task_ctx *ctx;
	struct slot_priv *s;
	bool fork = args->fork;
	u32 slot, i;

	ctx = bpf_task_storage_get(&task_ctxs, p, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!ctx)
		return -12; /* ENOMEM: the fork fails, nothing else */
	ctx->slot = QUMUN_NO_SLOT;
	slot = slot_take();
	if (slot >= max_records || !(s = slot_priv(slot)) || !cp)
		return 0;
	/* an exiting task is never asked about, and nothing would drop the reference */
	if (!(p->flags & PF_EXITING)) {
		mine = bpf_task_acquire(p);
		if (!mine) {
			slot_give(s, slot);
			return 0;
		}
		mine = bpf_kptr_xchg(&s->task, mine);
		if (mine)
			bpf_task_release(mine);
	}
	ctx->slot = slot;
	ctx->incarnation = ++s->incarnation;

	rec = arena_task(slot);
	rec->pid = p->pid;
	rec->tgid = p->tgid;
	note_owner(p, s, rec);
	rec->start_time = p->start_boottime;
	s->exec_base = p->se.sum_exec_runtime;
	s->waits.nr = 0;
	rec->sum_exec = rec->sum_wait = rec->nr_runs = rec->nr_wakeups = 0;
	rec->enq_at = rec->exec_start = rec->deadline = 0;
	rec->nvcsw = rec->nivcsw = rec->last_run_ns = rec->max_wait_us = 0;
	rec->slice_ns = BASE_SLICE_NS;
	rec->flags = p->flags & PF_KTHREAD ? QUMUN_TASK_KTHREAD : 0;
	note_comm(rec, p->comm);
	rec->standing.until = 0;
	rec->standing.covered = 0;
	bpf_for(i, 0, 4)
		rec->policy[i & 3] = 0;
	s->active = 0;
	s->group = 0;
	if (config.cgroups)
		s->group = cgroup_handle(args->cgroup);
	task_note_weight(p, s, rec);
	rec->cpu = rec->vcpu = scx_bpf_task_cpu(p);
	rec->vruntime = arena_cpu(rec->vcpu)->front;
	task_note_affinity(p, rec, p->cpus_ptr);
	task_inherit(p, rec, fork);
	set_state(s, rec, state_word((s->q >> 8) + 1, QUMUN_NONE));
	s->standing_left = 0; /* its predecessor's are void */
	s->standing_gen = gen_of(s->q);
	shm_store_release(&rec->incarnation, ctx->incarnation);
	report_task(cp, slot);
	count(cp, tasks_seen);
	return 0;
}

static __always_inline void task_enabled(struct task_struct *p, u32 slot, u32 cpu,
					 u64 front)
{
	struct qumun_task QUMUN_ARENA *rec = arena_task(slot);
	struct slot_priv *s = slot_priv(slot);

	if (s)
		task_note_weight(p, s, rec);
	rec->cpu = rec->vcpu = cpu;
	/*
	 * A newcomer starts where a task stands that just had a slice: at the front, children in
	 * a row would each go before who waits, without ever moving the front.
	 */
	rec->vruntime = front + vt_charge(bounded_base_slice_ns(), rec->weight);
	rec->enq_at = 0; /* it may sleep: enqueue() knows when it begins to wait */
}

/* The task leaves the scheduling class, or this life. */
static __always_inline void task_disabled(u32 slot)
{
	struct bpf_cpu_priv *cp = cpu_priv(bpf_get_smp_processor_id());
	struct slot_priv *s = slot_priv(slot);

	if (!cp || !s)
		return;
	if (asking(s))
		cancel_asking(slot);
	note_unqueued(&s->on_dsq);
	group_leave(s, slot);
	set_state(s, arena_task(slot), state_word(s->q >> 8, QUMUN_NONE));
}

static __always_inline void tell_exit(struct bpf_cpu_priv *cp, s32 pid)
{
	s32 *event = bpf_ringbuf_reserve(&exit_events, sizeof(*event), 0);

	if (!event) {
		count(cp, exit_events_lost);
		return;
	}
	*event = pid;
	bpf_ringbuf_submit(event, 0);
}

/*
 * The task is in its last schedule: drop our reference. Before 6.19 the kernel calls exit_task
 * only when the last reference is gone, and ours would be that.
 */
static __always_inline void task_exiting(struct task_struct *p)
{
	struct task_ctx *ctx = task_ctx(p);
	struct task_struct *mine;
	struct slot_priv *s;

	if (!ctx || ctx->slot >= max_records || !(s = slot_priv(ctx->slot)))
		return;
	mine = bpf_kptr_xchg(&s->task, NULL);
	if (mine)
		bpf_task_release(mine);
}

static __always_inline void task_end(struct task_struct *p)
{
	struct bpf_cpu_priv *cp = cpu_priv(bpf_get_smp_processor_id());
	struct task_ctx *ctx = task_ctx(p);
	struct bpf_control *ctl = control_priv();
	struct task_struct *mine;
	struct slot_priv *s;
	u32 slot;

	if (!ctx || !cp || ctx->slot >= max_records || !(s = slot_priv(ctx->slot)))
		return;
	slot = ctx->slot;
	ctx->slot = QUMUN_NO_SLOT;
	task_disabled(slot);
	mine = bpf_kptr_xchg(&s->task, NULL);
	if (mine)
		bpf_task_release(mine);
	/* tasks that live on leave too when the scheduler ends: that is no exit */
	if (arena_task(slot)->nr_runs && (p->flags & PF_EXITING))
		tell_exit(cp, p->pid);
	shm_store_release(&arena_task(slot)->incarnation, 0);
	count(cp, tasks_gone);
	slot_give(s, slot);

	if (ctl && p->pid == ctl->policy_tgid && (p->flags & PF_EXITING)) {
		u32 i;

		ctl->policy_tgid = 0;
		bpf_for(i, 0, nr_shards) {
			struct shard_priv *sh = shard_priv(i);

			if (sh)
				policy_gone(sh, i, p->tgid, clock_now());
		}
	}
}

/*
 * stopping() of a policy thread: it slept where it should not (a fault, a lock, a stop signal)
 * unless it said so in `sleeping`.
 */
__noinline int policy_stopping(struct task_struct *p __arg_trusted, u32 shard,
			       bool runnable, u64 now)
{
	struct bpf_cpu_priv *cp = cpu_priv(bpf_get_smp_processor_id());
	struct shard_priv *sh = shard_priv(shard);

	use_arena();
	if (!cp || !sh)
		return 0;
	count_add(cp, policy_ns, sh->run_at ? elapsed(now, sh->run_at) : 0);
	sh->run_at = 0;
	if (runnable)
		return 0;
	if (p->flags & PF_EXITING)
		policy_gone(sh, shard, p->tgid, now);
	else if (!shm_load(&arena_shard(shard)->sleeping) ||
		 (p->__state & TASK_STOPPED_OR_TRACED))
		autopilot_enter(shard, CAUSE_BLOCKED, now);
	else if (policy_has_passed(sh, shard, now))
		sh->granted_at = 0;
	/* else it was woken, and went back to sleep for another reason: frozen, say */
	return 0;
}

#endif
