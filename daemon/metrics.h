/* SPDX-License-Identifier: Apache-2.0 */
/* Figures for Prometheus, text format 0.0.4. */
#ifndef GTHULHU_METRICS_H
#define GTHULHU_METRICS_H

#include "daemon.h"

/*
 * A scrape stays below 500 series: beyond so many CPUs there are none of single CPUs, and only the
 * oldest rules have some. tests/packaging counts.
 */
#define METRICS_MAX_CPUS 32
#define METRICS_MAX_RULES 6
#define METRICS_RULE_SIZE 256

struct metrics_cpu {
	bool online;
	__u32 queued;
	__u64 runs, run_ns;
};

/* A class or a rule. */
struct metrics_share {
	struct qumun_share share;
	char name[METRICS_RULE_SIZE]; /* of the class, or the rule's text, cut off */
};

/* All that a scrape shows. */
struct metrics_view {
	const char *version, *commit, *kernel;
	char policy[POLICY_NAME_SIZE];
	bool attached, user_mode, autopilot;
	unsigned int ejections;
	double uptime_seconds;
	__u64 cpus_online, tasks, tasks_active, policy_faults;
	__u64 counters[QUMUN_NR_COUNTERS];
	struct qumun_latency latency;
	unsigned int nr_classes, nr_rules; /* elements of these two */
	struct metrics_share classes[QUMUN_NR_CLASSES], rules[METRICS_MAX_RULES];
	__u32 nr_cpus; /* elements of cpus */
	struct metrics_cpu cpus[METRICS_MAX_CPUS];
};

/* metrics_text.c: no I/O but @out, so that it can be tested without a scheduler. */
void metrics_render(FILE *out, const struct metrics_view *view);

struct metrics;

/* Serve at @o->metrics, ADDRESS:PORT. 0, or an exit code after a message. */
int metrics_start(struct metrics **m, struct qumun *q, const struct daemon_options *o);
struct metrics *metrics_stop(struct metrics *m);

#endif
