/* SPDX-License-Identifier: Apache-2.0 */
/* gthulhuctl tasks: a table of the first in some order. */
#include <getopt.h>

#include "ctl.h"

static void print_tasks(const json_t *result)
{
	char a[TEXT_SIZE], b[TEXT_SIZE], c[TEXT_SIZE];
	json_t *t;
	size_t i;

	printf("%8s %-15s %-10s %4s %7s %9s %9s %9s %9s\n", "PID", "NAME", "STATE", "CPU",
	       "WEIGHT", "RAN", "WAITED", "AT MOST", "RUNS");
	json_array_foreach(json_object_get(result, "tasks"), i, t) printf(
		"%8lld %-15s %-10s %4lld %7lld %9s %9s %9s %9lld\n", get_int(t, "pid"),
		get_text(t, "comm"), get_text(t, "state"), get_int(t, "cpu"),
		get_int(t, "weight"), text_time(a, get_real(t, "runtime_ns")),
		text_time(b, get_real(t, "wait_ns")),
		text_time(c, get_real(t, "max_wait_us") * 1000), get_int(t, "runs"));
}

int cmd_tasks(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = { { "sort", required_argument, NULL, 's' },
						 { "limit", required_argument, NULL,
						   'n' },
						 { 0 } };
	json_t *args = json_object(), *result;
	double number;
	int opt, code;

	while ((opt = getopt_long(argc, argv, "s:n:", options, NULL)) != -1) {
		if (opt == 's') {
			json_object_set_new(args, "sort", json_string(optarg));
		} else if (opt == 'n' && parse_between(optarg, 1, 1000, &number)) {
			json_object_set_new(args, "limit",
					    json_integer((json_int_t)number));
		} else {
			json_decref(args);
			return usage_error(
				"tasks takes --sort WHAT and --limit 1 to 1000");
		}
	}
	if (optind < argc) {
		json_decref(args);
		return usage_error("tasks takes options only");
	}
	code = ctl_call(ctl, "tasks", args, &result);
	if (code != CTL_OK)
		return code;
	if (ctl->json)
		print_json(result);
	else
		print_tasks(result);
	json_decref(result);
	return CTL_OK;
}
