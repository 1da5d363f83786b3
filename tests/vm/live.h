/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live.h - what the tests on a real kernel share: a policy, a thread that runs it, children that
 * load the machine, and what /proc says about them.
 */
#ifndef LIVE_H
#define LIVE_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <qumun.h>

#include "../tap.h"

/* Is this the long form? */
static inline bool soak(void)
{
	const char *tier = getenv("GTHULHU_TIER");

	return tier && !strcmp(tier, "soak");
}

static void live_enqueue(struct qumun_policy_ctx *ctx, struct qumun_task *task, __u64 now)
{
	struct qumun_decision d = { .cpu = QUMUN_CPU_ANY, .vtime = now };

	d.slice_ns = qumun_policy_params(ctx)->base_slice_ns;
	qumun_dispatch(ctx, task, &d);
}

static const struct qumun_policy_ops live_policy = {
	.abi_version = QUMUN_POLICY_ABI,
	.size = sizeof(struct qumun_policy_ops),
	.name = "live",
	.description = "first come, first served",
	.enqueue = live_enqueue,
};

static inline __u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (__u64)ts.tv_sec * 1000000000ULL + (__u64)ts.tv_nsec;
}

static inline void sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

/* Errors become lines of the test's output. */
static inline void live_log(void *arg, enum qumun_log_level level, const char *message)
{
	if (level <= QUMUN_LOG_WARN)
		fprintf(stderr, "# qumun: %s\n", message);
}

/* qumun_run() in a thread of its own. */
struct live_thread {
	pthread_t thread;
	struct qumun *q;
	int result;
};

static inline void *live_run(void *arg)
{
	struct live_thread *t = arg;

	t->result = qumun_run(t->q);
	return NULL;
}

static inline void live_start(struct live_thread *t, struct qumun *q)
{
	t->q = q;
	t->result = 1;
	pthread_create(&t->thread, NULL, live_run, t);
}

static inline int live_stop(struct live_thread *t)
{
	qumun_stop(t->q);
	pthread_join(t->thread, NULL);
	return t->result;
}

/* A child that is born on @cpu (-1: anywhere), at @nice, and dies with us. */
static inline pid_t child_begin(int cpu, int niceness)
{
	pid_t pid = fork();
	cpu_set_t set;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (cpu >= 0) {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		sched_setaffinity(0, sizeof(set), &set);
	}
	if (niceness && nice(niceness) == -1)
		_exit(1);
	return 0;
}

/* One that computes for ever. */
static inline pid_t start_hog(int cpu, int niceness)
{
	pid_t pid = child_begin(cpu, niceness);
	volatile unsigned long n = 0;

	if (pid)
		return pid;
	for (;;)
		n++;
}

/* One that sleeps @sleep_us, computes a little, and so on. */
static inline pid_t start_sleeper(int cpu, unsigned int sleep_us)
{
	pid_t pid = child_begin(cpu, 0);
	volatile unsigned long n = 0;
	unsigned int i;

	if (pid)
		return pid;
	for (;;) {
		usleep(sleep_us);
		for (i = 0; i < 20000; i++)
			n++;
	}
}

static inline void end_child(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ns on a CPU, by the kernel's own account. */
static inline __u64 schedstat_ns(pid_t pid)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	f = fopen(path, "r");
	if (f && fscanf(f, "%llu", &ns) != 1)
		ns = 0;
	if (f)
		fclose(f);
	return ns;
}

/* ns that all CPUs together were idle since boot, by /proc/stat (10 ms steps). */
static inline __u64 idle_ns(void)
{
	unsigned long long v[5] = { 0 };
	FILE *f = fopen("/proc/stat", "r");

	if (f) {
		if (fscanf(f, "cpu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3],
			   &v[4]) != 5)
			v[3] = v[4] = 0;
		fclose(f);
	}
	return (v[3] + v[4]) * 10000000ULL;
}

/* A map by its name, as any tool would find it. */
static inline int map_by_name(const char *name)
{
	struct bpf_map_info info;
	__u32 id = 0, size;
	int fd;

	while (!bpf_map_get_next_id(id, &id)) {
		fd = bpf_map_get_fd_by_id(id);
		if (fd < 0)
			continue;
		size = sizeof(info);
		memset(&info, 0, sizeof(info));
		if (!bpf_map_get_info_by_fd(fd, &info, &size) && !strcmp(info.name, name))
			return fd;
		close(fd);
	}
	return -ENOENT;
}

/* Load in kernel or user mode and attach; NULL after a failed point. */
static inline struct qumun *live_attach(enum qumun_mode mode, unsigned int max_tasks)
{
	struct qumun_options options = QUMUN_OPTIONS_INIT;
	struct qumun *q;
	int err;

	options.mode = mode;
	options.max_tasks = max_tasks;
	options.timeout_ms = 30000;
	options.log = live_log;
	err = qumun_load(NULL, &options, &q);
	if (!err)
		err = qumun_set_policy(q, &live_policy);
	if (!err)
		err = qumun_attach(q);
	tap_ok(!err, "attached (%s)", err ? qumun_strerror(q) : "no error");
	if (err) {
		qumun_close(q);
		q = NULL;
	}
	return q;
}

#endif
