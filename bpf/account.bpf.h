/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Accounting at the two ends of a run. Both callbacks may execute on another CPU than the
 * task's (a change of its nice value or class is enough): what belongs to a CPU is indexed by
 * the task's CPU, only counters go to the executing one.
 */
#ifndef QUMUN_BPF_ACCOUNT_H
#define QUMUN_BPF_ACCOUNT_H

#include "custody.bpf.h"

/*
 * The CPU's queue must not fall behind those who run: its front is the largest vruntime that
 * began to run here.
 */
static __always_inline void advance_front(struct qumun_cpu QUMUN_ARENA *cc, u64 vruntime)
{
	if (vt_before(cc->front, vruntime))
		cc->front = vruntime;
}

static __always_inline void account_running(struct bpf_cpu_priv *cp, struct task_struct *p,
					    struct slot_priv *s,
					    struct qumun_task QUMUN_ARENA *rec, u32 slot,
					    u32 cpu, u64 now)
{
	struct qumun_cpu QUMUN_ARENA *cc = arena_cpu(cpu);
	u64 wait = rec->enq_at ? elapsed(now, rec->enq_at) : 0, v = rec->vruntime;
	s32 vcpu = rec->vcpu;

	if (state_of(s->q) == QUMUN_QUEUED) {
		struct shard_priv *sh = shard_priv(cp->shard);

		if (sh)
			cancel_asking(cp, sh, s, slot);
	}
	note_unqueued(s);
	set_state(s, rec, state_word(s->q >> 8, QUMUN_RUNNING));

	rec->sum_wait += wait;
	if (wait / 1000 > rec->max_wait_us)
		rec->max_wait_us = wait / 1000;
	rec->nr_runs++;
	rec->exec_start = now;
	if (rec->cpu != (s32)cpu) {
		rec->cpu = cpu;
		count(cp, migrations);
	}
	if (vcpu != (s32)cpu) {
		u64 delta = rec->deadline - v;

		v = vt_renormalize(v, arena_cpu(vcpu)->front, cc->front);
		rec->vruntime = v;
		rec->deadline = v + delta;
		rec->vcpu = cpu;
	}
	advance_front(cc, v);
	cc->curr_deadline = rec->deadline;
	cc->curr_slot = slot;
	cc->curr_slice_ns = rec->slice_ns;
	cc->curr_weight = rec->weight;
	shm_store(&cc->curr_start, now);
	count(cp, runs);
	count_add(cp, wait_ns, wait);
}

static __always_inline void account_stopping(struct bpf_cpu_priv *cp, struct task_struct *p,
					     struct slot_priv *s,
					     struct qumun_task QUMUN_ARENA *rec, u32 cpu,
					     bool runnable, u64 now)
{
	u64 ran = elapsed(now, rec->exec_start);

	rec->sum_exec += ran;
	rec->vruntime += vt_charge(ran, rec->weight);
	rec->last_run_ns = ran > 0xffffffffULL ? 0xffffffffU : (u32)ran;
	rec->enq_at = runnable ? now : 0;
	rec->nvcsw = p->nvcsw;
	rec->nivcsw = p->nivcsw;
	set_state(s, rec, state_word(s->q >> 8, QUMUN_NONE));
	shm_store(&arena_cpu(cpu)->curr_start, 0);
	count_add(cp, run_ns, ran);
}

/*
 * The running task goes on alone, with a new request, and running() and stopping() are not
 * called: book what it ran so far. Else a task that has a CPU for itself would seem to stand
 * still in every figure, and its deadline would lie ever further in the past.
 */
static __always_inline void account_going_on(struct bpf_cpu_priv *cp,
					     struct qumun_task QUMUN_ARENA *rec, u32 cpu,
					     u64 slice, u64 now)
{
	struct qumun_cpu QUMUN_ARENA *cc = arena_cpu(cpu);
	u64 ran = elapsed(now, rec->exec_start);

	rec->sum_exec += ran;
	rec->vruntime += vt_charge(ran, rec->weight);
	rec->exec_start = now;
	rec->deadline = vt_deadline(rec->vruntime, slice, rec->weight,
				    arena_header()->params.latency_factor_fp);
	rec->slice_ns = slice;
	advance_front(cc, rec->vruntime);
	cc->curr_deadline = rec->deadline;
	cc->curr_slice_ns = slice;
	shm_store(&cc->curr_start, now);
	count_add(cp, run_ns, ran);
}

#endif
