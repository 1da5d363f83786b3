/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scheduler statistics against /proc/stat, in virtual time: on a busy host the two would look at
 * different moments.
 */
#include "live.h"

/* @hogs hogs on two CPUs: what do the statistics say? */
static void utilization(struct qumun *q, int hogs, const char *what)
{
	double cpus = (double)sysconf(_SC_NPROCESSORS_ONLN), want, diff;
	struct scheduler_stats stats;
	__u64 idle, since;
	pid_t pids[4];
	int i;

	for (i = 0; i < hogs; i++)
		pids[i] = start_hog(-1, 0);
	sleep_ms(300);
	qumun_get_scheduler_stats(q, &stats);
	idle = idle_ns();
	since = now_ns();
	sleep_ms(6000); /* /proc/stat is up to 0.1 s late with a CPU that idles */
	tap_is(qumun_get_scheduler_stats(q, &stats), 0, "%s: statistics", what);
	/* the idle time: it is exact, while busy ticks get lost when the host is busy itself */
	want = 1.0 - (double)(idle_ns() - idle) / ((double)(now_ns() - since) * cpus);
	diff = stats.cpu_utilization - want;
	tap_ok(diff < 0.02 && diff > -0.02, "%s: utilization %.3f, /proc/stat %.3f", what,
	       stats.cpu_utilization, want);
	tap_ok(stats.active_tasks >= (__u64)hogs &&
		       stats.total_tasks >= stats.active_tasks,
	       "%s: %llu tasks, %llu active", what, stats.total_tasks,
	       stats.active_tasks);
	if (hogs > 2)
		tap_ok(stats.average_latency_ns > 1000 &&
			       stats.average_latency_ns < 1000000000ULL,
		       "%s: mean wait %llu us", what, stats.average_latency_ns / 1000);
	for (i = 0; i < hogs; i++)
		end_child(pids[i]);
}

int main(void)
{
	struct qumun *q;

	if (geteuid())
		return tap_skip_all("not root");
	q = live_attach(QUMUN_MODE_KERNEL, 0);
	if (!q)
		return tap_done();
	utilization(q, 3, "three hogs");
	utilization(q, 1, "one hog");
	utilization(q, 0, "idle");
	qumun_close(q);
	return tap_done();
}
