/* SPDX-License-Identifier: Apache-2.0 */
/* The policies inside the binary. */
#include <string.h>

#include "daemon.h"

extern const struct qumun_policy_ops qumun_policy_gthulhu, qumun_policy_fifo;

static const struct qumun_policy_ops *const builtins[] = {
	&qumun_policy_gthulhu,
	&qumun_policy_fifo,
};

#define NR_BUILTINS (sizeof(builtins) / sizeof(builtins[0]))

const struct qumun_policy_ops *builtin_find(const char *name)
{
	size_t i;

	for (i = 0; i < NR_BUILTINS; i++) {
		if (!strcmp(builtins[i]->name, name))
			return builtins[i];
	}
	return NULL;
}

void builtin_list(FILE *out)
{
	size_t i;

	for (i = 0; i < NR_BUILTINS; i++)
		fprintf(out, "  %-12s %s\n", builtins[i]->name, builtins[i]->description);
}
