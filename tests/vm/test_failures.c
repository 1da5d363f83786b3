/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fail the Nth: loading and attaching with every allocation, mapping, map creation, program load,
 * pin and link failing once. Each time: a clean error with a sentence, no handle, no descriptor,
 * mapping or memory left behind, and the kernel's scheduler in charge.
 *
 * This program holds the library's insides, so that its calls into libc can be wrapped at link
 * time; libbpf's way into the kernel is the function syscall(), which this program replaces.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <malloc.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <linux/bpf.h>

#include <bpf/libbpf.h>

#include "live.h"

enum kind {
	ALLOCATION,
	MAPPING,
	DESCRIPTOR,
	THREAD,
	RING,
	MAP,
	PROGRAM,
	UPDATE,
	PIN,
	LINK,
	NR_KINDS
};

/* @step: a program load costs seconds of verification, so not every one is made to fail. */
static const struct {
	const char *name;
	int error;
	int step;
} kinds[NR_KINDS] = {
	[ALLOCATION] = { "allocation", ENOMEM, 1 },
	[MAPPING] = { "mapping", ENOMEM, 1 },
	[DESCRIPTOR] = { "eventfd or epoll", EMFILE, 1 },
	[THREAD] = { "thread", EAGAIN, 1 },
	[RING] = { "ring buffer", ENOMEM, 1 },
	[MAP] = { "map creation", ENOMEM, 1 },
	[PROGRAM] = { "program load", ENOMEM, 6 },
	[UPDATE] = { "map update", ENOMEM, 1 },
	[PIN] = { "pin", ENOSPC, 1 },
	[LINK] = { "link", EBUSY, 1 },
};

static int failing = -1; /* which kind */
static int countdown;	 /* to the call that fails */
static bool failed;

/* Is it this call's turn? */
static bool fails(enum kind kind)
{
	if ((int)kind != failing || failed || --countdown > 0)
		return false;
	failed = true;
	errno = kinds[kind].error;
	return true;
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	return fails(ALLOCATION) ? NULL : __real_calloc(n, size);
}

void *__real_mmap64(void *addr, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	return fails(MAPPING) ? MAP_FAILED
			      : __real_mmap64(addr, len, prot, flags, fd, off);
}

int __real_eventfd(unsigned int value, int flags);
int __wrap_eventfd(unsigned int value, int flags);
int __wrap_eventfd(unsigned int value, int flags)
{
	return fails(DESCRIPTOR) ? -1 : __real_eventfd(value, flags);
}

int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __wrap_epoll_create1(int flags)
{
	return fails(DESCRIPTOR) ? -1 : __real_epoll_create1(flags);
}

int __real_pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *),
			  void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *),
			  void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *),
			  void *arg)
{
	return fails(THREAD) ? EAGAIN : __real_pthread_create(t, attr, fn, arg);
}

struct ring_buffer *__real_ring_buffer__new(int fd, ring_buffer_sample_fn fn, void *ctx,
					    const struct ring_buffer_opts *opts);
struct ring_buffer *__wrap_ring_buffer__new(int fd, ring_buffer_sample_fn fn, void *ctx,
					    const struct ring_buffer_opts *opts);
struct ring_buffer *__wrap_ring_buffer__new(int fd, ring_buffer_sample_fn fn, void *ctx,
					    const struct ring_buffer_opts *opts)
{
	return fails(RING) ? NULL : __real_ring_buffer__new(fd, fn, ctx, opts);
}

static enum kind kind_of(long command)
{
	switch (command) {
	case BPF_MAP_CREATE:
		return MAP;
	case BPF_PROG_LOAD:
		return PROGRAM;
	case BPF_MAP_UPDATE_ELEM:
		return UPDATE;
	case BPF_OBJ_PIN:
		return PIN;
	case BPF_LINK_CREATE:
	case BPF_RAW_TRACEPOINT_OPEN:
		return LINK;
	default:
		return NR_KINDS;
	}
}

/* libbpf's way into the kernel. */
__attribute__((visibility("default"))) long syscall(long number, ...)
{
	static long (*real)(long, ...);
	long a[6];
	va_list ap;
	int i;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	va_start(ap, number);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_bpf && fails(kind_of((int)a[0])))
		return -1;
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* What must not grow. */
struct held {
	int descriptors, mappings;
	size_t bytes;
};

static struct held hold(void)
{
	struct held h = { 0 };
	DIR *d = opendir("/proc/self/fd");
	char line[512];
	FILE *f;

	while (d && readdir(d))
		h.descriptors++;
	if (d)
		closedir(d);
	f = fopen("/proc/self/maps", "r");
	/* the heap and its trimmings come and go; the arena would not */
	while (f && fgets(line, sizeof(line), f))
		h.mappings += strstr(line, "bpf") || !strncmp(line, "7e9", 3);
	if (f)
		fclose(f);
	h.bytes = mallinfo2().uordblks;
	return h;
}

static bool scheduler_loaded(void)
{
	char state[32] = "";
	FILE *f = fopen("/sys/kernel/sched_ext/state", "r");

	if (f && !fgets(state, sizeof(state), f))
		state[0] = '\0';
	if (f)
		fclose(f);
	return strncmp(state, "disabled", 8) != 0;
}

/* Load and attach with the @nth call of that kind failing; the error, or 0. */
static int attempt(int kind, int nth, char *why, size_t size)
{
	struct qumun *q = NULL;
	int err;

	failing = kind;
	countdown = nth;
	failed = false;
	err = qumun_load(NULL, NULL, &q);
	if (!err)
		err = qumun_set_policy(q, &live_policy);
	if (!err)
		err = qumun_attach(q);
	snprintf(why, size, "%s", err ? qumun_strerror(q) : "");
	failing = -1;
	qumun_close(q);
	return err;
}

static void fail_each(int kind)
{
	struct held before, after;
	char why[4096], what[64];
	int nth, err, survived = 0;

	for (nth = 1; nth < 500; nth += kinds[kind].step) {
		snprintf(what, sizeof(what), "%s %d fails", kinds[kind].name, nth);
		before = hold();
		err = attempt(kind, nth, why, sizeof(why));
		if (!failed)
			break;
		after = hold();
		/* one that libbpf or the library can do without is fine too */
		survived += !err;
		if (strchr(why, '\n'))
			*strchr(why, '\n') = '\0';
		tap_ok(err <= 0 && (!err || *why), "%s: %d %s", what, err, why);
		if (!tap_ok(after.descriptors == before.descriptors &&
				    after.mappings == before.mappings &&
				    after.bytes <= before.bytes + 256,
			    "%s: nothing is left behind", what))
			tap_diag(
				"descriptors %d -> %d, mappings %d -> %d, bytes %zu -> %zu",
				before.descriptors, after.descriptors, before.mappings,
				after.mappings, before.bytes, after.bytes);
		if (!tap_ok(!scheduler_loaded(), "%s: no scheduler is left", what))
			break;
	}
	tap_ok(nth > 1, "%s: %d calls, %d of them not needed", kinds[kind].name, nth - 1,
	       survived);
}

/* The allocator's per-thread cache counts as memory in use: it is switched off at start. */
static void without_cache(char **argv)
{
	if (getenv("GLIBC_TUNABLES"))
		return;
	setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1);
	execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
	char why[4096];
	int kind;

	if (geteuid())
		return tap_skip_all("not root");
	without_cache(argv);
	/* twice, so that what is made once for all is there */
	attempt(-1, 0, why, sizeof(why));
	if (!tap_is(attempt(-1, 0, why, sizeof(why)), 0, "without failures %s", why))
		return tap_done();
	for (kind = 0; kind < NR_KINDS; kind++)
		fail_each(kind);
	return tap_done();
}
