/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fail the Nth: loading, attaching and taking over with every allocation, mapping, map creation,
 * program load, pin, link and so on failing once; the short form picks some of each. Each time: a
 * clean error with a sentence, no handle, no descriptor, mapping or memory left behind, and the
 * machine scheduled by whom it was before.
 *
 * This program holds the library's insides, compiled for the sanitizers: what is used after its
 * end or leaks ends the test. Calls into libc are wrapped at link time; libbpf's way into the
 * kernel is the function syscall(), which this program replaces.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <linux/bpf.h>

#include <sanitizer/lsan_interface.h>

#include <bpf/libbpf.h>

#include "live.h"

size_t __sanitizer_get_current_allocated_bytes(void); /* gcc ships no header for it */

enum kind {
	ALLOCATION,
	MAPPING,
	FILES,
	DESCRIPTOR,
	THREAD,
	RING,
	MAP,
	PROGRAM,
	UPDATE,
	PIN,
	OPEN_PIN,
	LINK,
	NR_KINDS
};

/* @lasting: libbpf tries again, so that all further ones fail too. */
static const struct {
	const char *name;
	int error;
	bool lasting;
} kinds[NR_KINDS] = {
	[ALLOCATION] = { "allocation", ENOMEM, false },
	[MAPPING] = { "mapping", ENOMEM, false },
	[FILES] = { "file", EMFILE, false },
	[DESCRIPTOR] = { "eventfd or epoll", EMFILE, false },
	[THREAD] = { "thread", EAGAIN, false },
	[RING] = { "ring buffer", ENOMEM, false },
	[MAP] = { "map creation", ENOMEM, false },
	[PROGRAM] = { "program load", ENOMEM, true },
	[UPDATE] = { "map update", ENOMEM, false },
	[PIN] = { "pin", ENOSPC, false },
	[OPEN_PIN] = { "opening a pin", EMFILE, false },
	[LINK] = { "link", EBUSY, false },
};

static pthread_t caller;	    /* the library's own threads are left alone */
static unsigned int made[NR_KINDS]; /* calls of each kind */
static int failing = -1;	    /* which kind, */
static unsigned int nth;	    /* and which of its calls */
static bool failed;		    /* it did */

/* Is it this call's turn? */
static bool fails(enum kind kind)
{
	if (kind == NR_KINDS || !pthread_equal(pthread_self(), caller))
		return false;
	made[kind]++;
	if ((int)kind != failing || made[kind] < nth ||
	    (made[kind] > nth && !kinds[kind].lasting))
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

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size)
{
	return fails(ALLOCATION) ? NULL : __real_realloc(p, size);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
	return fails(ALLOCATION) ? NULL : __real_strdup(text);
}

FILE *__real_fopen64(const char *path, const char *mode);
FILE *__wrap_fopen64(const char *path, const char *mode);
FILE *__wrap_fopen64(const char *path, const char *mode)
{
	return fails(FILES) ? NULL : __real_fopen64(path, mode);
}

DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
DIR *__wrap_opendir(const char *path)
{
	return fails(FILES) ? NULL : __real_opendir(path);
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
	case BPF_OBJ_GET:
		return OPEN_PIN;
	case BPF_LINK_CREATE:
	case BPF_RAW_TRACEPOINT_OPEN:
		return LINK;
	default:
		return NR_KINDS;
	}
}

/*
 * Verifying our programs takes seconds. What does not attach them gets those that were verified
 * before, in the same order; what attaches them needs new ones, since the kernel ties a program to
 * the scheduler that it was attached with.
 */
static int verified[64]; /* descriptors; 0: none yet */
static unsigned int nr_programs;
static bool verify_again;

static long load_program(long (*real)(long, ...), union bpf_attr *attr, long size)
{
	int *known = &verified[nr_programs];
	long fd;

	if (verify_again || strncmp(attr->prog_name, "gthulhu", 7) || nr_programs == 64)
		return real(SYS_bpf, BPF_PROG_LOAD, attr, size);
	nr_programs++;
	if (*known)
		return fcntl(*known, F_DUPFD_CLOEXEC, 3);
	fd = real(SYS_bpf, BPF_PROG_LOAD, attr, size);
	if (fd >= 0)
		*known = fcntl((int)fd, F_DUPFD_CLOEXEC, 3);
	return fd;
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
	if (number == SYS_bpf && a[0] == BPF_PROG_LOAD)
		return load_program(real, (union bpf_attr *)a[1], a[2]);
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
	h.bytes = __sanitizer_get_current_allocated_bytes();
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

/*
 * A way to a handle, and what is done with it.
 * @attach:   that, too
 * @after:    the calls of this way come first and are not made to fail again; or NULL
 * @occupied: there is another scheduler, whatever happens
 * @some:     so many calls of each kind fail in the short form; 0: that leaves it out
 */
struct way {
	const char *name;
	int (*begin)(struct qumun **q);
	bool attach, occupied;
	const struct way *after;
	unsigned int some;
};

static int begin_load(struct qumun **q)
{
	return qumun_load(NULL, NULL, q);
}

static int begin_takeover(struct qumun **q)
{
	return qumun_takeover(NULL, q);
}

static const struct way load_only = {
	.name = "load",
	.begin = begin_load,
	.some = 2,
};
static const struct way attaching = {
	.name = "attach",
	.begin = begin_load,
	.attach = true,
	.after = &load_only,
};
static const struct way taking_over = {
	.name = "takeover",
	.begin = begin_takeover,
	.occupied = true,
	.some = 1,
};

/* Go that way with the @n-th call of that kind failing; the error, or 0. */
static int attempt(const struct way *way, int kind, unsigned int n, char *why,
		   size_t size)
{
	struct qumun *q = NULL;
	int err;

	memset(made, 0, sizeof(made));
	nr_programs = 0;
	verify_again = way->attach;
	failing = kind;
	nth = n;
	failed = false;
	err = way->begin(&q);
	if (!err)
		err = qumun_set_policy(q, &live_policy);
	if (!err && way->attach)
		err = qumun_attach(q);
	snprintf(why, size, "%s", err ? qumun_strerror(q) : "");
	failing = -1;
	qumun_close(q);
	return err;
}

static bool fail_one(const struct way *way, int kind, unsigned int n, bool *needed)
{
	struct held before = hold(), after;
	char why[4096], what[64];
	int err;

	snprintf(what, sizeof(what), "%s: %s %u fails", way->name, kinds[kind].name, n);
	err = attempt(way, kind, n, why, sizeof(why));
	after = hold();
	if (strchr(why, '\n'))
		*strchr(why, '\n') = '\0';
	/* one that libbpf or the library can do without is fine too */
	*needed = err;
	tap_ok(failed && err <= 0 && (!err || *why), "%s: %d %s", what, err, why);
	if (!tap_ok(after.descriptors == before.descriptors &&
			    after.mappings == before.mappings &&
			    after.bytes <= before.bytes + 256,
		    "%s: nothing is left behind", what))
		tap_diag("descriptors %d -> %d, mappings %d -> %d, bytes %zu -> %zu",
			 before.descriptors, after.descriptors, before.mappings,
			 after.mappings, before.bytes, after.bytes);
	return tap_is(scheduler_loaded(), way->occupied, "%s: the same scheduler", what);
}

/* Calls @first .. @last: all of them in the soak, otherwise some, evenly spaced. */
static void fail_each(const struct way *way, int kind, unsigned int first,
		      unsigned int last)
{
	unsigned int i, n, nr = last - first + 1, survived = 0;
	bool needed;

	if (nr > way->some && !soak())
		nr = way->some;
	for (i = 0; i < nr; i++) {
		n = nr > 1 ? first + i * (last - first) / (nr - 1) : last;
		if (!fail_one(way, kind, n, &needed))
			break;
		survived += !needed;
	}
	tap_is(__lsan_do_recoverable_leak_check(), 0,
	       "%s: %s: %u of %u calls failed, %u of them not needed; no leak", way->name,
	       kinds[kind].name, nr, last - first + 1, survived);
}

/* What it takes when nothing fails; twice, so that what is made once for all is there. */
static bool count(const struct way *way, unsigned int calls[NR_KINDS])
{
	char why[4096];

	attempt(way, -1, 0, why, sizeof(why));
	if (!tap_is(attempt(way, -1, 0, why, sizeof(why)), 0, "%s: without failures %s",
		    way->name, why))
		return false;
	memcpy(calls, made, sizeof(made));
	return true;
}

static void go(const struct way *way)
{
	unsigned int before[NR_KINDS] = { 0 }, calls[NR_KINDS];
	int kind;

	if ((!way->some && !soak()) || (way->after && !count(way->after, before)) ||
	    !count(way, calls))
		return;
	for (kind = 0; kind < NR_KINDS; kind++) {
		if (calls[kind] > before[kind])
			fail_each(way, kind, before[kind] + 1, calls[kind]);
	}
}

/* Another process, which attaches and stays until it is told to go; @ready is written then. */
static int run_scheduler(int ready)
{
	struct qumun *q = NULL;
	int err = qumun_load(NULL, NULL, &q);

	if (!err)
		err = qumun_set_policy(q, &live_policy);
	if (!err)
		err = qumun_attach(q);
	if (!err && write(ready, "", 1) == 1)
		pause();
	qumun_close(q);
	return err != 0;
}

static void go_on(int sig)
{
	(void)sig;
}

static void take_over(char **argv)
{
	char ready[16], byte;
	int ends[2], status;
	pid_t pid;

	if (pipe(ends)) {
		tap_ok(false, "pipe");
		return;
	}
	pid = fork();
	if (!pid) {
		/* a fresh address space: the arena's place must be free here */
		snprintf(ready, sizeof(ready), "%d", ends[1]);
		execl("/proc/self/exe", argv[0], ready, NULL);
		_exit(1);
	}
	close(ends[1]);
	if (tap_is(read(ends[0], &byte, 1), 1, "takeover: another process schedules"))
		go(&taking_over);
	close(ends[0]);
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	tap_is(status, 0, "takeover: that process ends as if nothing had been");
	tap_ok(!scheduler_loaded(), "takeover: no scheduler is left");
}

int main(int argc, char **argv)
{
	if (geteuid())
		return tap_skip_all("not root");
	caller = pthread_self();
	if (argc > 1) {
		signal(SIGTERM, go_on);
		verify_again = true;
		return run_scheduler(atoi(argv[1]));
	}
	go(&load_only);
	go(&attaching);
	take_over(argv);
	return tap_done();
}
