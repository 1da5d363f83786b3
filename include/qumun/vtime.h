/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Virtual-time arithmetic: integers only, no state, one copy for the BPF half, the policies and
 * the simulator.
 *
 * Where it comes from. Service is measured in virtual time that advances by runtime / weight and
 * a request of length r made at virtual time v has the deadline v + r / weight: Stoica and
 * Abdel-Wahab, "Earliest Eligible Virtual Deadline First", 1995. A task that slept is placed
 * near the queue's front instead of at its stale time, as in Duda and Cheriton, "Borrowed
 * Virtual Time", 1999; the credit it may bring along is bounded by one slice and is never added
 * to stored vruntime twice. Ordering is by deadline alone.
 *
 * All virtual times belong to one CPU's queue and wrap freely: compare them with vt_before() only.
 * A queue's times minus its base can be compared with those of other queues (vt_renormalize()):
 * what a task is ahead or behind goes with it from queue to queue. Queues whose tasks cannot be
 * exchanged drift apart; vt_rebase() keeps the difference within a bound.
 */
#ifndef QUMUN_VTIME_H
#define QUMUN_VTIME_H

#include "abi.h"
#include "atomic.h"

/* Is virtual time @a before @b? */
static inline int vt_before(__u64 a, __u64 b)
{
	return (__s64)(a - b) < 0;
}

/* @weight, or the nearest weight that the table allows. */
static inline __u32 vt_weight(__u64 weight)
{
	if (weight < WEIGHT_MIN)
		return WEIGHT_MIN;
	return weight > WEIGHT_MAX ? WEIGHT_MAX : (__u32)weight;
}

/* Virtual time that @ns of service cost a task of @weight (>= 1). */
static inline __u64 vt_charge(__u64 ns, __u32 weight)
{
	if (weight == WEIGHT_NICE_0)
		return ns;
	return ns * WEIGHT_NICE_0 / (weight ? weight : 1);
}

/*
 * How far behind the front a task may be placed, in virtual time.
 *
 * A sleeper: one slice of service. For a weight below nice 0 that would be more virtual time than
 * a slice is long; it gets no more than that. Otherwise every sleeper with full credit has the
 * front as its deadline, whatever its weight, and a crowd of light ones makes a heavy one wait
 * for a slice of each.
 *
 * A task that stayed runnable keeps what it is owed: it may have waited for the slice that it was
 * preempted in, at most the largest one.
 */
static inline __u64 vt_credit(int woke, __u64 slice_ns, __u64 max_slice_ns, __u32 weight)
{
	if (!woke)
		return vt_charge(max_slice_ns, weight);
	return weight < WEIGHT_NICE_0 ? slice_ns : vt_charge(slice_ns, weight);
}

/*
 * Where a task that becomes runnable stands against @front, the front of the queue that will
 * serve it: not further behind than @credit (vt_credit()), not further ahead than @max_lag.
 */
static inline __u64 vt_place(__u64 vruntime, __u64 front, __u64 credit, __u64 max_lag)
{
	if (vt_before(vruntime, front - credit))
		return front - credit;
	if (vt_before(front + max_lag, vruntime))
		return front + max_lag;
	return vruntime;
}

/* Move a virtual time from one queue to another: the same service, in the other's terms. */
static inline __u64 vt_renormalize(__u64 vruntime, __u64 from_base, __u64 to_base)
{
	return vruntime - from_base + to_base;
}

/*
 * The base of a queue with @front that is compared with one whose front minus base is @other:
 * as it is, unless the two are further apart than @bound.
 */
static inline __u64 vt_rebase(__u64 base, __u64 front, __u64 other, __u64 bound)
{
	__u64 here = front - base;

	if (vt_before(here, other - bound))
		return front - (other - bound);
	if (vt_before(other + bound, here))
		return front - (other + bound);
	return base;
}

/* What is left of a slice that began at @start; 0: nobody of ours runs there. */
static inline __u64 vt_rest(__u64 start, __u64 slice_ns, __u64 now)
{
	__u64 ran = start && vt_before(start, now) ? now - start : 0;

	return start && ran < slice_ns ? slice_ns - ran : 0;
}

/* The slice when @nr_waiting others want the same CPU: base, shared out, within bounds. */
static inline __u64 vt_slice(__u64 base_ns, __u64 min_ns, __u64 max_ns, __u32 nr_waiting)
{
	__u64 slice = base_ns;

	if (nr_waiting > 3)
		slice = base_ns * 4 / ((__u64)nr_waiting + 1);
	if (slice < min_ns)
		slice = min_ns;
	return slice > max_ns ? max_ns : slice;
}

/*
 * Deadline of a request for @slice_ns made at @vruntime. @latency_fp is the latency factor in
 * 1/1024: below 1024 the task asks for earlier service without asking for more of it.
 */
static inline __u64 vt_deadline(__u64 vruntime, __u64 slice_ns, __u32 weight,
				__u64 latency_fp)
{
	__u64 request = vt_charge(slice_ns, weight);

	if (latency_fp != 1024)
		request = request * latency_fp / 1024;
	return vruntime + request;
}

/*
 * Should a waking task with @deadline preempt one that has run for @ran_ns and whose deadline is
 * @curr_deadline? Not before it had its minimum run.
 */
static inline int vt_preempts(__u64 deadline, __u64 curr_deadline, __u64 ran_ns,
			      __u64 min_run_ns)
{
	return ran_ns >= min_run_ns && vt_before(deadline, curr_deadline);
}

/*
 * The whole decision, as the policies and the BPF half make it: a request is what is known about
 * the task and the queue that will serve it, a placement what follows. VT_REQUEST() fills a
 * request on either side of the arena.
 */
struct vt_request {
	__u64 vruntime; /* in terms of the queue with from_base */
	__u64 from_base;
	__u64 base, front; /* of the queue that will serve the task */
	__u64 base_ns, min_ns, max_ns, latency_fp; /* parameters */
	__u64 rule_slice_ns;			   /* 0: none given */
	__u32 weight;				   /* VT_WEIGHT() */
	__u32 cls;	       /* vt_class(), never QUMUN_CLASS_NONE */
	__u32 preempt;	       /* enum qumun_preempt */
	__u32 latency_left_ns; /* of class latency's budget on that CPU */
	__s32 nr_waiting;
	int woke;
};

struct vt_placement {
	__u64 vruntime, deadline, slice_ns;
};

struct vt_class_traits {
	__u32 latency_fp, slice_fp, weight, preempts;
};

/* Padded, so that an index can be masked where the verifier wants to see it bounded. */
static const struct vt_class_traits vt_classes[8] = {
	{ 0, 0, 0, 0 }, /* QUMUN_CLASS_NONE; in the order of the enum, for C++ */
#define X(NAME, name, latency, slice, weight, preempts, doc)                             \
	{ latency, slice, weight, preempts },
	QUMUN_CLASSES(X)
#undef X
};

static inline const struct vt_class_traits *vt_traits(__u32 cls)
{
#ifdef __bpf__
	asm volatile(""
		     : "+r"(cls)); /* else the compiler knows better than the verifier */
#endif
	return &vt_classes[cls & 7];
}

/* By how much class latency's deadlines lead all others, or trail them when its budget is used
 * up; less than QUMUN_HEAD's lead. */
#define VT_LATENCY_LEAD (1ULL << 38)
#define VT_LATENCY_MIN_NS 100000U /* the shortest slice; a budget below it is used up */

/*
 * The class that counts: the rule's, else the task's own. Both come from shared memory and may be
 * any number; one that is no class means any. Looked up, because the verifier would follow each
 * result of a comparison.
 */
QUMUN_STATIC_ASSERT(QUMUN_NR_CLASSES == 6, "vt_class() knows them all");
static inline __u32 vt_class(__u32 rule_class, __u32 own_class)
{
	static const __u8 classes[8] = { QUMUN_CLASS_NORMAL,	  QUMUN_CLASS_LATENCY,
					 QUMUN_CLASS_INTERACTIVE, QUMUN_CLASS_NORMAL,
					 QUMUN_CLASS_BATCH,	  QUMUN_CLASS_IDLE,
					 QUMUN_CLASS_NORMAL,	  QUMUN_CLASS_NORMAL };
	__u32 cls = rule_class ? rule_class : own_class;

#ifdef __bpf__
	asm volatile("" : "+r"(cls)); /* as in vt_traits() */
#endif
	return classes[cls & 7];
}

/*
 * The weight that counts: the rule's, else the class's, else the task's own, scaled if named. Its
 * own may lie outside the table, because it has its cgroups' weights in it; a rule's is the last
 * word and a cgroup does not scale it.
 */
static inline __u32 vt_rule_weight(__u32 own, __u32 rule_id, __u32 rule_weight, __u32 cls,
				   __u64 multiplier_fp)
{
	__u64 weight = own;

	if (rule_weight)
		weight = vt_weight(rule_weight);
	else if (vt_traits(cls)->weight && vt_traits(cls)->weight < own)
		weight = vt_traits(cls)->weight;
	if (!rule_id || multiplier_fp == 1024)
		return (__u32)weight;
	weight = weight * multiplier_fp / 1024;
	if (weight > WEIGHT_MAX)
		return WEIGHT_MAX;
	return weight ? (__u32)weight : 1;
}

/* Its own weight: a rule that takes a task out of SCHED_IDLE makes it nice 0. */
static inline __u32 vt_own_weight(__u32 weight, __u32 own_class, __u32 cls)
{
	return own_class == QUMUN_CLASS_IDLE && cls != QUMUN_CLASS_IDLE ? WEIGHT_NICE_0
									: weight;
}

/* @t: a record, @par: the parameters, @c: the serving CPU; each in or out of the arena. */
#define VT_CLASS(t) vt_class((t)->rule_class, (t)->own_class)
#define VT_WEIGHT(t, par)                                                                \
	((t)->rule_id ? vt_rule_weight(                                                  \
				vt_own_weight((t)->weight, (t)->own_class, VT_CLASS(t)), \
				(t)->rule_id, (t)->rule_weight, VT_CLASS(t),             \
				(par)->weight_multiplier_fp)                             \
		      : (t)->weight)
#define VT_REQUEST(t, par, c, _from_base, _woke)                                         \
	{                                                                                \
		.vruntime = (t)->vruntime,                                               \
		.from_base = (_from_base),                                               \
		.base = (c)->base,                                                       \
		.front = (c)->front,                                                     \
		.base_ns = (par)->base_slice_ns,                                         \
		.min_ns = (par)->min_slice_ns,                                           \
		.max_ns = (par)->max_slice_ns,                                           \
		.latency_fp = (par)->latency_factor_fp,                                  \
		.rule_slice_ns = (t)->rule_slice_ns,                                     \
		.weight = VT_WEIGHT(t, par),                                             \
		.cls = VT_CLASS(t),                                                      \
		.preempt = QUMUN_MARKS_PREEMPT((t)->rule_marks),                         \
		.latency_left_ns = (c)->latency_left_ns,                                 \
		.nr_waiting = shm_load(&(c)->nr_queued),                                 \
		.woke = (_woke),                                                         \
	}

/* Is it to be served before everything else? Of class latency, who does not lead trails. */
static inline int vt_leads(const struct vt_request *r)
{
	return r->cls == QUMUN_CLASS_LATENCY && r->latency_left_ns;
}

/* A deadline before its own vruntime is one of class latency's. */
static inline int vt_leading(__u64 vruntime, __u64 deadline)
{
	return vt_before(deadline, vruntime);
}

/* The slice: the rule's, or the class's part of the base slice, shared out. */
static inline __u64 vt_request_slice(const struct vt_request *r)
{
	__u64 base = r->base_ns * vt_traits(r->cls)->slice_fp / 1024, slice;

	slice = r->rule_slice_ns;
	if (!slice)
		slice = vt_slice(base, r->min_ns, r->max_ns,
				 r->nr_waiting > 0 ? (__u32)r->nr_waiting : 0);
	if (vt_leads(r) && slice > r->latency_left_ns)
		slice = r->latency_left_ns;
	return slice;
}

static inline __u64 vt_request_deadline(const struct vt_request *r, __u64 vruntime,
					__u64 slice_ns)
{
	__u64 factor = vt_traits(r->cls)->latency_fp, deadline;

	if (factor == 1024)
		factor = r->latency_fp;
	else
		factor = factor * r->latency_fp / 1024;
	deadline = vt_deadline(vruntime, slice_ns, r->weight, factor);
	if (r->cls != QUMUN_CLASS_LATENCY)
		return deadline;
	return r->latency_left_ns ? deadline - VT_LATENCY_LEAD
				  : deadline + VT_LATENCY_LEAD;
}

/* Where a task that woke or stayed runnable stands: see vt_credit() and vt_place(). */
static inline __u64 vt_stand(const struct vt_request *r, __u64 slice_ns)
{
	__u64 v = vt_renormalize(r->vruntime, r->from_base, r->base);
	__u64 credit = vt_credit(r->woke, slice_ns, r->max_ns, r->weight);
	__u64 ahead = vt_charge(slice_ns, r->weight);

	/* class latency owes nothing for what it took by right */
	if (r->cls != QUMUN_CLASS_LATENCY)
		ahead += r->max_ns;
	return vt_place(v, r->front, credit, ahead);
}

/* The whole placement of a task that woke or stayed runnable. */
static inline void vt_decide(const struct vt_request *r, struct vt_placement *p)
{
	p->slice_ns = vt_request_slice(r);
	p->vruntime = vt_stand(r, p->slice_ns);
	p->deadline = vt_request_deadline(r, p->vruntime, p->slice_ns);
}

/* May it take the CPU from a task with a later deadline when it wakes? */
static inline int vt_may_preempt(const struct vt_request *r)
{
	return r->preempt == QUMUN_PREEMPT_YES ||
	       (r->preempt != QUMUN_PREEMPT_NO && vt_traits(r->cls)->preempts);
}

/*
 * May a task that wakes with the placement @p take the CPU from one with @curr_deadline that has
 * run for @ran_ns? Class latency does not wait for the other's minimum run.
 */
static inline int vt_decide_preempts(const struct vt_request *r, __u64 deadline,
				     __u64 curr_deadline, __u64 ran_ns, __u64 min_run_ns)
{
	if (!vt_may_preempt(r))
		return 0;
	return vt_preempts(deadline, curr_deadline, ran_ns, vt_leads(r) ? 0 : min_run_ns);
}

/*
 * Class latency's budget on one CPU: pct % of any VT_WINDOW_NS. What it took is kept in slots of
 * time, the current one and those of the rest of the window. A slice may last a tick longer than
 * asked, which is taken off beforehand; and while that tick passes, what was taken as long ago as
 * the window is falls out of it, so the slots reach back for the window less a tick. Used up, the
 * class comes after everybody else until enough has fallen out.
 */
#define VT_WINDOW_NS 100000000ULL
#define VT_TICK_NS 4000000ULL
#define VT_SLOT_NS 2000000ULL
#define VT_SLOTS_COUNTED ((VT_WINDOW_NS - VT_TICK_NS) / VT_SLOT_NS + 1)
#define VT_SLOTS 64 /* a power of two above that */

/* The kernel's verifier looks at such a loop once, and not once for each turn. */
#ifdef __bpf__
#define vt_for(i, n) bpf_for(i, 0, n)
#else
#define vt_for(i, n) for (i = 0; i < (n); i++)
#endif

struct vt_window {
	__u64 slot; /* number of the current slot: time / VT_SLOT_NS */
	__u64 sum;  /* of all that are counted */
	__u32 used[VT_SLOTS];
};

/* Time goes by: old slots are no longer counted. */
static inline void vt_window_roll(struct vt_window *w, __u64 now)
{
	__u64 slot = now / VT_SLOT_NS;
	__u32 i, old;

	if (!vt_before(w->slot, slot))
		return;
	vt_for(i, VT_SLOTS)
	{
		if (w->slot == slot)
			break;
		w->slot++;
		old = (w->slot - VT_SLOTS_COUNTED) & (VT_SLOTS - 1);
		w->sum -= w->used[old];
		w->used[old] = 0;
	}
	w->slot = slot;
}

/* The class ran for @ns until @now, to which the window has been rolled. */
static inline void vt_window_spend(struct vt_window *w, __u64 now, __u64 ns)
{
	__u64 room = now % VT_SLOT_NS, part;
	__u32 i;

	vt_for(i, VT_SLOTS_COUNTED)
	{
		if (!ns)
			break;
		part = ns < room ? ns : room;
		w->used[(w->slot - i) & (VT_SLOTS - 1)] += (__u32)part;
		w->sum += part;
		ns -= part;
		room = VT_SLOT_NS;
	}
}

/* How long a slice the class may be given now; 0: none, its budget is used up. */
static inline __u32 vt_window_left(const struct vt_window *w, __u64 pct)
{
	__u64 budget = VT_WINDOW_NS / 100 * pct, used = w->sum;

	if (pct >= 100)
		return ~0U;
	used += VT_TICK_NS < budget / 2 ? VT_TICK_NS : budget / 2;
	return used + VT_LATENCY_MIN_NS <= budget ? (__u32)(budget - used) : 0;
}

/* Weight of a task by its kernel priority (120 is nice 0). */
static inline __u32 vt_weight_of_prio(int static_prio)
{
	int i = static_prio - 100;

	if (i < 0)
		i = 0;
	if (i > 39)
		i = 39;
	return (__u32)prio_to_weight[i];
}

#endif
