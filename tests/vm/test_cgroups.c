/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpu.weight of cgroups, in both modes. On one CPU in virtual time shares are right within 3 %:
 * groups of different sizes, nested ones, after a change of weight, after moves; and cpu.weight 1
 * beside 10,000 waits no longer than the floor allows. cpu.idle, SCHED_IDLE and SCHED_BATCH mean
 * what they mean. On several CPUs in real time the heavier
 * group gets clearly more.
 */
#include <sys/stat.h>

#include "vmtest.h"

#define TOP "/sys/fs/cgroup"
#define SPAN_MS 2500
#define IDLE_MS 1200

struct group {
	const char *path; /* below the mount point; parents first */
	unsigned int weight;
	unsigned int nr_hogs;
	double want; /* part of the CPU, percent */
	pid_t hogs[8];
	__u64 ran[8];
};

static bool group_write(const char *group, const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), TOP "%s/%s", group, file);
	return write_text(path, text);
}

static bool group_join(const char *group, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	return group_write(group, "cgroup.procs", text);
}

static bool group_weight(const char *group, unsigned int weight)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", weight);
	return group_write(group, "cpu.weight", text);
}

/* ns run, ns waited, runs */
static void read_schedstat(pid_t pid, unsigned long long v[3])
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	f = fopen(path, "r");
	if (!f)
		return;
	if (fscanf(f, "%llu %llu %llu", &v[0], &v[1], &v[2]) != 3)
		v[2] = 0;
	fclose(f);
}

static void note_feature(void *arg, const struct qumun_feature *f)
{
	if (!strcmp(f->name, "cgroup_idle"))
		*(bool *)arg = f->present;
}

/* Does this kernel tell a scheduler of cpu.idle? */
static bool has_idle(void)
{
	bool idle = false;

	qumun_check(note_feature, &idle);
	return idle;
}

static void groups_start(struct group *g, unsigned int nr, int cpu)
{
	char path[128];
	unsigned int i;

	for (; nr--; g++) {
		snprintf(path, sizeof(path), TOP "%s", g->path);
		if (mkdir(path, 0755) || !group_weight(g->path, g->weight))
			tap_ok(false, "%s: mkdir, cpu.weight: %s", path, strerror(errno));
		/* who has children has no tasks */
		if (!g->nr_hogs)
			group_write(g->path, "cgroup.subtree_control", "+cpu");
		for (i = 0; i < g->nr_hogs; i++) {
			g->hogs[i] = start_hog(cpu, 0);
			if (!group_join(g->path, g->hogs[i]))
				tap_ok(false, "%s: a task cannot enter: %s", path,
				       strerror(errno));
		}
	}
}

static void groups_stop(struct group *g, unsigned int nr)
{
	char path[128];
	unsigned int i;

	while (nr--) {
		for (i = 0; i < g[nr].nr_hogs; i++)
			end_child(g[nr].hogs[i]);
		snprintf(path, sizeof(path), TOP "%s", g[nr].path);
		/* a task that was waited for may still be on its way out */
		for (i = 0; rmdir(path) && i < 100; i++)
			sleep_ms(10);
	}
}

/* Measure for @ms; each group's part of what all got, percent, into @got. */
static void groups_measure(struct group *g, unsigned int nr, unsigned int ms, double *got)
{
	__u64 ran[8] = { 0 }, all = 0;
	unsigned int i, j;

	sleep_ms(200);
	for (i = 0; i < nr; i++) {
		for (j = 0; j < g[i].nr_hogs; j++)
			g[i].ran[j] = schedstat_ns(g[i].hogs[j]);
	}
	sleep_ms(ms);
	for (i = 0; i < nr; i++) {
		for (j = 0; j < g[i].nr_hogs; j++)
			ran[i] += schedstat_ns(g[i].hogs[j]) - g[i].ran[j];
		all += ran[i];
	}
	for (i = 0; i < nr; i++)
		got[i] = all ? 100.0 * (double)ran[i] / (double)all : 0;
}

static void check_shares(struct group *g, unsigned int nr, const char *mode,
			 const char *what)
{
	unsigned int i;
	double got[8];

	groups_measure(g, nr, SPAN_MS, got);
	for (i = 0; i < nr; i++) {
		if (!g[i].nr_hogs)
			continue;
		tap_ok(got[i] > g[i].want * 0.97 && got[i] < g[i].want * 1.03,
		       "%s mode, %s: %s with %u hogs has %.2f %%; want %.2f", mode, what,
		       g[i].path, g[i].nr_hogs, got[i], g[i].want);
	}
}

static void test_flat(const char *mode)
{
	struct group flat[] = {
		{ .path = "/gth-a", .weight = 100, .nr_hogs = 3, .want = 25 },
		{ .path = "/gth-b", .weight = 300, .nr_hogs = 2, .want = 75 },
	};

	groups_start(flat, 2, -1);
	check_shares(flat, 2, mode, "1 to 3");
	groups_stop(flat, 2);
}

static void test_nested(const char *mode)
{
	struct group nested[] = {
		{ .path = "/gth-a", .weight = 100 },
		{ .path = "/gth-a/b", .weight = 100, .nr_hogs = 1, .want = 12.5 },
		{ .path = "/gth-a/c", .weight = 300, .nr_hogs = 3, .want = 37.5 },
		{ .path = "/gth-d", .weight = 100, .nr_hogs = 2, .want = 50 },
	};

	groups_start(nested, 4, -1);
	check_shares(nested, 4, mode, "nested");

	/* d becomes as heavy as a is three times over; one of c's hogs goes to b */
	tap_ok(group_weight("/gth-d", 300), "cpu.weight is written");
	tap_ok(group_join("/gth-a/b", nested[2].hogs[2]), "a task is moved");
	nested[1].hogs[nested[1].nr_hogs++] = nested[2].hogs[--nested[2].nr_hogs];
	nested[1].want = 6.25;
	nested[2].want = 18.75;
	nested[3].want = 75;
	check_shares(nested, 4, mode, "after a change of weight and a move");
	groups_stop(nested, 4);
}

static void set_policy(pid_t pid, int policy)
{
	struct sched_param param = { 0 };

	if (sched_setscheduler(pid, policy, &param))
		tap_ok(false, "sched_setscheduler(%d): %s", policy, strerror(errno));
}

/*
 * The hog @pid just had a turn. At weight 3 its next one is a second of virtual time away, which
 * a weight that is written now must not make it wait for.
 */
static void wait_turn(pid_t pid)
{
	__u64 ran = schedstat_ns(pid);
	unsigned int i;

	for (i = 0; i < 400 && schedstat_ns(pid) == ran; i++)
		sleep_ms(5);
}

/* A group with cpu.idle, and a SCHED_IDLE task, beside a hog: what the floor gives them. */
static void test_idle(const char *mode)
{
	struct group g[] = {
		{ .path = "/gth-idle", .weight = 100, .nr_hogs = 1 },
		{ .path = "/gth-busy", .weight = 100, .nr_hogs = 1 },
	};
	__u64 ran_idle, ran_busy;
	double got[2], part;
	pid_t idle, busy;

	groups_start(g, 2, -1);
	if (group_write("/gth-idle", "cpu.idle", "1") && has_idle()) {
		groups_measure(g, 2, IDLE_MS, got);
		tap_ok(got[0] > 0 && got[0] < 1, "%s mode: cpu.idle leaves it %.3f %%",
		       mode, got[0]);
		wait_turn(g[0].hogs[0]);
		group_write("/gth-idle", "cpu.idle", "0");
		groups_measure(g, 2, IDLE_MS, got);
		tap_ok(got[0] > 48.5 && got[0] < 51.5, "and without it %.2f %%", got[0]);
	} else {
		tap_skip("cpu.idle: this kernel does not tell");
	}
	groups_stop(g, 2);

	busy = start_hog(-1, 0);
	idle = start_hog(-1, 0);
	set_policy(idle, SCHED_IDLE);
	sleep_ms(200);
	ran_idle = schedstat_ns(idle);
	ran_busy = schedstat_ns(busy);
	sleep_ms(IDLE_MS);
	ran_idle = schedstat_ns(idle) - ran_idle;
	ran_busy = schedstat_ns(busy) - ran_busy;
	part = 100.0 * (double)ran_idle / (double)(ran_busy + ran_idle);
	tap_ok(part > 0 && part < 1, "%s mode: a SCHED_IDLE hog has %.3f %%", mode, part);
	end_child(idle);
	end_child(busy);
}

/* Mean wait of a thread that sleeps 3 ms again and again beside a hog, us. */
static double sleeper_wait(int policy)
{
	unsigned long long before[3] = { 0 }, after[3] = { 0 };
	pid_t hog = start_hog(-1, 0), p = start_sleeper(-1, 3000);

	set_policy(p, policy);
	sleep_ms(100);
	read_schedstat(p, before);
	sleep_ms(1000);
	read_schedstat(p, after);
	end_child(p);
	end_child(hog);
	if (after[2] == before[2])
		return -1;
	return (double)(after[1] - before[1]) / 1000.0 / (double)(after[2] - before[2]);
}

/* A wakeup of SCHED_BATCH or SCHED_IDLE takes the CPU from nobody; it waits for the slice's end. */
static void test_preemption(const char *mode)
{
	double normal = sleeper_wait(SCHED_OTHER), batch = sleeper_wait(SCHED_BATCH),
	       idle = sleeper_wait(SCHED_IDLE);

	tap_ok(normal >= 0 && normal < 500, "%s mode: SCHED_OTHER waits %.0f us", mode,
	       normal);
	tap_ok(batch > 1000, "SCHED_BATCH waits %.0f us: it does not preempt", batch);
	tap_ok(idle > 1000, "SCHED_IDLE waits %.0f us", idle);
}

/* The weights alone would let the light one wait for half a minute. */
static void test_floor(const char *mode)
{
	struct group g[] = {
		{ .path = "/gth-light", .weight = 1, .nr_hogs = 1 },
		{ .path = "/gth-heavy", .weight = 10000, .nr_hogs = 2 },
	};
	struct wait_watch w;
	double got[2];
	__u64 longest;

	groups_start(g, 2, -1);
	if (!wait_watch_start(&w)) {
		tap_ok(false, "%s mode: the arena cannot be watched", mode);
		goto out;
	}
	groups_measure(g, 2, short_or_soak(2000, 60000), got);
	longest = wait_watch_stop(&w);
	tap_ok(longest <= 1000000000ULL,
	       "%s mode, 1 beside 10,000: longest wait %llu ms (%s); want 1000 at most",
	       mode, (unsigned long long)longest / 1000000, w.comm);
	tap_ok(got[0] > 0 && got[0] < 1, "the light group has %.3f %%", got[0]);
out:
	groups_stop(g, 2);
}

/* Several CPUs in real time: what CPU a hog lands on is chance, the order is not. */
static void test_machine(const char *mode)
{
	struct group g[] = {
		{ .path = "/gth-a", .weight = 100, .nr_hogs = 4 },
		{ .path = "/gth-b", .weight = 300, .nr_hogs = 4 },
	};
	double got[2];

	groups_start(g, 2, -1);
	groups_measure(g, 2, short_or_soak(2000, 10000), got);
	tap_ok(got[1] > 55 && got[1] < 90,
	       "%s mode, %u CPUs: weights 1 to 3 have %.1f and %.1f %%", mode,
	       nr_online(), got[0], got[1]);
	groups_stop(g, 2);
}

/* A limit that has no effect is named at attach, once, and in the status. */
static void test_limit(const struct daemon *d, const char *mode)
{
	tap_ok(daemon_said(d, "cpu.max is not enforced") && daemon_said(d, "/gth-lim"),
	       "%s mode: attach warns of a limit", mode);
	tap_is(system("gthulhuctl status | grep -q 'NOT enforced: /gth-lim, 20000 of 100000'"),
	       0, "and status shows it");
	group_write("/gth-lim", "cpu.max", "max");
	/* status may be 10 s old about limits */
	tap_is(system("for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do "
		      "gthulhuctl status | grep -q 'NOT enforced' || exit 0; sleep 1; done; "
		      "exit 1"),
	       0, "until it is gone");
}

static void one_mode(const char *mode)
{
	const char *const args[] = { "--mode", mode, NULL };
	struct daemon d = { 0 };

	mkdir(TOP "/gth-lim", 0755);
	group_write("/gth-lim", "cpu.max", "20000 100000");
	if (!daemon_start(&d, args))
		return;
	test_limit(&d, mode);
	rmdir(TOP "/gth-lim");
	if (nr_online() == 1) {
		test_flat(mode);
		/* what is left out is the BPF half's alone, and the same in both modes */
		if (soak() || !strcmp(mode, "kernel")) {
			test_nested(mode);
			test_floor(mode);
			test_idle(mode);
			test_preemption(mode);
		}
	} else {
		test_machine(mode);
	}
	daemon_stop_and_check(&d, mode, NULL);
}

int main(void)
{
	one_mode("user");
	one_mode("kernel");
	return tap_done();
}
