/* SPDX-License-Identifier: Apache-2.0 */
/* gthulhuctl status */
#include <string.h>

#include "ctl.h"

static void print_status(const json_t *s)
{
	const json_t *p = json_object_get(s, "params");
	char a[TEXT_SIZE], b[TEXT_SIZE], c[TEXT_SIZE];
	const json_t *limit;
	size_t i;
	bool user = !strcmp(get_text(s, "mode"), "user");

	printf("gthulhu %s (%s), pid %lld, kernel %s\n", get_text(s, "version"),
	       get_text(s, "commit"), get_int(s, "pid"), get_text(s, "kernel"));
	printf("%s for %s, policy %s, %s mode%s\n", get_text(s, "state"),
	       text_span(a, get_real(s, "uptime_ns")), get_text(s, "policy"),
	       get_text(s, "mode"), get_bool(s, "partial") ? ", partial" : "");
	if (get_int(s, "ejections"))
		printf("ejections %lld, the last: %s\n", get_int(s, "ejections"),
		       get_text(s, "ejection"));
	if (json_object_get(s, "retry_ns"))
		printf("          attaches again in %s\n",
		       text_time(a, get_real(s, "retry_ns")));
	printf("tasks     %lld, %lld of them active, on %lld CPUs that are %.0f %% busy\n",
	       get_int(s, "tasks"), get_int(s, "tasks_active"), get_int(s, "cpus_online"),
	       get_real(s, "cpu_utilization") * 100);
	printf("waits     %s on average from runnable to running\n",
	       text_time(a, get_real(s, "average_wait_ns")));
	printf("policy    %s decisions and %s ahead of wakeups, %lld page faults%s\n",
	       text_count(a, get_real(s, "decisions")),
	       text_count(b, get_real(s, "decided_ahead")), get_int(s, "policy_faults"),
	       user ? "" : " (the BPF half decides)");
	if (get_bool(s, "autopilot"))
		puts("autopilot ON: the policy is late and the BPF half stands in for it");
	else if (get_int(s, "autopilot_episodes"))
		printf("autopilot off; it stood in %lld times, %s in all\n",
		       get_int(s, "autopilot_episodes"),
		       text_time(a, get_real(s, "autopilot_ns")));
	else
		puts("autopilot off, and was never needed");
	json_array_foreach(json_object_get(s, "unenforced_limits"), i, limit)
		printf("cpu.max   NOT enforced: %s, %lld of %lld us\n",
		       get_text(limit, "cgroup"), get_int(limit, "quota_us"),
		       get_int(limit, "period_us"));
	printf("slices    %s, from %s to %s; latency factor %g, weight multiplier %g\n",
	       text_time(a, get_real(p, "base_slice_ns")),
	       text_time(b, get_real(p, "min_slice_ns")),
	       text_time(c, get_real(p, "max_slice_ns")), get_real(p, "latency_factor"),
	       get_real(p, "weight_multiplier"));
}

int cmd_status(struct ctl *ctl, int argc, char **argv)
{
	json_t *s;
	int code;

	if (argc > 1)
		return usage_error("status takes no argument");
	code = ctl_call(ctl, "status", NULL, &s);
	if (code != CTL_OK)
		return code;
	if (ctl->json)
		print_json(s);
	else
		print_status(s);
	json_decref(s);
	return CTL_OK;
}
