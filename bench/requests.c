// SPDX-License-Identifier: Apache-2.0
/*
 * Request workers: a dispatcher posts one request every period, to one worker after the other; the
 * worker uses CPU time for it. Hogs may run beside them. Requests are due at fixed points of time,
 * whether or not the ones before are done, so a slow scheduler can't hide behind fewer requests.
 *
 *     wakeup_*       from posting a request to the worker's first instruction; an idle worker only
 *     response_*     from when the request was due to when it is done
 *     requests_per_s done
 */
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define WORKERS_MAX 256
#define HOGS_MAX 64
#define QUEUE 256 /* requests that may wait for one worker */

struct options {
	int workers, hogs, period_us, work_us, seconds;
	const char *comm;
};

/* One worker's queue: the dispatcher writes at tail, the worker reads at head. */
struct worker {
	_Alignas(64) _Atomic uint32_t tail;
	_Atomic uint32_t head;
	int64_t due_ns[QUEUE], posted_ns[QUEUE];
	struct samples wakeup, response;
	const struct options *o;
	pthread_t thread;
	uint64_t dropped;
};

static atomic_bool stop;

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	int64_t now;

	if (w->o->comm)
		prctl(PR_SET_NAME, w->o->comm);
	for (;;) {
		uint32_t head = atomic_load_explicit(&w->head, memory_order_relaxed), i;
		bool slept = false;

		while (atomic_load_explicit(&w->tail, memory_order_acquire) == head) {
			if (atomic_load(&stop))
				return NULL;
			slept = true;
			syscall(SYS_futex, &w->tail, FUTEX_WAIT_PRIVATE, head, NULL, NULL,
				0);
		}
		now = now_ns();
		i = head % QUEUE;
		if (slept)
			samples_add(&w->wakeup, now - w->posted_ns[i]);
		burn(w->o->work_us * NSEC_PER_USEC);
		samples_add(&w->response, now_ns() - w->due_ns[i]);
		atomic_store_explicit(&w->head, head + 1, memory_order_release);
	}
}

static void wake(struct worker *w)
{
	syscall(SYS_futex, &w->tail, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void dispatch(const struct options *o, struct worker *workers)
{
	int64_t start = now_ns(), due = start, end = start + o->seconds * NSEC_PER_SEC;

	for (int next = 0; due < end; next = (next + 1) % o->workers) {
		struct worker *w = &workers[next];
		uint32_t tail = atomic_load_explicit(&w->tail, memory_order_relaxed);

		due += o->period_us * NSEC_PER_USEC;
		sleep_until(due);
		if (tail - atomic_load_explicit(&w->head, memory_order_acquire) >=
		    QUEUE) {
			w->dropped++;
			continue;
		}
		w->due_ns[tail % QUEUE] = due;
		w->posted_ns[tail % QUEUE] = now_ns();
		atomic_store_explicit(&w->tail, tail + 1, memory_order_release);
		wake(w);
	}
}

/* All workers' samples, in the first one's place. */
static int gather(struct samples *all, struct worker *workers, int n, size_t offset)
{
	size_t total = 0;

	for (int i = 0; i < n; i++)
		total += ((struct samples *)((char *)&workers[i] + offset))->count;
	if (samples_init(all, total ? total : 1))
		return -ENOMEM;
	for (int i = 0; i < n; i++) {
		struct samples *s = (struct samples *)((char *)&workers[i] + offset);

		for (size_t k = 0; k < s->count; k++)
			samples_add(all, s->ns[k]);
	}
	return 0;
}

static int report(const struct options *o, struct worker *workers)
{
	struct samples wakeup, response;
	uint64_t dropped = 0;

	if (gather(&wakeup, workers, o->workers, offsetof(struct worker, wakeup)) ||
	    gather(&response, workers, o->workers, offsetof(struct worker, response)))
		return 1;
	for (int i = 0; i < o->workers; i++)
		dropped += workers[i].dropped;
	if (!response.count) {
		fprintf(stderr, "requests: no request was served\n");
		return 1;
	}
	samples_print(&wakeup, "wakeup");
	samples_print(&response, "response");
	printf("requests_per_s %.1f\ndropped %llu\n", (double)response.count / o->seconds,
	       (unsigned long long)dropped);
	free(wakeup.ns);
	free(response.ns);
	return 0;
}

static pid_t start_hog(void)
{
	volatile uint64_t x = 1;
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		x = x * 6364136223846793005ULL + 1;
}

static int run(const struct options *o)
{
	size_t each = o->seconds * 1000000LL / o->period_us / o->workers + 16;
	struct worker *workers = aligned_alloc(64, o->workers * sizeof(*workers));
	pid_t hogs[HOGS_MAX];
	int started = 0, nr_hogs = 0, ret = 1;

	if (!workers)
		return 1;
	memset(workers, 0, o->workers * sizeof(*workers));
	for (; nr_hogs < o->hogs; nr_hogs++) {
		hogs[nr_hogs] = start_hog();
		if (hogs[nr_hogs] < 0)
			goto out;
	}
	for (; started < o->workers; started++) {
		struct worker *w = &workers[started];

		w->o = o;
		if (samples_init(&w->wakeup, each) || samples_init(&w->response, each) ||
		    pthread_create(&w->thread, NULL, worker_main, w))
			goto out;
	}
	sleep_until(now_ns() + NSEC_PER_SEC / 5);
	dispatch(o, workers);
	ret = 0;
out:
	atomic_store(&stop, true);
	for (int i = 0; i < started; i++) {
		/* the queue's end, so that it looks at stop; what is queued is served first */
		while (pthread_tryjoin_np(workers[i].thread, NULL)) {
			wake(&workers[i]);
			sleep_until(now_ns() + NSEC_PER_SEC / 1000);
		}
	}
	for (int i = 0; i < nr_hogs; i++) {
		kill(hogs[i], SIGKILL);
		waitpid(hogs[i], NULL, 0);
	}
	if (ret)
		fprintf(stderr, "requests: cannot start: use fewer workers or hogs\n");
	else
		ret = report(o, workers);
	for (int i = 0; i < started; i++) {
		free(workers[i].wakeup.ns);
		free(workers[i].response.ns);
	}
	free(workers);
	return ret;
}

int main(int argc, char **argv)
{
	struct options o = { 1, 0, 5000, 200, 5, NULL };
	const struct bench_option options[] = {
		{ "workers", 1, WORKERS_MAX, .number = &o.workers },
		{ "period-us", 20, 1000000, .number = &o.period_us },
		{ "work-us", 0, 1000000, .number = &o.work_us },
		{ "hogs", 0, HOGS_MAX, .number = &o.hogs },
		{ "seconds", 1, 3600, .number = &o.seconds },
		{ "comm", .text = &o.comm },
		{ 0 },
	};
	int err;

	err = bench_options("requests",
			    "[--workers N] [--period-us N] [--work-us N] [--hogs N]\n"
			    "                [--seconds N] [--comm NAME]",
			    options, argc, argv);
	if (err)
		return err < 0 ? 2 : 0;
	return run(&o);
}
