/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First come, first served: a queue is ordered by the time of arrival. The smallest policy there
 * is; it exists as an example and as a baseline.
 */
#include <qumun/policy.h>

static void fifo_enqueue(struct qumun_policy_ctx *ctx, struct qumun_task *t, __u64 now)
{
	struct qumun_decision d = {
		.cpu = QUMUN_CPU_ANY,
		.slice_ns = qumun_policy_params(ctx)->base_slice_ns,
		.vtime = t->enq_at, /* not `now`: a change of attributes asks again */
	};

	qumun_dispatch(ctx, t, &d);
}

QUMUN_POLICY(fifo, "first come, first served", .enqueue = fifo_enqueue,
	     .flags = QUMUN_POLICY_SHARDS);
