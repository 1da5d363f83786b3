/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CPU's life: events enter and leave it, irq_work runs when an event's locks are gone, and
 * schedule() switches. The rules are those that core.c lists.
 */
#include "sim.h"

static u64 work_to_ns(const struct sim_cpu *c, u64 work)
{
	return c->speed == 1024 ? work : (work * 1024 + c->speed - 1) / c->speed;
}

/* Is kernel code running on @cpu? Then @e has to wait. */
bool cpu_busy(u32 cpu, struct event *e)
{
	if (sim.cpus[cpu].free_at <= sim_now)
		return false;
	event_set(e, sim.cpus[cpu].free_at);
	return true;
}

void cpu_enter(u32 cpu)
{
	struct sim_cpu *c = &sim.cpus[cpu];
	struct sim_task *p = c->curr;
	u64 done;

	sim_this_cpu = (s32)cpu;
	sim.cost = 0;
	if (!p || sim_now <= c->seg_start)
		return;
	done = sim_now - c->seg_start;
	if (c->speed != 1024)
		done = done * c->speed / 1024;
	p->work = p->work > done ? p->work - done : 0;
	c->seg_start = sim_now;
}

void queue_work(u8 kind, s32 cpu, u64 flags)
{
	struct sim_cpu *c = &sim.cpus[sim_this_cpu];
	u32 i;

	for (i = 0; i < c->nr_works; i++) {
		if (c->works[i].kind == kind && c->works[i].cpu == cpu) {
			/* a full kick swallows an idle kick */
			if (flags & SCX_KICK_PREEMPT)
				c->works[i].flags = flags;
			return;
		}
	}
	if (c->nr_works == c->room_works) {
		c->room_works = c->room_works ? c->room_works * 2 : 8;
		c->works = sim_grow(c->works, c->room_works * sizeof(*c->works));
	}
	c->works[c->nr_works++] =
		(struct irq_work){ .kind = kind, .cpu = cpu, .flags = flags };
}

static void carry_out_kick(const struct irq_work *w)
{
	struct sim_cpu *c = &sim.cpus[w->cpu];

	if (!c->online && w->cpu != sim_this_cpu)
		return;
	if (w->flags & SCX_KICK_IDLE) {
		if (!c->curr)
			resched((u32)w->cpu);
		return;
	}
	if (w->flags & SCX_KICK_PREEMPT && c->curr)
		c->curr->ts.scx.slice = 0;
	resched((u32)w->cpu);
}

static void run_works(struct sim_cpu *c)
{
	struct irq_work w;
	u32 i;

	/* carrying one out may queue more: they follow */
	for (i = 0; i < c->nr_works; i++) {
		w = c->works[i];
		if (w.kind == WORK_BELL)
			policy_wake((u32)w.cpu);
		else
			carry_out_kick(&w);
	}
	c->nr_works = 0;
}

void resched(u32 cpu)
{
	struct sim_cpu *c = &sim.cpus[cpu];
	u64 at;

	if ((s32)cpu == sim_this_cpu) {
		c->need_resched = true;
		return;
	}
	at = sim_now + sim.cost + sim.costs.ipi_ns +
	     (c->curr ? 0 : sim.costs.idle_exit_ns);
	if (at < c->free_at)
		at = c->free_at;
	if (!c->ev_resched.pos || at < c->ev_resched.at)
		event_set(&c->ev_resched, at);
}

static void put_prev(struct sim_cpu *c, struct sim_task *p)
{
	update_curr(c);
	if (queued(p)) {
		sim.cost += sim.costs.op_ns;
		sim_ops->stopping(&p->ts, true);
	}
	p->on_cpu = false;
	if (p->prog)
		hist_add(&sim.groups[p->prog - sim.sc->tasks].run,
			 p->run_ns - p->run_at_reset);
	if (!queued(p)) {
		p->ts.nvcsw++;
		return;
	}
	p->ts.nivcsw++;
	p->preempted++;
	set_runnable(p);
	trace_event(TR_PREEMPT, c->id, p, p->ts.scx.slice);
	if (p->ts.scx.slice)
		add_to_local(c, p, ENQ_HEAD);
	else
		do_enqueue(p, 0, NO_CPU);
}

void start_running(struct sim_cpu *c, struct sim_task *p)
{
	c->curr = p;
	p->on_cpu = true;
	p->ops_state = OPSS_NONE;
	dsq_remove(p);
	p->exec_start = sim_now;
	note_waiting(p, false);
	if (queued(p)) {
		sim.cost += sim.costs.op_ns;
		sim_ops->running(&p->ts);
	}
	p->reset_runnable_at = true;
}

static void switch_to(struct sim_cpu *c, bool was_idle, struct sim_task *next)
{
	if (next) {
		sim.nr_switches++;
		next->runs++;
		next->run_at_reset = next->run_ns;
		if (!mask_test(next->ts.cpus_ptr, (u32)c->id) && c->active)
			sim_broken("%s[%d] runs on CPU %d, which is forbidden to it",
				   next->ts.comm, next->ts.pid, c->id);
		if (next->last_cpu != c->id && next->last_cpu >= 0) {
			next->migrations++;
			sim.nr_migrations++;
			if (sim.cpus[next->last_cpu].llc != c->llc)
				sim.cost += sim.costs.cold_ns;
		}
		next->last_cpu = c->id;
	}
	sim.cost += sim.costs.switch_ns;
	if (was_idle && next) {
		idle_set((u32)c->id, false);
		c->idle_ns += sim_now - c->idle_since;
		count_idle(-1);
	} else if (!was_idle && !next) {
		c->idle_since = sim_now;
		idle_set((u32)c->id, c->online);
		count_idle(c->online ? 1 : 0);
		trace_event(TR_IDLE, c->id, NULL, 0);
	}
}

static u64 next_tick(const struct sim_cpu *c)
{
	u64 len = NSEC_PER_SEC / sim.sc->hz, skew = 0;

	if (sim.sc->skew_tick)
		skew = len / 2 / sim.nr_cpus * (u64)c->id;
	return (sim_now + len - skew) / len * len + skew;
}

static void schedule(struct sim_cpu *c)
{
	struct sim_task *prev = c->curr, *next;
	bool was_idle = !prev;
	enum dsp_verdict v;

	c->need_resched = false;
	if (prev && prev->pushed && !prev->blocking) {
		stopper_push(c);
		c->curr = NULL;
		prev = NULL; /* the stopper was the previous task */
	}
	if (prev && prev->blocking) {
		prev->blocking = false;
		trace_event(prev->dying ? TR_EXIT : TR_SLEEP, c->id, prev, 0);
		dequeue_task(prev, true);
	}
	v = dispatch_one(c, prev);
	next = v == DSP_PREV ? prev : c->local.first;
	if (next && !next->ts.scx.slice)
		next->ts.scx.slice = SLICE_DFL;
	if (next == prev && (next || was_idle)) {
		if (!next && c->online)
			idle_set((u32)c->id, true);
		if (next)
			trace_event(TR_KEEP, c->id, next, next->ts.scx.slice);
		return;
	}
	if (prev)
		put_prev(c, prev);
	c->curr = NULL;
	if (next) {
		start_running(c, next);
		trace_event(TR_RUN, c->id, next, next->ts.scx.slice);
	}
	switch_to(c, was_idle, next);
	if (prev && prev->dying)
		task_gone(prev);
	if (next && !c->ev_tick.pos)
		event_set(&c->ev_tick, next_tick(c));
	else if (!next)
		event_clear(&c->ev_tick);
}

void cpu_exit(void)
{
	struct sim_cpu *c = &sim.cpus[sim_this_cpu];
	struct sim_task *p;

	run_works(c);
	if (c->curr && c->curr->signal)
		task_signal(c->curr);
	if (c->need_resched) {
		schedule(c);
		run_works(c);
	}
	c->kernel_ns += sim.cost;
	c->free_at = c->seg_start = sim_now + sim.cost;
	if (c->need_resched) {
		c->need_resched = false;
		event_set(&c->ev_resched,
			  c->free_at > sim_now ? c->free_at : sim_now + 1);
	}
	p = c->curr;
	if (!p) {
		event_clear(&c->ev_run);
		return;
	}
	if (p->wake_at) {
		if (p->prog)
			hist_add(&sim.groups[p->prog - sim.sc->tasks].latency,
				 c->free_at - p->wake_at);
		p->wake_at = 0;
	}
	if (p->signal && !c->ev_resched.pos)
		event_set(&c->ev_resched, c->free_at);
	event_set(&c->ev_run, c->seg_start + work_to_ns(c, p->work));
}

void handle_resched(struct sim_cpu *c)
{
	if (cpu_busy((u32)c->id, &c->ev_resched))
		return;
	event_clear(&c->ev_resched);
	cpu_enter((u32)c->id);
	sim.cost += sim.costs.irq_ns;
	c->need_resched = true;
	cpu_exit();
}

void handle_tick(struct sim_cpu *c)
{
	if (cpu_busy((u32)c->id, &c->ev_tick))
		return;
	event_set(&c->ev_tick, next_tick(c));
	cpu_enter((u32)c->id);
	sim.nr_ticks++;
	sim.cost += sim.costs.irq_ns + sim.costs.tick_ns;
	update_curr(c);
	sim.cost += sim.costs.op_ns;
	sim_ops->tick(&c->curr->ts);
	if (!c->curr->ts.scx.slice)
		c->need_resched = true;
	cpu_exit();
}

void handle_run(struct sim_cpu *c)
{
	struct sim_task *p = c->curr;

	event_clear(&c->ev_run);
	cpu_enter((u32)c->id);
	if (!p->work) {
		if (p->policy)
			policy_step(p);
		else
			workload_step(p);
	}
	cpu_exit();
}
