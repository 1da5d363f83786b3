/* SPDX-License-Identifier: Apache-2.0 */
/* A policy as a shared object, for test_plugin: -DABI= and -DNO_SYMBOL break it. */
#include <qumun/policy.h>

#ifdef ABI
#undef QUMUN_POLICY_ABI
#define QUMUN_POLICY_ABI ABI
#endif

static void plugin_enqueue(struct qumun_policy_ctx *ctx, struct qumun_task *task,
			   __u64 now)
{
	struct qumun_decision d = { .cpu = QUMUN_CPU_ANY,
				    .slice_ns = BASE_SLICE_NS,
				    .vtime = now };

	qumun_dispatch(ctx, task, &d);
}

#ifdef NO_SYMBOL
#undef QUMUN_POLICY
#define QUMUN_POLICY(name, ...)                                                          \
	const struct qumun_policy_ops other_##name = { __VA_ARGS__ }
QUMUN_POLICY(plugin, .enqueue = plugin_enqueue);
#else
QUMUN_POLICY(plugin, "a policy from a file", .enqueue = plugin_enqueue);
#endif
