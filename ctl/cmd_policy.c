/* SPDX-License-Identifier: Apache-2.0 */
/* gthulhuctl policy list|set */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

static void print_list(const json_t *result)
{
	const char *now = get_text(result, "policy");
	bool listed = false, current;
	json_t *p;
	size_t i;

	json_array_foreach(json_object_get(result, "policies"), i, p)
	{
		current = !strcmp(get_text(p, "name"), now);
		listed = listed || current;
		printf("%c %-12s %s\n", current ? '*' : ' ', get_text(p, "name"),
		       get_text(p, "description"));
	}
	if (!listed)
		printf("* %s (a file)\n", now);
}

/* A file's path means the same to the daemon, wherever it runs. */
static json_t *arguments(const char *name)
{
	char *path;
	json_t *args;

	if (!strchr(name, '/') && !strstr(name, ".so"))
		return json_pack("{s:s}", "policy", name);
	path = realpath(name, NULL);
	if (!path) {
		fprintf(stderr, "gthulhuctl: %s: %s\n", name, strerror(errno));
		return NULL;
	}
	args = json_pack("{s:s}", "policy", path);
	free(path);
	return args;
}

int cmd_policy(struct ctl *ctl, int argc, char **argv)
{
	bool set = argc == 3 && !strcmp(argv[1], "set");
	json_t *args = NULL, *result;
	int code;

	if (!set && !(argc == 2 && !strcmp(argv[1], "list")))
		return usage_error("policy takes list, or set NAME or FILE");
	if (set) {
		args = arguments(argv[2]);
		if (!args)
			return CTL_FAILED;
	}
	code = ctl_call(ctl, set ? "policy.set" : "policy.list", args, &result);
	if (code != CTL_OK)
		return code;
	if (ctl->json)
		print_json(result);
	else if (set)
		printf("policy %s decides\n", get_text(result, "policy"));
	else
		print_list(result);
	json_decref(result);
	return CTL_OK;
}
