/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gthulhu policy: fair by weight, quick for sleepers.
 *
 * Weighted virtual time with deadlines; the formulas and where they come from are in
 * qumun/vtime.h, and the BPF half uses the same ones when it decides itself. Queues are kept by
 * the BPF half, ordered by the deadline that is given out here, so this policy keeps no task and
 * no list: it places a task in virtual time and on a CPU.
 *
 * Placement. An idle CPU has been tried before a task comes here, so it goes to the queue of the
 * CPU that it is at. The BPF half evens out the queues by the deadlines in them, in this mode and
 * in kernel mode alike (bpf/balance.bpf.h): a CPU whose own tasks come later takes the waiting one.
 *
 * Sleepers. A task that wakes, runs for less than half a slice and sleeps again gets the same
 * answer again and again: it is left with the task (qumun_leave_standing()) for its next wakeups.
 */
#include <qumun/policy.h>
#include <qumun/vtime.h>

/* How long an answer stands: long enough to pay, short enough to follow the queues' lengths. */
#define STANDS_WAKEUPS 64
#define STANDS_NS 100000000ULL
/* Where a rule asks for short waits. */
#define STANDS_LATENCY_WAKEUPS 256
#define STANDS_LATENCY_NS 1000000000ULL

/* @t was placed at @p: may its next wakeups be placed likewise? */
static void leave_standing(struct qumun_policy_ctx *ctx, struct qumun_task *t,
			   const struct vt_request *r, const struct vt_placement *p)
{
	struct qumun_terms terms = { .deadline_ns = p->deadline - p->vruntime,
				     .slice_ns = p->slice_ns,
				     .flags = vt_may_preempt(r) ? QUMUN_PREEMPT : 0,
				     .wakeups = STANDS_WAKEUPS,
				     .for_ns = STANDS_NS };

	if (r->cls == QUMUN_CLASS_LATENCY || r->cls == QUMUN_CLASS_INTERACTIVE) {
		terms.wakeups = STANDS_LATENCY_WAKEUPS;
		terms.for_ns = STANDS_LATENCY_NS;
	}
	if (vt_leads(r)) {
		terms.flags |= QUMUN_LEAD;
		terms.deadline_ns += VT_LATENCY_LEAD;
	}
	/* a deadline too far away for a standing decision is refused: then it is asked about */
	qumun_leave_standing(ctx, t, &terms);
}

static void gthulhu_enqueue(struct qumun_policy_ctx *ctx, struct qumun_task *t, __u64 now)
{
	const struct qumun_param_block *par = qumun_policy_params(ctx);
	const struct qumun_cpu *c = qumun_policy_cpu(ctx, t->cpu), *from;
	struct qumun_decision d = { .cpu = t->cpu };
	__u64 start;

	if (!c)
		return; /* a broken record; the BPF half takes the task back */
	from = qumun_policy_cpu(ctx, t->vcpu);
	struct vt_request r = VT_REQUEST(t, par, c, from ? from->base : c->base,
					 !!(t->flags & QUMUN_TASK_WAKEUP));
	struct vt_placement p;

	vt_decide(&r, &p);
	start = shm_load(&c->curr_start);
	if (r.woke && start &&
	    vt_decide_preempts(&r, p.deadline, c->curr_deadline,
			       vt_before(start, now) ? now - start : 0, par->min_run_ns))
		d.flags = QUMUN_PREEMPT;
	t->vruntime = p.vruntime;
	t->vcpu = t->cpu;
	t->deadline = d.vtime = p.deadline;
	d.slice_ns = p.slice_ns;
	t->slice_ns = (__u32)p.slice_ns;
	if (r.woke && t->last_run_ns < p.slice_ns / 2)
		leave_standing(ctx, t, &r, &p);
	else if (t->standing.until)
		qumun_drop_standing(ctx, t);
	qumun_dispatch(ctx, t, &d);
}

QUMUN_POLICY(gthulhu, "fair by weight, quick for sleepers", .enqueue = gthulhu_enqueue,
	     .flags = QUMUN_POLICY_SHARDS);
