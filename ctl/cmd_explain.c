/* SPDX-License-Identifier: Apache-2.0 */
/* gthulhuctl explain: which rule counts for whom, why, and what a change of the rules would do. */
#include <getopt.h>

#include "ctl.h"

static const char *id_text(char buf[TEXT_SIZE], long long id)
{
	if (id < 0)
		snprintf(buf, TEXT_SIZE, "new");
	else if (!id)
		snprintf(buf, TEXT_SIZE, "-");
	else
		snprintf(buf, TEXT_SIZE, "%lld", id);
	return buf;
}

static void print_rules(const json_t *result, bool change)
{
	const json_t *rules = json_object_get(result, "rules"), *r;
	char id[TEXT_SIZE];
	size_t i;

	if (!json_array_size(rules)) {
		puts("no rule matches any of them");
		return;
	}
	printf("%6s %7s %7s%s  RULE\n", "RULE", "MATCHES", "COUNTS",
	       change ? "   THEN" : "");
	json_array_foreach(rules, i, r)
	{
		printf("%6s %7lld %7lld", id_text(id, get_int(r, "id")),
		       get_int(r, "matches"), get_int(r, "tasks"));
		if (change)
			printf(" %6lld", get_int(r, "tasks_after"));
		printf("  %s (%s)\n", get_text(r, "rule"), get_text(r, "owner"));
	}
}

static void print_tasks(const json_t *result)
{
	const json_t *tasks = json_object_get(result, "tasks"), *t;
	char now[TEXT_SIZE], then[TEXT_SIZE];
	size_t i;

	printf("\n%8s %-15s %-11s %4s  %s\n", "PID", "NAME", "CLASS", "RULE", "BECAUSE");
	json_array_foreach(tasks, i, t)
	{
		id_text(now, get_int(t, "rule"));
		printf("%8lld %-15s %-11s %4s  %s\n", get_int(t, "pid"),
		       get_text(t, "comm"), get_text(t, "class"), now,
		       get_text(t, "because"));
		if (get_int(t, "rule") != get_int(t, "rule_after"))
			printf("%24s %-11s %4s  %s\n", "then", get_text(t, "class_after"),
			       id_text(then, get_int(t, "rule_after")),
			       get_text(t, "because_after"));
	}
	if ((long long)json_array_size(tasks) < get_int(result, "total"))
		printf("and %lld more\n",
		       get_int(result, "total") - (long long)json_array_size(tasks));
}

static void print_explanation(const json_t *result, bool change)
{
	char winner[TEXT_SIZE], loser[TEXT_SIZE], tasks[TEXT_SIZE];
	json_t *c;
	size_t i;

	if (!get_int(result, "total")) {
		puts("no task is there now that this names");
		return;
	}
	fputs(text_tasks(tasks, get_int(result, "total")), stdout);
	if (change)
		printf("; the rule would change for %lld of them",
		       get_int(result, "changed"));
	puts("\n");
	print_rules(result, change);
	json_array_foreach(json_object_get(result, "conflicts"), i, c) printf(
		"conflict: %s and %s match %s equally well: %s is younger and counts\n",
		id_text(winner, get_int(c, "winner")),
		id_text(loser, get_int(c, "loser")),
		text_tasks(tasks, get_int(c, "tasks")), winner);
	print_tasks(result);
}

/* One option into @args; false: it makes no sense. */
static bool add_option(json_t *args, int opt, const char *value)
{
	static const struct {
		int opt;
		const char *name;
		double max; /* of a number; 0: it is text */
	} options[] = {
		{ 'p', "pid", 4194304 },
		{ 'g', "cgroup", 0 },
		{ 'c', "comm", 0 },
		{ 'r', "rule", 0 },
		{ 'w', "without", 4294967294.0 },
	};
	double number;
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (options[i].opt != opt)
			continue;
		if (!options[i].max)
			return !json_object_set_new(args, options[i].name,
						    json_string(value));
		if (!parse_between(value, 1, options[i].max, &number) ||
		    number != (double)(json_int_t)number)
			return false;
		return !json_object_set_new(args, options[i].name,
					    json_integer((json_int_t)number));
	}
	return false;
}

int cmd_explain(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		{ "pid", required_argument, NULL, 'p' },
		{ "cgroup", required_argument, NULL, 'g' },
		{ "comm", required_argument, NULL, 'c' },
		{ "rule", required_argument, NULL, 'r' },
		{ "without", required_argument, NULL, 'w' },
		{ 0 },
	};
	json_t *args = json_object(), *result;
	bool change;
	int opt, code;

	while ((opt = getopt_long(argc, argv, "p:g:c:r:w:", options, NULL)) != -1) {
		if (add_option(args, opt, optarg))
			continue;
		json_decref(args);
		return usage_error(
			"explain takes --pid PID, --cgroup PATH or --comm NAME, "
			"and --rule RULE, --without ID");
	}
	change = json_object_get(args, "rule") || json_object_get(args, "without");
	if (optind < argc || json_object_size(args) == 0) {
		json_decref(args);
		return usage_error(
			"explain takes one of --pid PID, --cgroup PATH and --comm NAME");
	}
	code = ctl_call(ctl, "explain", args, &result);
	if (code != CTL_OK)
		return code;
	if (ctl->json)
		print_json(result);
	else
		print_explanation(result, change);
	json_decref(result);
	return CTL_OK;
}
