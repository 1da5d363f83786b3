// SPDX-License-Identifier: Apache-2.0
/*
 * The main job: twice as many CPU hogs as CPUs beside one latency-sensitive thread. The hogs count
 * loop iterations (throughput); the thread sleeps until fixed points of time and notes how late it
 * runs each time (wakeup latency). Every sample is kept, so percentiles are exact.
 *
 * A wakeup so late that the next point has passed too is one sample; the points that it overran
 * are counted as missed, not as samples.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "bench.h"

#define HOG_BATCH 4096
#define PERIOD_MIN_US 100
#define PERIOD_MAX_US 1000000
#define SECONDS_MAX 86400
#define HOGS_PER_CPU_MAX 64

struct options {
	int cpus;
	int hogs_per_cpu;
	int period_us;
	int seconds;
	bool json;
};

struct hog {
	_Alignas(64) _Atomic uint64_t iterations;
	pthread_t thread;
};

struct sleeper {
	int64_t period_ns;
	struct samples late;
	size_t missed;
	pthread_t thread;
};

static atomic_bool stop;

static void *hog_main(void *arg)
{
	struct hog *hog = arg;
	volatile uint64_t x = 1;

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		for (int i = 0; i < HOG_BATCH; i++)
			x = x * 6364136223846793005ULL + 1;
		atomic_fetch_add_explicit(&hog->iterations, HOG_BATCH,
					  memory_order_relaxed);
	}
	return NULL;
}

static void *sleeper_main(void *arg)
{
	struct sleeper *s = arg;
	int64_t next = now_ns() + s->period_ns;

	while (!atomic_load_explicit(&stop, memory_order_relaxed) &&
	       s->late.count < s->late.capacity) {
		int64_t now;

		sleep_until(next);
		now = now_ns();
		samples_add(&s->late, now - next);
		for (next += s->period_ns; next <= now; next += s->period_ns)
			s->missed++;
	}
	return NULL;
}

static void report(const struct options *o, struct sleeper *s, double iterations_per_s)
{
	samples_sort(&s->late);
	printf(o->json ? "{\"cpus\":%d,\"hogs\":%d,\"seconds\":%d,\"period_us\":%d,"
			 "\"samples\":%zu,\"missed\":%zu,\"avg_us\":%.1f,\"p50_us\":%.1f,"
			 "\"p99_us\":%.1f,\"max_us\":%.1f,\"iterations_per_s\":%.0f}\n"
		       : "cpus %d, hogs %d, seconds %d, period %d us\n"
			 "wakeups          %zu (%zu missed)\n"
			 "latency avg      %.1f us\n"
			 "latency p50      %.1f us\n"
			 "latency p99      %.1f us\n"
			 "latency max      %.1f us\n"
			 "hog iterations/s %.0f\n",
	       o->cpus, o->cpus * o->hogs_per_cpu, o->seconds, o->period_us,
	       s->late.count, s->missed, samples_average_us(&s->late),
	       samples_percentile_us(&s->late, 50), samples_percentile_us(&s->late, 99),
	       samples_percentile_us(&s->late, 100), iterations_per_s);
}

static int run(const struct options *o)
{
	int hogs = o->cpus * o->hogs_per_cpu, started = 0, ret = 1;
	struct sleeper s = { .period_ns = o->period_us * 1000LL };
	uint64_t before = 0, after = 0;
	bool sleeping = false;
	struct hog *hog;
	int64_t start, end;

	hog = aligned_alloc(64, (hogs + 1) * sizeof(*hog));
	if (!hog || samples_init(&s.late, o->seconds * NSEC_PER_SEC / s.period_ns + 16)) {
		fprintf(stderr, "mainjob: out of memory: use fewer seconds or hogs\n");
		goto out;
	}
	memset(hog, 0, (hogs + 1) * sizeof(*hog));

	for (; started < hogs; started++) {
		if (pthread_create(&hog[started].thread, NULL, hog_main, &hog[started])) {
			fprintf(stderr,
				"mainjob: cannot start %d threads: use fewer hogs\n",
				hogs);
			goto join;
		}
	}
	if (pthread_create(&s.thread, NULL, sleeper_main, &s)) {
		fprintf(stderr,
			"mainjob: cannot start a thread: raise the process limit\n");
		goto join;
	}
	sleeping = true;
	for (int i = 0; i < hogs; i++)
		before += atomic_load(&hog[i].iterations);
	start = now_ns();
	sleep_until(start + o->seconds * NSEC_PER_SEC);
	for (int i = 0; i < hogs; i++)
		after += atomic_load(&hog[i].iterations);
	end = now_ns();
	ret = 0;
join:
	atomic_store(&stop, true);
	if (sleeping)
		pthread_join(s.thread, NULL);
	while (started > 0)
		pthread_join(hog[--started].thread, NULL);
	if (!ret && !s.late.count) {
		fprintf(stderr, "mainjob: the latency thread never ran\n");
		ret = 1;
	}
	if (!ret)
		report(o, &s, (after - before) * 1e9 / (end - start));
out:
	free(hog);
	free(s.late.ns);
	return ret;
}

int main(int argc, char **argv)
{
	struct options o = { .hogs_per_cpu = 2, .period_us = 2000, .seconds = 10 };
	cpu_set_t set;
	const struct bench_option options[] = {
		{ "cpus", 1, CPU_SETSIZE, .number = &o.cpus },
		{ "hogs-per-cpu", 0, HOGS_PER_CPU_MAX, .number = &o.hogs_per_cpu },
		{ "period-us", PERIOD_MIN_US, PERIOD_MAX_US, .number = &o.period_us },
		{ "seconds", 1, SECONDS_MAX, .number = &o.seconds },
		{ "json", .flag = &o.json },
		{ 0 },
	};
	int err;

	o.cpus = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);
	err = bench_options(
		"mainjob",
		"[--cpus N] [--hogs-per-cpu N] [--period-us N] [--seconds N] [--json]",
		options, argc, argv);
	if (err)
		return err < 0 ? 2 : 0;
	return run(&o);
}
