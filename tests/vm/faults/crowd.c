/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thousands of threads woken at once, each works 20 us and sleeps; then they all exit at once. The
 * counters reconcile, every thread is served each time.
 */
#include <limits.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../vmtest.h"

#define STACK 16384
#define WAIT_LIMIT_NS 1000000000ULL

struct crowd {
	_Atomic unsigned int gate, served, there;
	_Atomic bool go_home;
};

static struct crowd crowd;

static void futex(_Atomic unsigned int *word, int op, unsigned int value)
{
	syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static void work_20us(void)
{
	volatile unsigned int n;

	for (n = 0; n < 5000; n++)
		;
}

static void *one_of_many(void *arg)
{
	unsigned int seen = 0;

	crowd.there++;
	for (;;) {
		while (crowd.gate == seen)
			futex(&crowd.gate, FUTEX_WAIT, seen);
		seen = crowd.gate;
		work_20us();
		crowd.served++;
		if (crowd.go_home)
			return NULL;
	}
}

static unsigned int gather(pthread_t *threads, unsigned int n)
{
	pthread_attr_t attr;
	unsigned int i;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr,
				  PTHREAD_STACK_MIN > STACK ? PTHREAD_STACK_MIN : STACK);
	for (i = 0; i < n; i++) {
		if (pthread_create(&threads[i], &attr, one_of_many, NULL))
			break;
	}
	while (crowd.there < i)
		sleep_ms(10);
	return i;
}

static void wake_all(unsigned int n, unsigned int round)
{
	__u64 from = now_ns(), end = from + 60000000000ULL;

	crowd.served = 0;
	crowd.gate++;
	futex(&crowd.gate, FUTEX_WAKE, INT_MAX);
	while (crowd.served < n && now_ns() < end)
		sleep_ms(5);
	tap_is(crowd.served, n, "round %u: all were served after %llu ms", round,
	       (unsigned long long)(now_ns() - from) / 1000000);
}

int main(void)
{
	unsigned int want = short_or_soak(2000, 10000), n, i;
	pthread_t *threads = calloc(want, sizeof(*threads));
	struct daemon d = { 0 };
	struct wait_watch w;
	__u64 wait;

	if (!threads || !daemon_start(&d, NULL) || !wait_watch_start(&w))
		return tap_done();
	n = gather(threads, want);
	tap_ok(n >= want / 2, "%u threads of %u", n, want);
	for (i = 1; i <= 3; i++)
		wake_all(n, i);
	crowd.go_home = true;
	wake_all(n, 4);
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	wait = wait_watch_stop(&w);
	tap_ok(wait < wait_limit_ns(WAIT_LIMIT_NS), "the longest wait was %llu ms (%s)",
	       (unsigned long long)wait / 1000000, w.comm);
	tap_ok(scx_runs("gthulhu"), "gthulhu still schedules");
	/* more wakeups than a ring has slots go the kernel way, and are counted */
	daemon_stop_and_check(&d, "crowd", "ring_overflow");
	free(threads);
	return tap_done();
}
