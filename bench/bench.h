/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench.h - what the load generators share: the clock, samples and their percentiles, options.
 *
 * Every sample is kept, so percentiles are exact. Results are lines "NAME VALUE" on stdout, which
 * the lab (bench/guest/lab) reads.
 */
#ifndef BENCH_H
#define BENCH_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NSEC_PER_SEC 1000000000LL
#define NSEC_PER_USEC 1000LL

static inline int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static inline int64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* Sleep until CLOCK_MONOTONIC shows @t. */
static inline void sleep_until(int64_t t)
{
	struct timespec ts = { .tv_sec = t / NSEC_PER_SEC, .tv_nsec = t % NSEC_PER_SEC };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

/* Use @ns of this thread's own CPU time. */
static inline void burn(int64_t ns)
{
	int64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + ns;

	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end)
		;
}

/* Times in ns; room for @capacity of them. One writer. */
struct samples {
	int64_t *ns;
	size_t capacity, count;
};

/* -ENOMEM. All memory is touched: a page fault later would count as latency. */
static inline int samples_init(struct samples *s, size_t capacity)
{
	s->count = 0;
	s->capacity = capacity;
	s->ns = malloc(capacity * sizeof(*s->ns));
	if (!s->ns)
		return -ENOMEM;
	memset(s->ns, 0, capacity * sizeof(*s->ns));
	return 0;
}

/* Beyond the capacity samples are dropped. */
static inline void samples_add(struct samples *s, int64_t ns)
{
	if (s->count < s->capacity)
		s->ns[s->count++] = ns;
}

static inline int samples_compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Before any percentile. */
static inline void samples_sort(struct samples *s)
{
	qsort(s->ns, s->count, sizeof(*s->ns), samples_compare);
}

static inline double samples_average_us(const struct samples *s)
{
	double sum = 0;

	for (size_t i = 0; i < s->count; i++)
		sum += (double)s->ns[i];
	return s->count ? sum / (double)s->count / 1e3 : 0;
}

/* The smallest sample that at least @percent of all samples do not exceed, us. */
static inline double samples_percentile_us(const struct samples *s, unsigned int percent)
{
	size_t rank = (s->count * percent + 99) / 100;

	return s->count ? (double)s->ns[rank ? rank - 1 : 0] / 1e3 : 0;
}

/* The lines NAME_avg_us, NAME_p50_us, NAME_p99_us and NAME_max_us. Sorts. */
static inline void samples_print(struct samples *s, const char *name)
{
	samples_sort(s);
	printf("%s_avg_us %.1f\n", name, samples_average_us(s));
	printf("%s_p50_us %.1f\n", name, samples_percentile_us(s, 50));
	printf("%s_p99_us %.1f\n", name, samples_percentile_us(s, 99));
	printf("%s_max_us %.1f\n", name, samples_percentile_us(s, 100));
}

/*
 * An option --NAME of a load generator. Exactly one of @number (within @min and @max), @text and
 * @flag is set and says where it goes.
 */
struct bench_option {
	const char *name;
	int min, max;
	int *number;
	const char **text;
	bool *flag;
};

/*
 * options.c: read the command line; @options end with one without a name, @usage is what follows
 * the program's name in the line that --help prints. 0: go on; 1: help was asked for and given;
 * -EINVAL, after a message and the usage:
 * main() ends with 2.
 */
int bench_options(const char *program, const char *usage,
		  const struct bench_option *options, int argc, char **argv);

#endif
