// SPDX-License-Identifier: Apache-2.0
/*
 * Counters and statistics. The BPF half counts per CPU in an array map; here they are read, one
 * lookup for each CPU, and summed. Nothing is stopped for that, so a sum is not a snapshot: two
 * counters that belong together may differ by what happened while it was taken.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "internal.h"

static const struct {
	const char *name, *doc;
} counter_table[QUMUN_NR_COUNTERS] = {
#define X(name, doc) { #name, doc },
	QUMUN_COUNTERS(X)
#undef X
};

/* Guards what a handle remembers from one call to the next; held for microseconds. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static __u64 clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (__u64)ts.tv_sec * 1000000000ULL + (__u64)ts.tv_nsec;
}

QUMUN_API const char *qumun_counter_name(unsigned int i)
{
	return i < QUMUN_NR_COUNTERS ? counter_table[i].name : NULL;
}

QUMUN_API const char *qumun_counter_doc(unsigned int i)
{
	return i < QUMUN_NR_COUNTERS ? counter_table[i].doc : NULL;
}

/* Add what CPU @cpu counted to @sum. */
static int add_cpu(struct qumun *q, __u32 cpu, __u64 *sum)
{
	struct bpf_cpu_priv priv;
	unsigned int i;
	int err;

	err = bpf_map_lookup_elem(q->cpus_fd, &cpu, &priv) ? -errno : 0;
	if (err)
		return qumun_fail(q, err, "counters of CPU %u: %s", cpu, strerror(-err));
	for (i = 0; i < QUMUN_NR_COUNTERS; i++)
		sum[i] += priv.counters[i];
	return 0;
}

QUMUN_API int qumun_get_counters(struct qumun *q, __u64 counters[QUMUN_NR_COUNTERS])
{
	__u32 cpu;
	int err = 0;

	if (!q || !counters)
		return -EINVAL;
	memset(counters, 0, QUMUN_NR_COUNTERS * sizeof(*counters));
	for (cpu = 0; cpu < q->nr_cpus && !err; cpu++)
		err = add_cpu(q, cpu, counters);
	if (!err)
		counters[QUMUN_C_rows_refused] += sync_rows_refused(q);
	return err;
}

/*
 * What is not running is idle. A run is booked when it ends or its slice does, so the figure can
 * be one slice too high and would then go back: it stands still until the truth has caught up.
 */
static __u64 idle_ns(struct qumun *q, __u32 cpu, __u64 run_ns, __u64 now)
{
	__u64 since = q->arena->attached_at, idle = 0;

	if (q->attached && since && now - since > run_ns && arena_cpus(q)[cpu].online)
		idle = now - since - run_ns;
	if (idle > q->idle_floor[cpu])
		q->idle_floor[cpu] = idle;
	return q->idle_floor[cpu];
}

static int add_perf(struct qumun *q, __u32 cpu, __u64 now, struct perf_counters *sum)
{
	__u64 c[QUMUN_NR_COUNTERS] = { 0 }, kernel, taken;
	int err;

	err = add_cpu(q, cpu, c);
	if (err)
		return err;
	kernel = c[QUMUN_C_kernel_mode] + c[QUMUN_C_kernel_autopilot] +
		 c[QUMUN_C_kernel_kthread] + c[QUMUN_C_kernel_self] +
		 c[QUMUN_C_kernel_no_record] + c[QUMUN_C_kernel_ring_full] +
		 c[QUMUN_C_kernel_exiting] + c[QUMUN_C_kernel_offline];
	taken = c[QUMUN_C_taken_back] + c[QUMUN_C_rescued];
	sum->dispatch_count += c[QUMUN_C_direct] + c[QUMUN_C_standing] + kernel +
			       c[QUMUN_C_decided] + taken;
	sum->enqueue_count +=
		c[QUMUN_C_direct] + c[QUMUN_C_standing] + kernel + c[QUMUN_C_asked];
	sum->context_switch_count += c[QUMUN_C_runs];
	sum->total_runtime += c[QUMUN_C_run_ns];
	sum->idle_time += idle_ns(q, cpu, c[QUMUN_C_run_ns], now);
	return 0;
}

QUMUN_API int qumun_get_perf_counters(struct qumun *q, int cpu,
				      struct perf_counters *counters)
{
	__u32 i, last;
	__u64 now;
	int err = 0;

	if (!q || !counters)
		return -EINVAL;
	memset(counters, 0, sizeof(*counters));
	if (cpu < -1 || cpu >= (int)q->nr_cpus)
		return qumun_fail(q, -EINVAL, "no CPU %d: 0 .. %u, or -1 for all", cpu,
				  q->nr_cpus - 1);
	i = cpu < 0 ? 0 : (__u32)cpu;
	last = cpu < 0 ? q->nr_cpus - 1 : (__u32)cpu;
	pthread_mutex_lock(&lock);
	now = clock_ns();
	for (; i <= last && !err; i++)
		err = add_perf(q, i, now, counters);
	pthread_mutex_unlock(&lock);
	return err;
}

/* Runnable or running tasks, by their records' custody word. */
static __u64 count_active(struct qumun *q)
{
	const struct qumun_task *t = arena_tasks(q);
	__u32 i, nr = sync_high_water(q);
	__u64 active = 0;

	for (i = 0; i < nr; i++)
		active += (shm_load(&t[i].state) & 0xff) != QUMUN_NONE;
	return active;
}

static __u32 count_online(const struct qumun *q)
{
	__u32 cpu, online = 0;

	for (cpu = 0; cpu < q->nr_cpus; cpu++)
		online += shm_load(&arena_cpus(q)[cpu].online) != 0;
	return online ? online : 1;
}

QUMUN_API int qumun_get_scheduler_stats(struct qumun *q, struct scheduler_stats *stats)
{
	__u64 c[QUMUN_NR_COUNTERS], now, span, runs;
	double busy;
	int err;

	if (!q || !stats)
		return -EINVAL;
	memset(stats, 0, sizeof(*stats));
	pthread_mutex_lock(&lock);
	err = qumun_get_counters(q, c);
	if (err)
		goto out;
	now = clock_ns();
	if (c[QUMUN_C_tasks_seen] > c[QUMUN_C_tasks_gone])
		stats->total_tasks = c[QUMUN_C_tasks_seen] - c[QUMUN_C_tasks_gone];
	stats->active_tasks = count_active(q);
	stats->context_switches = c[QUMUN_C_runs];
	runs = c[QUMUN_C_runs] - q->stats_runs;
	if (runs)
		stats->average_latency_ns =
			(c[QUMUN_C_wait_ns] - q->stats_wait_ns) / runs;
	span = now - (q->stats_at ? q->stats_at : q->arena->attached_at);
	if (span && (q->stats_at || q->arena->attached_at)) {
		busy = (double)(c[QUMUN_C_run_ns] - q->stats_run_ns) / (double)span /
		       count_online(q);
		stats->cpu_utilization = busy > 1.0 ? 1.0 : busy;
	}
	q->stats_runs = c[QUMUN_C_runs];
	q->stats_wait_ns = c[QUMUN_C_wait_ns];
	q->stats_run_ns = c[QUMUN_C_run_ns];
	q->stats_at = now;
out:
	pthread_mutex_unlock(&lock);
	return err;
}
