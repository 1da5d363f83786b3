/* SPDX-License-Identifier: Apache-2.0 */
/* Figures for Prometheus, text format 0.0.4. */
#ifndef GTHULHU_METRICS_H
#define GTHULHU_METRICS_H

#include "daemon.h"

/* Beyond it there are no series of single CPUs: a scrape stays below 500 series. */
#define METRICS_MAX_CPUS 64

struct metrics_cpu {
	bool online;
	__u32 queued;
	__u64 runs, run_ns;
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
