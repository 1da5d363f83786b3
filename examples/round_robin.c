/* SPDX-License-Identifier: Apache-2.0 */
/*
 * round_robin - new tasks are dealt out to the CPUs in turn, and each CPU serves its tasks in
 * turn, a fixed slice each. usage: round_robin [--for SECONDS]
 *
 * Shows private state: the policy's own (whose turn it is) and 32 bytes in each task's record
 * (its CPU). A CPU with nothing to do still helps out: the library sees to that.
 */
#include <qumun.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLICE_NS 3000000ULL

struct round_robin {
	__u32 next_cpu;
};

static struct qumun *scheduler;

static void rr_task_init(struct qumun_policy_ctx *ctx, struct qumun_task *task, __u64 now)
{
	struct round_robin *rr = qumun_policy_state(ctx);

	(void)now;
	task->policy[0] = rr->next_cpu;
	rr->next_cpu = (rr->next_cpu + 1) % qumun_nr_cpus(ctx);
}

static void rr_enqueue(struct qumun_policy_ctx *ctx, struct qumun_task *task, __u64 now)
{
	struct qumun_decision d = { .slice_ns = SLICE_NS, .vtime = now };
	const struct qumun_cpu *cpu;

	d.cpu = (__s32)task->policy[0];
	cpu = qumun_policy_cpu(ctx, d.cpu);
	if (!cpu || !cpu->online || !qumun_task_may_use(task, d.cpu))
		d.cpu = QUMUN_CPU_ANY;
	/* one whose slice ended arrives now, after all that wait: that is its turn's end */
	qumun_dispatch(ctx, task, &d);
}

static QUMUN_POLICY(round_robin, "a fixed slice each, in turn",
		    .state_size = sizeof(struct round_robin), .task_init = rr_task_init,
		    .enqueue = rr_enqueue);

static void stop(int sig)
{
	(void)sig;
	qumun_stop(scheduler);
}

int main(int argc, char **argv)
{
	int err = qumun_load(NULL, NULL, &scheduler);

	if (!err)
		err = qumun_set_policy(scheduler, &qumun_policy_round_robin);
	if (!err)
		err = qumun_attach(scheduler);
	signal(SIGINT, stop);
	signal(SIGALRM, stop);
	if (argc == 3 && !strcmp(argv[1], "--for"))
		alarm((unsigned int)atoi(argv[2]));
	if (!err)
		err = qumun_run(scheduler);
	if (err)
		fprintf(stderr, "round_robin: %s\n", qumun_strerror(scheduler));
	qumun_close(scheduler);
	return err != 0;
}
