/* SPDX-License-Identifier: Apache-2.0 */
/* One run: set up, handle events in order, finish. */
#include <stdlib.h>

#include "sim.h"

struct sim sim;
u64 sim_event_limit;
s32 sim_this_cpu;
u64 sim_now;

static void end_run(enum sim_verdict verdict, const char *fmt, va_list ap)
{
	if (sim.ended && sim.verdict != SIM_OK)
		return;
	sim.ended = true;
	sim.verdict = verdict;
	sim.ended_at = sim_now - SIM_EPOCH;
	vsnprintf(sim.reason, sizeof(sim.reason), fmt, ap);
}

/* The kernel would eject the scheduler. */
void sim_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	end_run(SIM_EJECTED, fmt, ap);
	va_end(ap);
}

/* An invariant does not hold. */
void sim_broken(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	end_run(SIM_BROKEN_INVARIANT, fmt, ap);
	va_end(ap);
}

static void set_costs(const struct scenario *sc)
{
	u32 i;

#define X(name, def, doc) sim.costs.name = def;
	SIM_COSTS(X)
#undef X
	for (i = 0; i < sc->nr_costs; i++) {
#define X(field, def, doc)                                                               \
	if (!strcmp(sc->costs[i].name, #field))                                          \
		sim.costs.field = sc->costs[i].value;
		SIM_COSTS(X)
#undef X
	}
}

static u32 nr_records(const struct scenario *sc)
{
	u32 need = sc->shards, i;

	if (sc->records)
		return sc->records;
	for (i = 0; i < sc->nr_tasks; i++)
		need += sc->tasks[i].nr;
	for (i = 16384; i < need + need / 4 && i < 262144; i *= 2)
		;
	return i;
}

static void set_up(const struct scenario *sc)
{
	u32 i;

	memset(&sim, 0, sizeof(sim));
	sim.sc = sc;
	sim.rng = sc->seed;
	sim_now = SIM_EPOCH;
	sim_this_cpu = 0;
	set_costs(sc);
	sim.nr_cpus = sc->cpus;
	sim.cpus = sim_alloc(sc->cpus * sizeof(*sim.cpus));
	sim.cpu_dsqs = sim_alloc(sc->cpus * sizeof(*sim.cpu_dsqs));
	sim.buf = sim_alloc(1024 * sizeof(*sim.buf));
	sim.groups = sim_alloc((sc->nr_tasks + 1) * sizeof(*sim.groups));
	for (i = 0; i < sc->cpus; i++) {
		struct sim_cpu *c = &sim.cpus[i];

		c->id = (s32)i;
		c->online = c->active = true;
		c->distribute = -1;
		c->idle_since = sim_now;
		dsq_init(&c->local, SCX_DSQ_LOCAL);
		sim.cpu_dsqs[i].id = ~0ULL;
		event_init(&c->ev_resched, EV_RESCHED, i);
		event_init(&c->ev_tick, EV_TICK, i);
		event_init(&c->ev_run, EV_RUN, i);
	}
	dsq_init(&sim.global, SIM_DSQ_GLOBAL);
	topology_build(sc);
	for (i = 0; i < sc->cpus; i++)
		idle_set(i, true);
	sim.nr_idle = sc->cpus;
	event_init(&sim.ev_script, EV_SCRIPT, 0);
	event_init(&sim.ev_watchdog, EV_WATCHDOG, 0);
	event_init(&sim.ev_end, EV_END, 0);
	event_init(&sim.ev_bpf_timer, EV_BPF_TIMER, 0);
	event_set(&sim.ev_end, SIM_EPOCH + sc->duration_ns);
	event_set(&sim.ev_watchdog, SIM_EPOCH + (u64)sc->timeout_ms * 500000);
	if (sc->nr_events)
		event_set(&sim.ev_script, SIM_EPOCH + sc->events[0].at);
	trace_reset();
	bpf_half_reset(sc, nr_records(sc));
	cgroups_reset(sc);
	workload_reset(sc);
	policy_reset(sc);
}

/* @timer interrupts @cpu; false if it has to wait. */
static bool timer_enter(struct event *timer, s32 at)
{
	u32 cpu = (u32)at;

	/* timers of an offline CPU move to one that is online */
	while (!sim.cpus[cpu].online)
		cpu = cpu + 1 < sim.nr_cpus ? cpu + 1 : 0;
	if (cpu_busy(cpu, timer))
		return false;
	event_clear(timer);
	cpu_enter(cpu);
	sim.cost += sim.costs.irq_ns;
	if (!sim.cpus[cpu].curr)
		sim.cost += sim.costs.idle_exit_ns;
	return true;
}

static void handle_timer(struct sim_task *p)
{
	if (!timer_enter(&p->timer, p->timer_cpu))
		return;
	workload_timer(p);
	cpu_exit();
}

static void handle_bpf_timer(void)
{
	u32 zero = 0;

	if (!timer_enter(&sim.ev_bpf_timer, sim.bpf_timer_cpu))
		return;
	sim.cost += sim.costs.op_ns;
	sim.bpf_timer->callback(NULL, &zero, sim.bpf_timer);
	cpu_exit();
}

static void handle(struct event *e)
{
	u32 nr = (u32)e->order;

	switch ((enum ev_kind)(e->order >> 32)) {
	case EV_SCRIPT:
		script_step();
		break;
	case EV_TIMER:
		handle_timer(sim.tasks[nr]);
		break;
	case EV_BPF_TIMER:
		handle_bpf_timer();
		break;
	case EV_RESCHED:
		handle_resched(&sim.cpus[nr]);
		break;
	case EV_TICK:
		handle_tick(&sim.cpus[nr]);
		break;
	case EV_RUN:
		handle_run(&sim.cpus[nr]);
		break;
	case EV_WATCHDOG:
		event_set(e, sim_now + (u64)sim.sc->timeout_ms * 500000);
		watchdog_check();
		break;
	case EV_END:
		sim.ended = true;
		sim.ended_at = sim_now - SIM_EPOCH;
		break;
	}
}

enum sim_verdict sim_run(const struct scenario *sc)
{
	struct event *e;
	u32 i;

	set_up(sc);
	if (!sc->kernel_mode) {
		cpu_enter(0);
		policy_start();
		cpu_exit();
	}
	workload_start();
	while (!sim.ended && (e = event_first())) {
		sim_now = e->at;
		sim.nr_events++;
		handle(e);
		if (sc->check)
			check_event();
		if (sim_event_limit && sim.nr_events >= sim_event_limit) {
			sim.ended = true;
			sim.ended_at = sim_now - SIM_EPOCH;
		}
	}
	/* what runs and idles at the end counts */
	for (i = 0; i < sim.nr_cpus; i++) {
		update_curr(&sim.cpus[i]);
		if (!sim.cpus[i].curr && sim.cpus[i].online)
			sim.cpus[i].idle_ns += sim_now - sim.cpus[i].idle_since;
	}
	if (sim.both_from) {
		sim.both_ns += sim_now - sim.both_from;
		if (sim_now - sim.both_from > sim.both_max)
			sim.both_max = sim_now - sim.both_from;
	}
	if (sc->check && sim.verdict == SIM_OK)
		check_end();
	return sim.verdict;
}

void sim_finish(void)
{
	policy_free();
	bpf_half_free();
	trace_free();
	sim_free_all();
}
