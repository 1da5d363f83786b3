/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy for test_sim that answers plainly, has a tick, and with every answer would end the
 * slice of CPU 1.
 */
#include <qumun/policy.h>

static void kicker_enqueue(struct qumun_policy_ctx *ctx, struct qumun_task *t, __u64 now)
{
	const struct qumun_cpu *c = qumun_policy_cpu(ctx, t->cpu);
	struct qumun_decision d = { .cpu = t->cpu,
				    .slice_ns = 3000000,
				    .vtime = c ? c->front : now };

	qumun_dispatch(ctx, t, &d);
	qumun_kick(ctx, 1, QUMUN_PREEMPT);
}

static void kicker_tick(struct qumun_policy_ctx *ctx, __u64 now)
{
}

QUMUN_POLICY(kicker, "ends the slice of CPU 1", .enqueue = kicker_enqueue,
	     .tick = kicker_tick, .tick_ns = 5000000);
