/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record of a live machine (gthulhuctl record) as a scenario: each task does what it did, as
 * long as it did, and sleeps in between.
 *
 *     it ran            run: for as long as it had a CPU until it slept or woke another
 *     it slept          until: the instant at which an interrupt woke it, or
 *                       wait: for the task that woke it, which does a signal at that point
 *     it never slept    it runs for ever: another schedule may give it more than it got
 *
 * So what depends on a timer or a device keeps its time, and what depends on another task follows
 * that task, however late it is. The scheduler's own threads are left out: the simulator has its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <qumun/params.h>

#include "../base/parse.h"
#include "../base/record.h"
#include "sim.h"

#define ROOM 256
#define MAX_TASKS 20000 /* the report takes time as their square */

struct was {
	bool used, own, runs, sleeps, slept, exited;
	__s32 pid;
	char comm[QUMUN_COMM_LEN];
	__u32 weight;
	__u64 allowed;	/* CPUs as bits; 0: not known */
	__u64 first_at; /* when it became runnable first */
	__u64 run_from; /* while it runs: what came before is in its program */
	struct scen_recorded sums;
	struct scen_task prog; /* the steps */
};

struct reader {
	struct record_info info;
	struct was *v; /* by pid, open addressing */
	size_t nr, room;
};

static __u64 since_start(const struct reader *r, __u64 at)
{
	return at > r->info.start_ns ? at - r->info.start_ns : 0;
}

/* When that began which lasted until @e, within the record. */
static __u64 began(const struct reader *r, const struct qumun_trace_event *e)
{
	return e->value < since_start(r, e->time_ns) ? e->time_ns - e->value
						     : r->info.start_ns;
}

static struct was *slot_of(struct was *v, size_t room, __s32 pid)
{
	size_t i = ((__u32)pid * 2654435761U) & (room - 1);

	while (v[i].used && v[i].pid != pid)
		i = (i + 1) & (room - 1);
	return &v[i];
}

/* NULL: there are too many. */
static struct was *find(struct reader *r, const struct qumun_trace_event *e)
{
	struct was *more, *t;
	size_t i;

	if (r->nr > MAX_TASKS)
		return NULL;
	if (2 * r->nr >= r->room) {
		size_t room = r->room ? 2 * r->room : ROOM;

		more = scenario_must(calloc(room, sizeof(*more)));
		for (i = 0; i < r->room; i++) {
			if (r->v[i].used)
				*slot_of(more, room, r->v[i].pid) = r->v[i];
		}
		free(r->v);
		r->v = more;
		r->room = room;
	}
	t = slot_of(r->v, r->room, e->pid);
	if (!t->used) {
		t->used = true;
		t->pid = e->pid;
		t->weight = prio_to_weight[20];
		/* a wait that a run tells of began before the run */
		t->first_at = e->kind == QUMUN_TRACE_run ? began(r, e) : e->time_ns;
		for (i = 0; i < r->info.nr_own; i++)
			t->own |= r->info.own[i] == e->pid;
		r->nr++;
	}
	if (*e->comm)
		memcpy(t->comm, e->comm, sizeof(t->comm));
	return t;
}

static struct scen_op *add(struct was *t, enum scen_op_kind kind, __u64 a)
{
	return scen_task_add(&t->prog, kind, a, a);
}

/* What it ran so far becomes a step, or more of the last one. */
static void flush_run(struct was *t, __u64 now)
{
	__u64 ran = now > t->run_from ? now - t->run_from : 0;
	struct scen_op *last = t->prog.nr_ops ? &t->prog.ops[t->prog.nr_ops - 1] : NULL;

	t->sums.run_ns += ran;
	t->run_from = now;
	if (last && last->kind == OP_RUN)
		last->a = last->b = last->a + ran;
	else if (ran)
		add(t, OP_RUN, ran);
}

static void woke(struct reader *r, struct was *t, const struct qumun_trace_event *e)
{
	struct was *waker = e->other ? slot_of(r->v, r->room, e->other) : NULL;
	char channel[32];

	t->sums.wakeups++;
	t->allowed = e->value;
	if (!t->sleeps)
		return;
	t->sleeps = false;
	if (!waker || !waker->used || !waker->runs || waker->own) {
		add(t, OP_UNTIL, since_start(r, e->time_ns));
		return;
	}
	snprintf(channel, sizeof(channel), "w%d", t->pid);
	strcpy(add(t, OP_WAIT, 0)->text, channel);
	flush_run(waker, e->time_ns);
	strcpy(add(waker, OP_SIGNAL, 0)->text, channel);
}

/* The begin of its run was lost, or lies before the record. */
static void runs_already(struct reader *r, struct was *t,
			 const struct qumun_trace_event *e)
{
	__u64 from = t->prog.nr_ops ? began(r, e) : r->info.start_ns;

	if (!t->prog.nr_ops)
		t->first_at = r->info.start_ns;
	if (from > t->run_from)
		t->run_from = from;
}

static void runs(struct reader *r, struct was *t, const struct qumun_trace_event *e)
{
	if (e->kind == QUMUN_TRACE_run) {
		t->sums.wait_ns += e->value;
		t->sums.runs++;
	}
	if (t->runs && e->kind == QUMUN_TRACE_on)
		return;
	if (e->kind == QUMUN_TRACE_run)
		t->run_from = e->time_ns;
	else
		runs_already(r, t, e);
	t->runs = true;
	t->weight = (__u32)e->other;
}

static void stopped(struct reader *r, struct was *t, const struct qumun_trace_event *e)
{
	if (!t->runs)
		runs_already(r, t, e);
	flush_run(t, e->time_ns);
	t->runs = false;
	t->sleeps = e->other == QUMUN_STOP_SLEEPS;
	t->slept |= t->sleeps;
	if (e->other == QUMUN_STOP_EXITS && !t->exited) {
		add(t, OP_EXIT, 0);
		t->exited = true;
	}
}

static void begin(void *arg, const struct record_info *info)
{
	struct reader *r = arg;

	r->info = *info;
}

static void event(void *arg, const struct qumun_trace_event *e)
{
	struct reader *r = arg;
	struct was *t;

	if (e->kind == QUMUN_TRACE_autopilot)
		return;
	t = find(r, e);
	if (!t || t->own)
		return;
	switch (e->kind) {
	case QUMUN_TRACE_wake:
		woke(r, t, e);
		break;
	case QUMUN_TRACE_run:
	case QUMUN_TRACE_on:
		runs(r, t, e);
		break;
	case QUMUN_TRACE_stop:
		stopped(r, t, e);
		break;
	}
}

static int nice_of(__u32 weight)
{
	int i, best = 0;

	for (i = 1; i < 40; i++) {
		if (labs((long)prio_to_weight[i] - (long)weight) <
		    labs((long)prio_to_weight[best] - (long)weight))
			best = i;
	}
	return best - 20;
}

static void print_cpus(struct scen_task *t, __u64 allowed, __u32 nr_cpus)
{
	__u64 all = nr_cpus < 64 ? (1ULL << nr_cpus) - 1 : ~0ULL;

	if ((allowed & all) && (allowed & all) != all)
		format_cpus(allowed & all, t->cpus, sizeof(t->cpus));
}

static void add_program(struct scenario *sc, const struct reader *r, struct was *was)
{
	__u64 length = sc->duration_ns;
	char name[SCEN_NAME];
	struct scen_task *t;
	char *c;

	if (was->runs)
		flush_run(was, r->info.start_ns + length);
	if (!was->prog.nr_ops)
		return;
	snprintf(name, sizeof(name), "%.7s-%d", was->comm, was->pid);
	for (c = name; *c; c++) {
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789-_",
			    *c))
			*c = '_';
	}
	t = scenario_add_task(sc, name);
	free(t->ops);
	t->ops = was->prog.ops;
	t->nr_ops = was->prog.nr_ops;
	t->room_ops = was->prog.room_ops;
	was->prog.ops = NULL;
	t->nice = nice_of(was->weight);
	t->recorded = was->sums;
	t->start_ns = since_start(r, was->first_at);
	print_cpus(t, was->allowed, sc->cpus);
	if (was->slept || was->exited)
		scen_task_add(t, OP_EXIT, 0, 0);
	else if (t->nr_ops && t->ops[t->nr_ops - 1].kind == OP_RUN)
		t->ops[t->nr_ops - 1].a = t->ops[t->nr_ops - 1].b = length;
	else
		scen_task_add(t, OP_RUN, length, length);
}

static int by_pid(const void *a, const void *b)
{
	const struct was *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/*
 * What runs took on the machine has the kernel's work in it, and wakeups have the lateness that they
 * had. What is left are the costs of the policy's thread, which is not the recorded one, and delays.
 */
static void no_costs(struct scenario *sc)
{
	static const char *const names[] = { "switch_ns",     "irq_ns",	    "tick_ns",
					     "wake_ns",	      "syscall_ns", "op_ns",
					     "kfunc_ns",      "kick_ns",    "migrate_ns",
					     "timer_slack_ns" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		snprintf(sc->costs[i].name, sizeof(sc->costs[i].name), "%s", names[i]);
	sc->nr_costs = i;
}

int scenario_read_record(struct scenario *sc, const char *path, char *err, size_t size)
{
	struct reader r = { 0 };
	char why[160];
	size_t i;
	FILE *f = fopen(path, "re");
	int failed;

	if (!f) {
		snprintf(err, size, "%s: %s", path, strerror(errno));
		return -errno;
	}
	failed = record_read(f, &r.info, begin, event, &r, why, sizeof(why));
	fclose(f);
	if (!failed && r.nr > MAX_TASKS) {
		snprintf(why, sizeof(why),
			 "more than %d tasks: record for a shorter time", MAX_TASKS);
		failed = -E2BIG;
	}
	if (!failed && r.info.end_ns <= r.info.start_ns) {
		snprintf(why, sizeof(why), "it lasts no time: record again");
		failed = -EINVAL;
	}
	if (failed) {
		snprintf(err, size, "%s: %s", path, why);
	} else {
		snprintf(sc->file, sizeof(sc->file), "%s", path);
		sc->cpus = r.info.nr_cpus;
		sc->duration_ns = r.info.end_ns - r.info.start_ns;
		sc->recorded = true;
		sc->cut_short = !r.info.complete;
		no_costs(sc);
		if (r.v)
			qsort(r.v, r.room, sizeof(*r.v), by_pid);
		for (i = 0; i < r.room; i++) {
			if (r.v[i].used && !r.v[i].own)
				add_program(sc, &r, &r.v[i]);
		}
	}
	for (i = 0; i < r.room; i++)
		free(r.v[i].prog.ops);
	free(r.v);
	return failed;
}
