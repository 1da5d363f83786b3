// SPDX-License-Identifier: Apache-2.0
/*
 * Many threads that sleep nearly always: each wakes at its own points of time, notes how late it
 * is and sleeps again.
 *
 *     wakeup_*       how late
 *     cpu_pct        CPU time that they used, in percent of one CPU
 */
#include <pthread.h>
#include <sys/resource.h>

#include "bench.h"

#define STACK_BYTES 16384

struct options {
	int threads, period_ms, seconds;
};

struct sleeper {
	int64_t first_ns, period_ns;
	struct samples late;
	pthread_t thread;
};

static void *sleeper_main(void *arg)
{
	struct sleeper *s = arg;
	int64_t next = s->first_ns;

	while (s->late.count < s->late.capacity) {
		sleep_until(next);
		samples_add(&s->late, now_ns() - next);
		next += s->period_ns;
	}
	return NULL;
}

static int run(const struct options *o)
{
	struct sleeper *all = calloc(o->threads, sizeof(*all));
	size_t rounds = (size_t)o->seconds * 1000 / o->period_ms;
	struct samples late;
	struct rusage before, after;
	pthread_attr_t attr;
	int64_t begin;
	double used;
	int i;

	if (!all || !rounds || samples_init(&late, rounds * o->threads))
		return 1;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	/* starting them takes its time: 1 ms each is plenty, and nobody wakes before */
	begin = now_ns() + o->threads * NSEC_PER_SEC / 1000;
	for (i = 0; i < o->threads; i++) {
		all[i].period_ns = o->period_ms * NSEC_PER_SEC / 1000;
		/* spread evenly, in an order that is not the order of creation */
		all[i].first_ns = begin + (int64_t)((uint64_t)i * 7919 % o->threads) *
						  all[i].period_ns / o->threads;
		if (samples_init(&all[i].late, rounds) ||
		    pthread_create(&all[i].thread, &attr, sleeper_main, &all[i])) {
			fprintf(stderr, "sleepers: cannot start thread %d: use fewer\n",
				i);
			return 1;
		}
	}
	sleep_until(begin);
	getrusage(RUSAGE_SELF, &before);
	for (i = 0; i < o->threads; i++) {
		pthread_join(all[i].thread, NULL);
		for (size_t k = 0; k < all[i].late.count; k++)
			samples_add(&late, all[i].late.ns[k]);
		free(all[i].late.ns);
	}
	getrusage(RUSAGE_SELF, &after);
	used = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec +
			after.ru_stime.tv_sec - before.ru_stime.tv_sec) +
	       (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec +
			after.ru_stime.tv_usec - before.ru_stime.tv_usec) /
		       1e6;
	samples_print(&late, "wakeup");
	printf("cpu_pct %.2f\n", used * 1e11 / (double)(now_ns() - begin));
	free(late.ns);
	free(all);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { 10000, 2000, 6 };
	const struct bench_option options[] = {
		{ "threads", 1, 100000, .number = &o.threads },
		{ "period-ms", 1, 60000, .number = &o.period_ms },
		{ "seconds", 1, 3600, .number = &o.seconds },
		{ 0 },
	};
	int err;

	err = bench_options("sleepers", "[--threads N] [--period-ms N] [--seconds N]",
			    options, argc, argv);
	if (err)
		return err < 0 ? 2 : 0;
	return run(&o);
}
