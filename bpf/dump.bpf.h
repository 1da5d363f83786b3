/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Our lines in the kernel's debug dump, which it takes when it ejects a scheduler. */
#ifndef QUMUN_BPF_DUMP_H
#define QUMUN_BPF_DUMP_H

#include "state.bpf.h"

#define dump_line(fmt, args...)                                                          \
	({                                                                               \
		static char ___fmt[] = fmt "\n";                                         \
		unsigned long long ___data[] = { args };                                 \
		scx_bpf_dump_bstr(___fmt, ___data, sizeof(___data));                     \
	})

void BPF_STRUCT_OPS(gthulhu_dump, struct scx_dump_ctx *dctx)
{
	struct shard_priv *sh;
	u32 i;

	use_arena();
	bpf_for(i, 0, nr_shards) {
		sh = shard_priv(i);
		if (!sh)
			return;
		dump_line(
			"gthulhu: shard %llu undecided=%llu unread=%llu parked=%llu autopilot=%llu",
			i, sh->undecided, sh->pushed - arena_shard(i)->taken, sh->parked,
			sh->autopilot);
	}
}

void BPF_STRUCT_OPS(gthulhu_dump_cpu, struct scx_dump_ctx *dctx, s32 cpu, bool idle)
{
	struct qumun_cpu QUMUN_ARENA *cc = arena_cpu(cpu);

	use_arena();
	dump_line("gthulhu: cpu queued=%llu slot=%llu front=%llu deadline=%llu",
		  (u64)cc->nr_queued, (u64)cc->curr_slot, cc->front, cc->curr_deadline);
}

void BPF_STRUCT_OPS(gthulhu_dump_task, struct scx_dump_ctx *dctx, struct task_struct *p)
{
	struct task_ctx *tc = task_ctx(p);
	struct slot_priv *s;

	use_arena();
	if (!tc || tc->slot >= max_records || !(s = slot_priv(tc->slot)))
		return;
	dump_line("gthulhu: slot=%llu gen=%llu state=%llu on_dsq=%llu vruntime=%llu",
		  (u64)tc->slot, s->q >> 8, (u64)state_of(s->q), (u64)s->on_dsq,
		  arena_task(tc->slot)->vruntime);
}

#endif
