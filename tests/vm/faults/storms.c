/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Affinity, nice value and scheduling class of running, queued and sleeping tasks change a
 * thousand times a second: no error of the kernel's, no task lost, nobody where it may not be.
 */
#include <sys/resource.h>

#include "../vmtest.h"

#define TASKS 8

static void change_affinity(pid_t pid, unsigned long long r)
{
	cpu_set_t set;
	unsigned int i;

	CPU_ZERO(&set);
	for (i = 0; i < nr_online(); i++) {
		if (r >> i & 1)
			CPU_SET(i, &set);
	}
	if (!CPU_COUNT(&set))
		CPU_SET(r % nr_online(), &set);
	sched_setaffinity(pid, sizeof(set), &set);
}

static void change_nice(pid_t pid, unsigned long long r)
{
	setpriority(PRIO_PROCESS, (id_t)pid, (int)(r % 40) - 20);
}

static void change_class(pid_t pid, unsigned long long r)
{
	static const int classes[] = { SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, SCHED_FIFO,
				       SCHED_RR };
	int class = classes[r % 5];
	struct sched_param param = { .sched_priority =
					     class == SCHED_FIFO || class == SCHED_RR };

	sched_setscheduler(pid, class, &param);
	/* a real-time hog is not what is tested here */
	param.sched_priority = 0;
	if (class == SCHED_FIFO || class == SCHED_RR)
		sched_setscheduler(pid, SCHED_OTHER, &param);
}

struct storm {
	const char *name;
	void (*change)(pid_t pid, unsigned long long r);
};

static const struct storm storms[] = {
	{ "affinity", change_affinity },
	{ "nice", change_nice },
	{ "class", change_class },
};

static void rage(const struct storm *s, struct load *l, const pid_t *pids)
{
	__u64 end = now_ns() + short_or_soak(2000, 20000) * 1000000ULL;
	unsigned long long seed = 11;
	unsigned long n;

	load_mark(l);
	for (n = 0; now_ns() < end; n++) {
		s->change(pids[tap_rand(&seed) % TASKS], tap_rand(&seed));
		usleep(900);
	}
	tap_ok(n > 0, "%s: %lu changes", s->name, n);
	tap_ok(scx_runs("gthulhu"), "%s: gthulhu still schedules", s->name);
	tap_ok(probe_samples(&l->probe) > l->samples, "%s: the probe ran", s->name);
}

int main(void)
{
	struct daemon d = { 0 };
	pid_t pids[TASKS];
	struct load l;
	unsigned int i;
	size_t s;

	if (!daemon_start(&d, NULL))
		return tap_done();
	load_start(&l);
	for (i = 0; i < TASKS; i++)
		pids[i] = i % 2 ? start_sleeper(-1, 300 + 200 * i) : start_hog(-1, 5);
	for (s = 0; s < sizeof(storms) / sizeof(storms[0]); s++)
		rage(&storms[s], &l, pids);
	for (i = 0; i < TASKS; i++)
		end_child(pids[i]);
	load_mark(&l);
	sleep_ms(1000);
	check_survived(&l, "after the storms");
	load_stop(&l);
	/* decisions that crossed a change are redirected and counted */
	daemon_stop_and_check(&d, "storms", "forbidden_cpu");
	return tap_done();
}
