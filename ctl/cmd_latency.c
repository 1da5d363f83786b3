/* SPDX-License-Identifier: Apache-2.0 */
/* gthulhuctl latency: the histogram of waits, since attach or over a while from now. */
#include <getopt.h>

#include "ctl.h"

#define BAR_COLUMNS 36

/* @now becomes what was added since @before. */
static void subtract(json_t *now, const json_t *before)
{
	json_t *a = json_object_get(now, "buckets"),
	       *b = json_object_get(before, "buckets"), *one;
	size_t i;

	json_array_foreach(a, i, one)
		json_object_set_new(one, "count", json_integer(bucket_count(a, b, i)));
	json_object_set_new(
		now, "count",
		json_integer(get_int(now, "count") - get_int(before, "count")));
	json_object_set_new(
		now, "sum_ns",
		json_integer(get_int(now, "sum_ns") - get_int(before, "sum_ns")));
}

static json_t *arguments(double cpu)
{
	return cpu < 0 ? json_object() : json_pack("{s:i}", "cpu", (int)cpu);
}

int cmd_latency(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = { { "cpu", required_argument, NULL, 'c' },
						 { "for", required_argument, NULL, 'f' },
						 { 0 } };
	double cpu = -1, seconds = 0;
	json_t *now, *before;
	int opt, code;

	while ((opt = getopt_long(argc, argv, "c:f:", options, NULL)) != -1) {
		if ((opt == 'c' && parse_number(optarg, 0, 1023, &cpu)) ||
		    (opt == 'f' && parse_number(optarg, 0.1, 3600, &seconds)))
			continue;
		return usage_error(
			"latency takes --cpu 0 to 1023 and --for 0.1 to 3600 seconds");
	}
	if (optind < argc)
		return usage_error("latency takes options only");
	code = ctl_call(ctl, "latency", arguments(cpu), &now);
	if (code == CTL_OK && seconds) {
		before = now;
		pause_ms((int)(seconds * 1000));
		code = ctl_call(ctl, "latency", arguments(cpu), &now);
		if (code == CTL_OK)
			subtract(now, before);
		json_decref(before);
	}
	if (code != CTL_OK)
		return code;
	if (ctl->json)
		print_json(now);
	else
		histogram_print(stdout, now, BAR_COLUMNS);
	json_decref(now);
	return CTL_OK;
}
