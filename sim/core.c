/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheduling core: wakeup, enqueue, dispatch, switch, tick.
 *
 * What it copies from the kernel (7.3; 6.12 differs in nothing that our BPF half uses):
 * - A wakeup calls select_cpu() on the waker's CPU, unless the task may use one CPU only; a task
 *   that select_cpu() dispatched skips enqueue(). A wakeup for an idle CPU always reschedules it.
 * - schedule(): a blocking task is dequeued first (stopping(), not runnable); then a runnable
 *   previous task with slice left stays; then the local queue; then dispatch(), again and again
 *   while it moved something and the local queue is empty; then the previous task, refilled.
 *   Only afterwards is the previous task put: stopping(), and enqueue() if its slice is used up.
 * - A kept task sees neither stopping() nor running().
 * - Slices are charged at ticks and switches only: a slice ends at the tick after its end.
 * - Inserts of dispatch() are applied at its end or at the first move_to_local(), and only to
 *   tasks that were not requeued or dispatched since.
 * - Exiting and migration-disabled tasks, and all tasks of an offline CPU, go to the local queue
 *   without enqueue().
 */
#include "sim.h"

#define SLICE_INF (~0ULL)
#define DSP_MAX_LOOPS 32

/* Does a CPU idle while a task waits that may go anywhere? */
static void note_conservation(void)
{
	bool both = sim.nr_idle && sim.nr_waiting;

	if (both == (sim.both_from != 0))
		return;
	if (both) {
		sim.both_from = sim_now;
		return;
	}
	sim.both_ns += sim_now - sim.both_from;
	if (sim_now - sim.both_from > sim.both_max)
		sim.both_max = sim_now - sim.both_from;
	sim.both_from = 0;
}

static bool goes_anywhere(const struct sim_task *p)
{
	return !p->policy && !p->ts.migration_disabled &&
	       p->ts.nr_cpus_allowed == (int)sim.nr_cpus;
}

void note_waiting(struct sim_task *p, bool waiting)
{
	u64 waited;

	if (waiting == (p->wait_from != 0))
		return;
	if (goes_anywhere(p)) {
		sim.nr_waiting += waiting ? 1 : -1U;
		note_conservation();
	}
	if (waiting) {
		p->wait_from = sim_now;
		return;
	}
	waited = sim_now - p->wait_from;
	p->wait_from = 0;
	p->wait_ns += waited;
	if (waited > p->max_wait_ns)
		p->max_wait_ns = waited;
	if (p->on_cpu && p->prog)
		hist_add(&sim.groups[p->prog - sim.sc->tasks].wait, waited);
}

void count_idle(int n)
{
	sim.nr_idle += (u32)n;
	note_conservation();
}

void update_curr(struct sim_cpu *c)
{
	struct sim_task *p = c->curr;
	u64 delta;

	if (!p || sim_now <= p->exec_start)
		return;
	delta = sim_now - p->exec_start;
	p->exec_start = sim_now;
	p->run_ns += delta;
	p->ts.se.sum_exec_runtime += delta;
	if (p->ts.scx.slice != SLICE_INF)
		p->ts.scx.slice -= delta < p->ts.scx.slice ? delta : p->ts.scx.slice;
}

/* May @p run on @cpu, which is not its own? */
bool task_may_run(const struct sim_task *p, u32 cpu)
{
	const struct sim_cpu *c = &sim.cpus[cpu];

	return !p->ts.migration_disabled && mask_test(p->ts.cpus_ptr, cpu) && c->online &&
	       c->active;
}

s32 fallback_cpu(struct sim_task *p)
{
	u32 i;

	for (i = 0; i < sim.nr_cpus; i++) {
		if (sim.cpus[i].active && mask_test(p->ts.cpus_ptr, i))
			return (s32)i;
	}
	/* the kernel widens the mask of a task that has no CPU left */
	p->mask = sim.all;
	p->ts.nr_cpus_allowed = (int)sim.nr_cpus;
	sim_ops->set_cpumask(&p->ts, p->ts.cpus_ptr);
	for (i = 0; i < sim.nr_cpus && !sim.cpus[i].active; i++)
		;
	return (s32)(i % sim.nr_cpus);
}

static void apply_verdict(struct sim_task *p, u64 slice, u64 vtime, u64 flags)
{
	if (slice)
		p->ts.scx.slice = slice;
	else if (!p->ts.scx.slice)
		p->ts.scx.slice = 1;
	if (flags & SIM_ENQ_PRIQ)
		p->ts.scx.dsq_vtime = vtime;
}

void add_to_local(struct sim_cpu *c, struct sim_task *p, u64 flags)
{
	if (flags & (ENQ_HEAD | ENQ_PREEMPT))
		dsq_add_head(&c->local, p);
	else
		dsq_add_tail(&c->local, p);
	p->ops_state = OPSS_NONE;
	if (!c->curr)
		resched((u32)c->id);
	if (c->in_dispatch)
		return;
	if (flags & ENQ_PREEMPT && c->curr && c->curr != p) {
		c->curr->ts.scx.slice = 0;
		resched((u32)c->id);
	}
}

/* Move @p, which waits, to the local queue of @c. */
void move_to_local(struct sim_task *p, struct sim_cpu *c, u64 flags)
{
	if (p->cpu != c->id) {
		sim.cost += sim.costs.migrate_ns;
		p->cpu = c->id;
	}
	add_to_local(c, p, flags);
}

/* An insert takes effect: direct dispatch, or an entry of dispatch()'s buffer. */
void apply_insert(struct sim_task *p, u64 dsq_id, u64 slice, u64 vtime, u64 flags)
{
	struct sim_dsq *q;
	s32 cpu = p->cpu;

	if (dsq_id == SCX_DSQ_LOCAL || (dsq_id & SIM_DSQ_LOCAL_ON) == SIM_DSQ_LOCAL_ON) {
		if (flags & SIM_ENQ_PRIQ)
			sim_error("cannot use vtime ordering for built-in DSQs");
		if (dsq_id == SCX_DSQ_LOCAL)
			cpu = sim.dispatching ? sim.dispatching->id : p->cpu;
		else
			cpu = (s32)(dsq_id & 0xffffffff);
		if (cpu < 0 || cpu >= (s32)sim.nr_cpus) {
			sim_error("invalid CPU %d in DSQ ID 0x%016llx", cpu, dsq_id);
			return;
		}
		if (cpu != p->cpu && !mask_test(p->ts.cpus_ptr, (u32)cpu)) {
			sim_error(
				"SCX_DSQ_LOCAL[_ON] target CPU %d not allowed for %s[%d]",
				cpu, p->ts.comm, p->ts.pid);
			return;
		}
		apply_verdict(p, slice, vtime, flags);
		if (cpu == p->cpu || task_may_run(p, (u32)cpu)) {
			move_to_local(p, &sim.cpus[cpu], flags);
			return;
		}
		dsq_id = SIM_DSQ_GLOBAL;
	}
	q = dsq_id == SIM_DSQ_GLOBAL ? &sim.global : dsq_find(dsq_id);
	if (!q) {
		sim_error("non-existent DSQ 0x%llx for %s[%d]", dsq_id, p->ts.comm,
			  p->ts.pid);
		q = &sim.global;
	}
	apply_verdict(p, slice, vtime, flags);
	if (flags & SIM_ENQ_PRIQ)
		dsq_add_vtime(q, p);
	else if (flags & (ENQ_HEAD | ENQ_PREEMPT))
		dsq_add_head(q, p);
	else
		dsq_add_tail(q, p);
	p->ops_state = OPSS_NONE;
}

void flush_dispatches(void)
{
	struct dsp_entry *e;
	u32 i;

	for (i = 0; i < sim.buf_nr; i++) {
		e = &sim.buf[i];
		if (e->p->ops_state != OPSS_QUEUED || e->p->ops_qseq != e->qseq) {
			sim.nr_dropped_inserts++;
			trace_event(TR_DROP, sim_this_cpu, e->p, e->dsq_id);
			continue;
		}
		apply_insert(e->p, e->dsq_id, e->slice, e->vtime, e->flags);
		sim.nr_moved++;
	}
	sim.buf_nr = 0;
}

bool consume_dsq(struct sim_dsq *q, struct sim_cpu *c)
{
	struct sim_task *p;

	for (p = q->first; p; p = p->next) {
		if (p->cpu != c->id && !task_may_run(p, (u32)c->id))
			continue;
		dsq_remove(p);
		trace_event(TR_MOVE, c->id, p, q->id);
		move_to_local(p, c, 0);
		return true;
	}
	return false;
}

static void clear_ddsp(struct sim_task *p)
{
	p->ddsp_dsq = SIM_DSQ_INVALID;
	p->ddsp_flags = 0;
}

void do_enqueue(struct sim_task *p, u64 flags, s32 sticky)
{
	struct sim_cpu *c = &sim.cpus[p->cpu];

	if (sticky == p->cpu) {
		add_to_local(c, p, flags & ~ENQ_PREEMPT);
		return;
	}
	if (!c->online || !c->active)
		goto local;
	if (p->ddsp_dsq != SIM_DSQ_INVALID)
		goto direct;
	p->ops_qseq++;
	p->ops_state = OPSS_QUEUEING;
	sim.ddsp_task = p;
	sim.ddsp_done = false;
	sim.cost += sim.costs.op_ns;
	sim.nr_enqueues++;
	trace_event(TR_ENQUEUE, p->cpu, p, flags);
	sim_ops->enqueue(&p->ts, flags);
	sim.ddsp_task = NULL;
	if (p->ddsp_dsq != SIM_DSQ_INVALID)
		goto direct;
	p->ops_state = OPSS_QUEUED;
	return;
direct: {
	u64 id = p->ddsp_dsq, dflags = p->ddsp_flags | (flags & ENQ_HEAD);

	clear_ddsp(p);
	apply_insert(p, id, p->ddsp_slice, p->ddsp_vtime, dflags);
}
	return;
local:
	p->ts.scx.slice = SLICE_DFL;
	clear_ddsp(p);
	add_to_local(c, p, flags & ~ENQ_PREEMPT);
}

void set_runnable(struct sim_task *p)
{
	if (p->reset_runnable_at) {
		p->runnable_at = sim_now;
		p->reset_runnable_at = false;
	}
	note_waiting(p, true);
}

void enqueue_task(struct sim_task *p, u64 enq_flags, s32 sticky)
{
	if (queued(p))
		return;
	p->life = TASK_RUNNABLE;
	p->ts.scx.flags |= SCX_TASK_QUEUED;
	if (!p->on_cpu)
		set_runnable(p);
	do_enqueue(p, enq_flags, p->on_cpu ? p->cpu : sticky);
}

void dequeue_task(struct sim_task *p, bool sleep)
{
	struct sim_cpu *c = &sim.cpus[p->cpu];

	if (!queued(p))
		return;
	p->ops_state = OPSS_NONE;
	if (c->curr == p) {
		update_curr(c);
		sim.cost += sim.costs.op_ns;
		sim_ops->stopping(&p->ts, false);
	}
	p->ts.scx.flags &= ~SCX_TASK_QUEUED;
	dsq_remove(p);
	clear_ddsp(p);
	if (sleep) {
		note_waiting(p, false);
		p->life = TASK_SLEEPING;
	}
}

/* try_to_wake_up(), and for @fresh tasks wake_up_new_task(); on sim_this_cpu. */
void wake_task(struct sim_task *p, u64 wake_flags, bool fresh)
{
	s32 prev = p->cpu, cpu = prev;

	if (p->blocking) { /* it has not left its CPU yet: it stays */
		p->blocking = false;
		return;
	}
	if (queued(p) || p->life == TASK_DEAD)
		return;
	sim.cost += sim.costs.wake_ns;
	sim.nr_wakeups++;
	p->wakeups++;
	p->wake_at = sim_now;
	p->reset_runnable_at = true;
	trace_event(fresh ? TR_FORK : TR_WAKE, sim_this_cpu, p, wake_flags);
	if (p->ts.nr_cpus_allowed > 1 && !p->ts.migration_disabled) {
		sim.ddsp_task = p;
		sim.ddsp_done = false;
		sim.cost += sim.costs.op_ns;
		cpu = sim_ops->select_cpu(&p->ts, prev, wake_flags);
		sim.ddsp_task = NULL;
		if (cpu < 0 || cpu >= (s32)sim.nr_cpus) {
			sim_error("invalid CPU %d from ops.select_cpu()", cpu);
			cpu = prev;
		}
	}
	if (!mask_test(p->ts.cpus_ptr, (u32)cpu) || !sim.cpus[cpu].active)
		cpu = fallback_cpu(p);
	p->cpu = cpu;
	if (p->ddsp_dsq != SIM_DSQ_INVALID)
		trace_event(TR_DIRECT, cpu, p, p->ddsp_dsq);
	enqueue_task(p, fresh ? 0 : ENQ_WAKEUP, NO_CPU);
	if (!sim.cpus[cpu].curr)
		resched((u32)cpu);
}

static enum dsp_verdict dispatch_sched(struct sim_cpu *c, struct sim_task *prev)
{
	int loops = DSP_MAX_LOOPS;

	if (consume_dsq(&sim.global, c))
		return DSP_LOCAL;
	if (!c->online)
		return DSP_NONE;
	do {
		sim.nr_moved = 0;
		sim.buf_nr = 0;
		sim.nr_dispatches++;
		sim.cost += sim.costs.op_ns;
		sim.dispatching = c;
		sim_ops->dispatch(c->id, prev ? &prev->ts : NULL);
		flush_dispatches();
		sim.dispatching = NULL;
		if (prev && queued(prev) && prev->ts.scx.slice)
			return DSP_PREV;
		if (c->local.nr)
			return DSP_LOCAL;
		if (consume_dsq(&sim.global, c))
			return DSP_LOCAL;
		if (!--loops) {
			queue_work(WORK_KICK, c->id, 0);
			break;
		}
	} while (sim.nr_moved);
	return DSP_NONE;
}

enum dsp_verdict dispatch_one(struct sim_cpu *c, struct sim_task *prev)
{
	enum dsp_verdict v;

	if (prev) {
		update_curr(c);
		if (queued(prev) && prev->ts.scx.slice)
			return DSP_PREV;
	}
	if (c->local.nr)
		return DSP_LOCAL;
	c->in_dispatch = true;
	v = dispatch_sched(c, prev);
	c->in_dispatch = false;
	if (v != DSP_NONE)
		return v;
	if (prev && queued(prev) && mask_test(prev->ts.cpus_ptr, (u32)c->id) &&
	    c->active) {
		sim.nr_keep_last++;
		return DSP_PREV;
	}
	return DSP_NONE;
}
