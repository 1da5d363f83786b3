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
 * All virtual times are relative to the front of one CPU's queue and wrap freely: compare them
 * with vt_before() only.
 */
#ifndef QUMUN_VTIME_H
#define QUMUN_VTIME_H

#include "params.h"

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

/* Move a virtual time from one queue to another: what it is ahead or behind goes with it. */
static inline __u64 vt_renormalize(__u64 vruntime, __u64 from_front, __u64 to_front)
{
	return vruntime - from_front + to_front;
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
static inline __u64 vt_deadline(__u64 vruntime, __u64 slice_ns, __u32 weight, __u64 latency_fp)
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
