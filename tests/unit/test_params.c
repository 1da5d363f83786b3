/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run-time parameters: what is accepted, what is refused by name, and that a set is written as
 * one. No kernel: the arena is plain memory.
 */
#include <errno.h>
#include <math.h>

#include "../../lib/internal.h"

#include "tap.h"

static const struct scheduling_params good = { BASE_SLICE_NS, MIN_SLICE_NS, MAX_SLICE_NS,
					       1.0, 1.0 };

#define MS 1000000ULL

static const struct {
	const char *name;
	struct scheduling_params params;
	int want;
	const char *field; /* named in the message */
} cases[] = {
	{ "defaults", { 5 * MS, 1 * MS, 20 * MS, 1, 1 }, 0, NULL },
	{ "all slices equal", { 3 * MS, 3 * MS, 3 * MS, 1, 1 }, 0, NULL },
	{ "smallest", { 100000, 100000, 100000, 0.1, 0.1 }, 0, NULL },
	{ "largest", { 100 * MS, 100 * MS, 100 * MS, 10, 10 }, 0, NULL },
	{ "base 0", { 0, 1 * MS, 20 * MS, 1, 1 }, -EINVAL, "base_slice_ns" },
	{ "min 0", { 5 * MS, 0, 20 * MS, 1, 1 }, -EINVAL, "min_slice_ns" },
	{ "max 0", { 5 * MS, 1 * MS, 0, 1, 1 }, -EINVAL, "max_slice_ns" },
	{ "base below its range",
	  { 99999, 99999, 20 * MS, 1, 1 },
	  -EINVAL,
	  "base_slice_ns" },
	{ "max above its range",
	  { 5 * MS, 1 * MS, 100 * MS + 1, 1, 1 },
	  -EINVAL,
	  "max_slice_ns" },
	{ "min above base", { 5 * MS, 6 * MS, 20 * MS, 1, 1 }, -EINVAL, "min_slice_ns" },
	{ "base above max", { 30 * MS, 1 * MS, 20 * MS, 1, 1 }, -EINVAL, "max_slice_ns" },
	{ "latency 0", { 5 * MS, 1 * MS, 20 * MS, 0, 1 }, -EINVAL, "latency_factor" },
	{ "latency negative",
	  { 5 * MS, 1 * MS, 20 * MS, -1, 1 },
	  -EINVAL,
	  "latency_factor" },
	{ "latency too small",
	  { 5 * MS, 1 * MS, 20 * MS, 0.0999, 1 },
	  -EINVAL,
	  "latency_factor" },
	{ "latency too large",
	  { 5 * MS, 1 * MS, 20 * MS, 10.001, 1 },
	  -EINVAL,
	  "latency_factor" },
	{ "latency NaN", { 5 * MS, 1 * MS, 20 * MS, NAN, 1 }, -EINVAL, "latency_factor" },
	{ "latency infinite",
	  { 5 * MS, 1 * MS, 20 * MS, INFINITY, 1 },
	  -EINVAL,
	  "latency_factor" },
	{ "weight NaN",
	  { 5 * MS, 1 * MS, 20 * MS, 1, NAN },
	  -EINVAL,
	  "weight_multiplier" },
	{ "weight 0", { 5 * MS, 1 * MS, 20 * MS, 1, 0 }, -EINVAL, "weight_multiplier" },
	{ "weight too large",
	  { 5 * MS, 1 * MS, 20 * MS, 1, 11 },
	  -EINVAL,
	  "weight_multiplier" },
};

static void check_case(struct qumun *q, unsigned int i)
{
	const struct scheduling_params *p = &cases[i].params;
	struct scheduling_params before, after;
	__u64 seq;
	int err;

	qumun_update_scheduling_params(q, &good);
	qumun_get_scheduling_params(q, &before);
	seq = q->arena->params_seq;
	err = qumun_update_scheduling_params(q, p);
	qumun_get_scheduling_params(q, &after);
	if (!tap_is(err, cases[i].want, "%s: %s", cases[i].name,
		    cases[i].want ? "refused" : "taken"))
		tap_diag("%s", qumun_strerror(q));
	if (err) {
		tap_ok(!memcmp(&before, &after, sizeof(after)) &&
			       seq == q->arena->params_seq,
		       "%s: nothing changed", cases[i].name);
		tap_ok(!strncmp(qumun_strerror(q), cases[i].field,
				strlen(cases[i].field)),
		       "%s: %s", cases[i].name, qumun_strerror(q));
		return;
	}
	tap_is(q->arena->params_seq, seq + 2, "%s: one step, even again", cases[i].name);
	tap_ok(after.base_slice_ns == p->base_slice_ns &&
		       after.min_slice_ns == p->min_slice_ns &&
		       after.max_slice_ns == p->max_slice_ns &&
		       fabs(after.latency_factor - p->latency_factor) < 0.001 &&
		       fabs(after.weight_multiplier - p->weight_multiplier) < 0.001,
	       "%s: reads back", cases[i].name);
}

/* A writer alternates between two sets; whoever reads by params_seq sees one of them. */
static void *keep_changing(void *arg)
{
	struct scheduling_params a = { 5 * MS, 1 * MS, 20 * MS, 1, 1 };
	struct scheduling_params b = { 50 * MS, 10 * MS, 90 * MS, 2, 2 };
	struct qumun *q = arg;

	while (!atomic_load(&q->stopping)) {
		qumun_update_scheduling_params(q, &a);
		qumun_update_scheduling_params(q, &b);
	}
	return NULL;
}

static void check_one_set(struct qumun *q)
{
	unsigned int i, torn = 0, seen = 0;
	struct qumun_param_block b;
	pthread_t writer;
	__u64 seq;

	pthread_create(&writer, NULL, keep_changing, q);
	for (i = 0; i < 2000000 && seen < 200000; i++) {
		seq = shm_load_acquire(&q->arena->params_seq);
		b.base_slice_ns = shm_load_acquire(&q->arena->params.base_slice_ns);
		b.min_slice_ns = shm_load_acquire(&q->arena->params.min_slice_ns);
		b.max_slice_ns = shm_load_acquire(&q->arena->params.max_slice_ns);
		b.latency_factor_fp =
			shm_load_acquire(&q->arena->params.latency_factor_fp);
		if ((seq & 1) || shm_load(&q->arena->params_seq) != seq)
			continue;
		seen++;
		if (b.base_slice_ns == 5 * MS)
			torn += b.min_slice_ns != 1 * MS || b.max_slice_ns != 20 * MS ||
				b.latency_factor_fp != 1024;
		else
			torn += b.min_slice_ns != 10 * MS || b.max_slice_ns != 90 * MS ||
				b.latency_factor_fp != 2048;
	}
	atomic_store(&q->stopping, true);
	pthread_join(writer, NULL);
	tap_is(torn, 0, "%u sets read beside a writer, none torn", seen);
}

int main(void)
{
	struct qumun *q = calloc(1, sizeof(*q));
	struct qumun_arena layout;
	unsigned int i;

	q->arena = calloc(1, sizeof(*q->arena));
	arena_layout(&layout, 1, 1, 64);
	*q->arena = layout;
	q->opt.size = sizeof(q->opt);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_case(q, i);
	check_one_set(q);
	tap_is(qumun_update_scheduling_params(q, NULL), -EINVAL, "no parameters");
	tap_is(qumun_get_scheduling_params(NULL, NULL), -EINVAL, "no handle");
	tap_is(qumun_set_mode(q, (enum qumun_mode)7), -EINVAL, "no such mode");
	free(q->arena);
	free(q);
	return tap_done();
}
