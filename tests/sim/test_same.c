/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gthulhu policy and the BPF half decide alike: random scenarios run in user mode, and at each
 * question the BPF half's decision, made from the same memory, is compared with the policy's.
 *
 * usage: test_same [SEEDS]: how many scenarios (400)
 */
#include <stdlib.h>

#include <tap.h>

#include "../../sim/explore.h"
#include "../../sim/policies.h"
#include "../../sim/sim.h"

extern const struct qumun_policy_ops qumun_policy_gthulhu;

static u64 nr_compared, nr_preempting;
static char first[256]; /* the first difference */

static void note_difference(const struct qumun_task *t, const struct qumun_answer *a,
			    const struct bpf_decision *d)
{
	if (*first)
		return;
	snprintf(first, sizeof(first),
		 "%s[%d] on CPU %d: slice %llu and %llu, key %lld apart, vruntime %lld "
		 "apart, preempts %d and %d",
		 t->comm, t->pid, t->cpu, a->slice_ns, d->slice_ns,
		 (long long)(a->vtime - d->deadline),
		 (long long)(t->vruntime - d->vruntime), !!(a->flags & QUMUN_PREEMPT),
		 d->preempts);
}

static void same_enqueue(struct qumun_policy_ctx *ctx, struct qumun_task *t, u64 now)
{
	struct qumun_arena *arena = bpf_half_arena();
	const char *base = (const char *)arena;
	const struct qumun_shard *shard =
		(const struct qumun_shard *)(base + arena->shards_off);
	u64 tail = shard->down.tail;
	const struct qumun_answer *a = &shard->down_ring[tail & (QUMUN_DOWN_SLOTS - 1)];
	struct bpf_decision d;

	bpf_half_decide((u32)(t - (const struct qumun_task *)(base + arena->records_off)),
			now, &d);
	qumun_policy_gthulhu.enqueue(ctx, t, now);
	if (shard->down.tail == tail)
		return;
	nr_compared++;
	nr_preempting += d.preempts;
	if (a->cpu != t->cpu || a->slice_ns != d.slice_ns || a->vtime != d.deadline ||
	    t->vruntime != d.vruntime || t->deadline != d.deadline ||
	    !!(a->flags & QUMUN_PREEMPT) != d.preempts)
		note_difference(t, a, &d);
}

static const struct qumun_policy_ops same = {
	.abi_version = QUMUN_POLICY_ABI,
	.size = sizeof(same),
	.name = "same",
	.description = "gthulhu, compared with the BPF half",
	.enqueue = same_enqueue,
};

/* Every scenario's policy is the one that compares. */
const struct qumun_policy_ops *sim_policy_find(const char *name)
{
	return &same;
}

void sim_policy_list(void)
{
}

int main(int argc, char **argv)
{
	u32 seeds = argc > 1 ? (u32)atoi(argv[1]) : 400, i;
	struct scenario sc;

	for (i = 0; i < seeds; i++) {
		explore_generate(&sc, 9000 + i);
		sc.kernel_mode = false;
		sc.shards = 1;
		/* classes, with their own slices, deadlines and rights */
		if (i % 2)
			sc.tasks[0].cls = 1 + i / 2 % (QUMUN_NR_CLASSES - 1);
		sim_run(&sc);
		sim_finish();
		scenario_free(&sc);
	}
	if (*first)
		tap_diag("%s", first);
	tap_ok(!*first, "the BPF half decides as the policy does in %llu decisions",
	       nr_compared);
	tap_ok(nr_preempting > seeds, "%llu of them preempt", nr_preempting);
	return tap_done();
}
