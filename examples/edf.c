/* SPDX-License-Identifier: Apache-2.0 */
/*
 * edf - earliest deadline first for chosen processes, everybody else behind them.
 *
 * usage: edf [--for SECONDS] TGID=MILLISECONDS...
 *
 * A task of a chosen process must have run that many milliseconds after it woke. Among those the
 * one whose time is up first goes first; it keeps its deadline until it sleeps. The others get
 * a deadline too, a second away, so that nobody starves.
 */
#include <qumun.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_CHOSEN 64
#define OTHERS_NS 1000000000ULL

struct chosen {
	int tgid;
	__u64 relative_ns;
};

static struct qumun *scheduler;
static struct chosen chosen[MAX_CHOSEN];
static unsigned int nr_chosen;

static __u64 relative_deadline(const struct qumun_task *task)
{
	unsigned int i;

	for (i = 0; i < nr_chosen; i++) {
		if (chosen[i].tgid == task->tgid)
			return chosen[i].relative_ns;
	}
	return OTHERS_NS;
}

static void edf_enqueue(struct qumun_policy_ctx *ctx, struct qumun_task *task, __u64 now)
{
	const struct qumun_cpu *cpu = qumun_policy_cpu(ctx, task->cpu);
	struct qumun_decision d = { .cpu = QUMUN_CPU_ANY, .slice_ns = BASE_SLICE_NS };
	int woke = task->flags & QUMUN_TASK_WAKEUP;

	if (woke || !task->policy[0])
		task->policy[0] = now + relative_deadline(task);
	/* one that missed its deadline starts over: it must not shut out all others for ever */
	else if ((__s64)(now - task->policy[0]) > 0)
		task->policy[0] = now + relative_deadline(task);
	d.vtime = task->policy[0];
	if (woke && cpu && (__s64)(task->policy[0] - cpu->curr_deadline) < 0)
		d.flags = QUMUN_PREEMPT;
	task->deadline = d.vtime;
	qumun_dispatch(ctx, task, &d);
}

static QUMUN_POLICY(edf, "earliest deadline first", .enqueue = edf_enqueue);

static int choose(const char *text)
{
	struct chosen *c = &chosen[nr_chosen];
	unsigned int ms;
	char end;

	if (nr_chosen == MAX_CHOSEN ||
	    sscanf(text, "%d=%u%c", &c->tgid, &ms, &end) != 2 || c->tgid <= 0 || !ms ||
	    ms > 10000)
		return -1;
	c->relative_ns = ms * 1000000ULL;
	nr_chosen++;
	return 0;
}

static void stop(int sig)
{
	(void)sig;
	qumun_stop(scheduler);
}

int main(int argc, char **argv)
{
	unsigned int seconds = 0;
	int err, i = 1;

	if (argc >= 3 && !strcmp(argv[1], "--for")) {
		seconds = (unsigned int)atoi(argv[2]);
		i = 3;
	}
	for (; i < argc; i++) {
		if (choose(argv[i])) {
			fprintf(stderr,
				"edf: %s: want TGID=MILLISECONDS, 1 to 10000 of them, "
				"for at most %d processes\n",
				argv[i], MAX_CHOSEN);
			return 2;
		}
	}
	err = qumun_load(NULL, NULL, &scheduler);
	if (!err)
		err = qumun_set_policy(scheduler, &qumun_policy_edf);
	if (!err)
		err = qumun_attach(scheduler);
	signal(SIGINT, stop);
	signal(SIGALRM, stop);
	alarm(seconds);
	if (!err)
		err = qumun_run(scheduler);
	if (err)
		fprintf(stderr, "edf: %s\n", qumun_strerror(scheduler));
	qumun_close(scheduler);
	return err != 0;
}
