/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Standing decisions: wakeups that are decided by what the policy left in the task's record
 * (struct qumun_standing in abi.h), without asking it.
 *
 * What is believed. The record is read once for each wakeup and bounded here. How many wakeups
 * and how much time are left is kept in the private slot: it is filled from the record when a
 * decision is met that answers a later question than the last one did, so each question is worth
 * one of them. All of it happens in ops that hold the lock of the task's runqueue, one at a time.
 */
#ifndef QUMUN_BPF_STANDING_H
#define QUMUN_BPF_STANDING_H

#include "custody.bpf.h"

/* Is @gen a question that was put after the last standing decision and the last change? */
static __always_inline bool asked_since(struct slot_priv *s, u32 gen)
{
	return (s32)(gen - s->standing_gen) > 0 && (s32)(gen_of(s->q) - gen) >= 0;
}

static __always_inline void take_over_standing(struct slot_priv *s,
					       struct qumun_standing QUMUN_ARENA *d,
					       u32 gen, u64 until, u64 now)
{
	u32 wakeups = d->wakeups;

	s->standing_gen = gen;
	s->standing_left =
		wakeups < QUMUN_STANDING_WAKEUPS ? wakeups : QUMUN_STANDING_WAKEUPS;
	s->standing_until = now + QUMUN_STANDING_NS;
	if (vt_before(until, s->standing_until))
		s->standing_until = until;
}

/* What the policy left is void, whatever was left in answer to questions up to now. */
static __always_inline void drop_standing(struct slot_priv *s)
{
	struct bpf_cpu_priv *cp = cpu_priv(bpf_get_smp_processor_id());

	if (s->standing_left && cp)
		count(cp, standing_dropped);
	s->standing_left = 0;
	s->standing_gen = gen_of(s->q);
}

/* Does a standing decision cover this wakeup of @rec on @cpu? Then it is one wakeup shorter. */
static __always_inline bool standing_covers(struct bpf_cpu_priv *cp, struct slot_priv *s,
					    struct qumun_task QUMUN_ARENA *rec, u32 cpu,
					    u64 now)
{
	struct qumun_standing QUMUN_ARENA *d = &rec->standing;
	u64 until = shm_load_acquire(&d->until);
	u32 gen = d->gen;

	if (!until)
		return false;
	if (gen != s->standing_gen && asked_since(s, gen))
		take_over_standing(s, d, gen, until, now);
	if (gen != s->standing_gen || !s->standing_left)
		return false;
	if (d->terms != (u32)arena_header()->params_seq ||
	    d->rule_changes != rec->rule_changes) {
		drop_standing(s);
		return false;
	}
	if (!vt_before(now, s->standing_until)) {
		s->standing_left = 0;
		count(cp, standing_expired);
		return false;
	}
	/* who leads pays from class latency's budget, or would starve others */
	if ((d->flags & QUMUN_LEAD) &&
	    (VT_CLASS(rec) != QUMUN_CLASS_LATENCY || !arena_cpu(cpu)->latency_left_ns))
		return false;
	if (--s->standing_left == 0)
		count(cp, standing_expired);
	return true;
}

/* Queue @p, which woke on @cpu, as the standing decision in its record says. */
static __always_inline void decide_standing(struct bpf_cpu_priv *cp,
					    struct task_struct *p, struct slot_priv *s,
					    struct qumun_task QUMUN_ARENA *rec, u32 cpu,
					    u64 enq_flags, u64 now)
{
	struct qumun_param_block QUMUN_ARENA *par = &arena_header()->params;
	struct qumun_standing QUMUN_ARENA *d = &rec->standing;
	struct qumun_cpu QUMUN_ARENA *cc = arena_cpu(cpu);
	u64 slice = bounded_slice(d->slice_ns), start = cc->curr_start;
	u64 v, deadline, min_run = par->min_run_ns;
	u32 flags = d->flags;
	s32 vcpu = rec->vcpu;
	struct vt_request r = VT_REQUEST(
		rec, par, cc, vcpu == (s32)cpu ? cc->base : arena_cpu(vcpu)->base, true);

	v = vt_stand(&r, slice);
	deadline = v + d->deadline_ns;
	if (flags & QUMUN_LEAD) {
		deadline -= VT_LATENCY_LEAD;
		min_run = 0;
		if (r.latency_left_ns < slice)
			slice = r.latency_left_ns;
	}
	rec->vcpu = cpu;
	rec->vruntime = v;
	rec->deadline = deadline;
	rec->slice_ns = slice;
	rec->standing.covered++;
	set_state(s, rec, state_word((s->q >> 8) + 1, QUMUN_DISPATCHED));
	note_queued(&s->on_dsq, cpu);
	dsq_insert_vtime(p, dsq_of_cpu(cpu), slice, deadline, enq_flags);
	if (!start) {
		scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
	} else if ((flags & QUMUN_PREEMPT) && vt_preempts(deadline, cc->curr_deadline,
							  elapsed(now, start), min_run)) {
		scx_bpf_kick_cpu(cpu, SCX_KICK_PREEMPT);
		count(cp, preempt_kicks);
	}
}

#endif
