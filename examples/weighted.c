/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weighted - shares by weight: a task's virtual time advances by runtime / weight, and the one
 * with the earliest virtual deadline runs first. usage: weighted [--for SECONDS]
 *
 * The library keeps vruntime: it charges a task what it ran. The policy places the task against
 * the front of the queue that will serve it, so that one that slept for an hour does not own the
 * CPU for an hour, and asks for a slice.
 */
#include <qumun.h>
#include <qumun/vtime.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct qumun *scheduler;

static void weighted_enqueue(struct qumun_policy_ctx *ctx, struct qumun_task *task,
			     __u64 now)
{
	const struct qumun_param_block *params = qumun_policy_params(ctx);
	const struct qumun_cpu *cpu = qumun_policy_cpu(ctx, task->cpu);
	const struct qumun_cpu *from = qumun_policy_cpu(ctx, task->vcpu);
	struct qumun_decision d = { .cpu = task->cpu, .slice_ns = params->base_slice_ns };
	__u64 credit = vt_charge(d.slice_ns, task->weight);

	(void)now;
	if (!cpu)
		return; /* not to be answered: the library takes the task back */
	if (from && from != cpu)
		task->vruntime = vt_renormalize(task->vruntime, from->base, cpu->base);
	task->vcpu = task->cpu;
	task->vruntime = vt_place(task->vruntime, cpu->front, credit, 4 * credit);
	task->deadline = vt_deadline(task->vruntime, d.slice_ns, task->weight,
				     params->latency_factor_fp);
	task->slice_ns = (__u32)d.slice_ns;
	d.vtime = task->deadline;
	qumun_dispatch(ctx, task, &d);
}

static QUMUN_POLICY(weighted, "shares by weight", .enqueue = weighted_enqueue);

static void stop(int sig)
{
	(void)sig;
	qumun_stop(scheduler);
}

int main(int argc, char **argv)
{
	int err = qumun_load(NULL, NULL, &scheduler);

	if (!err)
		err = qumun_set_policy(scheduler, &qumun_policy_weighted);
	if (!err)
		err = qumun_attach(scheduler);
	signal(SIGINT, stop);
	signal(SIGALRM, stop);
	if (argc == 3 && !strcmp(argv[1], "--for"))
		alarm((unsigned int)atoi(argv[2]));
	if (!err)
		err = qumun_run(scheduler);
	if (err)
		fprintf(stderr, "weighted: %s\n", qumun_strerror(scheduler));
	qumun_close(scheduler);
	return err != 0;
}
