/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random scenarios for the search. Sizes are small on purpose: bugs in protocols show with a few
 * tasks on a few CPUs, and small cases are quick and easy to read.
 */
#include "explore.h"

#include <qumun/params.h>
#include <qumun/vtime.h>

static u64 state;

static u64 rnd(u64 n)
{
	u64 z = (state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return n ? (z ^ (z >> 31)) % n : 0;
}

static bool chance(u32 percent)
{
	return rnd(100) < percent;
}

static u64 pick(const u64 *v, size_t n)
{
	return v[rnd(n)];
}

#define PICK(...) pick((const u64[]){ __VA_ARGS__ }, sizeof((u64[]){ __VA_ARGS__ }) / 8)

static void cpu_list(char *buf, size_t size, u32 cpus)
{
	u32 from = (u32)rnd(cpus), to = from + (u32)rnd(cpus - from);

	if (from == to)
		snprintf(buf, size, "%u", from);
	else
		snprintf(buf, size, "%u-%u", from, to);
}

static void add_span(struct scen_task *t, enum scen_op_kind kind, u64 ns)
{
	scen_task_add(t, kind, ns, chance(30) ? 2 * ns : ns);
}

static void add_chan(struct scen_task *t, enum scen_op_kind kind, const char *name)
{
	struct scen_op *op = scen_task_add(t, kind, 0, 0);

	if (op)
		snprintf(op->text, sizeof(op->text), "%s", name);
}

/* Time scales that schedulers care about. */
static u64 some_run(void)
{
	return PICK(20, 50, 200, 1000, 3000, 5000, 12000) * 1000;
}

static u64 some_sleep(void)
{
	return PICK(50, 300, 1000, 2000, 4000, 10000, 50000, 400000) * 1000;
}

static void make_pair(struct scenario *sc, u32 i)
{
	struct scen_task *t;
	char name[SCEN_NAME], req[16], rep[16];

	snprintf(req, sizeof(req), "q%u", i);
	snprintf(rep, sizeof(rep), "r%u", i);
	snprintf(name, sizeof(name), "server%u", i & 255);
	t = scenario_add_task(sc, name);
	add_chan(t, OP_WAIT, req);
	add_span(t, OP_RUN, some_run());
	add_chan(t, chance(70) ? OP_SYNC : OP_SIGNAL, rep);
	snprintf(name, sizeof(name), "client%u", i & 255);
	t = scenario_add_task(sc, name);
	add_chan(t, chance(70) ? OP_SYNC : OP_SIGNAL, req);
	add_chan(t, OP_WAIT, rep);
	if (chance(60))
		add_span(t, OP_SLEEP, some_sleep());
	else
		add_span(t, OP_RUN, 20000);
	/* somebody who cannot get out of their way */
	if (sc->cpus > 1 && chance(40)) {
		snprintf(name, sizeof(name), "near%u", i & 255);
		t = scenario_add_task(sc, name);
		snprintf(t->cpus, sizeof(t->cpus), "%u", (u32)rnd(sc->cpus));
		add_span(t, OP_RUN, some_run());
	}
}

static void make_forker(struct scenario *sc, u32 i)
{
	struct scen_task *t;
	char name[SCEN_NAME], kid[SCEN_NAME];

	snprintf(kid, sizeof(kid), "kid%u", i);
	snprintf(name, sizeof(name), "fork%u", i);
	t = scenario_add_task(sc, name);
	add_chan(t, OP_FORK, kid);
	add_span(t, OP_SLEEP, 2000000 + some_sleep());
	t = scenario_add_task(sc, kid);
	t->nr = 0;
	/* less than the parent's pauses: a backlog that grows for ever starves somebody */
	add_span(t, OP_RUN, 1000 + rnd(400000));
	scen_task_add(t, OP_EXIT, 0, 0);
}

static void make_task(struct scenario *sc, u32 i)
{
	struct scen_task *t;
	char name[SCEN_NAME];
	u64 kind = rnd(10);

	if (kind == 8) {
		make_pair(sc, i);
		return;
	}
	if (kind == 9) {
		make_forker(sc, i);
		return;
	}
	snprintf(name, sizeof(name), "t%u", i);
	t = scenario_add_task(sc, name);
	t->nr = 1 + (u32)rnd(3);
	t->nice = chance(40) ? (int)rnd(7) - 3 : 0;
	if (sc->cpus > 1 && chance(20))
		cpu_list(t->cpus, sizeof(t->cpus), sc->cpus);
	if (chance(20))
		t->start_ns = rnd(50) * 1000000;
	if (chance(20))
		t->stagger_ns = rnd(2000) * 1000;
	switch (kind) {
	case 0: /* burns */
	case 1:
		add_span(t, OP_RUN, 10000000);
		break;
	case 2: /* periodic */
		scen_task_add(t, OP_TIMER, some_sleep(), 0);
		add_span(t, OP_RUN, some_run());
		break;
	case 3: /* yields */
		add_span(t, OP_RUN, some_run());
		scen_task_add(t, OP_YIELD, 0, 0);
		break;
	case 4: /* sleeps long, then burns */
		add_span(t, OP_SLEEP, 400000000);
		scen_task_add(t, OP_LOOP, 20 + rnd(20), 0);
		add_span(t, OP_RUN, 10000000);
		scen_task_add(t, OP_END, 0, 0);
		break;
	default:
		t->kthread = chance(10);
		add_span(t, OP_RUN, t->kthread ? 50000 : some_run());
		add_span(t, OP_SLEEP, t->kthread ? 3000000 : some_sleep());
		if (chance(30) && !t->kthread)
			add_span(t, OP_RUN, some_run());
	}
}

/* A task that keeps changing others while they are queued. */
static void make_changer(struct scenario *sc)
{
	struct scen_task *t = scenario_add_task(sc, "changer");
	u32 nr = sc->nr_tasks - 1, i, n = 1 + (u32)rnd(3);
	const struct scen_task *target;
	char list[12];
	struct scen_op *op;

	for (i = 0; i < n; i++) {
		target = &sc->tasks[rnd(nr)];
		if (sc->cpus > 1 && chance(50)) {
			cpu_list(list, sizeof(list), sc->cpus);
			op = scen_task_add(t, OP_PIN, 0, 0);
			snprintf(op->text, sizeof(op->text), "%.8s.%u=%s", target->name,
				 target->nr ? (u32)rnd(target->nr) & 7 : 0, list);
		} else {
			op = scen_task_add(t, OP_RENICE, 0, 0);
			snprintf(op->text, sizeof(op->text), "%s.%u=%d", target->name,
				 target->nr ? (u32)rnd(target->nr) : 0, (int)rnd(5) - 2);
		}
		add_span(t, chance(50) ? OP_RUN : OP_SLEEP,
			 PICK(20, 100, 500, 2500) * 1000);
	}
	scen_task_add(t, OP_SLEEP, 5000000, 5000000);
}

static struct scen_event *make_event(struct scenario *sc, enum scen_event_kind kind,
				     u64 at)
{
	struct scen_event *e = scenario_add_event(sc, kind, at);
	const struct scen_task *t = &sc->tasks[rnd(sc->nr_tasks)];

	snprintf(e->name, sizeof(e->name), "%s", t->name);
	e->instance = t->nr ? (u32)rnd(t->nr) : 0;
	return e;
}

static void make_policy_trouble(struct scenario *sc, u64 at)
{
	struct scen_event *e;

	if (chance(40)) {
		scenario_add_event(sc, SE_POLICY_STOP, at);
		scenario_add_event(sc, SE_POLICY_CONT,
				   at + PICK(1, 5, 19, 40, 200) * 1000000);
	} else if (chance(50)) {
		scenario_add_event(sc, SE_POLICY_KILL, at);
		scenario_add_event(sc, SE_POLICY_START,
				   at + PICK(1, 10, 50, 200) * 1000000);
	} else {
		e = scenario_add_event(sc, SE_POLICY_SLOW, at);
		e->a = (s64)PICK(200, 1000, 10000, 100000);
		e = scenario_add_event(sc, SE_POLICY_SLOW, at + 100000000);
		e->a = 100;
	}
}

static void make_events(struct scenario *sc)
{
	u32 nr = chance(40) ? 0 : (u32)rnd(8), i, cpu;
	struct scen_event *e;
	u64 at;

	for (i = 0; i < nr; i++) {
		at = rnd(sc->duration_ns / 1000000) * 1000000 + rnd(1000) * 1000;
		switch (rnd(sc->cpus > 1 ? 6 : 4)) {
		case 0:
			make_event(sc, SE_NICE, at)->a = (s64)rnd(7) - 3;
			break;
		case 1:
			make_event(sc, chance(70) ? SE_WAKE : SE_KILL, at);
			break;
		case 2:
			if (!sc->kernel_mode && chance(60))
				make_policy_trouble(sc, at);
			break;
		case 3:
			e = make_event(sc, SE_CGROUP, at);
			e->a = 7;
			break;
		case 4:
			e = make_event(sc, SE_CPUS, at);
			cpu_list(e->text, sizeof(e->text), sc->cpus);
			break;
		default:
			cpu = (u32)rnd(sc->cpus);
			if (!chance(40))
				break;
			e = scenario_add_event(sc, SE_CPU, at);
			e->a = cpu;
			e = scenario_add_event(sc, SE_CPU,
					       at + PICK(3, 20, 100) * 1000000);
			e->a = cpu;
			e->b = 1;
		}
	}
}

static u32 nr_instances(const struct scenario *sc)
{
	u32 nr = 0, i;

	for (i = 0; i < sc->nr_tasks; i++)
		nr += sc->tasks[i].nr ? sc->tasks[i].nr : 8;
	return nr;
}

/*
 * How long a task may wait when all is well: a turn of everybody else at the largest slice,
 * twice the span of weights, and the time until a silent policy is overruled.
 */
static u64 starve_bound(const struct scenario *sc)
{
	u64 bound = 150000000ULL + nr_instances(sc) * 5 * MAX_SLICE_NS, i;

	/* fifo's keys and the BPF half's own do not mix: the floor (max_wait_ns) is what is left */
	for (i = 0; i < sc->nr_events && !strcmp(sc->policy, "fifo"); i++) {
		if (sc->events[i].kind >= SE_POLICY_STOP && bound < 1600000000ULL)
			bound = 1600000000ULL;
	}
	return bound;
}

/* How long for an answer: a tick or two and a long pass; while the policy is in trouble, rescue. */
static u64 asked_bound(const struct scenario *sc)
{
	u32 i;

	for (i = 0; i < sc->nr_events; i++) {
		if (sc->events[i].kind >= SE_POLICY_STOP)
			return 700000000;
	}
	return 30000000;
}

static void add_cost(struct scenario *sc, const char *name, u64 ns)
{
	snprintf(sc->costs[sc->nr_costs].name, sizeof(sc->costs->name), "%s", name);
	sc->costs[sc->nr_costs++].value = ns;
}

/* Children without end in a light group wait longer than the floor can help. */
static bool forks(const struct scenario *sc)
{
	u32 i;

	for (i = 0; i < sc->nr_tasks && sc->tasks[i].nr; i++)
		;
	return i < sc->nr_tasks;
}

/* Some of the tasks in groups, some of these nested. The floor bounds their waits. */
static void make_groups(struct scenario *sc)
{
	static const __u32 weights[] = { 1, 20, 100, 100, 300, 10000 };
	u32 nr = 1 + (u32)rnd(4), i;

	for (i = 0; i < nr; i++) {
		struct scen_group *g = &sc->groups[sc->nr_groups++];

		g->id = 10 + i;
		g->weight = weights[rnd(6)];
		if (i && chance(50))
			g->parent = 10 + rnd(i);
	}
	for (i = 0; i < sc->nr_tasks; i++) {
		if (chance(60))
			sc->tasks[i].cgroup = 10 + rnd(nr);
	}
	if (sc->starve_ns < 1600000000ULL)
		sc->starve_ns = 1600000000ULL;
}

void explore_generate(struct scenario *sc, u64 seed)
{
	char err[256];
	u32 nr, i;

	scenario_init(sc);
	state = seed;
	rnd(1);
	snprintf(sc->file, sizeof(sc->file), "explore-%llu", seed);
	sc->seed = seed;
	sc->cpus = (u32)PICK(1, 1, 2, 2, 3, 4, 4, 8);
	if (sc->cpus >= 4 && chance(40))
		sc->smt = 2;
	if (sc->cpus >= 4 && chance(40))
		sc->llcs = 2;
	sc->hz = (u32)PICK(100, 250, 250, 1000);
	sc->duration_ns = PICK(200, 500, 1000, 2000) * 1000000;
	sc->jitter = (u32)PICK(0, 0, 5, 50);
	sc->skew_tick = chance(30);
	sc->kernel_mode = chance(10);
	sc->timeout_ms = 2000;
	if (chance(30))
		snprintf(sc->policy, sizeof(sc->policy), "fifo");
	nr = 1 + (u32)rnd(5);
	for (i = 0; i < nr; i++)
		make_task(sc, i);
	if (chance(25))
		make_changer(sc);
	make_events(sc);
	/* a policy thread can be held up between any two of its steps */
	if (chance(30))
		add_cost(sc, "sleep_check_ns", PICK(10000, 100000, 500000));
	if (chance(20))
		add_cost(sc, "yield_ns", PICK(10000, 100000, 400000));
	if (chance(20))
		add_cost(sc, "pass_ask_ns", PICK(5000, 20000, 50000));
	sc->check = true;
	sc->starve_ns = starve_bound(sc);
	sc->asked_ns = asked_bound(sc);
	sc->idle_ns = 60000000;
	if (chance(25) && !forks(sc))
		make_groups(sc);
	scenario_check(sc, err, sizeof(err)); /* orders events, resolves names */
}
