/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of a trace as a picture: JSON for ui.perfetto.dev and chrome://tracing (the "Trace Event
 * Format"). Three groups of tracks:
 *
 *     CPUs       what ran on each, with decisions and marks as instants
 *     waits      for each task that waited: from runnable to running
 *     autopilot  for each shard, while the BPF half stands in for the policy
 *
 * An arrow leads from each wakeup, on the waker's CPU if a task ran there, else from the begin of
 * the wait, to the run that follows. A CPU whose first event shows that a task was running draws
 * it from the begin of the trace.
 *
 * Memory is bounded however many tasks come and go: with more than 16,384, those that neither run
 * nor wait are forgotten; should nearly as many wait at once, their waits are drawn as far as they
 * lasted by then.
 */
#ifndef BASE_TIMELINE_H
#define BASE_TIMELINE_H

#include <stdio.h>

#include <qumun/trace.h>

struct timeline;

/* Write to @out what begins at @start_ns on CPUs 0 .. @nr_cpus - 1. NULL: out of memory. */
struct timeline *timeline_begin(FILE *out, __u64 start_ns, unsigned int nr_cpus);

/* What task @pid is called, whatever its events say; before the first of them. */
void timeline_name(struct timeline *t, __s32 pid, const char *name);

/* In order of time, for each CPU at least. Events of other CPUs than those above are ignored. */
void timeline_event(struct timeline *t, const struct qumun_trace_event *event);

/* An instant on the track of @cpu. */
void timeline_mark(struct timeline *t, __u64 time_ns, unsigned int cpu, const char *text);

/* Close what is open and free @t. 0; -ENOMEM: tasks are missing; -EIO: @out is broken. */
int timeline_end(struct timeline *t, __u64 end_ns);

#endif
