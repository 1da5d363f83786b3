/* SPDX-License-Identifier: Apache-2.0 */
/* gthulhuctl params get|set */
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

static void print_params(const json_t *params)
{
	const struct control_field *f = control_request_find("params.get")->result;

	for (; f->name; f++)
		printf("%-18s %12.12g %-2s  %s (%.12g to %.12g)\n", f->name,
		       get_real(params, f->name), f->unit, f->doc, f->min, f->max);
}

/* 3ms, 250us, 2000000 (ns); nothing else has a unit. */
static bool parse_time(const char *text, double *ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {
		{ "", 1 }, { "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }
	};
	char *end;
	size_t i;

	*ns = strtod(text, &end);
	if (end == text)
		return false;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!strcmp(end, units[i].name)) {
			*ns *= units[i].ns;
			return *ns >= 0 && *ns < 1e15;
		}
	}
	return false;
}

/* One NAME=VALUE; the daemon checks names and ranges. */
static int add_setting(json_t *args, char *text)
{
	const struct control_field *f = control_request_find("params.set")->args;
	char *value = strchr(text, '=');
	double number;

	if (!value)
		return usage_error("\"%s\": must be NAME=VALUE", text);
	*value++ = '\0';
	while (f->name && strcmp(f->name, text))
		f++;
	if (!f->name)
		return usage_error("no parameter \"%s\": see gthulhuctl params get",
				   text);
	if (!strcmp(f->unit, "ns")) {
		if (!parse_time(value, &number))
			return usage_error(
				"%s is \"%s\": must be a time such as 3ms, 500us or "
				"3000000",
				text, value);
	} else if (!parse_between(value, -1e9, 1e9, &number)) {
		return usage_error("%s is \"%s\": must be a number", text, value);
	}
	if (f->type == CONTROL_INTEGER && number == (double)(json_int_t)(number + 0.5))
		json_object_set_new(args, text, json_integer((json_int_t)(number + 0.5)));
	else
		json_object_set_new(args, text, json_real(number));
	return CTL_OK;
}

int cmd_params(struct ctl *ctl, int argc, char **argv)
{
	bool set = argc > 2 && !strcmp(argv[1], "set");
	json_t *args = NULL, *params;
	int i, code = CTL_OK;

	if (!set && !(argc == 2 && !strcmp(argv[1], "get")))
		return usage_error("params takes get, or set NAME=VALUE...");
	if (set)
		args = json_object();
	for (i = 2; i < argc && code == CTL_OK; i++)
		code = add_setting(args, argv[i]);
	if (code != CTL_OK) {
		json_decref(args);
		return code;
	}
	code = ctl_call(ctl, set ? "params.set" : "params.get", args, &params);
	if (code != CTL_OK)
		return code;
	if (ctl->json)
		print_json(params);
	else
		print_params(params);
	json_decref(params);
	return CTL_OK;
}
