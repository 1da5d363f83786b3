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

static int compare_rows(const void *a, const void *b, void *arg)
{
	const struct top_row *x = a, *y = b;
	double kx = key_of(x, *(enum top_sort *)arg),
	       ky = key_of(y, *(enum top_sort *)arg);

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

bool top_fetch(struct top_model *m, struct ctl *ctl)
{
	json_t *status = NULL, *stats = NULL, *latency = NULL, *tasks = NULL;

	if (ctl_call(ctl, "status", NULL, &status) != CTL_OK ||
	    ctl_call(ctl, "stats", NULL, &stats) != CTL_OK ||
	    ctl_call(ctl, "latency", NULL, &latency) != CTL_OK ||
	    ctl_call(ctl, "tasks",
		     json_pack("{s:s, s:i}", "sort", "recent", "limit", NR_TASKS),
		     &tasks) != CTL_OK) {
		json_decref(status);
		json_decref(stats);
		json_decref(latency);
		return false;
	}
	/* another daemon: its counts begin anew */
	if (m->status && get_int(m->status, "pid") != get_int(status, "pid")) {
		replace(&m->stats, NULL);
		replace(&m->latency, NULL);
		m->nr_seen = 0;
	}
	replace(&m->status, status);
	replace(&m->stats_before, m->stats);
	m->stats = stats;
	replace(&m->latency_before, m->latency);
	m->latency = latency;
	replace(&m->tasks, tasks);
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

void top_clear(struct top_model *m)
{
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
