/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of a trace before, during and after a scheduler: who waits for events hears of its
 * end, be it a detach, the kernel or a successor.
 */

#include "live.h"

static struct qumun *q;
static int nr_odd;

static void look(void *arg, const struct qumun_trace_event *e)
{
	__u64 *latest = arg;

	nr_odd += e->kind >= QUMUN_NR_TRACE_KINDS || e->cpu >= QUMUN_MAX_CPUS ||
		  e->time_ns > now_ns();
	if (e->time_ns > *latest)
		*latest = e->time_ns;
}

/* As a client does it: until there is an error. How often at most; then 0. */
static int read_on(int times, __u64 *latest)
{
	int nr = 0;

	while (nr >= 0 && times--) {
		nr = qumun_trace_read(q, 1000, look, latest);
		if (!nr)
			sleep_ms(10);
	}
	return nr < 0 ? nr : 0;
}

static void *reader(void *arg)
{
	__u64 latest = 0;

	*(int *)arg = read_on(1000, &latest);
	return NULL;
}

static void nothing_attached(void)
{
	__u64 latest = 0;

	tap_is(qumun_trace_start(q), -ENOTCONN, "nothing is traced before attach");
	tap_ok(strstr(qumun_strerror(q), "not attached"), "it says: %s",
	       qumun_strerror(q));
	tap_is(qumun_trace_read(q, 10, look, &latest), -EBADF,
	       "nor read: no trace was begun");
	tap_is(qumun_trace_stop(q), 0, "to stop nothing is no error");
	tap_is(qumun_trace_read(q, 10, look, &latest), -EBADF, "and begins none");
	tap_is(qumun_trace_start(NULL), -EINVAL, "no handle: start");
	tap_is(qumun_trace_read(NULL, 10, look, &latest), -EINVAL, "no handle: read");
	tap_is(qumun_trace_stop(NULL), -EINVAL, "no handle: stop");
	tap_is(qumun_trace_read(q, 10, NULL, NULL), -EINVAL, "no function");
}

static void detached(void)
{
	pthread_t thread;
	__u64 latest = 0, end;
	int heard = 0;

	tap_is(qumun_trace_start(q), 0, "a trace");
	tap_is(qumun_trace_start(q), -EBUSY, "one at a time");
	sleep_ms(100);
	tap_ok(qumun_trace_read(q, 10, look, &latest) == 10, "events are handed over");
	tap_is(qumun_trace_read(q, 0, look, &latest), 0, "or none, as wished");
	pthread_create(&thread, NULL, reader, &heard);
	sleep_ms(100);
	tap_is(qumun_detach(q), 0, "detach while somebody reads");
	end = now_ns();
	pthread_join(thread, NULL);
	tap_is(heard, -ENOTCONN, "the reader hears of it");
	tap_is(qumun_trace_start(q), -ENOTCONN, "nothing to trace");
	tap_is(qumun_attach(q), 0, "attached again");
	sleep_ms(100);
	tap_is(read_on(5, &latest), -ENOTCONN, "the trace does not go on");
	tap_ok(latest < end, "nothing of it is from after the detach");
	tap_is(qumun_trace_stop(q), 0, "stopped");
	tap_is(read_on(3, &latest), 0, "nothing is left, and that is no error");
	tap_is(qumun_trace_start(q), 0, "the next trace");
	sleep_ms(100);
	tap_ok(qumun_trace_read(q, 1000, look, &latest) > 0 && latest > end,
	       "has events");
}

static void ended_by_the_kernel(void)
{
	FILE *f = fopen("/proc/sysrq-trigger", "w");
	__u64 latest = 0;

	if (!tap_ok(f && fputs("S", f) >= 0 && !fclose(f), "the kernel is asked for it"))
		return;
	tap_is(read_on(1000, &latest), -ENOTCONN, "the reader hears of it");
	tap_is(qumun_trace_start(q), -ENOTCONN, "nothing to trace");
	tap_is(qumun_detach(q), 0, "detached");
	tap_is(qumun_trace_start(q), -ENOTCONN, "still nothing");
	tap_is(qumun_trace_stop(q), 0, "stopped");
}

/* Takes over, traces, and ends the scheduler. */
static int succeed(void)
{
	struct live_thread runner;
	__u64 latest = 0;
	int err = qumun_takeover(NULL, &q), nr = -1;

	if (!err)
		err = qumun_set_policy(q, &live_policy);
	if (!err)
		err = qumun_attach(q);
	if (!err)
		err = qumun_trace_start(q);
	if (!err) {
		live_start(&runner, q);
		sleep_ms(1000);
		nr = qumun_trace_read(q, 1000, look, &latest);
		err = live_stop(&runner);
	}
	if (err || nr <= 0)
		fprintf(stderr, "# successor: %d events: %s\n", nr, qumun_strerror(q));
	qumun_close(q);
	return err || nr <= 0 || nr_odd;
}

static void taken_over(char **argv)
{
	struct live_thread runner;
	__u64 latest = 0;
	int status;
	pid_t pid;

	q = live_attach(QUMUN_MODE_USER, 0);
	if (!q)
		return;
	live_start(&runner, q);
	tap_is(qumun_trace_start(q), 0, "a trace of one that is taken over");
	pid = fork();
	if (!pid) {
		execl("/proc/self/exe", argv[0], "successor", NULL);
		_exit(1);
	}
	tap_is(read_on(1000, &latest), -EPERM, "the reader hears of it");
	tap_is(qumun_trace_start(q), -EPERM, "a new one is not ours to begin");
	tap_is(qumun_trace_stop(q), 0, "stopped, here alone");
	pthread_join(runner.thread, NULL);
	tap_is(qumun_detach(q), 0, "detached");
	tap_is(qumun_trace_start(q), -EPERM, "nor after that");
	tap_is(waitpid(pid, &status, 0), pid, "the successor");
	tap_is(status, 0, "traces too");
	qumun_close(q);
}

int main(int argc, char **argv)
{
	struct qumun_options options = QUMUN_OPTIONS_INIT;
	pid_t sleeper;

	if (geteuid())
		return tap_skip_all("not root");
	if (argc > 1)
		return succeed();
	puts("# expect-ejection");
	options.mode = QUMUN_MODE_KERNEL;
	options.log = live_log;
	if (!tap_is(qumun_load(NULL, &options, &q), 0, "loaded"))
		return tap_done();
	sleeper = start_sleeper(-1, 1000);
	nothing_attached();
	if (tap_is(qumun_attach(q), 0, "attached")) {
		detached();
		ended_by_the_kernel();
	}
	qumun_close(q);
	taken_over(argv);
	tap_is(nr_odd, 0, "all events are of a kind, of a CPU and of the past");
	end_child(sleeper);
	return tap_done();
}
