/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The trace: events for user space through a ring. While nobody reads it, each place costs a load
 * and a branch that is never taken. The simulator keeps a trace of its own.
 */
#ifndef QUMUN_BPF_TRACE_H
#define QUMUN_BPF_TRACE_H

#include "../include/qumun/trace.h"
#include "state.bpf.h"

#ifdef QUMUN_BPF_NATIVE
static const struct bpf_trace trace_state;

static __always_inline int trace_emit(u32 kind_cpu, s32 pid, u32 slot, s32 other,
				      u64 value)
{
	return 0;
}

#define tracing() false
#define preempt_count_has(bits) 0
#else

/* Is somebody reading? Its own section, so that the loader finds it without a skeleton. */
volatile struct bpf_trace trace_state SEC(".data.trace");

/* Made at load: the daemon gives up the right to make maps before it serves. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, QUMUN_TRACE_BYTES);
} trace_events SEC(".maps");

/*
 * @kind_cpu: TRACE_AT(). @slot: the task's record, for its name. Global functions take five
 * numbers.
 */
__noinline int trace_emit(u32 kind_cpu, s32 pid, u32 slot, s32 other, u64 value)
{
	struct bpf_cpu_priv *cp = cpu_priv(bpf_get_smp_processor_id());
	struct qumun_trace_event *event;
	u32 i;

	use_arena();
	if (!cp)
		return 0;
	event = bpf_ringbuf_reserve(&trace_events, sizeof(*event), 0);
	if (!event) {
		count(cp, trace_events_lost);
		return 0;
	}
	/* not clock_now(): events of different CPUs are compared */
	event->time_ns = bpf_ktime_get_ns();
	event->value = value;
	event->pid = pid;
	event->other = other;
	event->cpu = kind_cpu >> 8;
	event->kind = kind_cpu & 0xff;
	bpf_for(i, 0, QUMUN_COMM_LEN) {
		u32 at = i & (QUMUN_COMM_LEN - 1);

		event->comm[at] = slot < max_records ? arena_task(slot)->comm[at] : 0;
	}
	/* the reader looks by itself, several times a second */
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
}

static __always_inline bool tracing(void)
{
	return __builtin_expect(trace_state.on, 0);
}

#endif

#define TRACE_AT(kind, cpu) (QUMUN_TRACE_##kind | (u32)(cpu) << 8)

/* @p wakes, on the executing CPU. What an interrupt wakes is nobody's doing. */
static __always_inline void trace_wake(struct task_struct *p)
{
	struct task_struct *current;
	struct task_ctx *tc;
	u32 slot;

	if (!tracing())
		return;
	current = bpf_get_current_task_btf();
	tc = task_ctx(p);
	slot = tc ? tc->slot : QUMUN_NO_SLOT;
	trace_emit(TRACE_AT(wake, bpf_get_smp_processor_id()), p->pid, slot,
		   current && !preempt_count_has(trace_state.interrupt_bits)
			   ? current->pid
			   : 0,
		   slot < max_records ? arena_task(slot)->allowed : 0);
}

/* @p stopped running on @cpu after @ran ns. */
static __always_inline void trace_stop(struct task_struct *p, u32 slot, u32 cpu,
				       bool runnable, u64 ran)
{
	if (tracing())
		trace_emit(TRACE_AT(stop, cpu), p->pid, slot,
			   runnable			  ? QUMUN_STOP_RUNNABLE
			   : p->__state & TASK_STATE_DEAD ? QUMUN_STOP_EXITS
							  : QUMUN_STOP_SLEEPS,
			   ran);
}

/*
 * A decision for @p, carried out on the executing CPU: @kind is TRACE_AT(answer, kernel or
 * standing, 0).
 */
static __always_inline void trace_decision(u32 kind, struct task_struct *p, u32 slot,
					   s32 chosen, u64 slice)
{
	if (tracing())
		trace_emit(kind | bpf_get_smp_processor_id() << 8, p->pid, slot, chosen,
			   slice);
}

#endif
