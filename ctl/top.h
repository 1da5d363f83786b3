/* SPDX-License-Identifier: Apache-2.0 */
/* What the three parts of gthulhuctl top share: the figures, the screen, the keys. */
#ifndef TOP_H
#define TOP_H

#include "ctl.h"

#define TOP_PANEL_FROM 132 /* columns */
#define TOP_HISTORY 240	   /* intervals that the sparkline remembers */

enum top_sort {
	TOP_BY_SHARE,
	TOP_BY_WAIT,
	TOP_BY_MAX_WAIT,
	TOP_BY_RUNS,
	TOP_BY_CLASS,
	TOP_NR_SORTS,
};

/* A task over the last interval. */
struct top_row {
	long long pid, weight, cpu;
	const char *comm, *state, *cls; /* in model.tasks */
	double share, wait_share;	/* of one CPU, 0 .. 1 */
	double runs;			/* a second */
	double max_wait_ns;		/* ever */
};

/* What a task had at the last interval. */
struct top_seen {
	long long pid, runtime_ns, wait_ns, runs;
};

/*
 * struct top_model - the figures of one interval
 * @status, @stats, @latency, @tasks, @shares: results of these requests; NULL before the first
 * @stats_before, @latency_before, @shares_before: of the interval before; NULL at the first
 * @want_shares: somebody looks at @shares, which are fetched only then
 * @seconds: between the two
 * @rows:    tasks that pass @filter, in the order of @sort
 * @history: 99 % of waits were shorter, ns, one for each interval, the last at nr_history - 1
 */
struct top_model {
	json_t *status, *stats, *latency, *tasks, *shares;
	json_t *stats_before, *latency_before, *shares_before;
	bool want_shares;
	double seconds;
	struct top_row *rows;
	size_t nr_rows;
	struct top_seen *seen;
	size_t nr_seen;
	double history[TOP_HISTORY];
	size_t nr_history;
	enum top_sort sort;
	char filter[32];
};

/* top_model.c: fetch everything; false with a sentence in ctl->error. */
bool top_fetch(struct top_model *m, struct ctl *ctl);
void top_sort_rows(struct top_model *m);
/* A counter's growth, each second; 0 at the first interval. */
double top_rate(const struct top_model *m, const char *counter);
/* Busy share of the @i'th CPU of stats, 0 .. 1. */
double top_cpu_share(const struct top_model *m, size_t i);
/* The same of the CPUs that share last-level cache @llc, with their number and queues. */
double top_llc_share(const struct top_model *m, long long llc, int *cpus,
		     long long *queued);
/* What element @i of shares had in the last interval. */
struct top_cost {
	double share; /* of one CPU */
	double waits; /* a second */
	double mean_ns, p99_ns;
};
struct top_cost top_cost(const struct top_model *m, size_t i);
void top_clear(struct top_model *m);

/*
 * struct top_view - what is to be seen
 * @selected, @first: rows under the bar and at the top of the list
 * @message:  in place of the keys, "" for them
 * @detail:   text of a task in place of the list; NULL: none
 * @rules:    classes and rules in place of the list
 * @ask:      the question that keys answer now, see top_class.c
 */
enum top_question { TOP_ASK_NOTHING, TOP_ASK_CLASS, TOP_ASK_SURE };

struct top_view {
	size_t selected, first;
	bool paused, help, typing, rules, utf8, color;
	enum top_question ask;
	long long ask_pid;
	char ask_comm[32];
	const char *ask_class;
	double interval;
	char message[700];
	char *detail;
};

/* top_draw.c: begins and ends with the terminal as it was. */
void top_screen_begin(struct top_view *v);
void top_screen_end(void);
void top_draw(const struct top_model *m, struct top_view *v);
/* Lines of the list that the screen has room for. */
size_t top_page(const struct top_model *m);

/* top_rules.c: classes and rules, @width columns wide, from line @y up to @end. */
void top_draw_shares(const struct top_model *m, int y, int x, int width, int end);

/* top_class.c: give the task under the bar another class, by a rule. */
void top_ask_class(const struct top_model *m, struct top_view *v);
/* A key while something is asked. */
void top_answer(struct top_view *v, struct ctl *ctl, int key);
/* The question, for the last line. */
void top_question(const struct top_view *v, char *line, size_t size);

/* cmd_task.c */
void task_print(FILE *out, const json_t *task);

#endif
