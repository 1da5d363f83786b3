/* SPDX-License-Identifier: Apache-2.0 */
/* The final counters. */
#include <inttypes.h>

#include <jansson.h>

#include "daemon.h"

struct total {
	const char *name, *doc;
	__u64 value;
};

/* What the main job wants to see as one number each. */
static void summarize(struct qumun *q, const __u64 *c, struct total *t)
{
	__u64 minor = 0, major = 0, decisions, out;
	struct ejections e;

	ejections_get(&e);
	qumun_policy_faults(q, &minor, &major);
	decisions = c[QUMUN_C_decided];
	out = decisions + c[QUMUN_C_taken_back] + c[QUMUN_C_rescued] +
	      c[QUMUN_C_cancelled];
	t[0] = (struct total){ "decisions",
			       "decisions of the policy applied; beside these, standing",
			       decisions };
	t[1] = (struct total){ "lost",
			       "asked about and never answered, taken back or gone",
			       c[QUMUN_C_asked] > out ? c[QUMUN_C_asked] - out : 0 };
	t[2] = (struct total){ "double_dispatched",
			       "decisions for a task already decided",
			       c[QUMUN_C_doubled] };
	t[3] = (struct total){ "forbidden_cpu",
			       "decisions for a CPU the task may not use",
			       c[QUMUN_C_forbidden_cpu] };
	t[4] = (struct total){ "ring_overflow", "tasks that found the ring full",
			       c[QUMUN_C_kernel_ring_full] };
	t[5] = (struct total){ "ejections", "times the kernel ended the scheduler",
			       e.count };
	t[6] = (struct total){ "policy_page_faults",
			       "faults of the settled policy thread", minor + major };
}

#define NR_TOTALS 7

void report_print(struct qumun *q, bool json)
{
	__u64 c[QUMUN_NR_COUNTERS];
	struct total t[NR_TOTALS];
	json_t *all;
	int i;

	if (qumun_get_counters(q, c)) {
		say(QUMUN_LOG_WARN, "counters cannot be read: %s", qumun_strerror(q));
		return;
	}
	summarize(q, c, t);
	if (json) {
		all = json_object();
		for (i = 0; i < NR_TOTALS; i++)
			json_object_set_new(all, t[i].name,
					    json_integer((json_int_t)t[i].value));
		for (i = 0; i < QUMUN_NR_COUNTERS; i++)
			json_object_set_new(all, qumun_counter_name(i),
					    json_integer((json_int_t)c[i]));
		json_dumpf(all, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
		putchar('\n');
		json_decref(all);
		return;
	}
	for (i = 0; i < NR_TOTALS; i++)
		printf("%-20s %14" PRIu64 "  %s\n", t[i].name, (uint64_t)t[i].value,
		       t[i].doc);
	putchar('\n');
	for (i = 0; i < QUMUN_NR_COUNTERS; i++)
		printf("%-20s %14" PRIu64 "  %s\n", qumun_counter_name(i), (uint64_t)c[i],
		       qumun_counter_doc(i));
}
