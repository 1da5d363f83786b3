/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The floor under the weights: no task waits in a queue for longer than max_wait_ns, whatever
 * its weight. By the weights alone a nice 19 task beside a nice -20 one would wait 5.9 s for its
 * millisecond and trip the kernel's watchdog.
 *
 * Each CPU looks through the far end of its queue, where the latest deadlines are, eight times
 * in max_wait_ns; who has waited for three quarters of it runs next, for one smallest slice, and
 * stands at the front afterwards: what it lagged behind is forgiven.
 */
#ifndef QUMUN_BPF_FLOOR_H
#define QUMUN_BPF_FLOOR_H

#include "custody.bpf.h"

#define FLOOR_LOOKS 256 /* tasks looked at in one pass */

/*
 * A function of its own, so that the verifier knows no values that come out: following those, 7.0
 * fails with "verifier bug: backtracking call unexpected regs".
 */
__noinline u64 floor_patience(void)
{
	use_arena();
	return bounded_max_wait_ns() / 4 * 3;
}

/*
 * dispatch(): true if a starving task was moved to this CPU. A global function, so that the
 * verifier looks at it once and not on each path of dispatch(); the counter lives in a map,
 * because a counter on the stack makes each turn of the loop a new state.
 */
__noinline bool floor_serve(u32 cpu, u64 now)
{
	struct bpf_cpu_priv *cp = cpu_priv(cpu);
	struct qumun_param_block QUMUN_ARENA *par = &arena_header()->params;
	struct qumun_task QUMUN_ARENA *rec;
	struct task_struct *p;
	struct task_ctx *ctx;
	u64 patience, slice;
	bool served = false;

	use_arena();
	if (!cp)
		return false;
	cp->floor_at = now;
	cp->looked = 0;
	patience = floor_patience();
	bpf_for_each(scx_dsq, p, dsq_of_cpu(cpu), SCX_DSQ_ITER_REV) {
		if (++cp->looked > FLOOR_LOOKS)
			break;
		ctx = task_ctx(p);
		if (!ctx)
			continue;
		rec = ctx->slot < max_records ? arena_task(ctx->slot) : NULL;
		if (elapsed(now, rec ? rec->enq_at : ctx->queued_at) < patience)
			continue;
		slice = bounded_slice(par->min_slice_ns);
		if (!may_run_here(p, cpu)) {
			dsq_move(BPF_FOR_EACH_ITER, p, SCX_DSQ_GLOBAL, slice);
			continue;
		}
		if (!dsq_move(BPF_FOR_EACH_ITER, p, SCX_DSQ_LOCAL, slice))
			continue;
		if (rec) {
			rec->vruntime = arena_cpu(cpu)->front;
			rec->vcpu = cpu;
		}
		count(cp, floor_runs);
		served = true;
		break;
	}
	return served;
}

static __always_inline bool floor_due(struct bpf_cpu_priv *cp, u32 cpu, u64 now)
{
	return arena_cpu(cpu)->nr_queued > 0 &&
	       elapsed(now, cp->floor_at) > bounded_max_wait_ns() / 8;
}

#endif
