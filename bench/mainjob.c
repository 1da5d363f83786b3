// SPDX-License-Identifier: Apache-2.0
/*
 * The main job: twice as many CPU hogs as CPUs beside one latency-sensitive thread. The hogs count
 * loop iterations (throughput); the thread sleeps until fixed points of time and notes how late it
 * runs each time (wakeup latency). Every sample is kept, so percentiles are exact.
 *
 * A wakeup so late that the next point has passed too is one sample; the points that it overran
 * are counted as missed, not as samples.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC 1000000000LL
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
	int64_t *late_ns; /* one for each wakeup, preallocated and touched */
	size_t capacity;
	size_t count;
	size_t missed;
	pthread_t thread;
};

static atomic_bool stop;

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static void sleep_until(int64_t t)
{
	struct timespec ts = { .tv_sec = t / NSEC_PER_SEC, .tv_nsec = t % NSEC_PER_SEC };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

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
	       s->count < s->capacity) {
		int64_t now;

		sleep_until(next);
		now = now_ns();
		s->late_ns[s->count++] = now - next;
		for (next += s->period_ns; next <= now; next += s->period_ns)
			s->missed++;
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The smallest sample that at least @percent of all samples do not exceed. */
static double percentile_us(const struct sleeper *s, int percent)
{
	size_t rank = (s->count * percent + 99) / 100;

	return s->late_ns[rank ? rank - 1 : 0] / 1e3;
}

static void report(const struct options *o, struct sleeper *s, double iterations_per_s)
{
	double sum = 0;

	for (size_t i = 0; i < s->count; i++)
		sum += s->late_ns[i];
	qsort(s->late_ns, s->count, sizeof(*s->late_ns), compare);
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
	       o->cpus, o->cpus * o->hogs_per_cpu, o->seconds, o->period_us, s->count,
	       s->missed, sum / s->count / 1e3, percentile_us(s, 50),
	       percentile_us(s, 99), s->late_ns[s->count - 1] / 1e3, iterations_per_s);
}

static int run(const struct options *o)
{
	int hogs = o->cpus * o->hogs_per_cpu, started = 0, ret = 1;
	struct sleeper s = { .period_ns = o->period_us * 1000LL };
	uint64_t before = 0, after = 0;
	bool sleeping = false;
	struct hog *hog;
	int64_t start, end;

	s.capacity = o->seconds * NSEC_PER_SEC / s.period_ns + 16;
	s.late_ns = malloc(s.capacity * sizeof(*s.late_ns));
	hog = aligned_alloc(64, (hogs + 1) * sizeof(*hog));
	if (!s.late_ns || !hog) {
		fprintf(stderr, "mainjob: out of memory: use fewer seconds or hogs\n");
		goto out;
	}
	/* Touch everything now: a page fault would count as latency. */
	memset(s.late_ns, 0, s.capacity * sizeof(*s.late_ns));
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
	if (!ret && !s.count) {
		fprintf(stderr, "mainjob: the latency thread never ran\n");
		ret = 1;
	}
	if (!ret)
		report(o, &s, (after - before) * 1e9 / (end - start));
out:
	free(hog);
	free(s.late_ns);
	return ret;
}

static int number(const char *text, int min, int max, int *out)
{
	char *rest;
	long v;

	errno = 0;
	v = strtol(text, &rest, 10);
	if (errno || *rest || rest == text || v < min || v > max) {
		fprintf(stderr, "mainjob: %s: use a number from %d to %d\n", text, min,
			max);
		return -EINVAL;
	}
	*out = (int)v;
	return 0;
}

static int usage(FILE *f)
{
	fprintf(f, "usage: mainjob [--cpus N] [--hogs-per-cpu N] [--period-us N] "
		   "[--seconds N] [--json]\n");
	return f == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "cpus", required_argument, NULL, 'c' },
		{ "hogs-per-cpu", required_argument, NULL, 'n' },
		{ "period-us", required_argument, NULL, 'p' },
		{ "seconds", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct options o = { .hogs_per_cpu = 2, .period_us = 2000, .seconds = 10 };
	cpu_set_t set;
	int c, err = 0;

	o.cpus = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);
	while (!err && (c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			err = number(optarg, 1, CPU_SETSIZE, &o.cpus);
			break;
		case 'n':
			err = number(optarg, 0, HOGS_PER_CPU_MAX, &o.hogs_per_cpu);
			break;
		case 'p':
			err = number(optarg, PERIOD_MIN_US, PERIOD_MAX_US, &o.period_us);
			break;
		case 's':
			err = number(optarg, 1, SECONDS_MAX, &o.seconds);
			break;
		case 'j':
			o.json = true;
			break;
		case 'h':
			return usage(stdout);
		default:
			return usage(stderr);
		}
	}
	if (err || optind != argc)
		return usage(stderr);
	return run(&o);
}
