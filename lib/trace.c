/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trace's reader. The ring is there from load on; it is mapped for the first reader, who pays
 * for it with twice its size of resident memory.
 *
 * q->trace is changed under trace_lock: by the reader's thread, and by whoever detaches, for whom a
 * trace ends with the scheduler. A trace that begins and a detach at the same time: either the
 * beginner sees that nothing is attached, or the detaching thread sees the trace.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <bpf/btf.h>

#include "internal.h"

struct trace_reading {
	unsigned int left;
	int nr;
	void (*fn)(void *arg, const struct qumun_trace_event *event);
	void *arg;
};

/* Ends ring_buffer__consume() after this event, which it has taken off the ring by then. */
#define ENOUGH (-ECANCELED)

static int take(void *arg, void *data, size_t size)
{
	struct trace_reading *r = *(struct trace_reading **)arg;

	if (!r)
		return 0;
	if (size >= sizeof(struct qumun_trace_event)) {
		r->fn(r->arg, data);
		r->nr++;
	}
	return --r->left ? 0 : ENOUGH;
}

/*
 * The bits of x86's preemption count that tell an interrupt: softirq, hardware interrupt, NMI.
 * They moved when the count became a word of 64 bits (7.3).
 */
void trace_prepare(struct qumun *q, const struct btf *kernel)
{
	int id = btf__find_by_name_kind(kernel, "__preempt_count", BTF_KIND_VAR);
	__s64 size = id > 0 ? btf__resolve_size(kernel, (__u32)id) : 0;

	q->interrupt_bits = size == sizeof(__u64) ? 0x1f000100 : 0x00ff0100;
}

static int set_state(struct qumun *q, bool on)
{
	struct bpf_trace state = { .on = on, .interrupt_bits = q->interrupt_bits };
	__u32 zero = 0;

	return bpf_map_update_elem(q->trace_state_fd, &zero, &state, 0) ? -errno : 0;
}

/*
 * Of a scheduler that was attached: ring and switch are shared with a process that took it over,
 * and belong to it from then on, whether or not our policy thread has noticed.
 */
static bool not_ours(struct qumun *q)
{
	return q->handed_over || takeover_lost(q);
}

static int check_ours(struct qumun *q)
{
	return not_ours(q) ? qumun_fail(q, -EPERM,
					"another process took the scheduler over: "
					"traces are its business")
			   : 0;
}

/* Attached, not ended by the kernel, and ours. */
static int check_running(struct qumun *q)
{
	if (q->handed_over || (q->attached && !exit_seen(q)))
		return check_ours(q);
	return qumun_fail(q, -ENOTCONN,
			  "the scheduler is not attached: nothing to trace");
}

static int map_ring(struct qumun *q)
{
	int err;

	if (q->trace_rb)
		return 0;
	q->trace_rb = ring_buffer__new(q->trace_events_fd, take, &q->trace_reading, NULL);
	if (!q->trace_rb) {
		err = -errno;
		return qumun_fail(q, err, "the trace's ring: %s", strerror(-err));
	}
	return 0;
}

void trace_off(struct qumun *q)
{
	set_state(q, false);
}

void trace_detached(struct qumun *q)
{
	pthread_mutex_lock(&q->trace_lock);
	if (q->trace == TRACE_ON) {
		if (!not_ours(q))
			trace_off(q);
		q->trace = TRACE_ENDED;
	}
	pthread_mutex_unlock(&q->trace_lock);
}

/* Under trace_lock. */
static int begin(struct qumun *q)
{
	int err = check_running(q);

	if (!err && q->trace == TRACE_ON)
		err = qumun_fail(q, -EBUSY, "a trace is running already");
	if (!err)
		err = map_ring(q);
	if (err)
		return err;
	/* what nobody read of the last one */
	ring_buffer__consume(q->trace_rb);
	err = set_state(q, true);
	if (err)
		return qumun_fail(q, err, "beginning the trace: %s", strerror(-err));
	err = check_ours(q);
	if (err) {
		/* a successor turned it off before we turned it on */
		trace_off(q);
		return err;
	}
	q->trace = TRACE_ON;
	return 0;
}

QUMUN_API int qumun_trace_start(struct qumun *q)
{
	int err;

	if (!q)
		return -EINVAL;
	pthread_mutex_lock(&q->trace_lock);
	err = begin(q);
	pthread_mutex_unlock(&q->trace_lock);
	return err;
}

/* No further events: those that wait are all that there will be. */
static bool is_over(struct qumun *q)
{
	bool over;

	pthread_mutex_lock(&q->trace_lock);
	over = q->trace == TRACE_ENDED || (q->trace == TRACE_ON && exit_seen(q));
	pthread_mutex_unlock(&q->trace_lock);
	return over;
}

QUMUN_API int
qumun_trace_read(struct qumun *q, unsigned int max,
		 void (*fn)(void *arg, const struct qumun_trace_event *event), void *arg)
{
	struct trace_reading r = { .left = max, .fn = fn, .arg = arg };
	bool over;
	int err;

	if (!q || !fn)
		return -EINVAL;
	if (!q->trace_rb)
		return qumun_fail(q, -EBADF, "no trace was begun");
	err = check_ours(q);
	if (err)
		return err;
	if (!max)
		return 0;
	/* before the look into the ring: what came last is handed over, too */
	over = is_over(q);
	q->trace_reading = &r;
	err = ring_buffer__consume(q->trace_rb);
	q->trace_reading = NULL;
	if (err < 0 && err != ENOUGH)
		return qumun_fail(q, err, "reading the trace: %s", strerror(-err));
	if (over && !r.nr)
		return qumun_fail(
			q, -ENOTCONN,
			"the scheduler that was traced has ended: no further events");
	return r.nr;
}

QUMUN_API int qumun_trace_stop(struct qumun *q)
{
	if (!q)
		return -EINVAL;
	pthread_mutex_lock(&q->trace_lock);
	/* after a handover the switch is the successor's, who turned it off */
	if (q->trace == TRACE_ON && !not_ours(q))
		trace_off(q);
	if (q->trace != TRACE_NEVER)
		q->trace = TRACE_STOPPED;
	pthread_mutex_unlock(&q->trace_lock);
	return 0;
}

void trace_close(struct qumun *q)
{
	qumun_trace_stop(q);
	ring_buffer__free(q->trace_rb);
	q->trace_rb = NULL;
}
