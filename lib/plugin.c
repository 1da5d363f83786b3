// SPDX-License-Identifier: Apache-2.0
/*
 * Which policy decides. A shared object's code runs in this process, which is root: a file that
 * others can write is refused. What was checked is what is opened: both go through one
 * descriptor.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define SYMBOL "qumun_policy_plugin"
#define MAX_STATE (1U << 30) /* bytes of private state */

static int check_file(struct qumun *q, int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st))
		return qumun_fail(q, -errno, "policy %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return qumun_fail(q, -EINVAL,
				  "policy %s is not a file: give a shared object", path);
	if (st.st_uid != 0)
		return qumun_fail(
			q, -EPERM,
			"policy %s belongs to user %u, not to root: `chown root %s` if "
			"you trust it",
			path, st.st_uid, path);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return qumun_fail(
			q, -EPERM,
			"policy %s can be written by others than root: `chmod go-w %s` "
			"if you trust it",
			path, path);
	return 0;
}

/* Nothing of a table of another ABI is looked at. */
static int check_policy(struct qumun *q, const char *who,
			const struct qumun_policy_ops *ops)
{
	if (ops->abi_version != QUMUN_POLICY_ABI)
		return qumun_fail(
			q, -EINVAL,
			"policy %s is for policy ABI %u, this library speaks %d: build "
			"it against this qumun/policy.h",
			who, ops->abi_version, QUMUN_POLICY_ABI);
	if (ops->size < sizeof(*ops))
		return qumun_fail(
			q, -EINVAL,
			"policy %s has a table of %llu bytes, %zu are needed: build it against "
			"this qumun/policy.h",
			who, (unsigned long long)ops->size, sizeof(*ops));
	if (!ops->enqueue || !ops->name)
		return qumun_fail(q, -EINVAL, "policy %s has no %s: it is required", who,
				  ops->enqueue ? "name" : "enqueue callback");
	if (q->nr_shards > 1 && !(ops->flags & QUMUN_POLICY_SHARDS))
		return qumun_fail(
			q, -EINVAL,
			"policy %s does not say QUMUN_POLICY_SHARDS, and there are %u policy "
			"threads: %s",
			who, q->nr_shards,
			q->obj ? "load with one (shards: 1)"
			       : "stop the scheduler and attach anew with one (shards: 1)");
	if (ops->state_size > MAX_STATE)
		return qumun_fail(
			q, -EINVAL,
			"policy %s asks for %llu bytes of state: %u are accepted", who,
			(unsigned long long)ops->state_size, MAX_STATE);
	return 0;
}

static int choose(struct qumun *q, const char *who, const struct qumun_policy_ops *ops)
{
	int err = check_policy(q, who, ops);

	return err ? err : policy_use(q, ops);
}

QUMUN_API int qumun_set_policy(struct qumun *q, const struct qumun_policy_ops *ops)
{
	if (!q)
		return -EINVAL;
	if (!ops)
		return qumun_fail(q, -EINVAL,
				  "no policy: give a struct qumun_policy_ops");
	return choose(q,
		      ops->abi_version == QUMUN_POLICY_ABI && ops->name ? ops->name
									: "(unnamed)",
		      ops);
}

/*
 * Through the descriptor's name, so that the file can't be swapped after the check. The dynamic
 * linker knows what is loaded by name first: the former policy's must be another, also when the
 * descriptor has the same number.
 */
static int open_plugin(struct qumun *q, int fd, const char *path, void **handle)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd%s/%d", q->plugin_odd ? "/" : "", fd);
	*handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (!*handle)
		return qumun_fail(q, -EINVAL, "policy %s cannot be loaded: %s", path,
				  dlerror());
	return 0;
}

static int load(struct qumun *q, const char *path)
{
	const struct qumun_policy_ops *ops;
	void *handle = NULL;
	int err, fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		err = errno == ENOTDIR ? -ENOENT : -errno;
		return qumun_fail(q, err, "policy %s: %s", path, strerror(errno));
	}
	err = check_file(q, fd, path);
	if (err)
		goto out;
	err = open_plugin(q, fd, path, &handle);
	if (err)
		goto out;
	ops = dlsym(handle, SYMBOL);
	if (ops)
		err = choose(q, path, ops);
	else
		err = qumun_fail(
			q, -EINVAL,
			"%s is no policy: it lacks the symbol " SYMBOL
			"; define it with QUMUN_POLICY() and -DQUMUN_POLICY_PLUGIN",
			path);
	if (err)
		goto out;
	plugin_close(q);
	q->plugin_odd = !q->plugin_odd;
	q->plugin = handle;
	handle = NULL;
out:
	if (handle)
		dlclose(handle);
	close(fd);
	return err;
}

QUMUN_API int qumun_load_policy(struct qumun *q, const char *path)
{
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
	int err;

	if (!q || !path)
		return -EINVAL;
	pthread_mutex_lock(&one_at_a_time);
	err = load(q, path);
	pthread_mutex_unlock(&one_at_a_time);
	return err;
}

void plugin_close(struct qumun *q)
{
	if (q->plugin)
		dlclose(q->plugin);
	q->plugin = NULL;
}
