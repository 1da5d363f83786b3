/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tasks do: one step of their program at a time, each a system call with its price, so that
 * between two steps the machine may do something else.
 *
 * A channel is a counting semaphore: `signal` wakes the longest waiter or lets the next `wait`
 * pass. A channel whose name ends in # is private to the tasks of equal instance number.
 */
#include <stdlib.h>

#include "sim.h"

#define INSTANCES 1024

struct channel {
	u64 count;
	struct sim_task *first, *last; /* waiters */
};

struct chan_name {
	char text[32];
	u32 base;
};

static struct chan_name *names;
static u32 nr_names, nr_chans;

static u32 chan_base(const char *text)
{
	size_t len = strlen(text);
	u32 i;

	for (i = 0; i < nr_names; i++) {
		if (!strcmp(names[i].text, text))
			return names[i].base;
	}
	names = sim_grow(names, (nr_names + 1) * sizeof(*names));
	snprintf(names[nr_names].text, sizeof(names[nr_names].text), "%s", text);
	names[nr_names].base = nr_chans;
	nr_chans += len && text[len - 1] == '#' ? INSTANCES : 1;
	return names[nr_names++].base;
}

static struct channel *channel(const struct sim_task *p, const struct scen_op *op)
{
	size_t len = strlen(op->text);

	return &sim.chans[op->b +
			  (op->text[len - 1] == '#' ? p->instance % INSTANCES : 0)];
}

/* Channels get their numbers in op->b, once for each run. */
void workload_reset(const struct scenario *sc)
{
	u32 i, j;

	names = NULL;
	nr_names = nr_chans = 0;
	for (i = 0; i < sc->nr_tasks; i++) {
		for (j = 0; j < sc->tasks[i].nr_ops; j++) {
			struct scen_op *op = &sc->tasks[i].ops[j];

			if (op->kind == OP_WAIT || op->kind == OP_SIGNAL ||
			    op->kind == OP_SYNC)
				op->b = chan_base(op->text);
		}
	}
	sim.chans = sim_alloc((nr_chans + 1) * sizeof(*sim.chans));
}

/* Tasks are born by their timers, spread over the CPUs. */
void workload_start(void)
{
	const struct scenario *sc = sim.sc;
	struct sim_task *p;
	u32 i, j;

	for (i = 0; i < sc->nr_tasks; i++) {
		for (j = 0; j < sc->tasks[i].nr; j++) {
			p = task_create(&sc->tasks[i], j, 0);
			p->timer_cpu = (s32)(p->id % sim.nr_cpus);
			event_set(&p->timer, SIM_EPOCH + sc->tasks[i].start_ns +
						     sc->tasks[i].stagger_ns * j);
		}
	}
}

static u64 span(const struct scen_op *op)
{
	u64 v = sim_random_range(op->a, op->b), slack;

	if (sim.sc->jitter && v) {
		slack = v * sim.sc->jitter / 100;
		v = sim_random_range(v - slack, v + slack);
	}
	return v;
}

static void fall_asleep(struct sim_task *p)
{
	p->blocking = true;
	sim.cpus[sim_this_cpu].need_resched = true;
}

static void sleep_until(struct sim_task *p, u64 at)
{
	p->timer_cpu = sim_this_cpu;
	event_set(&p->timer, (at > sim_now ? at : sim_now) + sim.costs.timer_slack_ns);
	p->timer_due = at;
	fall_asleep(p);
}

static void signal_channel(struct channel *ch, u64 wake_flags)
{
	struct sim_task *p = ch->first;

	if (!p) {
		ch->count++;
		return;
	}
	ch->first = p->chan_next;
	if (!ch->first)
		ch->last = NULL;
	p->chan_next = NULL;
	wake_task(p, wake_flags, false);
}

static void wait_channel(struct channel *ch, struct sim_task *p)
{
	if (ch->count) {
		ch->count--;
		return;
	}
	if (ch->last)
		ch->last->chan_next = p;
	else
		ch->first = p;
	ch->last = p;
	fall_asleep(p);
}

static void fork_task(struct sim_task *parent, const struct scen_task *prog)
{
	struct sim_task *p = task_create(prog, sim.nr_tasks % INSTANCES, 0);

	p->cpu = parent->cpu;
	task_start(p);
}

/* Find the END of the loop at @pc. */
static u32 loop_end(const struct scen_task *t, u32 pc)
{
	u32 depth = 0;

	for (; pc < t->nr_ops; pc++) {
		if (t->ops[pc].kind == OP_LOOP)
			depth++;
		else if (t->ops[pc].kind == OP_END && !--depth)
			break;
	}
	return pc;
}

static u32 loop_depth(const struct scen_task *t, u32 pc)
{
	u32 depth = 0, i;

	for (i = 0; i < pc; i++) {
		if (t->ops[i].kind == OP_LOOP)
			depth++;
		else if (t->ops[i].kind == OP_END && depth)
			depth--;
	}
	return depth % SCEN_LOOPS;
}

static u32 loop_begin(const struct scen_task *t, u32 pc)
{
	u32 depth = 0;

	while (pc--) {
		if (t->ops[pc].kind == OP_END)
			depth++;
		else if (t->ops[pc].kind == OP_LOOP && !depth--)
			return pc;
	}
	return 0;
}

/* Loops cost nothing: walk to the next step that does something. */
static const struct scen_op *next_op(struct sim_task *p)
{
	const struct scen_task *t = p->prog;
	const struct scen_op *op;
	u32 guard = 0, depth;

	for (;;) {
		if (p->pc >= t->nr_ops)
			p->pc = 0;
		op = &t->ops[p->pc];
		if (++guard > 2 * SCEN_OPS)
			return NULL;
		if (op->kind == OP_LOOP) {
			depth = loop_depth(t, p->pc);
			p->loops[depth] = (u32)op->a;
			p->pc = op->a ? p->pc + 1 : loop_end(t, p->pc) + 1;
		} else if (op->kind == OP_END) {
			depth = loop_depth(t, p->pc) ? loop_depth(t, p->pc) - 1 : 0;
			if (p->loops[depth] > 1) {
				p->loops[depth]--;
				p->pc = loop_begin(t, p->pc) + 1;
			} else {
				p->pc++;
			}
		} else {
			p->pc++;
			return op;
		}
	}
}

static struct sim_task *find_task(const char *name, u32 instance)
{
	u32 i, nr = scenario_find_task(sim.sc, name);

	for (i = 0; i < sim.nr_tasks; i++) {
		if (sim.tasks[i]->prog == &sim.sc->tasks[nr] &&
		    sim.tasks[i]->instance == instance)
			return sim.tasks[i];
	}
	return NULL;
}

/* TASK[.N]=VALUE */
static void change_other(const struct scen_op *op)
{
	char name[32], *value, *dot;
	struct cpumask mask;
	struct sim_task *p;

	snprintf(name, sizeof(name), "%s", op->text);
	value = strchr(name, '=');
	*value++ = '\0';
	dot = strchr(name, '.');
	if (dot)
		*dot++ = '\0';
	p = find_task(name, dot ? (u32)atoi(dot) : 0);
	if (!p)
		return;
	if (op->kind == OP_RENICE)
		task_set_nice(p, atoi(value));
	else if (!parse_cpulist(value, mask.bits, sim.nr_cpus))
		task_set_mask(p, &mask);
}

static void own_mask(struct sim_task *p, const char *list)
{
	struct cpumask mask;

	if (!parse_cpulist(list, mask.bits, sim.nr_cpus))
		task_set_mask(p, &mask);
}

void workload_step(struct sim_task *p)
{
	const struct scen_op *op = next_op(p);

	if (!op) {
		task_die(p);
		return;
	}
	if (op->kind == OP_RUN) {
		p->work = span(op);
		if (!p->work)
			p->work = 1;
		return;
	}
	sim.cost += sim.costs.syscall_ns;
	switch (op->kind) {
	case OP_SLEEP:
		sleep_until(p, sim_now + span(op));
		break;
	case OP_TIMER:
		if (!p->period_at)
			p->period_at = p->born_at;
		p->period_at += op->a;
		if (p->period_at > sim_now)
			sleep_until(p, p->period_at);
		else if (op->a)
			p->period_at += (sim_now - p->period_at) / op->a * op->a;
		break;
	case OP_UNTIL:
		if (SIM_EPOCH + op->a > sim_now)
			sleep_until(p, SIM_EPOCH + op->a);
		break;
	case OP_WAIT:
		wait_channel(channel(p, op), p);
		break;
	case OP_SIGNAL:
		signal_channel(channel(p, op), 8);
		break;
	case OP_SYNC:
		signal_channel(channel(p, op), 8 | SCX_WAKE_SYNC);
		break;
	case OP_YIELD:
		trace_event(TR_YIELD, sim_this_cpu, p, 0);
		p->ts.scx.slice = 0;
		sim.cpus[sim_this_cpu].need_resched = true;
		break;
	case OP_FORK:
		fork_task(p, &sim.sc->tasks[op->a]);
		break;
	case OP_NICE:
		task_set_nice(p, (int)(s64)op->a);
		break;
	case OP_CPUS:
		own_mask(p, op->text);
		break;
	case OP_CGROUP:
		task_set_cgroup(p, op->a);
		break;
	case OP_RENICE:
	case OP_PIN:
		change_other(op);
		break;
	case OP_EXIT:
		task_die(p);
		break;
	default:
		break;
	}
}

/* Birth, or the end of a sleep; on sim_this_cpu. */
void workload_timer(struct sim_task *p)
{
	if (p->life == TASK_NEW)
		task_start(p);
	else
		wake_task(p, 8, false);
	/* lateness of the timer itself counts, as rt-app and cyclictest count it */
	if (p->timer_due && p->timer_due < p->wake_at)
		p->wake_at = p->timer_due;
	p->timer_due = 0;
}

/* A waiter that is woken by something else leaves its channel. */
static void leave_channels(struct sim_task *p)
{
	struct channel *ch;
	struct sim_task **at, *last;
	u32 i;

	for (i = 0; i < nr_chans; i++) {
		ch = &sim.chans[i];
		last = NULL;
		for (at = &ch->first; *at && *at != p; at = &(*at)->chan_next)
			last = *at;
		if (!*at)
			continue;
		*at = p->chan_next;
		if (ch->last == p)
			ch->last = last;
		p->chan_next = NULL;
	}
}

static void script_task(const struct scen_event *e, struct sim_task *p)
{
	struct cpumask mask;

	switch (e->kind) {
	case SE_NICE:
		task_set_nice(p, (int)e->a);
		break;
	case SE_CPUS:
		parse_cpulist(e->text, mask.bits, sim.nr_cpus);
		task_set_mask(p, &mask);
		break;
	case SE_CGROUP:
		task_set_cgroup(p, (u64)e->a);
		break;
	case SE_KILL:
		if (p->life == TASK_NEW) {
			event_clear(&p->timer);
			p->life = TASK_DEAD;
		}
		leave_channels(p);
		send_signal(p, SIGNAL_KILL);
		break;
	default: /* SE_WAKE */
		if (p->life != TASK_SLEEPING)
			break;
		event_clear(&p->timer);
		leave_channels(p);
		wake_task(p, 8, false);
	}
}

/* The next line of the script, carried out on the first CPU that is online. */
void script_step(void)
{
	const struct scen_event *e = &sim.sc->events[sim.next_script];
	struct sim_task *p;
	u32 cpu = 0;
	u64 at;

	while (!sim.cpus[cpu].online)
		cpu++;
	if (cpu_busy(cpu, &sim.ev_script))
		return;
	event_clear(&sim.ev_script);
	if (++sim.next_script < sim.sc->nr_events) {
		at = SIM_EPOCH + sim.sc->events[sim.next_script].at;
		event_set(&sim.ev_script, at > sim_now ? at : sim_now);
	}
	cpu_enter(cpu);
	sim.cost += sim.costs.irq_ns;
	switch (e->kind) {
	case SE_CPU:
		if (!e->b && (u32)e->a == cpu) {
			/* a CPU does not take itself down: another one does */
			for (cpu++; cpu < sim.nr_cpus && !sim.cpus[cpu].online; cpu++)
				;
			cpu_exit();
			if (cpu == sim.nr_cpus || sim.cpus[cpu].free_at > sim_now)
				return;
			cpu_enter(cpu);
		}
		cpu_set_online((u32)e->a, e->b);
		break;
	case SE_PARAM:
		bpf_half_set_param(e->name, (u64)e->a);
		break;
	case SE_MODE:
		bpf_half_set_mode(e->a);
		break;
	case SE_WEIGHT:
		cgroup_set_cpu_weight((u64)e->a, (u32)e->b);
		break;
	case SE_POLICY_STOP:
	case SE_POLICY_CONT:
	case SE_POLICY_KILL:
	case SE_POLICY_START:
	case SE_POLICY_SLOW:
		policy_script(e);
		break;
	default:
		p = find_task(e->name, e->instance);
		if (p)
			script_task(e, p);
	}
	cpu_exit();
}
