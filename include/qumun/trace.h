/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Events of a trace, for qumun_trace_start(): X(name, other, value, meaning), where `other` and
 * `value` say what these members of struct qumun_trace_event hold. The order is ABI.
 */
#ifndef QUMUN_TRACE_H
#define QUMUN_TRACE_H

#include "params.h"

#define QUMUN_TRACE_EVENTS(X)                                                            \
	X(wake, "who woke it; 0: an interrupt", "CPUs 0..63 that it may use, as bits",   \
	  "a task woke")                                                                 \
	X(run, "its weight", "ns since it became runnable", "a task began to run")       \
	X(on, "its weight", "ns since it began to run or went on",                       \
	  "a task goes on with a new slice: nobody else wants the CPU")                  \
	X(stop, "0: it sleeps, 1: it stays runnable, 2: it exits",                       \
	  "ns since it began to run or went on", "a task stopped running")               \
	X(answer, "the CPU chosen", "its slice, ns",                                     \
	  "an answer of the policy was carried out")                                     \
	X(kernel, "the CPU chosen", "its slice, ns", "the BPF half decided for a task")  \
	X(standing, "the CPU chosen", "its slice, ns",                                   \
	  "what the policy had left for a task's wakeups was carried out")               \
	X(autopilot, "1: begins, 0: ends", "why: 1 late, 2 mute, 3 blocked, 4 gone",     \
	  "the BPF half stands in for the policy; the pid is the shard's number")

/* Room for events that were not read yet; each takes 8 bytes more than its struct. */
#define QUMUN_TRACE_BYTES (1U << 20)

enum qumun_trace_kind {
#define X(name, other, value, doc) QUMUN_TRACE_##name,
	QUMUN_TRACE_EVENTS(X)
#undef X
		QUMUN_NR_TRACE_KINDS
};

/* How a task stops: the `other` of QUMUN_TRACE_stop. */
enum { QUMUN_STOP_SLEEPS, QUMUN_STOP_RUNNABLE, QUMUN_STOP_EXITS };

/*
 * struct qumun_trace_event
 * @time_ns: CLOCK_MONOTONIC
 * @value:   see the table
 * @pid:     the task
 * @other:   see the table
 * @cpu:     where it happened
 * @kind:    enum qumun_trace_kind
 * @comm:    the task's name; empty without a record
 */
struct qumun_trace_event {
	__u64 time_ns;
	__u64 value;
	__s32 pid;
	__s32 other;
	__u32 cpu;
	__u32 kind;
	char comm[QUMUN_COMM_LEN];
};

#endif
