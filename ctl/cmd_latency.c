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

static const char usage[] =
	"latency takes one of --cpu 0 to 1023, --class NAME and --rule ID, and --for 0.1 to 3600 "
	"seconds";

/* One option into @args, or into @seconds; false: it makes no sense. */
static bool add_option(json_t *args, int opt, const char *value, double *seconds)
{
	double number;

	switch (opt) {
	case 'c':
		return parse_between(value, 0, 1023, &number) &&
		       !json_object_set_new(args, "cpu",
					    json_integer((json_int_t)number));
	case 'k':
		return !json_object_set_new(args, "class", json_string(value));
	case 'r':
		return parse_between(value, 1, 4294967294.0, &number) &&
		       !json_object_set_new(args, "rule",
					    json_integer((json_int_t)number));
	case 'f':
		return parse_between(value, 0.1, 3600, seconds);
	default:
		return false;
	}
}

/* @args is consumed. */
static int fetch(struct ctl *ctl, json_t *args, double seconds, json_t **now)
{
	int code = ctl_call(ctl, "latency", json_incref(args), now);
	json_t *before;

	if (code == CTL_OK && seconds) {
		before = *now;
		pause_ms((int)(seconds * 1000));
		code = ctl_call(ctl, "latency", json_incref(args), now);
		if (code == CTL_OK)
			subtract(*now, before);
		json_decref(before);
	}
	json_decref(args);
	return code;
}

int cmd_latency(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		{ "cpu", required_argument, NULL, 'c' },
		{ "class", required_argument, NULL, 'k' },
		{ "rule", required_argument, NULL, 'r' },
		{ "for", required_argument, NULL, 'f' },
		{ 0 },
	};
	json_t *args = json_object(), *now;
	double seconds = 0;
	int opt, code;

	while ((opt = getopt_long(argc, argv, "c:k:r:f:", options, NULL)) != -1) {
		if (!add_option(args, opt, optarg, &seconds))
			break;
	}
	if (opt != -1 || optind < argc || json_object_size(args) > 1) {
		json_decref(args);
		return usage_error("%s", usage);
	}
	code = fetch(ctl, args, seconds, &now);
	if (code != CTL_OK)
		return code;
	if (ctl->json)
		print_json(now);
	else
		histogram_print(stdout, now, BAR_COLUMNS);
	json_decref(now);
	return CTL_OK;
}
