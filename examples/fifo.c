/* SPDX-License-Identifier: Apache-2.0 */
/* fifo - first come, first served: a complete scheduler. usage: fifo [--for SECONDS] */
#include <qumun.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct qumun *scheduler;

static void fifo_enqueue(struct qumun_policy_ctx *ctx, struct qumun_task *task, __u64 now)
{
	struct qumun_decision d = { .cpu = QUMUN_CPU_ANY, .vtime = now };

	d.slice_ns = BASE_SLICE_NS;
	qumun_dispatch(ctx, task, &d);
}

static QUMUN_POLICY(fifo, "first come, first served", .enqueue = fifo_enqueue);

static void stop(int sig)
{
	(void)sig;
	qumun_stop(scheduler);
}

int main(int argc, char **argv)
{
	int err = qumun_load(NULL, NULL, &scheduler);

	if (!err)
		err = qumun_set_policy(scheduler, &qumun_policy_fifo);
	if (!err)
		err = qumun_attach(scheduler);
	signal(SIGINT, stop);
	signal(SIGALRM, stop);
	if (argc == 3 && !strcmp(argv[1], "--for"))
		alarm((unsigned int)atoi(argv[2]));
	if (!err)
		err = qumun_run(scheduler);
	if (err)
		fprintf(stderr, "fifo: %s\n", qumun_strerror(scheduler));
	qumun_close(scheduler);
	return err != 0;
}
