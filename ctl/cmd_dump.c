/* SPDX-License-Identifier: Apache-2.0 */
/* gthulhuctl dump and schema: JSON for programs, indented for people. */
#include "ctl.h"

static int print_whole(struct ctl *ctl, int argc, char **argv, const char *request)
{
	json_t *result;
	int code;

	if (argc > 1)
		return usage_error("%s takes no argument", argv[0]);
	code = ctl_call(ctl, request, NULL, &result);
	if (code != CTL_OK)
		return code;
	if (ctl->json) {
		print_json(result);
	} else {
		json_dumpf(result, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
		putchar('\n');
	}
	json_decref(result);
	return CTL_OK;
}

int cmd_dump(struct ctl *ctl, int argc, char **argv)
{
	return print_whole(ctl, argc, argv, "dump");
}

int cmd_schema(struct ctl *ctl, int argc, char **argv)
{
	return print_whole(ctl, argc, argv, "schema");
}
