/* SPDX-License-Identifier: Apache-2.0 */
/*
 * takeover - start it twice: the second one becomes the policy of the running scheduler, without
 * a moment in which nobody decides, and the first one ends. This is how a policy is updated.
 *
 * usage: takeover [--for SECONDS]
 *
 * It works as well when the first one was killed (within two seconds) or is stopped.
 */
#include <qumun.h>
#include <errno.h>
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

/* Take over, or load if nothing of this library is running. */
static int begin(void)
{
	int err = qumun_takeover(NULL, &scheduler), fresh = err == -ENOENT;

	if (fresh)
		err = qumun_load(NULL, NULL, &scheduler);
	if (!err)
		err = qumun_set_policy(scheduler, &qumun_policy_fifo);
	if (!err)
		err = qumun_attach(scheduler);
	if (!err)
		printf("%d: %s\n", getpid(), fresh ? "attached" : "took over");
	fflush(stdout);
	return err;
}

int main(int argc, char **argv)
{
	int err = begin();

	signal(SIGINT, stop);
	signal(SIGALRM, stop);
	if (argc == 3 && !strcmp(argv[1], "--for"))
		alarm((unsigned int)atoi(argv[2]));
	if (!err)
		err = qumun_run(scheduler);
	if (err)
		fprintf(stderr, "takeover: %s\n", qumun_strerror(scheduler));
	else
		printf("%d: %s\n", getpid(),
		       qumun_handed_over(scheduler) ? "handed over" : "done");
	qumun_close(scheduler);
	return err != 0;
}
