/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The weight of a waiting task rises: its group got another cpu.weight, or competes with fewer.
 * Its place in the queue is that of the old weight. Weight 3 asks for a slice a second of virtual
 * time ahead, so without a new place a task that was idle class just now would go on waiting
 * until the floor helps it. As often as the floor looks through a queue, who would come sooner by
 * more than a base slice gets the place that its weight now gives, as after a change of its nice
 * value. Weights that fell need nothing: one slice is as long as ever, and is charged as it should be.
 */
#ifndef QUMUN_BPF_REWEIGH_H
#define QUMUN_BPF_REWEIGH_H

#include "cgroup.bpf.h"
#include "floor.bpf.h"

/*
 * The key that the task in @slot, which waits in @cpu's queue with @key, gets by its weight of
 * now: @key, unless it is to come earlier. A global function, as the next, for the verifier.
 */
__noinline u64 reweigh_one(u32 slot, u32 cpu, u64 key)
{
	struct qumun_param_block QUMUN_ARENA *par = &arena_header()->params;
	struct qumun_task QUMUN_ARENA *rec;
	struct slot_priv *s;
	u64 v, deadline;
	u32 was;

	use_arena();
	if (slot >= max_records || !(s = slot_priv(slot)) || !s->group)
		return key;
	rec = arena_task(slot);
	/* a key of the policy's own is not ours to change */
	if (key != rec->deadline || rec->vcpu != (s32)cpu)
		return key;
	was = VT_WEIGHT(rec, par);
	rec->weight = flat_weight(s);
	struct vt_request r =
		VT_REQUEST(rec, par, arena_cpu(cpu), arena_cpu(cpu)->base, false);

	if (r.weight <= was)
		return key;
	v = vt_stand(&r, rec->slice_ns);
	deadline = vt_request_deadline(&r, v, rec->slice_ns);
	/*
	 * Written before the move: after it another CPU may run the task, and has put these in
	 * terms of its own queue. One that takes it just before the move fails finds the same
	 * place; if it was faster than that, vcpu says so.
	 */
	if (!vt_before(deadline + par->base_slice_ns, key) ||
	    shm_load(&rec->vcpu) != (s32)cpu)
		return key;
	rec->vruntime = v;
	rec->deadline = deadline;
	return deadline;
}

/* From the far end of @cpu's queue, as floor_serve(). */
__noinline int reweigh_queue(u32 cpu)
{
	struct bpf_cpu_priv *cp = cpu_priv(cpu);
	struct task_struct *p;
	struct task_ctx *ctx;
	u64 was, key;

	use_arena();
	if (!cp)
		return 0;
	cp->looked = 0;
	bpf_for_each(scx_dsq, p, dsq_of_cpu(cpu), SCX_DSQ_ITER_REV) {
		if (++cp->looked > FLOOR_LOOKS)
			break;
		ctx = task_ctx(p);
		if (!ctx)
			continue;
		was = p->scx.dsq_vtime;
		key = reweigh_one(ctx->slot, cpu, was);
		if (key != was)
			dsq_move_vtime(BPF_FOR_EACH_ITER, p, dsq_of_cpu(cpu), 0, key);
	}
	return 0;
}

#endif
