/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Accounting at the two ends of a run. Both callbacks may execute on another CPU than the
 * task's (a change of its nice value or class is enough): what belongs to a CPU is indexed by
 * the task's CPU, only counters go to the executing one.
 */
#ifndef QUMUN_BPF_ACCOUNT_H
#define QUMUN_BPF_ACCOUNT_H

#include "custody.bpf.h"
#include "rules.bpf.h"

/*
 * The CPU's queue must not fall behind those who run: its front is the largest vruntime that
 * began to run here.
 */
static __always_inline void advance_front(struct qumun_cpu QUMUN_ARENA *cc, u64 vruntime)
{
	if (vt_before(cc->front, vruntime))
		cc->front = vruntime;
}

/* A function of its own, because two loops in one are many states to the verifier. */
__noinline int roll_window(u32 cpu, u64 now)
{
	struct bpf_cpu_priv *own = cpu_priv(cpu);

	if (own)
		vt_window_roll(&own->window, now);
	return 0;
}

/*
 * Class latency's budget on @cpu: one of its tasks has run there since @start (0: none, time went
 * by); what was noted before of the same run is not noted again. Only the CPU that switches
 * writes here. True if there is some again and none was left before.
 */
__noinline bool note_latency(u32 cpu, u64 start, u64 now)
{
	struct qumun_cpu QUMUN_ARENA *cc = arena_cpu(cpu);
	u64 pct = arena_header()->params.latency_budget_pct;
	struct bpf_cpu_priv *own = cpu_priv(cpu);
	u32 before = cc->latency_left_ns, left;

	use_arena();
	if (!own)
		return false;
	if (start && vt_before(start, own->window_at))
		start = own->window_at;
	own->window_at = now;
	roll_window(cpu, now);
	vt_window_spend(&own->window, now, start ? elapsed(now, start) : 0);
	left = vt_window_left(&own->window, pct);
	cc->latency_left_ns = left;
	if (!left != !before)
		own->latency_turned = 1;
	return left && !before;
}

/* Is there anything to note on @cpu? Not while the class has taken nothing for long. */
static __always_inline bool latency_counts(struct bpf_cpu_priv *own, u32 cpu)
{
	return own->window.sum || !arena_cpu(cpu)->latency_left_ns;
}

/* A task of class @cls has run on @cpu since @start. */
static __always_inline void spend_latency(struct bpf_cpu_priv *own, u32 cpu, u32 cls,
					  u64 start, u64 now)
{
	bool latency = cls == QUMUN_CLASS_LATENCY;

	if (own && (latency || latency_counts(own, cpu)))
		note_latency(cpu, latency ? start : 0, now);
}

QUMUN_STATIC_ASSERT(QUMUN_NR_CLASSES <= QUMUN_CLASS_SHARES &&
			    !(QUMUN_CLASS_SHARES & (QUMUN_CLASS_SHARES - 1)) &&
			    !(QUMUN_RULE_SHARES & (QUMUN_RULE_SHARES - 1)),
		    "masks find a share");

/*
 * Whose waits and runs are counted apart: every task's class, and the oldest rules. Records are
 * shared memory and may say anything: then another share counts. NULL: no rule that is counted.
 */
static __always_inline struct bpf_share *class_share(struct bpf_cpu_priv *cp, u32 cls)
{
	return &cp->shares[cls & (QUMUN_CLASS_SHARES - 1)];
}

static __always_inline struct bpf_share *rule_share(struct bpf_cpu_priv *cp,
						    struct qumun_task QUMUN_ARENA *rec)
{
	u32 i = QUMUN_MARKS_SHARE(rec->rule_marks);

	return i ? &cp->shares[QUMUN_CLASS_SHARES + ((i - 1) & (QUMUN_RULE_SHARES - 1))]
		 : NULL;
}

static __always_inline void share_waited(struct bpf_cpu_priv *cp,
					 struct qumun_task QUMUN_ARENA *rec, u64 wait)
{
	struct bpf_share *of_class = class_share(cp, VT_CLASS(rec)),
			 *of_rule = rule_share(cp, rec);
	u32 bucket = forget_value(cp, qumun_latency_bucket(wait));

	if (bucket >= QUMUN_NR_LATENCY)
		return;
	of_class->waits[bucket]++;
	of_class->wait_ns += wait;
	if (!of_rule)
		return;
	of_rule->waits[bucket]++;
	of_rule->wait_ns += wait;
}

static __always_inline void
share_ran(struct bpf_cpu_priv *cp, struct qumun_task QUMUN_ARENA *rec, u32 cls, u64 ran)
{
	struct bpf_share *of_rule = rule_share(cp, rec);

	class_share(cp, cls)->run_ns += ran;
	if (of_rule)
		of_rule->run_ns += ran;
}

static __always_inline void account_running(struct bpf_cpu_priv *cp,
					    struct task_struct *p, struct slot_priv *s,
					    struct qumun_task QUMUN_ARENA *rec, u32 slot,
					    u32 cpu, u64 now)
{
	struct qumun_cpu QUMUN_ARENA *cc = arena_cpu(cpu);
	u64 wait = rec->enq_at ? elapsed(now, rec->enq_at) : 0, v = rec->vruntime;
	s32 vcpu = rec->vcpu;

	if (asking(s))
		cancel_asking(slot);
	note_unqueued(&s->on_dsq);
	set_state(s, rec, state_word(s->q >> 8, QUMUN_RUNNING));
	check_owner(p, s, slot);
	check_name(p, slot);

	rec->sum_wait += wait;
	if (wait > rec->max_wait_us * 1000ULL) /* a division only for a new record */
		rec->max_wait_us = wait / 1000;
	if (rec->enq_at) {
		s->waits.ns[s->waits.nr++ & (QUMUN_RECENT_WAITS - 1)] =
			wait > 0xffffffffULL ? 0xffffffffU : (u32)wait;
		share_waited(cp, rec, wait);
	}
	rec->nr_runs++;
	rec->exec_start = now;
	note_cpu(cp, rec, cpu);
	if (vcpu != (s32)cpu) {
		u64 delta = rec->deadline - v;

		v = vt_renormalize(v, arena_cpu(vcpu)->base, cc->base);
		rec->vruntime = v;
		rec->deadline = v + delta;
		rec->vcpu = cpu;
	}
	if (!vt_leading(v, rec->deadline))
		advance_front(cc, v);
	cc->curr_deadline = rec->deadline;
	cc->curr_slot = slot;
	cc->curr_slice_ns = rec->slice_ns;
	cc->curr_weight = VT_WEIGHT(rec, &arena_header()->params);
	shm_store(&cc->curr_start, now);
	count(cp, runs);
	count_add(cp, wait_ns, wait);
	if (tracing())
		trace_emit(TRACE_AT(run, cpu), p->pid, slot, (s32)cc->curr_weight, wait);
}

/*
 * What the kernel says that @p ran since it has its record. Our own stamps would miss the way
 * from the last task's end to running(), which the kernel charges to the next one: a tenth and
 * more for tasks that run for microseconds. The kernel brings it up to date before stopping()
 * and dispatch().
 */
static __always_inline u64 exec_total(struct task_struct *p, struct slot_priv *s)
{
	return p->se.sum_exec_runtime - s->exec_base;
}

static __always_inline void account_stopping(struct bpf_cpu_priv *cp,
					     struct task_struct *p, struct slot_priv *s,
					     u32 slot, u32 cpu, bool runnable, u64 now)
{
	struct qumun_task QUMUN_ARENA *rec = arena_task(slot);
	struct qumun_param_block QUMUN_ARENA *par = &arena_header()->params;
	u64 ran = elapsed(now, rec->exec_start);
	struct bpf_cpu_priv *home = cpu_priv(cpu);
	u32 cls = VT_CLASS(rec);

	if (home)
		home->kthread_ns = bound_kthread(p) ? home->kthread_ns + ran : 0;
	check_owner(p, s, slot);
	check_name(p, slot);
	rec->sum_exec = exec_total(p, s);
	rec->vruntime += vt_charge(ran, VT_WEIGHT(rec, par));
	spend_latency(home, cpu, cls, rec->exec_start, now);
	rec->last_run_ns = ran > 0xffffffffULL ? 0xffffffffU : (u32)ran;
	rec->enq_at = runnable ? now : 0;
	if (!runnable)
		group_leave(s, slot);
	rec->nvcsw = p->nvcsw;
	rec->nivcsw = p->nivcsw;
	set_state(s, rec, state_word(s->q >> 8, QUMUN_NONE));
	shm_store(&arena_cpu(cpu)->curr_start, 0);
	count_add(cp, run_ns, ran);
	share_ran(cp, rec, cls, ran);
	trace_stop(p, slot, cpu, runnable, ran);
}

/*
 * The running task goes on alone, with a new request, and running() and stopping() are not
 * called: book what it ran so far. Else a task that has a CPU for itself would seem to stand
 * still in every figure, and its deadline would lie ever further in the past. Returns its slice.
 */
static __always_inline u64 account_going_on(struct bpf_cpu_priv *cp,
					    struct task_struct *p, struct slot_priv *s,
					    u32 slot, u32 cpu, u64 now)
{
	struct qumun_task QUMUN_ARENA *rec = arena_task(slot);
	struct qumun_param_block QUMUN_ARENA *par = &arena_header()->params;
	struct qumun_cpu QUMUN_ARENA *cc = arena_cpu(cpu);
	u64 ran = elapsed(now, rec->exec_start), slice;
	struct vt_request r = VT_REQUEST(rec, par, cc, 0, false);

	spend_latency(cp, cpu, r.cls, rec->exec_start, now);
	r.latency_left_ns = cc->latency_left_ns;
	slice = vt_request_slice(&r);
	rec->sum_exec = exec_total(p, s);
	rec->vruntime += vt_charge(ran, r.weight);
	rec->exec_start = now;
	if (s->active)
		rec->weight = flat_weight(s);
	r.weight = VT_WEIGHT(rec, par);
	rec->deadline = vt_request_deadline(&r, rec->vruntime, slice);
	rec->slice_ns = slice;
	if (!vt_leads(&r))
		advance_front(cc, rec->vruntime);
	cc->curr_deadline = rec->deadline;
	cc->curr_slice_ns = slice;
	cc->curr_weight = r.weight;
	shm_store(&cc->curr_start, now);
	count_add(cp, run_ns, ran);
	share_ran(cp, rec, r.cls, ran);
	if (tracing())
		trace_emit(TRACE_AT(on, cpu), p->pid, slot, (s32)r.weight, ran);
	return slice;
}

#endif
