/* SPDX-License-Identifier: Apache-2.0 */
/* gthulhuctl rules list|add|remove|load|save */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

#define LINE_SIZE 2048

static int list_rules(struct ctl *ctl)
{
	json_t *result, *r;
	size_t i;
	int code = ctl_call(ctl, "rules.list", NULL, &result);

	if (code != CTL_OK)
		return code;
	if (ctl->json) {
		print_json(result);
	} else {
		if (!json_array_size(json_object_get(result, "rules")))
			puts("no rules: all tasks are treated by their nice value");
		else
			printf("%6s %7s %-12s %s\n", "ID", "TASKS", "FROM", "RULE");
		json_array_foreach(json_object_get(result, "rules"), i, r) printf(
			"%6lld %7lld %-12s %s\n", get_int(r, "id"), get_int(r, "tasks"),
			get_text(r, "owner"), get_text(r, "rule"));
	}
	json_decref(result);
	return CTL_OK;
}

/* Make a request whose result is one number, @name, if it has one. */
static int change(struct ctl *ctl, const char *request, json_t *args, const char *name,
		  const char *text)
{
	json_t *result;
	int code = ctl_call(ctl, request, args, &result);

	if (code != CTL_OK)
		return code;
	if (ctl->json)
		print_json(result);
	else
		printf(text, name ? get_int(result, name) : 0LL);
	json_decref(result);
	return CTL_OK;
}

/* One rule a line; # begins a comment, - is standard input. */
static json_t *read_rules(const char *path)
{
	FILE *in = strcmp(path, "-") ? fopen(path, "re") : stdin;
	char line[LINE_SIZE], *text, *end, *mark;
	json_t *list;

	if (!in) {
		fprintf(stderr, "gthulhuctl: %s: %s\n", path, strerror(errno));
		return NULL;
	}
	list = json_array();
	while (fgets(line, sizeof(line), in)) {
		text = line + strspn(line, " \t");
		end = text + strcspn(text, "\r\n");
		/* a # may be part of a name: a comment is a word of its own */
		for (mark = text; (mark = strchr(mark, '#')) && mark < end; mark++) {
			if (mark == text || mark[-1] == ' ' || mark[-1] == '\t')
				end = mark;
		}
		while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
		*end = '\0';
		if (*text)
			json_array_append_new(list, json_string(text));
	}
	if (in != stdin)
		fclose(in);
	return json_pack("{s:o}", "rules", list);
}

/* What load reads: all rules but those of the configuration file, which come by themselves. */
static int save_rules(struct ctl *ctl, const char *path)
{
	json_t *result, *r;
	FILE *out = stdout;
	size_t i;
	int code = ctl_call(ctl, "rules.list", NULL, &result);

	if (code != CTL_OK)
		return code;
	if (strcmp(path, "-"))
		out = fopen(path, "we");
	if (out) {
		json_array_foreach(json_object_get(result, "rules"), i, r)
		{
			if (strcmp(get_text(r, "owner"), "file"))
				fprintf(out, "%s\n", get_text(r, "rule"));
		}
	}
	json_decref(result);
	if (!out || (out != stdout && fclose(out))) {
		fprintf(stderr, "gthulhuctl: %s: %s\n", path, strerror(errno));
		return CTL_FAILED;
	}
	return CTL_OK;
}

int cmd_rules(struct ctl *ctl, int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "", *arg = argc > 2 ? argv[2] : NULL;
	json_t *args;
	double id;

	if (!strcmp(what, "list") && argc == 2)
		return list_rules(ctl);
	if (!strcmp(what, "save") && argc <= 3)
		return save_rules(ctl, arg ? arg : "-");
	if (!arg || argc != 3)
		return usage_error(
			"rules takes list, add RULE, remove ID, load FILE or save [FILE]");
	if (!strcmp(what, "add"))
		return change(ctl, "rules.add", json_pack("{s:s}", "rule", arg), "id",
			      "rule %lld is in effect\n");
	if (!strcmp(what, "remove")) {
		if (!parse_between(arg, 1, 4294967295.0, &id) || id != (double)(long)id)
			return usage_error("rules remove takes an id of rules list");
		return change(ctl, "rules.remove",
			      json_pack("{s:I}", "id", (json_int_t)id), NULL,
			      "removed\n");
	}
	if (!strcmp(what, "load")) {
		args = read_rules(arg);
		return args ? change(ctl, "rules.load", args, "count",
				     "%lld rules are in effect\n")
			    : CTL_FAILED;
	}
	return usage_error("rules takes list, add, remove, load or save, not \"%s\"",
			   what);
}
