/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scrape with made-up figures, all of them different.
 *
 * usage: sample_metrics [CPUS [RULES]]
 */
#include <stdlib.h>

#include "../../daemon/metrics.h"

int main(int argc, char **argv)
{
	static struct metrics_view v;
	unsigned int i;

	v = (struct metrics_view){
		.version = "0.1.0",
		.commit = "abc",
		.policy = "./a \"strange\"\\name\n.so",
		.kernel = "7.3.4",
		.attached = true,
		.user_mode = true,
		.ejections = 4,
		.uptime_seconds = 12.5,
		.cpus_online = 2,
		.tasks = 100,
		.tasks_active = 3,
		.nr_cpus = argc > 1 ? (__u32)atoi(argv[1]) : 2,
	};
	if (v.nr_cpus > METRICS_MAX_CPUS)
		return 2;
	for (i = 0; i < QUMUN_NR_COUNTERS; i++)
		v.counters[i] = 1000000000ULL * i + 7;
	for (i = 0; i < QUMUN_NR_LATENCY; i++)
		v.latency.buckets[i] = i + 1;
	v.latency.sum_ns = 123456789012ULL;
	for (i = 0; i < v.nr_cpus; i++)
		v.cpus[i] = (struct metrics_cpu){ true, i, 100 + i, 5000000000ULL + i };
	v.nr_classes = QUMUN_NR_CLASSES - 1;
	for (i = 0; i < v.nr_classes; i++) {
		v.classes[i].share.cls = (enum qumun_class)(i + 1);
		v.classes[i].share.run_ns = 1000000ULL * i;
		v.classes[i].share.latency = v.latency;
		snprintf(v.classes[i].name, METRICS_RULE_SIZE, "class%u", i);
	}
	v.nr_rules = argc > 2 ? (unsigned int)atoi(argv[2]) : 1;
	if (v.nr_rules > METRICS_MAX_RULES)
		return 2;
	for (i = 0; i < v.nr_rules; i++) {
		v.rules[i].share.rule_id = i + 1;
		v.rules[i].share.latency = v.latency;
		snprintf(v.rules[i].name, METRICS_RULE_SIZE, "comm=a\"%u\\*,class=idle",
			 i);
	}
	metrics_render(stdout, &v);
	return 0;
}
