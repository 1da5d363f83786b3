/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of gthulhuctl top: what changed between two looks. */
#include <stdlib.h>
#include <string.h>

#include "top.h"

#define NR_TASKS 500

static int by_pid(const void *a, const void *b)
{
	const struct top_seen *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static double growth(long long now, long long before)
{
	return now > before ? (double)(now - before) : 0;
}

static void fill_row(const struct top_model *m, struct top_row *row, const json_t *task)
{
	struct top_seen key = { .pid = get_int(task, "pid") }, *before = NULL;

	if (m->seen)
		before = bsearch(&key, m->seen, m->nr_seen, sizeof(key), by_pid);
	*row = (struct top_row){
		.pid = key.pid,
		.weight = get_int(task, "weight"),
		.cpu = get_int(task, "cpu"),
		.comm = get_text(task, "comm"),
		.state = get_text(task, "state"),
		.cls = get_text(task, "class"),
		.max_wait_ns = get_real(task, "max_wait_us") * 1000,
	};
	if (!before || m->seconds <= 0)
		return;
	row->share = growth(get_int(task, "runtime_ns"), before->runtime_ns) /
		     m->seconds / 1e9;
	row->wait_share =
		growth(get_int(task, "wait_ns"), before->wait_ns) / m->seconds / 1e9;
	row->runs = growth(get_int(task, "runs"), before->runs) / m->seconds;
}

/* Rows of all tasks, and what they had, for the next interval. */
static void compare_tasks(struct top_model *m)
{
	const json_t *list = json_object_get(m->tasks, "tasks"), *t;
	size_t i, nr = json_array_size(list);
	struct top_row *rows = calloc(nr + 1, sizeof(*rows));
	struct top_seen *seen = calloc(nr + 1, sizeof(*seen));

	free(m->rows);
	m->rows = rows;
	m->nr_rows = 0;
	for (i = 0; rows && seen && i < nr; i++) {
		t = json_array_get(list, i);
		seen[i] = (struct top_seen){ get_int(t, "pid"), get_int(t, "runtime_ns"),
					     get_int(t, "wait_ns"), get_int(t, "runs") };
		if (*m->filter && !strstr(get_text(t, "comm"), m->filter))
			continue;
		fill_row(m, &rows[m->nr_rows++], t);
	}
	if (seen)
		qsort(seen, nr, sizeof(*seen), by_pid);
	free(m->seen);
	m->seen = seen;
	m->nr_seen = seen ? nr : 0;
}

static double key_of(const struct top_row *r, enum top_sort sort)
{
	switch (sort) {
	case TOP_BY_WAIT:
		return r->wait_share;
	case TOP_BY_MAX_WAIT:
		return r->max_wait_ns;
	case TOP_BY_RUNS:
		return r->runs;
	default:
		return r->share;
	}
}

/* The one that is served first, first. */
static double class_rank(const struct top_row *r)
{
	static const char *const order[] = { "latency", "interactive", "normal", "batch",
					     "idle" };
	int i;

	for (i = 0; i < 5 && strcmp(r->cls, order[i]); i++)
		;
	return -i;
}

static int compare_rows(const void *a, const void *b, void *arg)
{
	enum top_sort sort = *(enum top_sort *)arg;
	const struct top_row *x = a, *y = b;
	double kx = key_of(x, sort), ky = key_of(y, sort);

	if (sort == TOP_BY_CLASS && class_rank(x) != class_rank(y)) {
		kx = class_rank(x);
		ky = class_rank(y);
	}

	if (kx != ky)
		return kx < ky ? 1 : -1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

void top_sort_rows(struct top_model *m)
{
	if (m->rows)
		qsort_r(m->rows, m->nr_rows, sizeof(*m->rows), compare_rows, &m->sort);
}

static void remember(struct top_model *m)
{
	const json_t *before = json_object_get(m->latency_before, "buckets");
	double q =
		histogram_quantile(json_object_get(m->latency, "buckets"), before, 0.99);

	if (!before)
		return;
	if (m->nr_history == TOP_HISTORY) {
		m->nr_history--;
		memmove(m->history, m->history + 1, m->nr_history * sizeof(*m->history));
	}
	m->history[m->nr_history++] = q;
}

static void replace(json_t **place, json_t *with)
{
	json_decref(*place);
	*place = with;
}

/* Shares that nobody looked at for a while begin anew. */
static void take_shares(struct top_model *m, json_t *shares)
{
	replace(&m->shares_before, m->shares);
	m->shares = shares;
	if (!shares)
		replace(&m->shares_before, NULL);
}

bool top_fetch(struct top_model *m, struct ctl *ctl)
{
	json_t *status = NULL, *stats = NULL, *latency = NULL, *tasks = NULL,
	       *shares = NULL;

	if (ctl_call(ctl, "status", NULL, &status) != CTL_OK ||
	    ctl_call(ctl, "stats", NULL, &stats) != CTL_OK ||
	    ctl_call(ctl, "latency", NULL, &latency) != CTL_OK ||
	    ctl_call(ctl, "tasks",
		     json_pack("{s:s, s:i}", "sort", "recent", "limit", NR_TASKS),
		     &tasks) != CTL_OK ||
	    (m->want_shares && ctl_call(ctl, "shares", NULL, &shares) != CTL_OK)) {
		json_decref(tasks);
		json_decref(status);
		json_decref(stats);
		json_decref(latency);
		return false;
	}
	/* another daemon: its counts begin anew */
	if (m->status && get_int(m->status, "pid") != get_int(status, "pid")) {
		replace(&m->stats, NULL);
		replace(&m->latency, NULL);
		replace(&m->shares, NULL);
		m->nr_seen = 0;
	}
	replace(&m->status, status);
	replace(&m->stats_before, m->stats);
	m->stats = stats;
	replace(&m->latency_before, m->latency);
	m->latency = latency;
	replace(&m->tasks, tasks);
	take_shares(m, shares);
	m->seconds = m->stats_before ? (get_real(m->stats, "time_ns") -
					get_real(m->stats_before, "time_ns")) /
					       1e9
				     : 0;
	compare_tasks(m);
	top_sort_rows(m);
	remember(m);
	return true;
}

double top_rate(const struct top_model *m, const char *counter)
{
	if (!m->stats_before || m->seconds <= 0)
		return 0;
	return growth(get_int(json_object_get(m->stats, "counters"), counter),
		      get_int(json_object_get(m->stats_before, "counters"), counter)) /
	       m->seconds;
}

double top_cpu_share(const struct top_model *m, size_t i)
{
	const json_t *now = json_array_get(json_object_get(m->stats, "cpus"), i);
	const json_t *before =
		json_array_get(json_object_get(m->stats_before, "cpus"), i);
	double share;

	if (!now || !before || m->seconds <= 0)
		return 0;
	share = growth(get_int(now, "run_ns"), get_int(before, "run_ns")) / m->seconds /
		1e9;
	return share > 1 ? 1 : share;
}

double top_llc_share(const struct top_model *m, long long llc, int *cpus,
		     long long *queued)
{
	const json_t *list = json_object_get(m->stats, "cpus"), *c;
	double share = 0;
	size_t i;

	*cpus = 0;
	*queued = 0;
	json_array_foreach(list, i, c)
	{
		if (get_int(c, "llc") != llc || !get_bool(c, "online"))
			continue;
		++*cpus;
		*queued += get_int(c, "queued");
		share += top_cpu_share(m, i);
	}
	return *cpus ? share / *cpus : 0;
}

/* The same class or rule a look ago; rules come and go. */
static const json_t *share_before(const struct top_model *m, const json_t *share)
{
	const json_t *list = json_object_get(m->shares_before, "shares"), *s;
	size_t i;

	json_array_foreach(list, i, s)
	{
		if (get_int(s, "rule") == get_int(share, "rule") &&
		    !strcmp(get_text(s, "class"), get_text(share, "class")))
			return s;
	}
	return NULL;
}

struct top_cost top_cost(const struct top_model *m, size_t i)
{
	const json_t *now = json_array_get(json_object_get(m->shares, "shares"), i),
		     *before = share_before(m, now);
	double s =
		(get_real(m->shares, "time_ns") - get_real(m->shares_before, "time_ns")) /
		1e9;
	struct top_cost cost = { 0 };
	double waits;

	if (!before || s <= 0)
		return cost;
	waits = growth(get_int(now, "count"), get_int(before, "count"));
	cost.share = growth(get_int(now, "run_ns"), get_int(before, "run_ns")) / s / 1e9;
	cost.waits = waits / s;
	if (waits > 0)
		cost.mean_ns =
			growth(get_int(now, "sum_ns"), get_int(before, "sum_ns")) / waits;
	cost.p99_ns = histogram_quantile(json_object_get(now, "buckets"),
					 json_object_get(before, "buckets"), 0.99);
	return cost;
}

void top_clear(struct top_model *m)
{
	json_decref(m->shares);
	json_decref(m->shares_before);
	json_decref(m->status);
	json_decref(m->stats);
	json_decref(m->latency);
	json_decref(m->tasks);
	json_decref(m->stats_before);
	json_decref(m->latency_before);
	free(m->rows);
	free(m->seen);
	memset(m, 0, sizeof(*m));
}
