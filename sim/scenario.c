/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios: making, copying, checking. Reading: scenario_parse.c; writing: scenario_print.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <qumun/params.h>

#include "scenario.h"

void scenario_init(struct scenario *sc)
{
	memset(sc, 0, sizeof(*sc));
	sc->cpus = 4;
	sc->smt = sc->llcs = sc->nodes = sc->shards = 1;
	sc->hz = 250;
	sc->duration_ns = 1000000000;
	sc->seed = 1;
	sc->timeout_ms = 10000;
	strcpy(sc->policy, "gthulhu");
}

void scenario_free(struct scenario *sc)
{
	__u32 i;

	for (i = 0; i < sc->nr_tasks; i++)
		free(sc->tasks[i].ops);
	free(sc->tasks);
	free(sc->events);
	sc->tasks = NULL;
	sc->events = NULL;
	sc->nr_tasks = sc->nr_events = 0;
}

void scenario_copy(struct scenario *to, const struct scenario *from)
{
	__u32 i;

	*to = *from;
	to->tasks = NULL;
	to->events = NULL;
	to->nr_tasks = to->nr_events = 0;
	for (i = 0; i < from->nr_tasks; i++) {
		struct scen_task *t = scenario_add_task(to, from->tasks[i].name);
		struct scen_op *ops = t->ops;

		*t = from->tasks[i];
		t->ops = scenario_must(realloc(ops, t->room_ops * sizeof(*ops)));
		memcpy(t->ops, from->tasks[i].ops, t->room_ops * sizeof(*ops));
	}
	for (i = 0; i < from->nr_events; i++)
		*scenario_add_event(to, SE_NICE, 0) = from->events[i];
}

void *scenario_must(void *p)
{
	if (!p) {
		fputs("gthulhu-sim: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

struct scen_task *scenario_add_task(struct scenario *sc, const char *name)
{
	struct scen_task *t;

	sc->tasks = scenario_must(
		realloc(sc->tasks, (sc->nr_tasks + 1) * sizeof(*sc->tasks)));
	t = &sc->tasks[sc->nr_tasks++];
	memset(t, 0, sizeof(*t));
	snprintf(t->name, sizeof(t->name), "%s", name);
	t->nr = 1;
	t->ops = scenario_must(calloc(SCEN_OPS, sizeof(*t->ops)));
	t->room_ops = SCEN_OPS;
	return t;
}

struct scen_op *scen_task_add(struct scen_task *t, enum scen_op_kind kind, __u64 a,
			      __u64 b)
{
	struct scen_op *op;

	if (t->nr_ops == t->room_ops) {
		t->room_ops = t->room_ops ? 2 * t->room_ops : 8;
		t->ops = scenario_must(realloc(t->ops, t->room_ops * sizeof(*op)));
	}
	op = &t->ops[t->nr_ops++];
	memset(op, 0, sizeof(*op));
	op->kind = kind;
	op->a = a;
	op->b = b;
	return op;
}

struct scen_event *scenario_add_event(struct scenario *sc, enum scen_event_kind kind,
				      __u64 at)
{
	struct scen_event *e;

	sc->events = scenario_must(
		realloc(sc->events, (sc->nr_events + 1) * sizeof(*sc->events)));
	e = &sc->events[sc->nr_events++];
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->at = at;
	return e;
}

__u32 scenario_find_task(const struct scenario *sc, const char *name)
{
	__u32 i;

	for (i = 0; i < sc->nr_tasks; i++) {
		if (!strcmp(sc->tasks[i].name, name))
			return i;
	}
	return ~0U;
}

const struct scen_group *scenario_find_group(const struct scenario *sc, __u64 id)
{
	__u32 i;

	for (i = 0; i < sc->nr_groups; i++) {
		if (sc->groups[i].id == id)
			return &sc->groups[i];
	}
	return NULL;
}

int parse_time(const char *text, __u64 *ns)
{
	static const struct {
		const char *unit;
		double scale;
	} units[] = {
		{ "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "", 1 }
	};
	char *end;
	double v = strtod(text, &end);
	size_t i;

	if (end == text || v < 0 || v > 1e15)
		return -EINVAL;
	for (i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (!strcmp(end, units[i].unit)) {
			*ns = (__u64)(v * units[i].scale + 0.5);
			return 0;
		}
	}
	return -EINVAL;
}

void print_time(char *buf, size_t size, __u64 ns)
{
	if (ns && ns % 1000000000 == 0)
		snprintf(buf, size, "%llus", ns / 1000000000);
	else if (ns && ns % 1000000 == 0)
		snprintf(buf, size, "%llums", ns / 1000000);
	else if (ns && ns % 1000 == 0)
		snprintf(buf, size, "%lluus", ns / 1000);
	else
		snprintf(buf, size, "%lluns", ns);
}

int parse_cpulist(const char *text, unsigned long *bits, __u32 nr_cpus)
{
	unsigned long from, to;
	char *end;

	memset(bits, 0, QUMUN_MAX_CPUS / 8);
	while (*text) {
		from = to = strtoul(text, &end, 10);
		if (end == text)
			return -1;
		if (*end == '-') {
			text = end + 1;
			to = strtoul(text, &end, 10);
			if (end == text)
				return -1;
		}
		if (from > to || to >= nr_cpus)
			return -1;
		for (; from <= to; from++)
			bits[from / 64] |= 1UL << (from & 63);
		if (*end == ',')
			end++;
		else if (*end)
			return -1;
		text = end;
	}
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct scen_event *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

int scenario_check(struct scenario *sc, char *err, size_t size)
{
	unsigned long bits[QUMUN_MAX_CPUS / 64];
	__u32 i, j;

#define REFUSE(cond, ...)                                                                \
	do {                                                                             \
		if (cond) {                                                              \
			snprintf(err, size, __VA_ARGS__);                                \
			return -EINVAL;                                                  \
		}                                                                        \
	} while (0)
	REFUSE(!sc->cpus || sc->cpus > QUMUN_MAX_CPUS, "%s: cpus=%u: 1 to %d", sc->file,
	       sc->cpus, QUMUN_MAX_CPUS);
	REFUSE(!sc->smt || !sc->llcs || sc->llcs > sc->cpus || !sc->nodes ||
		       sc->nodes > sc->cpus || sc->little > sc->cpus,
	       "%s: this topology does not fit %u CPUs", sc->file, sc->cpus);
	REFUSE(!sc->shards || sc->shards > QUMUN_MAX_SHARDS || sc->shards > sc->cpus,
	       "%s: shards=%u: 1 to %d, at most one for each CPU", sc->file, sc->shards,
	       QUMUN_MAX_SHARDS);
	REFUSE(sc->hz < 10 || sc->hz > 10000, "%s: hz=%u: 10 to 10000", sc->file, sc->hz);
	REFUSE(sc->nr_groups && sc->share_pct,
	       "%s: check shares= knows of nice values only, not of groups", sc->file);
	for (i = 0; i < sc->nr_groups; i++) {
		const struct scen_group *g = &sc->groups[i];

		REFUSE(g->id < 2 || scenario_find_group(sc, g->id) != g,
		       "%s: group %llu: an id from 2 on, once", sc->file, g->id);
		REFUSE(g->weight < 1 || g->weight > 10000, "%s: group %llu: weight %u",
		       sc->file, g->id, g->weight);
		REFUSE(g->parent && scenario_find_group(sc, g->parent) >= g,
		       "%s: group %llu: its parent %llu comes before it", sc->file, g->id,
		       g->parent);
		REFUSE(g->parent && !scenario_find_group(sc, g->parent),
		       "%s: group %llu: no parent %llu", sc->file, g->id, g->parent);
	}
	if (sc->little && !sc->little_speed)
		sc->little_speed = 512;
	for (i = 0; i < sc->nr_tasks; i++) {
		struct scen_task *t = &sc->tasks[i];

		REFUSE(*t->cpus && parse_cpulist(t->cpus, bits, sc->cpus),
		       "%s: task %s: cpus=%s is no list of CPUs 0-%u", sc->file, t->name,
		       t->cpus, sc->cpus - 1);
		REFUSE(t->nice < -20 || t->nice > 19, "%s: task %s: nice %d", sc->file,
		       t->name, t->nice);
		REFUSE(!t->nr_ops, "%s: task %s does nothing", sc->file, t->name);
		for (j = 0; j < t->nr_ops; j++) {
			char name[32];

			if (t->ops[j].kind == OP_RENICE || t->ops[j].kind == OP_PIN) {
				snprintf(name, sizeof(name), "%s", t->ops[j].text);
				REFUSE(!strchr(name, '='),
				       "%s: task %s: renice TASK.N=NICE, "
				       "pin TASK.N=CPUS",
				       sc->file, t->name);
				REFUSE(t->ops[j].kind == OP_PIN &&
					       parse_cpulist(strchr(name, '=') + 1, bits,
							     sc->cpus),
				       "%s: task %s: '%s' is no list of CPUs 0-%u",
				       sc->file, t->name, strchr(name, '=') + 1,
				       sc->cpus - 1);
				name[strcspn(name, ".=")] = '\0';
				REFUSE(scenario_find_task(sc, name) == ~0U,
				       "%s: task %s names '%s', which is no task",
				       sc->file, t->name, name);
			}
			if (t->ops[j].kind != OP_FORK)
				continue;
			t->ops[j].a = scenario_find_task(sc, t->ops[j].text);
			REFUSE(t->ops[j].a == ~0U,
			       "%s: task %s forks '%s', which is no task", sc->file,
			       t->name, t->ops[j].text);
		}
	}
	for (i = 0; i < sc->nr_events; i++) {
		struct scen_event *e = &sc->events[i];

		REFUSE(e->kind <= SE_WAKE && scenario_find_task(sc, e->name) == ~0U,
		       "%s: an event names '%s', which is no task", sc->file, e->name);
		REFUSE(e->kind == SE_CPUS && parse_cpulist(e->text, bits, sc->cpus),
		       "%s: '%s' is no list of CPUs 0-%u", sc->file, e->text,
		       sc->cpus - 1);
		REFUSE(e->kind == SE_WEIGHT && (!scenario_find_group(sc, (__u64)e->a) ||
						e->b < 1 || e->b > 10000),
		       "%s: weight of group %lld: %lld", sc->file, e->a, e->b);
		REFUSE(e->kind == SE_CPU && (e->a < 0 || e->a >= sc->cpus),
		       "%s: no CPU %lld", sc->file, e->a);
	}
	/* insertion order decides among equal times: mergesort keeps it */
	for (i = 1; i < sc->nr_events; i++) {
		for (j = i; j && by_time(&sc->events[j - 1], &sc->events[j]) > 0; j--) {
			struct scen_event tmp = sc->events[j];

			sc->events[j] = sc->events[j - 1];
			sc->events[j - 1] = tmp;
		}
	}
#undef REFUSE
	return 0;
}
