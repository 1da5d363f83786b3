/* SPDX-License-Identifier: Apache-2.0 */
/*
 * observe - figures of the whole machine, once a second, without a policy of its own: the BPF
 * half decides (kernel mode). usage: observe [--for SECONDS]
 */
#include <qumun.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static int print_line(struct qumun *q)
{
	struct scheduler_stats stats;
	struct perf_counters perf;
	int err = qumun_get_scheduler_stats(q, &stats);

	if (!err)
		err = qumun_get_perf_counters(q, -1, &perf);
	if (err)
		return err;
	printf("tasks %llu, active %llu, switches %llu, mean wait %.1f us, busy %.1f %%, "
	       "ran %.3f s, idle %.3f s\n",
	       stats.total_tasks, stats.active_tasks, stats.context_switches,
	       (double)stats.average_latency_ns / 1e3, stats.cpu_utilization * 100,
	       (double)perf.total_runtime / 1e9, (double)perf.idle_time / 1e9);
	fflush(stdout);
	return 0;
}

static int observe(struct qumun *q, unsigned int seconds)
{
	struct qumun_exit_report why;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && !stopped && (!seconds || i < seconds); i++) {
		sleep(1);
		err = print_line(q);
		if (!err && qumun_exit_info(q, &why) > 0) {
			fprintf(stderr, "observe: the kernel ended it: %s\n", why.reason);
			break;
		}
	}
	return err;
}

int main(int argc, char **argv)
{
	struct qumun_options options = QUMUN_OPTIONS_INIT;
	unsigned int seconds = 0;
	struct qumun *q;
	int err;

	if (argc == 3 && !strcmp(argv[1], "--for"))
		seconds = (unsigned int)atoi(argv[2]);
	options.mode = QUMUN_MODE_KERNEL;
	err = qumun_load(NULL, &options, &q);
	if (!err)
		err = qumun_attach(q);
	signal(SIGINT, stop);
	if (!err)
		err = observe(q, seconds);
	if (err)
		fprintf(stderr, "observe: %s\n", qumun_strerror(q));
	qumun_close(q);
	return err != 0;
}
