/* SPDX-License-Identifier: Apache-2.0 */
/* gthulhuctl mode user|kernel */
#include <string.h>

#include "ctl.h"

int cmd_mode(struct ctl *ctl, int argc, char **argv)
{
	json_t *result;
	int code;

	if (argc != 2 || (strcmp(argv[1], "user") && strcmp(argv[1], "kernel")))
		return usage_error("mode takes user or kernel");
	code = ctl_call(ctl, "mode.set", json_pack("{s:s}", "mode", argv[1]), &result);
	if (code != CTL_OK)
		return code;
	if (ctl->json)
		print_json(result);
	else
		printf("%s mode: %s\n", get_text(result, "mode"),
		       strcmp(get_text(result, "mode"), "user") ? "the BPF half decides"
								: "the policy decides");
	json_decref(result);
	return CTL_OK;
}
