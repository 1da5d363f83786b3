/* SPDX-License-Identifier: Apache-2.0 */
/* The policies inside the binary, those in files, and which one decides now. */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "daemon.h"

extern const struct qumun_policy_ops qumun_policy_gthulhu, qumun_policy_fifo;

static const struct qumun_policy_ops *const builtins[] = {
	&qumun_policy_gthulhu,
	&qumun_policy_fifo,
};

#define NR_BUILTINS (sizeof(builtins) / sizeof(builtins[0]))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char current[POLICY_NAME_SIZE];

const struct qumun_policy_ops *policy_builtin(size_t i)
{
	return i < NR_BUILTINS ? builtins[i] : NULL;
}

void policy_print(FILE *out)
{
	size_t i;

	for (i = 0; i < NR_BUILTINS; i++)
		fprintf(out, "  %-12s %s\n", builtins[i]->name, builtins[i]->description);
}

static const struct qumun_policy_ops *find(const char *name)
{
	size_t i;

	for (i = 0; i < NR_BUILTINS; i++) {
		if (!strcmp(builtins[i]->name, name))
			return builtins[i];
	}
	return NULL;
}

bool policy_is_file(const char *name)
{
	return strchr(name, '/') || strstr(name, ".so");
}

int policy_choose(struct qumun *q, const char *name)
{
	const struct qumun_policy_ops *ops = find(name);
	int err;

	if (!ops && !policy_is_file(name))
		return -ENOENT;
	err = ops ? qumun_set_policy(q, ops) : qumun_load_policy(q, name);
	if (err)
		return err;
	pthread_mutex_lock(&lock);
	snprintf(current, sizeof(current), "%s", name);
	pthread_mutex_unlock(&lock);
	return 0;
}

const char *policy_current(char name[POLICY_NAME_SIZE])
{
	pthread_mutex_lock(&lock);
	memcpy(name, current, POLICY_NAME_SIZE);
	pthread_mutex_unlock(&lock);
	return name;
}
