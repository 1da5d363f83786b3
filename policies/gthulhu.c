/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gthulhu policy: fair by weight, quick for sleepers.
 *
 * Weighted virtual time with deadlines; the formulas and where they come from are in
 * qumun/vtime.h, and the BPF half uses the same ones when it decides itself. Queues are kept by
 * the BPF half, ordered by the deadline that is given out here, so this policy keeps no task and
 * no list: it places a task in virtual time and on a CPU.
 *
 * Placement. An idle CPU has been tried before a task comes here. What is left is the choice of
 * the queue that serves it first: a waking task goes where it ran last; a task whose slice ended
 * looks at the other queues, and the expected wait decides. That also makes three equal hogs on
 * two CPUs take turns.
 *
 * Sleepers. A task that wakes, runs for less than half a slice and sleeps again gets the same
 * answer again and again: it is left with the task (qumun_leave_standing()) for its next wakeups.
 */
#include <qumun/policy.h>
#include <qumun/vtime.h>

/* CPUs looked at beyond the task's own, so that the cost does not grow with the machine. */
#define CANDIDATES 16

/* How long an answer stands: long enough to pay, short enough to follow the queues' lengths. */
#define STANDS_WAKEUPS 64
#define STANDS_NS 100000000ULL
/* Where a rule asks for short waits. */
#define STANDS_LATENCY_WAKEUPS 256
#define STANDS_LATENCY_NS 1000000000ULL

/* Expected wait in @cpu's queue, ns: the rest of the running slice and a slice for each waiter. */
static __u64 expected_wait(const struct qumun_cpu *c, const struct qumun_param_block *par,
			   __u64 now)
{
	__u64 start = shm_load(&c->curr_start), ran, rest = 0;
	__s32 nr = shm_load(&c->nr_queued);

	if (start) {
		ran = (__s64)(now - start) > 0 ? now - start : 0;
		rest = c->curr_slice_ns > ran ? c->curr_slice_ns - ran : 0;
	}
	return rest + (nr > 0 ? (__u64)nr : 0) * par->base_slice_ns;
}

static __s32 choose_cpu(struct qumun_policy_ctx *ctx, const struct qumun_task *t,
			__u64 now)
{
	const struct qumun_param_block *par = qumun_policy_params(ctx);
	const struct qumun_cpu *own = qumun_policy_cpu(ctx, t->cpu), *c;
	__u32 nr = qumun_nr_cpus(ctx), i, tries;
	__u64 wait, best_wait;
	__s32 best = t->cpu, cpu;

	if (!own || t->nr_cpus_allowed <= 1 || (t->flags & QUMUN_TASK_PINNED) || nr == 1)
		return t->cpu;
	if (t->flags & QUMUN_TASK_WAKEUP)
		return t->cpu;
	/* nobody waits at home: nothing to gain elsewhere */
	if (shm_load(&own->nr_queued) <= 0 && !shm_load(&own->curr_start))
		return t->cpu;
	best_wait = expected_wait(own, par, now);
	tries = nr - 1 < CANDIDATES ? nr - 1 : CANDIDATES;
	for (i = 1; i <= tries; i++) {
		cpu = (__s32)(((__u32)t->cpu + i) % nr);
		c = qumun_policy_cpu(ctx, cpu);
		if (!c->online || !qumun_task_may_use(t, cpu))
			continue;
		wait = expected_wait(c, par, now);
		if (wait < best_wait) {
			best_wait = wait;
			best = cpu;
		}
	}
	return best;
}

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
	__s32 cpu = choose_cpu(ctx, t, now);
	const struct qumun_cpu *c = qumun_policy_cpu(ctx, cpu), *from;
	struct qumun_decision d = { .cpu = cpu };
	__u64 front, from_front, start;

	if (!c)
		return; /* a broken record; the BPF half takes the task back */
	front = from_front = c->front;
	if (t->vcpu != cpu) {
		from = qumun_policy_cpu(ctx, t->vcpu);
		from_front = from ? from->front : front;
	}
	struct vt_request r = VT_REQUEST(t, par, c, front, from_front,
					 !!(t->flags & QUMUN_TASK_WAKEUP));
	struct vt_placement p;

	vt_decide(&r, &p);
	start = shm_load(&c->curr_start);
	if (r.woke && start &&
	    vt_decide_preempts(&r, p.deadline, c->curr_deadline,
			       vt_before(start, now) ? now - start : 0, par->min_run_ns))
		d.flags = QUMUN_PREEMPT;
	t->vruntime = p.vruntime;
	t->vcpu = cpu;
	t->deadline = d.vtime = p.deadline;
	d.slice_ns = p.slice_ns;
	t->slice_ns = (__u32)p.slice_ns;
	if (r.woke && t->last_run_ns < p.slice_ns / 2)
		leave_standing(ctx, t, &r, &p);
	else if (t->standing.until)
		qumun_drop_standing(ctx, t);
	qumun_dispatch(ctx, t, &d);
}

QUMUN_POLICY(gthulhu, "fair by weight, quick for sleepers", .enqueue = gthulhu_enqueue);
