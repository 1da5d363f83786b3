/* SPDX-License-Identifier: Apache-2.0 */
/* gthulhuctl shares: what each class and rule had of the CPUs, and how long its tasks waited. */
#include "ctl.h"

/* "<= 2.00 ms", or "above 1 s". */
static const char *text_quantile(char buf[TEXT_SIZE], const json_t *share, double q)
{
	double ns = histogram_quantile(json_object_get(share, "buckets"), NULL, q);
	char time[TEXT_SIZE];

	if (ns > 1e18)
		snprintf(buf, TEXT_SIZE, "above 1 s");
	else if (!get_int(share, "count"))
		snprintf(buf, TEXT_SIZE, "-");
	else
		snprintf(buf, TEXT_SIZE, "<= %.20s", text_time(time, ns));
	return buf;
}

static void print_share(const json_t *s)
{
	char ran[TEXT_SIZE], n[TEXT_SIZE], mean[TEXT_SIZE], p50[TEXT_SIZE],
		p99[TEXT_SIZE];
	double count = get_real(s, "count");

	printf("%10s %9s %10s %11s %11s  ", text_time(ran, get_real(s, "run_ns")),
	       text_count(n, count),
	       text_time(mean, count > 0 ? get_real(s, "sum_ns") / count : 0),
	       text_quantile(p50, s, 0.5), text_quantile(p99, s, 0.99));
	if (get_int(s, "rule"))
		printf("rule %lld: %s (%s)\n", get_int(s, "rule"), get_text(s, "text"),
		       text_tasks(n, get_int(s, "tasks")));
	else
		printf("class %s\n", get_text(s, "class"));
}

int cmd_shares(struct ctl *ctl, int argc, char **argv)
{
	json_t *result, *s;
	size_t i;
	int code;

	if (argc > 1)
		return usage_error("shares takes no argument");
	code = ctl_call(ctl, "shares", NULL, &result);
	if (code != CTL_OK)
		return code;
	if (ctl->json) {
		print_json(result);
	} else {
		printf("%10s %9s %10s %11s %11s  %s\n", "RAN", "WAITS", "MEAN", "MEDIAN",
		       "99 %", "WHOSE");
		json_array_foreach(json_object_get(result, "shares"), i, s)
			print_share(s);
	}
	json_decref(result);
	return CTL_OK;
}
