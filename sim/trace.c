/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trace: a running hash of every event (so that two runs can be compared cheaply), and on
 * request the events themselves, as a text timeline or as JSON for ui.perfetto.dev.
 */
#include <errno.h>
#include <stdlib.h>

#include "../base/timeline.h"
#include "sim.h"

struct trace_entry {
	u64 at, arg;
	s32 cpu;
	u32 task; /* ~0: none */
	u32 kind;
};

static struct {
	struct trace_entry *v;
	size_t nr, room;
	bool keep;
} kept;

static const char *const kind_names[] = {
	[TR_WAKE] = "wake",	[TR_ENQUEUE] = "enqueue", [TR_RUN] = "run",
	[TR_PREEMPT] = "put",	[TR_SLEEP] = "sleep",	  [TR_YIELD] = "yield",
	[TR_IDLE] = "idle",	[TR_EXIT] = "exit",	  [TR_FORK] = "fork",
	[TR_TICK] = "tick",	[TR_KICK] = "kick",	  [TR_INSERT] = "insert",
	[TR_MOVE] = "move",	[TR_DROP] = "drop",	  [TR_AFFINITY] = "affinity",
	[TR_NICE] = "nice",	[TR_HOTPLUG] = "hotplug", [TR_POLICY] = "pass",
	[TR_DIRECT] = "direct", [TR_KEEP] = "keep",
};

void trace_keep(bool keep)
{
	kept.keep = keep;
}

void trace_reset(void)
{
	kept.nr = 0;
	sim.trace_hash = 0xcbf29ce484222325ULL;
}

void trace_free(void)
{
	free(kept.v);
	kept.v = NULL;
	kept.nr = kept.room = 0;
}

static u64 mix(u64 h, u64 v)
{
	h ^= v;
	h *= 0x9e3779b97f4a7c15ULL;
	return h ^ h >> 29;
}

void trace_event(enum trace_kind kind, s32 cpu, const struct sim_task *p, u64 arg)
{
	struct trace_entry *e;

	sim.trace_nr++;
	sim.trace_hash = mix(sim.trace_hash, sim_now << 8 ^ (u64)kind);
	sim.trace_hash =
		mix(sim.trace_hash, (u64)(u32)cpu << 32 ^ (p ? p->id : ~0U) ^ arg);
	if (!kept.keep)
		return;
	if (kept.nr == kept.room) {
		kept.room = kept.room ? kept.room * 2 : 4096;
		e = realloc(kept.v, kept.room * sizeof(*e));
		if (!e) {
			fputs("gthulhu-sim: out of memory for the trace: shorten the run\n",
			      stderr);
			exit(1);
		}
		kept.v = e;
	}
	kept.v[kept.nr++] = (struct trace_entry){
		.at = sim_now - SIM_EPOCH,
		.arg = arg,
		.cpu = cpu,
		.task = p ? p->id : ~0U,
		.kind = kind,
	};
}

static void task_label(char *buf, size_t size, u32 id)
{
	const struct sim_task *p;

	if (id == ~0U) {
		snprintf(buf, size, "-");
		return;
	}
	p = sim.tasks[id];
	if (p->prog && p->prog->nr > 1)
		snprintf(buf, size, "%s.%u", p->ts.comm, p->instance);
	else
		snprintf(buf, size, "%s", p->ts.comm);
}

static void print_arg(FILE *f, const struct trace_entry *e)
{
	switch (e->kind) {
	case TR_RUN:
	case TR_KEEP:
	case TR_PREEMPT:
		fprintf(f, "slice=%lluus", e->arg / 1000);
		break;
	case TR_ENQUEUE:
		fputs(e->arg & ENQ_WAKEUP ? "wakeup" : "again", f);
		break;
	case TR_KICK:
		fputs(e->arg & SCX_KICK_PREEMPT ? "preempt"
		      : e->arg & SCX_KICK_IDLE	? "if-idle"
						: "resched",
		      f);
		break;
	case TR_INSERT:
	case TR_MOVE:
	case TR_DROP:
	case TR_DIRECT:
		if (e->arg == SCX_DSQ_LOCAL)
			fputs("dsq=local", f);
		else if (e->arg >> 32)
			fprintf(f, "dsq=policy%llu", e->arg & 0xffffffff);
		else
			fprintf(f, "dsq=%llu", e->arg);
		break;
	case TR_POLICY:
		fprintf(f, "done=%llu", e->arg);
		break;
	case TR_NICE:
		fprintf(f, "%lld", (s64)e->arg);
		break;
	case TR_AFFINITY:
		fprintf(f, "cpus=0x%llx", e->arg);
		break;
	case TR_HOTPLUG:
		fputs(e->arg ? "online" : "offline", f);
		break;
	}
}

/* TIME CPU EVENT TASK DETAIL */
void trace_print_timeline(FILE *f)
{
	char label[32];
	size_t i;

	for (i = 0; i < kept.nr; i++) {
		const struct trace_entry *e = &kept.v[i];

		task_label(label, sizeof(label), e->task);
		fprintf(f, "%6llu.%06llu ms cpu%-3d %-8s %-12s ", e->at / 1000000,
			e->at % 1000000, e->cpu, kind_names[e->kind], label);
		print_arg(f, e);
		fputc('\n', f);
	}
}

/* What the picture needs of @e: a wakeup, or the begin or end of a run. */
static bool as_trace_event(const struct trace_entry *e, struct qumun_trace_event *out)
{
	*out = (struct qumun_trace_event){
		.time_ns = e->at,
		.cpu = (u32)e->cpu,
		.pid = e->task == ~0U ? 0 : sim.tasks[e->task]->ts.pid,
	};
	switch (e->kind) {
	case TR_WAKE:
	case TR_FORK:
		out->kind = QUMUN_TRACE_wake;
		return true;
	case TR_RUN:
		out->kind = QUMUN_TRACE_run;
		return true;
	case TR_PREEMPT:
		out->kind = QUMUN_TRACE_stop;
		out->other = QUMUN_STOP_RUNNABLE;
		return true;
	case TR_SLEEP:
		out->kind = QUMUN_TRACE_stop;
		out->other = QUMUN_STOP_SLEEPS;
		return true;
	case TR_EXIT:
		out->kind = QUMUN_TRACE_stop;
		out->other = QUMUN_STOP_EXITS;
		return true;
	default:
		return false;
	}
}

int trace_print_chrome(FILE *f)
{
	struct timeline *t = timeline_begin(f, 0, sim.nr_cpus);
	struct qumun_trace_event event;
	s32 *curr = sim_alloc(sim.nr_cpus * sizeof(*curr));
	char label[32], text[64];
	size_t i;

	if (!t)
		return -ENOMEM;
	for (i = 0; i < sim.nr_tasks; i++) {
		task_label(label, sizeof(label), (u32)i);
		timeline_name(t, sim.tasks[i]->ts.pid, label);
	}
	for (i = 0; i < kept.nr; i++) {
		const struct trace_entry *e = &kept.v[i];

		if (as_trace_event(e, &event)) {
			if (event.kind == QUMUN_TRACE_wake)
				event.other = curr[e->cpu];
			else
				curr[e->cpu] =
					event.kind == QUMUN_TRACE_run ? event.pid : 0;
			timeline_event(t, &event);
		} else if (e->kind == TR_KICK || e->kind == TR_POLICY) {
			task_label(label, sizeof(label), e->task);
			snprintf(text, sizeof(text), "%s %s", kind_names[e->kind], label);
			timeline_mark(t, e->at, (u32)e->cpu, text);
		}
	}
	return timeline_end(t, sim.ended_at);
}
