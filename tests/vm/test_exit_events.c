/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exit events: 10,000 threads end as fast as the machine lets them while nobody reads, and none
 * is lost; then the small print of the interface. In the soak more end than the buffer holds.
 */
#include <stdatomic.h>
#include <sys/syscall.h>

#include "live.h"

#define NR_THREADS 10000
#define AT_ONCE 50

static pid_t tids[NR_THREADS];
static unsigned char seen[1 << 22];

static void *remember_tid(void *arg)
{
	*(pid_t *)arg = (pid_t)syscall(SYS_gettid);
	return NULL;
}

static unsigned int burst(void)
{
	pthread_t threads[AT_ONCE];
	unsigned int i, j, made = 0;
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 * 1024);
	for (i = 0; i < NR_THREADS; i += AT_ONCE) {
		for (j = 0; j < AT_ONCE; j++)
			made += !pthread_create(&threads[j], &attr, remember_tid,
						&tids[i + j]);
		for (j = 0; j < AT_ONCE; j++)
			pthread_join(threads[j], NULL);
	}
	pthread_attr_destroy(&attr);
	return made;
}

/* Read all that waits; returns how many, twice-told ones and nonsense apart. */
static unsigned int drain(struct qumun *q, unsigned int *nonsense)
{
	unsigned int n = 0;
	int pid;

	*nonsense = 0;
	while ((pid = qumun_receive_proc_exit_evt(q)) != -1) {
		if (pid <= 0 || pid >= (int)sizeof(seen)) {
			(*nonsense)++;
			continue;
		}
		if (seen[pid] < 255)
			seen[pid]++;
		n++;
	}
	return n;
}

static void check_burst(struct qumun *q)
{
	unsigned int i, made, events, missing = 0, doubled = 0, nonsense;
	__u64 c[QUMUN_NR_COUNTERS], start = now_ns();

	made = burst();
	tap_is(made, NR_THREADS, "%d threads came and went in %llu ms", NR_THREADS,
	       (now_ns() - start) / 1000000);
	sleep_ms(1000); /* the last ones are still being buried */
	events = drain(q, &nonsense);
	for (i = 0; i < NR_THREADS; i++) {
		missing += tids[i] > 0 && !seen[tids[i]];
		doubled += tids[i] > 0 && seen[tids[i]] > 1;
	}
	tap_is(missing, 0, "an event for each (%u events)", events);
	tap_is(doubled, 0, "and only one");
	tap_is(nonsense, 0, "nothing but pids and -1");
	tap_is(qumun_receive_proc_exit_evt(q), -1, "-1 when there is nothing more");
	qumun_get_counters(q, c);
	tap_is(c[QUMUN_C_exit_events_lost], 0, "none was lost");
}

static void check_waiting(struct qumun *q)
{
	struct pollfd fd = { .fd = qumun_proc_exit_fd(q), .events = POLLIN };
	unsigned int nonsense;
	pid_t a, b;
	int ready;

	tap_ok(fd.fd >= 0, "a descriptor");
	drain(q, &nonsense);
	memset(seen, 0, sizeof(seen));
	a = start_sleeper(-1, 1000);
	b = start_sleeper(-1, 1000);
	sleep_ms(300);
	drain(q, &nonsense);
	end_child(a);
	ready = poll(&fd, 1, 3000);
	tap_is(ready, 1, "readable when a task has ended");
	end_child(b);
	sleep_ms(500);
	tap_ok(qumun_receive_proc_exit_evt(q) > 0, "one is read");
	tap_is(poll(&fd, 1, 0), 1, "readable while another waits");
	drain(q, &nonsense);
	tap_is(poll(&fd, 1, 0), 0, "not readable when all are read");
	tap_ok(seen[b], "the other one came");
}

/* 70,000 of which 65,536 have room: the others are counted, and those that are there can be read. */
static void check_overflow(struct qumun *q)
{
	__u64 c[QUMUN_NR_COUNTERS], lost;
	unsigned int i, made = 0, events, nonsense;

	drain(q, &nonsense);
	for (i = 0; i < 7; i++)
		made += burst();
	sleep_ms(1000);
	qumun_get_counters(q, c);
	lost = c[QUMUN_C_exit_events_lost];
	events = drain(q, &nonsense);
	tap_is(nonsense, 0, "overflow: nothing but pids");
	tap_ok(events == 65536 || events == 65535, "overflow: %u events were kept",
	       events);
	/* a few of the system's own threads may have ended too */
	tap_ok(lost + events >= made && lost + events < made + 200,
	       "overflow: %llu of %u are counted as lost", lost, made);
	made = burst();
	sleep_ms(1000);
	tap_ok(drain(q, &nonsense) >= made,
	       "overflow: read again, none is lost any more");
	qumun_get_counters(q, c);
	tap_is(c[QUMUN_C_exit_events_lost], lost, "overflow: the counter stands still");
}

static void check_detach(struct qumun *q)
{
	pid_t pid = start_sleeper(-1, 1000);
	unsigned int nonsense;

	sleep_ms(300);
	drain(q, &nonsense);
	memset(seen, 0, sizeof(seen));
	qumun_detach(q);
	drain(q, &nonsense);
	tap_ok(!seen[pid] && !seen[getpid()], "the scheduler's end is no task's exit");
	end_child(pid);
}

int main(void)
{
	struct live_thread runner;
	struct qumun *q;

	if (geteuid())
		return tap_skip_all("not root");
	tap_is(qumun_receive_proc_exit_evt(NULL), -1, "no handle: no event");
	tap_is(qumun_proc_exit_fd(NULL), -EINVAL, "no handle: no descriptor");
	q = live_attach(QUMUN_MODE_USER, 0);
	if (!q)
		return tap_done();
	live_start(&runner, q);
	sleep_ms(300);
	check_burst(q);
	check_waiting(q);
	if (soak())
		check_overflow(q);
	tap_is(live_stop(&runner), 0, "the policy ran through it");
	check_detach(q);
	qumun_close(q);
	return tap_done();
}
