/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace as text: what `gthulhuctl record` writes and `gthulhu-sim` replays.
 *
 *     gthulhu-record 1
 *     cpus 2
 *     start 1000200300400
 *     own 812
 *     1000200310522 0 wake 77 1203 3 nginx
 *     ...
 *     lost 0
 *     end 1005200300400
 *
 * The first line names the format. A line that begins with a digit is an event: time (ns,
 * CLOCK_MONOTONIC), CPU, kind, pid, `other` and `value` of struct qumun_trace_event, and the
 * task's name, which may hold spaces. Other lines are a word and its value; unknown words are
 * skipped. Events are nearly in order.
 *
 * A record may come from anywhere: what cannot be true of a machine is refused. One without "end"
 * was cut short (the scheduler ended, or the disk was full) and counts as far as it goes.
 */
#ifndef BASE_RECORD_H
#define BASE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <qumun/trace.h>

#define RECORD_MAGIC "gthulhu-record 1"
#define RECORD_LINE 128
#define RECORD_OWN 64
#define RECORD_MAX_PID 4194304 /* the kernel's PID_MAX_LIMIT */
/*
 * How long a record may be, twice what gthulhuctl makes; and how far an event may lie before another
 * that stands before it.
 */
#define RECORD_MAX_NS (2 * 3600 * 1000000000ULL)
#define RECORD_DISORDER_NS 1000000000ULL

/*
 * struct record_info - the lines that are no events
 * @nr_cpus:  CPUs of the machine, 1 to QUMUN_MAX_CPUS
 * @start_ns, @end_ns: when tracing began and ended
 * @complete: it has an end; if not, record_read() makes @end_ns the time of the latest event
 * @lost:     events that the reader was too slow for
 * @own:      threads of the scheduler itself
 * @nr_own:   how many of them are known
 */
struct record_info {
	unsigned int nr_cpus;
	__u64 start_ns, end_ns, lost;
	__s32 own[RECORD_OWN];
	unsigned int nr_own;
	bool complete;
};

/* The word for a kind; NULL: no such kind. */
const char *record_kind(unsigned int kind);

/*
 * @event as a line with its newline; returns its length. Bytes of the name that are not printable
 * ASCII become '?'. 0: no such kind.
 */
size_t record_format(char line[RECORD_LINE], const struct qumun_trace_event *event);

/*
 * A line without its newline. True: it was an event, of a kind that there is; its numbers may be
 * anything.
 */
bool record_parse(const char *line, struct qumun_trace_event *event);

void record_write_head(FILE *out, const struct record_info *info);
void record_write_end(FILE *out, const struct record_info *info);

/*
 * Read a whole record: @begin is called when the head is complete, before the first event;
 * @info is final when this returns. What @event gets is in range: a CPU below @nr_cpus, a pid from
 * 1 to RECORD_MAX_PID, a time at most RECORD_MAX_NS behind the start and at most
 * RECORD_DISORDER_NS before it or what came before. A `value` may be anything: the scheduler's
 * clock is not that of the events, and they part in the course of months. 0; or -EINVAL, with the line, what is wrong and what to do in @err; or -EIO.
 */
int record_read(FILE *in, struct record_info *info,
		void (*begin)(void *arg, const struct record_info *info),
		void (*event)(void *arg, const struct qumun_trace_event *event),
		void *arg, char *err, size_t size);

#endif
