/* SPDX-License-Identifier: Apache-2.0 */
/*
 * params - change the parameters of a running scheduler: slices grow and shrink every second,
 * and the switches per second follow. usage: params [--for SECONDS]
 *
 * The BPF half decides (kernel mode); a policy would find the same values in
 * qumun_policy_params(). A refused set changes nothing.
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

static int use_slice(struct qumun *q, __u64 slice_ns)
{
	struct scheduling_params params;
	int err = qumun_get_scheduling_params(q, &params);

	if (err)
		return err;
	params.base_slice_ns = slice_ns;
	params.min_slice_ns = slice_ns / 5;
	params.max_slice_ns = slice_ns * 4;
	return qumun_update_scheduling_params(q, &params);
}

static int go_through_slices(struct qumun *q, unsigned int seconds)
{
	static const __u64 slices_ns[] = { 1000000, 5000000, 20000000 };
	struct scheduler_stats stats;
	__u64 switches = 0;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && !stopped && (!seconds || i < seconds); i++) {
		err = use_slice(q, slices_ns[i % 3]);
		if (err)
			break;
		sleep(1);
		err = qumun_get_scheduler_stats(q, &stats);
		if (err)
			break;
		printf("slice %.1f ms: %llu switches/s\n", (double)slices_ns[i % 3] / 1e6,
		       stats.context_switches - switches);
		fflush(stdout);
		switches = stats.context_switches;
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
		err = go_through_slices(q, seconds);
	if (err)
		fprintf(stderr, "params: %s\n", qumun_strerror(q));
	qumun_close(q);
	return err != 0;
}
