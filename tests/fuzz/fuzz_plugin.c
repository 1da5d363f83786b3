/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: the policy loader, with files, shared objects and tables that the input makes up. What is
 * accepted belongs to root alone and is a complete table of this ABI; what is refused leaves the
 * former policy in place and a sentence that names the file; nothing stays open.
 *
 * libc's part is replaced: a real dlopen() of made-up bytes would test the dynamic linker.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../lib/internal.h"

#define FD 777
#define PATH "/policies/mine.so"
#define TABLE_ROOM 512

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* What the input makes of one load. */
struct scene {
	unsigned char open_error, stat_error, kind, attached, dlopen_fails, no_symbol,
		name, callbacks;
	__u32 mode, uid, abi, table_size;
	__u64 state_size;
};

static struct scene scene;
static int nr_files, nr_objects;
static char error_text[4096];
static char table_room[TABLE_ROOM] __attribute__((aligned(16)));

static void must(bool good)
{
	if (!good)
		abort();
}

int qumun_fail(struct qumun *q, int err, const char *fmt, ...)
{
	va_list ap;

	must(q && err < 0);
	va_start(ap, fmt);
	vsnprintf(error_text, sizeof(error_text), fmt, ap);
	va_end(ap);
	return err;
}

static int made_up_open(const char *path, int flags)
{
	must(!strcmp(path, PATH) && (flags & O_CLOEXEC));
	if (scene.open_error) {
		errno = scene.open_error;
		return -1;
	}
	nr_files++;
	return FD;
}

static int made_up_fstat(int fd, struct stat *st)
{
	must(fd == FD && nr_files == 1);
	if (scene.stat_error) {
		errno = scene.stat_error;
		return -1;
	}
	memset(st, 0, sizeof(*st));
	st->st_mode =
		(mode_t)((scene.kind & 1 ? S_IFDIR : S_IFREG) | (scene.mode & 07777));
	st->st_uid = scene.uid;
	return 0;
}

static int made_up_close(int fd)
{
	must(fd == FD && nr_files-- == 1);
	return 0;
}

static bool trusted(void)
{
	return !scene.open_error && !scene.stat_error && !(scene.kind & 1) &&
	       !scene.uid && !(scene.mode & 022);
}

static void *made_up_dlopen(const char *path, int flags)
{
	/* only what was checked, by the descriptor that was checked */
	must(trusted() && nr_files == 1 && strstr(path, "/777"));
	must((flags & RTLD_NOW) && !(flags & RTLD_GLOBAL));
	if (scene.dlopen_fails & 1)
		return NULL;
	nr_objects++;
	return table_room;
}

static char *made_up_dlerror(void)
{
	return (char *)"made up";
}

static void *made_up_dlsym(void *handle, const char *name)
{
	must(handle == table_room && !strcmp(name, "qumun_policy_plugin"));
	return scene.no_symbol & 1 ? NULL : table_room;
}

static int made_up_dlclose(void *handle)
{
	must(handle == table_room && nr_objects-- > 0);
	return 0;
}

#define open made_up_open
#define fstat made_up_fstat
#define close made_up_close
#define dlopen made_up_dlopen
#define dlerror made_up_dlerror
#define dlsym made_up_dlsym
#define dlclose made_up_dlclose
#include "../../lib/plugin.c"
#undef open
#undef fstat
#undef close
#undef dlopen
#undef dlerror
#undef dlsym
#undef dlclose

/* lib/policy.c, without a scheduler that could take another policy. */
int policy_use(struct qumun *q, const struct qumun_policy_ops *ops)
{
	if (q->attached)
		return qumun_fail(q, -EBUSY, "attached, but nobody is in qumun_run()");
	q->policy = ops;
	return 0;
}

static void enqueue(struct qumun_policy_ctx *ctx, struct qumun_task *t, __u64 now)
{
}

/* A table of another ABI is any bytes, pointers included: they must not be followed. */
static void make_table(const unsigned char *data, size_t size)
{
	struct qumun_policy_ops ops = {
		.abi_version = scene.abi & 1 ? scene.abi : QUMUN_POLICY_ABI,
		.size = scene.table_size & 1 ? scene.table_size
					     : (__u32)sizeof(struct qumun_policy_ops),
		.name = scene.name & 1 ? NULL : "made-up",
		.state_size = scene.state_size,
		.enqueue = scene.callbacks & 1 ? NULL : enqueue,
	};

	memset(table_room, 0, sizeof(table_room));
	if (ops.abi_version == QUMUN_POLICY_ABI) {
		memcpy(table_room, &ops, sizeof(ops));
		return;
	}
	memcpy(table_room, data, size < sizeof(table_room) ? size : sizeof(table_room));
	memcpy(table_room, &ops.abi_version, sizeof(ops.abi_version));
}

static bool complete(const struct qumun_policy_ops *ops)
{
	return ops->abi_version == QUMUN_POLICY_ABI && ops->size >= sizeof(*ops) &&
	       ops->name && ops->enqueue && ops->state_size <= 1U << 30;
}

static void load_one(struct qumun *q, const unsigned char *data, size_t size)
{
	const struct qumun_policy_ops *before = q->policy;
	void *plugin = q->plugin;
	int err;

	make_table(data, size);
	q->attached = scene.attached & 1;
	error_text[0] = '\0';
	err = qumun_load_policy(q, PATH);
	must(!nr_files && nr_objects == (q->plugin != NULL));
	if (err) {
		must(err == -EBUSY || (err < 0 && strstr(error_text, PATH)));
		must(error_text[0] && q->policy == before && q->plugin == plugin);
		return;
	}
	must(trusted() && !q->attached);
	must(q->policy == (const void *)table_room && complete(q->policy));
}

/* The same table, given directly. */
static void set_one(struct qumun *q)
{
	const struct qumun_policy_ops *ops = (const void *)table_room;
	int err = qumun_set_policy(q, ops);

	must((err == 0) == (complete(ops) && !q->attached));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct qumun *q = calloc(1, sizeof(*q));

	must(q != NULL);
	while (size >= sizeof(scene)) {
		memcpy(&scene, data, sizeof(scene));
		data += sizeof(scene);
		size -= sizeof(scene);
		load_one(q, data, size);
		set_one(q);
	}
	plugin_close(q);
	must(!nr_objects);
	free(q);
	return 0;
}
