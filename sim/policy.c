/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy process: one thread for each shard, which runs the loop of engine/engine.h on
 * simulated CPUs and pays for every step of it.
 *
 *   LOOK    a fixed price: entering the pass, looking at the rings
 *   DECIDE  a price for each ask that LOOK saw; then engine_pass() takes place
 *   YIELD   answers lie in the ring, the thread is on its way into sched_yield()
 *   CHECK   nothing was done, or a timer is set: engine_may_sleep()
 *   ENTER   the way into the wait; then it sleeps, unless the bell holds a token
 *   AWAKE   the way out, engine_awake()
 *
 * Each thread has its bell, which is level-triggered. A stop or kill takes effect when the thread is next about to run its own
 * code, as a signal does.
 */
#include <stdlib.h>

#include "../engine/engine.h"
#include "policies.h"
#include "sim.h"

enum step { ST_LOOK, ST_DECIDE, ST_YIELD, ST_CHECK, ST_ENTER, ST_WAITING, ST_AWAKE };

struct shard_thread {
	struct engine engine;
	void *memory;
	struct sim_task *task;
	u32 id;
	enum step step;
	bool did; /* the last pass did something */
};

static struct {
	const struct qumun_policy_ops *ops;
	u64 slow_pct;
	s32 tgid;
	bool stopped;
} proc;

/* CPU work for @ns at the process's present speed. */
static u64 price(u64 ns)
{
	ns = ns * proc.slow_pct / 100;
	return ns ? ns : 1;
}

static u64 asks_waiting(const struct engine *e)
{
	u64 nr = 0, n;
	u32 i, cpu;

	for (i = 0; i < e->nr_served; i++) {
		cpu = e->served[i];
		n = e->cpus[cpu].up.tail - e->up_head[cpu];
		nr += n < QUMUN_UP_SLOTS ? n : 0;
	}
	return nr < ENGINE_BATCH ? nr : ENGINE_BATCH;
}

static void go(struct shard_thread *t, enum step step, u64 ns)
{
	t->step = step;
	t->task->work = price(ns);
}

static void go_look(struct shard_thread *t)
{
	go(t, ST_LOOK, sim.costs.pass_ns + t->engine.nr_cpus * sim.costs.pass_cpu_ns);
}

static void after_pass(struct shard_thread *t, unsigned int done)
{
	trace_event(TR_POLICY, sim_this_cpu, t->task, done);
	t->did = done > 0;
	if (done && engine_may_park(&t->engine))
		go(t, ST_YIELD, sim.costs.yield_ns);
	else
		go(t, ST_CHECK, sim.costs.sleep_check_ns);
}

static void yield(struct shard_thread *t)
{
	struct sim_cpu *c = &sim.cpus[sim_this_cpu];

	sim.cost += sim.costs.syscall_ns;
	t->task->ts.scx.slice = 0;
	c->need_resched = true;
	trace_event(TR_YIELD, c->id, t->task, 0);
	go_look(t);
}

void policy_step(struct sim_task *p)
{
	struct shard_thread *t = p->policy;
	u64 nr, at;

	switch (t->step) {
	case ST_LOOK:
		nr = asks_waiting(&t->engine);
		if (nr) {
			go(t, ST_DECIDE, nr * sim.costs.pass_ask_ns);
			return;
		}
		/* fall through */
	case ST_DECIDE:
		if (engine_timer(&t->engine))
			engine_clock(&t->engine, sim_now);
		after_pass(t, engine_pass(&t->engine));
		return;
	case ST_YIELD:
		yield(t);
		return;
	case ST_CHECK:
		if (engine_may_sleep(&t->engine))
			go(t, ST_ENTER, sim.costs.bell_wait_ns / 2);
		else if (t->did)
			go(t, ST_YIELD, sim.costs.yield_ns);
		else
			go_look(t);
		return;
	case ST_ENTER:
		if (bpf_half_take_tokens(t->id)) {
			go(t, ST_AWAKE, sim.costs.bell_wait_ns / 2);
			return;
		}
		t->step = ST_WAITING;
		at = engine_timer(&t->engine);
		if (at) {
			p->timer_cpu = sim_this_cpu;
			event_set(&p->timer, at > sim_now ? at : sim_now);
		}
		p->blocking = true;
		sim.cpus[sim_this_cpu].need_resched = true;
		return;
	case ST_WAITING: /* woken */
		event_clear(&p->timer);
		bpf_half_take_tokens(t->id);
		go(t, ST_AWAKE, sim.costs.bell_wait_ns / 2);
		return;
	case ST_AWAKE:
		engine_awake(&t->engine);
		go_look(t);
		return;
	}
}

void policy_wake(u32 shard)
{
	struct shard_thread *t = &sim.shards[shard];

	if (t->task && t->task->life == TASK_SLEEPING && t->step == ST_WAITING &&
	    !t->task->ts.__state)
		wake_task(t->task, 8, false);
}

/* What a pending signal does to the thread that is about to run its own code. */
void task_signal(struct sim_task *p)
{
	if (p->signal == SIGNAL_KILL) {
		task_die(p);
	} else {
		p->ts.__state = 4;
		p->blocking = true;
		sim.cpus[sim_this_cpu].need_resched = true;
	}
	p->signal = 0;
}

/* Send @signal to @p from sim_this_cpu. */
void send_signal(struct sim_task *p, u8 signal)
{
	if (p->life == TASK_DEAD || p->life == TASK_NEW || p->dying)
		return;
	p->signal = signal;
	if (p->on_cpu) {
		resched((u32)p->cpu);
	} else if (p->life == TASK_SLEEPING) {
		p->ts.__state = 0;
		event_clear(&p->timer);
		wake_task(p, 8, false);
	}
}

void policy_start(void)
{
	u32 i;

	if (!proc.ops)
		return;
	proc.slow_pct = 100;
	proc.stopped = false;
	for (i = 0; i < sim.nr_shards; i++) {
		struct shard_thread *t = &sim.shards[i];
		struct qumun_arena *a = bpf_half_arena();
		size_t size = engine_memory_size(a->max_records, a->nr_cpus,
						 proc.ops->state_size);

		if (t->task && t->task->life != TASK_DEAD)
			continue;
		free(t->memory);
		t->memory = calloc(1, size);
		t->id = i;
		if (!t->memory || engine_init(&t->engine, a, i, proc.ops, t->memory)) {
			sim_error("policy %s does not start", proc.ops->name);
			return;
		}
		t->task = task_create(NULL, i, i ? proc.tgid : 0);
		t->task->policy = t;
		snprintf(t->task->ts.comm, sizeof(t->task->ts.comm), "policy.%u", i & 63);
		if (!i)
			proc.tgid = t->task->ts.pid;
		bpf_half_set_policy(proc.tgid, i, t->task->ts.pid);
		go_look(t);
		task_start(t->task);
	}
}

void policy_reset(const struct scenario *sc)
{
	memset(&proc, 0, sizeof(proc));
	sim.nr_shards = sc->shards;
	sim.shards = sim_alloc(sc->shards * sizeof(*sim.shards));
	proc.slow_pct = 100;
	if (!sc->kernel_mode)
		proc.ops = sim_policy_find(sc->policy);
	if (!sc->kernel_mode && !proc.ops)
		sim_error("no policy %s", sc->policy);
}

void policy_free(void)
{
	u32 i;

	for (i = 0; sim.shards && i < sim.nr_shards; i++)
		free(sim.shards[i].memory);
}

void policy_script(const struct scen_event *e)
{
	u32 i;

	if (e->kind == SE_POLICY_SLOW) {
		proc.slow_pct = (u64)e->a;
		return;
	}
	if (e->kind == SE_POLICY_START) {
		policy_start();
		return;
	}
	for (i = 0; i < sim.nr_shards; i++) {
		struct sim_task *p = sim.shards[i].task;

		if (!p)
			continue;
		if (e->kind == SE_POLICY_CONT) {
			if (p->signal == SIGNAL_STOP)
				p->signal = 0;
			if (p->ts.__state == 4 && p->life == TASK_SLEEPING) {
				p->ts.__state = 0;
				wake_task(p, 8, false);
			}
		} else {
			send_signal(p, e->kind == SE_POLICY_KILL ? SIGNAL_KILL
								 : SIGNAL_STOP);
		}
	}
}

u64 policy_run_ns(void)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < sim.nr_tasks; i++) {
		if (sim.tasks[i]->policy)
			sum += sim.tasks[i]->run_ns;
	}
	return sum;
}
