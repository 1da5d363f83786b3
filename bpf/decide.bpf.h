/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Decisions of the BPF half: kernel mode, the autopilot, kernel threads, and every case in which
 * the policy cannot be asked. The arithmetic is vtime.h, the same that the gthulhu policy uses.
 */
#ifndef QUMUN_BPF_DECIDE_H
#define QUMUN_BPF_DECIDE_H

#include "cgroup.bpf.h"
#include "trace.bpf.h"

/* What enqueue() alone can tell. While queued it does not change. */
static __always_inline void note_enqueue_flags(struct bpf_cpu_priv *cp,
					       struct task_struct *p, struct slot_priv *s,
					       struct qumun_task QUMUN_ARENA *rec,
					       bool woke)
{
	u32 flags = rec->flags & ~(QUMUN_TASK_WAKEUP | QUMUN_TASK_PINNED);

	s->pinned = migration_off(cp, p);
	if (woke)
		flags |= QUMUN_TASK_WAKEUP;
	if (s->pinned || p->nr_cpus_allowed == 1)
		flags |= QUMUN_TASK_PINNED;
	rec->flags = flags;
}

/* @rec is at @cpu: queued there, or about to run. */
static __always_inline void note_cpu(struct bpf_cpu_priv *cp,
				     struct qumun_task QUMUN_ARENA *rec, s32 cpu)
{
	if (rec->cpu == cpu)
		return;
	rec->cpu = cpu;
	count(cp, migrations);
}

/*
 * Place the virtual time of @rec, which woke or stayed runnable, in @cpu's queue; returns the request's slice.
 */
static __always_inline u64 place_task(struct qumun_task QUMUN_ARENA *rec, u32 cpu,
				      bool woke)
{
	struct qumun_param_block QUMUN_ARENA *par = &arena_header()->params;
	struct qumun_cpu QUMUN_ARENA *cc = arena_cpu(cpu);
	s32 vcpu = rec->vcpu;
	struct vt_request r = VT_REQUEST(
		rec, par, cc, vcpu == (s32)cpu ? cc->base : arena_cpu(vcpu)->base, woke);
	struct vt_placement placed;

	vt_decide(&r, &placed);
	rec->vcpu = cpu;
	rec->vruntime = placed.vruntime;
	rec->deadline = placed.deadline;
	rec->slice_ns = placed.slice_ns;
	return placed.slice_ns;
}

/* May @rec's key for @cpu's queue, @key, be brought up to date? A key of the policy's own is not ours. */
static __always_inline bool latency_waits(struct qumun_task QUMUN_ARENA *rec, u32 cpu,
					  u64 key)
{
	return VT_CLASS(rec) == QUMUN_CLASS_LATENCY && key == rec->deadline &&
	       rec->vcpu == (s32)cpu;
}

/*
 * The key that class latency's task in @slot, with a place in @cpu's queue, would get there if it
 * were queued now: it leads, or trails. Key and slice go into its record: before it is moved,
 * as in reweigh_one().
 */
__noinline u64 latency_key(u32 slot, u32 cpu)
{
	struct qumun_task QUMUN_ARENA *rec = arena_task(slot);
	struct vt_request r =
		VT_REQUEST(rec, &arena_header()->params, arena_cpu(cpu), 0, 0);
	u64 slice = vt_request_slice(&r), key;

	use_arena();
	key = vt_request_deadline(&r, rec->vruntime, slice);
	rec->slice_ns = slice;
	rec->deadline = key;
	return key;
}

/* @slice, but no longer than what is left of class latency's budget on @cpu, if anything is. */
static __always_inline u64 within_budget(u64 slice, u32 cpu)
{
	u32 left = arena_cpu(cpu)->latency_left_ns;

	return left && left < slice ? left : slice;
}

/*
 * A task from @from's queue gets @cpu, which stood still while it was idle: what the task is ahead
 * or behind of is the other queue's virtual time, so this one goes on from there.
 */
static __always_inline void follow_clock(u32 from, u32 cpu)
{
	struct qumun_cpu QUMUN_ARENA *cc = arena_cpu(cpu), *fc = arena_cpu(from);

	if (fc != cc && cc->nr_queued <= 0)
		cc->base = cc->front - (fc->front - fc->base);
}

/* Does @rec, just woken and placed, beat what runs on @cpu? */
static __always_inline bool wakeup_preempts(struct qumun_task QUMUN_ARENA *rec, u32 cpu,
					    u64 now)
{
	struct qumun_param_block QUMUN_ARENA *par = &arena_header()->params;
	struct qumun_cpu QUMUN_ARENA *cc = arena_cpu(cpu);
	struct vt_request r = VT_REQUEST(rec, par, cc, 0, true);
	u64 start = cc->curr_start;

	if (!start)
		return true;
	return vt_decide_preempts(&r, rec->deadline, cc->curr_deadline,
				  elapsed(now, start), par->min_run_ns);
}

static __always_inline bool bound_kthread(struct task_struct *p)
{
	return (p->flags & PF_KTHREAD) && p->nr_cpus_allowed == 1;
}

/*
 * Do kernel threads that are bound to @cpu go before all others there? Not when they have run for
 * a slice in a row and others wait: then they wait their turn, by virtual time, until one of the
 * others has run.
 */
static __always_inline bool kthreads_first(u32 cpu)
{
	struct bpf_cpu_priv *home = cpu_priv(cpu);
	struct shard_priv *sh;

	if (!home || home->kthread_ns <= bounded_base_slice_ns())
		return true;
	/* who waits may still be with the policy, which cannot run either */
	sh = shard_priv(home->shard);
	return arena_cpu(cpu)->nr_queued <= 0 && !(sh && shm_load(&sh->undecided));
}

/* May @p run on @cpu, as far as can be seen without its runqueue's lock? */
static __always_inline bool may_use(struct task_struct *p, struct slot_priv *s, s32 cpu,
				    s32 at)
{
	if (cpu == at)
		return true;
	return !s->pinned && bpf_cpumask_test_cpu(cpu, p->cpus_ptr);
}

/*
 * A task that was queued anew, under another affinity, while an old answer for it was being
 * inserted waits in the queue of a CPU that may not have it; moving it there would be an error
 * that ends the scheduler. The kernel's own queue, which every CPU looks at, gets it.
 */
static __always_inline bool may_run_here(struct task_struct *p, u32 cpu)
{
	return scx_bpf_task_cpu(p) == (s32)cpu ||
	       (!p->migration_disabled && bpf_cpumask_test_cpu(cpu, p->cpus_ptr));
}

/*
 * Who serves @p, which is at @at? An offline CPU never looks into its queue: @this_cpu, which
 * executes dispatch(), does it.
 */
static __always_inline s32 serving_cpu(struct task_struct *p, struct slot_priv *s, s32 at,
				       s32 this_cpu)
{
	struct bpf_cpu_priv *home = cpu_priv(at);

	if (home && !home->online && may_use(p, s, this_cpu, at))
		return this_cpu;
	return at;
}

/*
 * Decide for @p at @cpu, which it may use: insert it there, and ask for the CPU if the task woke
 * and deserves it. Called from enqueue() and dispatch().
 */
static __always_inline void decide_here(struct bpf_cpu_priv *cp, struct task_struct *p,
					struct slot_priv *s,
					struct qumun_task QUMUN_ARENA *rec, u32 cpu,
					u64 enq_flags, u64 now)
{
	bool woke = rec->flags & QUMUN_TASK_WAKEUP;
	u64 slice = place_task(rec, cpu, woke);
	struct qumun_cpu QUMUN_ARENA *cc = arena_cpu(cpu);

	note_queued(&s->on_dsq, cpu);
	dsq_insert_vtime(p, dsq_of_cpu(cpu), bounded_slice(slice), rec->deadline,
			 enq_flags);
	if (!cc->curr_start) {
		scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
	} else if (woke && wakeup_preempts(rec, cpu, now)) {
		scx_bpf_kick_cpu(cpu, SCX_KICK_PREEMPT);
		count(cp, preempt_kicks);
	}
}

/*
 * A task waits at CPU @at although another CPU is idle: send that CPU to look for work, it will
 * steal. Only for tasks that may go there.
 */
static __always_inline void call_idle_cpu(struct bpf_cpu_priv *cp, struct task_struct *p,
					  u32 at)
{
	struct bpf_cpu_priv *idle;
	s32 cpu;

	if (nr_cpus == 1 || p->nr_cpus_allowed == 1)
		return;
	cpu = scx_bpf_pick_idle_cpu(p->cpus_ptr, 0);
	if (cpu >= 0) {
		idle = cpu_priv(cpu);
		if (idle)
			shm_store(&idle->steal_hint, at + 1);
		scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
		count(cp, idle_kicks);
	}
}

/* A task without a record: the same idea with what the kernel's own fields can hold. */
__noinline int decide_bare(struct task_struct *p __arg_trusted, u32 cpu, u64 enq_flags,
			   u64 now)
{
	struct task_ctx *tc = task_ctx(p);
	u64 front = arena_cpu(cpu)->front;
	u64 v = vt_place(p->scx.dsq_vtime, front, BASE_SLICE_NS, BASE_SLICE_NS);

	use_arena();
	if (tc) {
		tc->queued_at = now;
		note_queued(&tc->on_dsq, cpu);
	}
	dsq_insert_vtime(p, dsq_of_cpu(cpu), BASE_SLICE_NS, v + BASE_SLICE_NS, enq_flags);
	scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
	return 0;
}

#endif
