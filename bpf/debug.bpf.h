/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Debug lines into the kernel's trace buffer (/sys/kernel/tracing/trace_pipe). They are compiled
 * in and off by default: config.debug is a constant to the verifier, which removes what it
 * guards, so a scheduler that was loaded without it does not even test a flag.
 */
#ifndef QUMUN_BPF_DEBUG_H
#define QUMUN_BPF_DEBUG_H

#include "state.bpf.h"

#ifdef QUMUN_BPF_NATIVE
#define bpf_debug(fmt, args...) ((void)0) /* the simulator has a trace of its own */
#else
#define bpf_debug(fmt, args...)                                                          \
	do {                                                                             \
		if (config.debug)                                                        \
			bpf_printk(fmt, ##args);                                         \
	} while (0)
#endif

/* @p's virtual runtime: relative to the front of its queue's CPU; 0 without a record. */
static __always_inline u64 get_task_vruntime(struct task_struct *p)
{
	struct task_ctx *tc = task_ctx(p);

	return tc && tc->slot < max_records ? arena_task(tc->slot)->vruntime : 0;
}

/* Trace task state changes: "Task PID: EVENT (vruntime=N)". @event: a string constant. */
#define trace_task_state(p, event)                                                       \
	do {                                                                             \
		if (config.debug)                                                        \
			bpf_debug("Task %d: " event " (vruntime=%llu)", (p)->pid,        \
				  get_task_vruntime(p));                                 \
	} while (0)

#endif
