/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request/response server under load, and a rule that names it: a request every 5 ms, 200 us of
 * work for each, five hogs for each CPU. On one CPU in virtual time the figures are exact.
 *
 *   - with the rule, the mean round trip is within 1.2 times of what the same scheduler gives
 *     without hogs, in both modes;
 *   - it is better than the kernel's own scheduler gives to the server at nice -20;
 *   - a server that takes all it can get leaves the hogs the rest of its budget.
 */
#include <sys/mman.h>
#include <sys/resource.h>

#include "vmtest.h"

#define REQUESTS 200
#define PERIOD_US 5000
#define WORK_NS 200000
#define HOGS_PER_CPU 5

struct pair {
	pid_t server, client;
	__u64 *rtt; /* shared: REQUESTS round trips, ns; the number done is in rtt[REQUESTS] */
};

static __u64 cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (__u64)ts.tv_sec * 1000000000ULL + (__u64)ts.tv_nsec;
}

static void serve(int from, int to)
{
	__u64 start;
	char c;

	prctl(PR_SET_NAME, "named-server");
	while (read(from, &c, 1) == 1) {
		start = cpu_ns();
		while (cpu_ns() - start < WORK_NS)
			;
		if (write(to, &c, 1) != 1)
			break;
	}
	_exit(0);
}

static void ask(int to, int from, __u64 *rtt)
{
	__u64 start = now_ns();
	struct timespec ts;
	char c = 0;
	int i;

	/* counted from when the request was due: the client's own delay is part of it */
	for (i = 0; i < REQUESTS; i++) {
		start += PERIOD_US * 1000ULL;
		ts.tv_sec = (time_t)(start / 1000000000);
		ts.tv_nsec = (long)(start % 1000000000);
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL))
			;
		if (write(to, &c, 1) != 1 || read(from, &c, 1) != 1)
			_exit(1);
		rtt[i] = now_ns() - start;
	}
	_exit(0);
}

/* Mean round trip, us, with @nr_hogs; the server at @niceness. */
static double measure(unsigned int nr_hogs, int niceness, const char *what)
{
	__u64 *rtt = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			  -1, 0);
	int down[2], up[2], i, status = 1;
	pid_t server, client, hogs[64];
	double sum = 0, max = 0;

	if (pipe(down) || pipe(up))
		return 0;
	hogs_start(hogs, nr_hogs);
	server = child_begin(-1, niceness);
	if (!server)
		serve(down[0], up[1]);
	sleep_ms(200);
	client = child_begin(-1, 0);
	if (!client)
		ask(down[1], up[0], rtt);
	waitpid(client, &status, 0);
	hogs_stop(hogs, nr_hogs);
	end_child(server);
	for (i = 0; i < REQUESTS; i++) {
		sum += (double)rtt[i];
		if ((double)rtt[i] > max)
			max = (double)rtt[i];
	}
	for (i = 0; i < 2; i++) {
		close(down[i]);
		close(up[i]);
	}
	munmap(rtt, 4096);
	tap_ok(!status, "%s: mean %.0f us, max %.0f us", what, sum / REQUESTS / 1000,
	       max / 1000);
	return sum / REQUESTS / 1000;
}

/* Two hogs, one of them named latency: what the other gets in a second, percent. */
static double left_for_others(void)
{
	pid_t hog = start_hog(0, 0), named = child_begin(0, 0);
	volatile unsigned long n = 0;
	__u64 before, got;

	if (!named) {
		prctl(PR_SET_NAME, "named-server");
		for (;;)
			n++;
	}
	sleep_ms(300);
	before = schedstat_ns(hog);
	sleep_ms(1000);
	got = schedstat_ns(hog) - before;
	end_child(hog);
	end_child(named);
	return (double)got / 1e7;
}

static void test_mode(const char *mode, double eevdf)
{
	const char *const args[] = { "--mode", mode, "--rule",
				     "comm=named-server,class=latency", NULL };
	double idle, busy, left;
	char what[64];
	struct daemon d;

	if (!daemon_start(&d, args))
		return;
	sleep_ms(300);
	snprintf(what, sizeof(what), "%s mode, no hogs", mode);
	idle = measure(0, 0, what);
	snprintf(what, sizeof(what), "%s mode, hogs", mode);
	busy = measure(HOGS_PER_CPU * nr_online(), 0, what);
	tap_ok(busy <= 1.2 * idle, "%s mode: %.2f times the round trip without hogs",
	       mode, busy / idle);
	tap_ok(busy < eevdf, "%s mode: better than the kernel's nice -20", mode);
	left = left_for_others();
	tap_ok(left >= 5, "%s mode: class latency leaves %.1f %% to a hog beside it",
	       mode, left);
	daemon_stop_and_check(&d, mode, NULL);
}

int main(void)
{
	double eevdf =
		measure(HOGS_PER_CPU * nr_online(), -20, "the kernel's nice -20, hogs");

	test_mode("user", eevdf);
	test_mode("kernel", eevdf);
	return tap_done();
}
