/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "policies.h"

extern const struct qumun_policy_ops qumun_policy_fifo;
extern const struct qumun_policy_ops qumun_policy_gthulhu;

static const struct qumun_policy_ops *const policies[] = {
	&qumun_policy_gthulhu,
	&qumun_policy_fifo,
};

static const struct qumun_policy_ops *load(const char *path)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct qumun_policy_ops *ops =
		handle ? dlsym(handle, "qumun_policy_plugin") : NULL;

	if (!ops) {
		fprintf(stderr, "gthulhu-sim: policy %s: %s\n", path,
			handle ? "it exports no qumun_policy_plugin: build it with "
				 "-DQUMUN_POLICY_PLUGIN -shared"
			       : dlerror());
		return NULL;
	}
	if (ops->abi_version != QUMUN_POLICY_ABI || !ops->enqueue) {
		fprintf(stderr, "gthulhu-sim: policy %s is for policy ABI %u, not %d\n",
			path, ops->abi_version, QUMUN_POLICY_ABI);
		return NULL;
	}
	return ops;
}

const struct qumun_policy_ops *sim_policy_find(const char *name)
{
	size_t i;

	if (strchr(name, '/'))
		return load(name);
	for (i = 0; i < sizeof(policies) / sizeof(*policies); i++) {
		if (!strcmp(policies[i]->name, name))
			return policies[i];
	}
	return NULL;
}

void sim_policy_list(void)
{
	size_t i;

	for (i = 0; i < sizeof(policies) / sizeof(*policies); i++)
		printf("  %-10s %s\n", policies[i]->name, policies[i]->description);
}
