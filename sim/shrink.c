/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a failing case small: try to leave something out, keep what still fails in the same
 * way, until nothing more can go.
 */
#include <ctype.h>
#include <stdlib.h>

#include "explore.h"

#define SHRINK_EVENTS 1000000 /* a case that needs more is not small */

struct shrinker {
	struct scenario *best;
	enum sim_verdict verdict;
	char reason[256];
	u32 runs, budget;
};

/* The kind of failure: the message without names and numbers. */
static void essence(char *to, size_t size, const char *from)
{
	size_t n = 0;
	const char *at = strchr(from, ':') ? NULL : strchr(from, ']');

	for (from = at ? at : from; *from && *from != ':' && n + 1 < size; from++) {
		if (!isdigit((unsigned char)*from) && *from != '.')
			to[n++] = *from;
	}
	to[n] = '\0';
}

static bool still_fails(struct shrinker *s, const struct scenario *sc)
{
	char now[256], err[256];
	bool same;

	if (s->runs >= s->budget)
		return false;
	if (scenario_check((struct scenario *)sc, err, sizeof(err)))
		return false;
	s->runs++;
	sim_event_limit = SHRINK_EVENTS;
	same = sim_run(sc) == s->verdict;
	if (same) {
		essence(now, sizeof(now), sim.reason);
		same = !strcmp(now, s->reason);
	}
	sim_finish();
	sim_event_limit = 0;
	return same;
}

/* Keep @try if it fails too. */
static bool keep(struct shrinker *s, struct scenario *try)
{
	if (!still_fails(s, try)) {
		scenario_free(try);
		return false;
	}
	scenario_free(s->best);
	*s->best = *try;
	return true;
}

static void drop_event(struct scenario *sc, u32 i)
{
	memmove(&sc->events[i], &sc->events[i + 1],
		(sc->nr_events - i - 1) * sizeof(*sc->events));
	sc->nr_events--;
}

static bool names_task(const struct scen_op *op, const char *name)
{
	size_t len = strlen(name);

	if (op->kind == OP_FORK)
		return !strcmp(op->text, name);
	return (op->kind == OP_RENICE || op->kind == OP_PIN) &&
	       !strncmp(op->text, name, len) && strchr(".=", op->text[len]);
}

static void drop_task(struct scenario *sc, u32 nr)
{
	u32 i, j;

	for (i = sc->nr_events; i--;) {
		if (sc->events[i].kind <= SE_WAKE &&
		    !strcmp(sc->events[i].name, sc->tasks[nr].name))
			drop_event(sc, i);
	}
	for (i = 0; i < sc->nr_tasks; i++) {
		struct scen_task *t = &sc->tasks[i];

		for (j = t->nr_ops; j--;) {
			if (!names_task(&t->ops[j], sc->tasks[nr].name))
				continue;
			memmove(&t->ops[j], &t->ops[j + 1],
				(t->nr_ops - j - 1) * sizeof(*t->ops));
			t->nr_ops--;
		}
	}
	free(sc->tasks[nr].ops);
	memmove(&sc->tasks[nr], &sc->tasks[nr + 1],
		(sc->nr_tasks - nr - 1) * sizeof(*sc->tasks));
	sc->nr_tasks--;
}

/*
 * Forks or changes of affinity without anything that takes time beside them are a flood: any bug,
 * and none, fails there.
 */
static bool is_flood(const struct scen_task *t)
{
	bool floods = false;
	u32 i;

	for (i = 0; i < t->nr_ops; i++) {
		floods |= t->ops[i].kind == OP_FORK || t->ops[i].kind == OP_PIN;
		if (t->ops[i].kind <= OP_WAIT || t->ops[i].kind == OP_EXIT)
			return false;
	}
	return floods;
}

static bool shrink_lists(struct shrinker *s)
{
	struct scenario try;
	bool progress = false;
	u32 i, j;

	for (i = s->best->nr_events; i--;) {
		if (i >= s->best->nr_events)
			continue;
		scenario_copy(&try, s->best);
		drop_event(&try, i);
		progress |= keep(s, &try);
	}
	for (i = s->best->nr_tasks; i--;) {
		if (i >= s->best->nr_tasks)
			continue;
		scenario_copy(&try, s->best);
		drop_task(&try, i);
		if (keep(s, &try)) {
			progress = true;
			continue;
		}
		while (s->best->tasks[i].nr > 1) {
			scenario_copy(&try, s->best);
			try.tasks[i].nr /= 2;
			if (!keep(s, &try))
				break;
			progress = true;
		}
		for (j = s->best->tasks[i].nr_ops; j-- && s->best->tasks[i].nr_ops > 1;) {
			struct scen_task *t;

			scenario_copy(&try, s->best);
			t = &try.tasks[i];
			memmove(&t->ops[j], &t->ops[j + 1],
				(t->nr_ops - j - 1) * sizeof(*t->ops));
			t->nr_ops--;
			if (is_flood(t))
				scenario_free(&try);
			else
				progress |= keep(s, &try);
		}
	}
	return progress;
}

/* One attempt for each way to make the whole simpler. */
static bool simplify(struct scenario *sc, u32 way)
{
	u32 i, nr = 0;

	switch (way) {
	case 0:
		sc->duration_ns = sc->duration_ns * 3 / 4;
		return sc->duration_ns > 10000000;
	case 1:
		sc->cpus /= 2;
		sc->smt = sc->llcs = sc->nodes = 1;
		return sc->cpus > 0;
	case 2:
		sc->cpus--;
		sc->smt = sc->llcs = sc->nodes = 1;
		return sc->cpus > 0;
	case 3:
		nr = sc->smt != 1 || sc->llcs != 1 || sc->nodes != 1;
		sc->smt = sc->llcs = sc->nodes = 1;
		return nr;
	case 4:
		nr = sc->jitter;
		sc->jitter = 0;
		return nr;
	case 5:
		nr = sc->skew_tick;
		sc->skew_tick = false;
		return nr;
	case 6:
		nr = sc->nr_costs;
		sc->nr_costs = 0;
		return nr;
	case 7:
		nr = sc->hz != 250;
		sc->hz = 250;
		return nr;
	case 8:
		for (i = 0; i < sc->nr_tasks; i++) {
			nr |= sc->tasks[i].nice || sc->tasks[i].start_ns ||
			      sc->tasks[i].stagger_ns || sc->tasks[i].kthread;
			sc->tasks[i].nice = 0;
			sc->tasks[i].start_ns = sc->tasks[i].stagger_ns = 0;
			sc->tasks[i].kthread = false;
		}
		return nr;
	case 9:
		for (i = 0; i < sc->nr_tasks; i++) {
			nr |= *sc->tasks[i].cpus;
			*sc->tasks[i].cpus = '\0';
		}
		return nr;
	}
	return false;
}

u32 explore_size(const struct scenario *sc)
{
	u32 size = sc->nr_events, i;

	for (i = 0; i < sc->nr_tasks; i++)
		size += sc->tasks[i].nr_ops;
	return size;
}

u32 explore_shrink(struct scenario *sc, enum sim_verdict verdict, const char *reason,
		   u32 budget)
{
	struct shrinker s = { .best = sc, .verdict = verdict, .budget = budget };
	struct scenario try;
	bool progress = true;
	u32 way;

	essence(s.reason, sizeof(s.reason), reason);
	while (progress && s.runs < s.budget) {
		progress = shrink_lists(&s);
		for (way = 0; way < 10; way++) {
			scenario_copy(&try, s.best);
			if (simplify(&try, way))
				progress |= keep(&s, &try);
			else
				scenario_free(&try);
		}
	}
	return s.runs;
}
