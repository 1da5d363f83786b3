/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy that uses what policy.h offers beyond the plain answer: it keeps every waking task for
 * HOLD_NS and gives it out by its timer, near where it was, sends CPUs to look, counts its ticks,
 * and keeps a book of tasks by slot. For the simulator's tests and for tests on a real kernel.
 */
#ifndef TEST_HOLDER_H
#define TEST_HOLDER_H

#include <qumun/policy.h>
#include <qumun/vtime.h>

#define HOLD_NS 2000000ULL
#define HOLDER_TICK_NS 5000000ULL
#define HOLDER_TASKS 4096

struct holder {
	struct qumun_task *kept[HOLDER_TASKS];
	__u64 due[HOLDER_TASKS];
	__u32 nr_kept;
	__u8 known[HOLDER_TASKS]; /* by slot */
	/* written by the policy thread only, read by anybody */
	__u64 ticks, timers, begun, gone, confused, early;
};

static struct holder *holder_seen; /* the running one's state */

static int holder_init(struct qumun_policy_ctx *ctx)
{
	holder_seen = qumun_policy_state(ctx);
	return 0;
}

static void holder_answer(struct qumun_policy_ctx *ctx, struct qumun_task *t, int set)
{
	const struct qumun_param_block *par = qumun_policy_params(ctx);
	__s32 cpu = qumun_idle_near(ctx, t, t->cpu);
	struct qumun_decision d = { .cpu = cpu >= 0 ? cpu : t->cpu };
	const struct qumun_cpu *c = qumun_policy_cpu(ctx, d.cpu),
			       *from = qumun_policy_cpu(ctx, t->vcpu);
	struct vt_placement p;

	if (!c || !from)
		return;
	struct vt_request r =
		VT_REQUEST(t, par, c, from->base, !!(t->flags & QUMUN_TASK_WAKEUP));

	vt_decide(&r, &p);
	t->vruntime = p.vruntime;
	t->vcpu = d.cpu;
	t->deadline = d.vtime = p.deadline;
	t->slice_ns = (__u32)(d.slice_ns = p.slice_ns);
	if (set) {
		d.cpus = 1ULL << d.cpu;
		d.cpu = QUMUN_CPU_SET;
	}
	if (r.woke)
		d.flags = QUMUN_PREEMPT;
	qumun_dispatch(ctx, t, &d);
	/* not with QUMUN_PREEMPT: the task itself may run there when the kick arrives */
	if (r.woke)
		qumun_kick(ctx, t->vcpu, 0);
}

static void holder_enqueue(struct qumun_policy_ctx *ctx, struct qumun_task *t, __u64 now)
{
	struct holder *h = qumun_policy_state(ctx);

	if (!(t->flags & QUMUN_TASK_WAKEUP) || h->nr_kept == HOLDER_TASKS) {
		holder_answer(ctx, t, t->cpu < 64);
		return;
	}
	if (!h->nr_kept)
		qumun_set_timer(ctx, now + HOLD_NS);
	h->due[h->nr_kept] = now + HOLD_NS;
	h->kept[h->nr_kept++] = t;
}

static void holder_timer(struct qumun_policy_ctx *ctx, __u64 now)
{
	struct holder *h = qumun_policy_state(ctx);
	__u32 i, left = 0;

	h->timers++;
	h->early += h->nr_kept && vt_before(now, h->due[0]);
	for (i = 0; i < h->nr_kept; i++) {
		if (vt_before(now, h->due[i])) {
			h->due[left] = h->due[i];
			h->kept[left++] = h->kept[i];
		} else {
			holder_answer(ctx, h->kept[i], 0);
		}
	}
	h->nr_kept = left;
	if (left)
		qumun_set_timer(ctx, h->due[0]);
}

static void holder_cancel(struct qumun_policy_ctx *ctx, struct qumun_task *t, __u64 now)
{
	struct holder *h = qumun_policy_state(ctx);
	__u32 i;

	for (i = 0; i < h->nr_kept && h->kept[i] != t; i++)
		;
	if (i == h->nr_kept)
		return;
	h->nr_kept--;
	for (; i < h->nr_kept; i++) {
		h->kept[i] = h->kept[i + 1];
		h->due[i] = h->due[i + 1];
	}
}

static void holder_tick(struct qumun_policy_ctx *ctx, __u64 now)
{
	((struct holder *)qumun_policy_state(ctx))->ticks++;
}

/* Each task begins once and goes once, in this order, whatever slot it gets. */
static void holder_task_init(struct qumun_policy_ctx *ctx, struct qumun_task *t,
			     __u64 now)
{
	struct holder *h = qumun_policy_state(ctx);
	__u32 slot = qumun_task_slot(ctx, t) % HOLDER_TASKS;

	h->confused += h->known[slot];
	h->known[slot] = 1;
	h->begun++;
}

static void holder_task_exit(struct qumun_policy_ctx *ctx, __u32 slot, __u64 now)
{
	struct holder *h = qumun_policy_state(ctx);

	h->confused += !h->known[slot % HOLDER_TASKS];
	h->known[slot % HOLDER_TASKS] = 0;
	h->gone++;
}

QUMUN_POLICY(holder, "keeps waking tasks for 2 ms", .init = holder_init,
	     .state_size = sizeof(struct holder), .tick_ns = HOLDER_TICK_NS,
	     .enqueue = holder_enqueue, .cancel = holder_cancel, .timer = holder_timer,
	     .tick = holder_tick, .task_init = holder_task_init,
	     .task_exit = holder_task_exit);

#endif
