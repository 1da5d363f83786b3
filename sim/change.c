/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task's life and attributes, and CPUs that come and go.
 *
 * A change of attributes takes a queued task off its queue and puts it back (enqueue(), not as a
 * wakeup); a running task sees stopping(), the change, and running() again. A running task that
 * may no longer use its CPU is pushed away by the CPU's stopper, which ranks above sched_ext:
 * the task is put with its slice, the scheduler hears of cpu_release(), then the task is
 * enqueued on a CPU that it may use.
 */
#include <stdlib.h>

#include "sim.h"

#define FIRST_PID 1000

static const struct cred root_cred;

struct sim_task *task_create(const struct scen_task *prog, u32 instance, s32 tgid)
{
	struct sim_task *p = sim_alloc(sizeof(*p));
	u32 i;

	p->ts.cgroups = cgroup_set(prog ? prog->cgroup : 0);
	p->ts.cred = &root_cred;
	if (sim.nr_tasks == sim.room_tasks) {
		sim.room_tasks = sim.room_tasks ? sim.room_tasks * 2 : 64;
		sim.tasks = sim_grow(sim.tasks, sim.room_tasks * sizeof(*sim.tasks));
	}
	p->id = sim.nr_tasks;
	sim.tasks[sim.nr_tasks++] = p;
	p->ts.pid = FIRST_PID + (s32)p->id;
	p->ts.tgid = tgid ? tgid : p->ts.pid;
	p->ts.static_prio = 120 + (prog ? prog->nice : 0);
	p->ts.start_boottime = sim_now;
	p->prog = prog;
	p->instance = instance;
	p->ddsp_dsq = SIM_DSQ_INVALID;
	p->last_cpu = NO_CPU;
	p->reset_runnable_at = true;
	if (prog) {
		snprintf(p->ts.comm, sizeof(p->ts.comm), "%s", prog->name);
		if (prog->kthread)
			p->ts.flags |= PF_KTHREAD;
	}
	p->mask = sim.all;
	if (prog && *prog->cpus)
		parse_cpulist(prog->cpus, p->mask.bits, sim.nr_cpus);
	p->ts.cpus_ptr = &p->mask;
	for (i = 0; i < SIM_MAX_CPUS / 64; i++)
		p->ts.nr_cpus_allowed += __builtin_popcountl(p->mask.bits[i]);
	event_init(&p->timer, EV_TIMER, p->id);
	return p;
}

/* fork() of @p on sim_this_cpu: init_task(), enable(), the first wakeup. */
void task_start(struct sim_task *p)
{
	struct scx_init_task_args args = { .fork = true, .cgroup = cgroup_of(p) };

	p->cpu = sim_this_cpu;
	p->born_at = sim_now;
	if (!mask_test(&p->mask, (u32)p->cpu))
		p->cpu = fallback_cpu(p);
	if (sim_ops->init_task && sim_ops->init_task(&p->ts, &args)) {
		p->life = TASK_DEAD;
		return;
	}
	sim.nr_alive++;
	if (p->prog && p->prog->cls)
		bpf_half_set_class(p, p->prog->cls);
	if (sim_ops->enable)
		sim_ops->enable(&p->ts);
	if (sim_ops->set_weight)
		sim_ops->set_weight(&p->ts, 100);
	wake_task(p, 4, true);
}

void task_die(struct sim_task *p)
{
	p->ts.flags |= PF_EXITING;
	p->dying = true;
	bpf_half_process_exit(p);
	p->blocking = true;
	sim.cpus[sim_this_cpu].need_resched = true;
}

/* The dead task has left its CPU for the last time. */
void task_gone(struct sim_task *p)
{
	struct scx_exit_task_args args = { .cancelled = false };

	p->life = TASK_DEAD;
	p->dead_at = sim_now;
	event_clear(&p->timer);
	sim.nr_alive--;
	if (sim_ops->disable)
		sim_ops->disable(&p->ts);
	if (sim_ops->exit_task)
		sim_ops->exit_task(&p->ts, &args);
	p->ts.has_storage = false;
}

/* Around a change: off the queue, and back. */
static bool change_begin(struct sim_task *p)
{
	bool was = p->ts.scx.flags & SCX_TASK_QUEUED;

	dequeue_task(p, false);
	return was;
}

static void change_end(struct sim_task *p, bool was_queued)
{
	if (!was_queued)
		return;
	enqueue_task(p, 2, NO_CPU); /* ENQUEUE_RESTORE */
	if (p->on_cpu) {
		dsq_remove(p);
		p->ops_state = OPSS_NONE;
		sim.cost += sim.costs.op_ns;
		sim_ops->running(&p->ts);
	}
}

static bool anywhere(const struct sim_task *p)
{
	return !p->policy && p->ts.nr_cpus_allowed == (int)sim.nr_cpus;
}

/* A waiting task moves to the runqueue of a CPU that it may use. */
static void move_queued(struct sim_task *p)
{
	dequeue_task(p, false);
	p->cpu = fallback_cpu(p);
	enqueue_task(p, 0, NO_CPU);
	if (!sim.cpus[p->cpu].curr)
		resched((u32)p->cpu);
}

/* The stopper of @c takes the running task away; called by schedule() on that CPU. */
void stopper_push(struct sim_cpu *c)
{
	struct scx_cpu_release_args args = { .reason = 0 };
	struct sim_task *p = c->curr;

	p->pushed = false;
	sim.cost += 2 * sim.costs.switch_ns;
	update_curr(c);
	if (p->ts.scx.flags & SCX_TASK_QUEUED) {
		sim_ops->stopping(&p->ts, true);
		p->on_cpu = false;
		note_waiting(p, true);
		if (p->ts.scx.slice)
			dsq_add_head(&c->local, p);
		else
			do_enqueue(p, 0, NO_CPU);
		if (sim_ops->cpu_release)
			sim_ops->cpu_release(c->id, &args);
		c->curr = NULL; /* the stopper runs now */
		move_queued(p);
	}
}

void task_set_mask(struct sim_task *p, const struct cpumask *mask)
{
	bool was_queued, was = anywhere(p);
	u32 i;

	if (p->life == TASK_DEAD)
		return;
	trace_event(TR_AFFINITY, sim_this_cpu, p, mask->bits[0]);
	was_queued = change_begin(p);
	p->mask = *mask;
	p->ts.nr_cpus_allowed = 0;
	for (i = 0; i < SIM_MAX_CPUS / 64; i++)
		p->ts.nr_cpus_allowed += __builtin_popcountl(mask->bits[i]);
	if (p->wait_from && was != anywhere(p))
		sim.nr_waiting += was ? -1U : 1;
	sim.cost += sim.costs.op_ns;
	if (p->life != TASK_NEW)
		sim_ops->set_cpumask(&p->ts, p->ts.cpus_ptr);
	change_end(p, was_queued);
	if (mask_test(&p->mask, (u32)p->cpu) || !was_queued)
		return;
	if (p->on_cpu) {
		p->pushed = true;
		resched((u32)p->cpu);
	} else {
		move_queued(p);
	}
}

void task_set_nice(struct sim_task *p, int nice)
{
	bool was_queued;

	if (p->life == TASK_DEAD)
		return;
	trace_event(TR_NICE, sim_this_cpu, p, (u64)(s64)nice);
	was_queued = change_begin(p);
	p->ts.static_prio = 120 + nice;
	if (p->life != TASK_NEW && sim_ops->set_weight)
		sim_ops->set_weight(&p->ts, 100);
	change_end(p, was_queued);
}

/* Between two cgroups without the cpu controller no callback tells. */
void task_set_cgroup(struct sim_task *p, u64 id)
{
	struct cgroup *from = cgroup_of(p), *to;
	bool was_queued;

	if (p->life == TASK_DEAD)
		return;
	p->ts.cgroups = cgroup_set(id);
	to = cgroup_of(p);
	if (from == to || p->life == TASK_NEW)
		return;
	was_queued = change_begin(p);
	sim_ops->cgroup_move(&p->ts, from, to);
	change_end(p, was_queued);
}

/*
 * Offline: the scheduler is told, the CPU stops to dispatch, what waits on its runqueue moves to
 * other CPUs, what runs is pushed. The last CPU stays.
 */
void cpu_set_online(u32 cpu, bool online)
{
	struct sim_cpu *c = &sim.cpus[cpu];
	u32 i, others = 0;

	for (i = 0; i < sim.nr_cpus; i++)
		others += i != cpu && sim.cpus[i].online;
	if (c->online == online || (!online && !others))
		return;
	trace_event(TR_HOTPLUG, (s32)cpu, NULL, online);
	if (online) {
		c->online = c->active = true;
		mask_set(&sim.online, cpu);
		sim_ops->cpu_online((s32)cpu);
		c->idle_since = sim_now;
		sim.nr_idle++;
		idle_set(cpu, true);
		resched(cpu);
		return;
	}
	c->active = false;
	sim_ops->cpu_offline((s32)cpu);
	c->online = false;
	mask_clear(&sim.online, cpu);
	for (i = 0; i < sim.nr_tasks; i++) {
		struct sim_task *p = sim.tasks[i];

		if (p->cpu != (s32)cpu || p->life == TASK_DEAD)
			continue;
		if (p->on_cpu) {
			p->pushed = true;
			resched(cpu);
		} else if (p->ts.scx.flags & SCX_TASK_QUEUED) {
			move_queued(p);
		}
	}
	if (!c->curr) {
		sim.nr_idle--;
		c->idle_ns += sim_now - c->idle_since;
		idle_claim(cpu);
	}
}

/* Every half of the timeout, as the kernel's: a runnable task that did not run ends the run. */
void watchdog_check(void)
{
	u64 limit = (u64)sim.sc->timeout_ms * 1000000ULL;
	u32 i;

	for (i = 0; i < sim.nr_tasks; i++) {
		struct sim_task *p = sim.tasks[i];

		if (p->life != TASK_RUNNABLE || p->on_cpu ||
		    sim_now - p->runnable_at <= limit)
			continue;
		sim_error("%s[%d] failed to run for %llu.%03llus", p->ts.comm, p->ts.pid,
			  (sim_now - p->runnable_at) / NSEC_PER_SEC,
			  (sim_now - p->runnable_at) / 1000000 % 1000);
		return;
	}
}
