/* SPDX-License-Identifier: Apache-2.0 */
#include "timeline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NAME 32
#define MAX_SHARDS 64
#define MAX_TASKS 16384 /* that are remembered at once, a power of two */

/* The groups of tracks are processes, tracks are threads. */
enum { GROUP_CPUS = 1, GROUP_WAITS, GROUP_AUTOPILOT };

/* Where an arrow begins, and its number; 0: none. */
struct arrow {
	unsigned long id;
	__u64 at;
	int group, track;
};

struct task {
	bool used, has_track, waits;
	bool keeps; /* its name, for good */
	__s32 pid, waker;
	char name[NAME];
	__u64 since;	    /* when it became runnable, while it waits */
	struct arrow arrow; /* of the wakeup that ended its sleep */
};

struct cpu {
	bool seen, busy;
	__s32 pid;
	__u64 from, end;    /* of what runs, of what ran before */
	struct arrow arrow; /* to what runs */
};

struct shard {
	bool seen, on;
	__u64 from, cause;
};

struct timeline {
	FILE *out;
	__u64 start, now;
	unsigned int nr_cpus;
	struct cpu *cpus;
	struct shard shards[MAX_SHARDS];
	struct task *tasks; /* by pid, open addressing */
	size_t nr_tasks, room;
	unsigned long arrows;
	bool no_memory;
};

static void print_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text < ' ' || *text > '~' ? '?' : *text, out);
	}
	fputc('"', out);
}

/* Microseconds since the begin. */
static void print_time(struct timeline *t, const char *key, __u64 ns)
{
	fprintf(t->out, ",\"%s\":%" PRIu64 ".%03u", key, (uint64_t)(ns / 1000),
		(unsigned int)(ns % 1000));
}

static __u64 since_start(const struct timeline *t, __u64 at)
{
	return at > t->start ? at - t->start : 0;
}

/* When that began which lasted until @e, within the trace. */
static __u64 began(const struct timeline *t, const struct qumun_trace_event *e)
{
	return e->value < since_start(t, e->time_ns) ? e->time_ns - e->value : t->start;
}

static void begin_event(struct timeline *t, const char *phase, int group, int track)
{
	fprintf(t->out, ",\n{\"ph\":\"%s\",\"pid\":%d,\"tid\":%d", phase, group, track);
}

static void name_track(struct timeline *t, int group, int track, const char *what,
		       const char *name)
{
	begin_event(t, "M", group, track);
	fprintf(t->out, ",\"name\":\"%s\",\"args\":{\"name\":", what);
	print_text(t->out, name);
	fputs("}}", t->out);
}

static void slice(struct timeline *t, int group, int track, const char *name, __u64 from,
		  __u64 to)
{
	from = since_start(t, from);
	to = since_start(t, to);
	begin_event(t, "X", group, track);
	fputs(",\"name\":", t->out);
	print_text(t->out, name);
	print_time(t, "ts", from);
	print_time(t, "dur", to > from ? to - from : 0);
}

static void instant(struct timeline *t, int group, int track, const char *name, __u64 at)
{
	begin_event(t, "i", group, track);
	fputs(",\"s\":\"t\",\"name\":", t->out);
	print_text(t->out, name);
	print_time(t, "ts", since_start(t, at));
}

/* One end of arrow @id: "s" begins it, "f" ends it. */
static void arrow_end(struct timeline *t, const char *phase, unsigned long id, int group,
		      int track, __u64 at)
{
	begin_event(t, phase, group, track);
	fprintf(t->out, ",\"cat\":\"wakeup\",\"name\":\"wakeup\",\"id\":%lu%s", id,
		*phase == 'f' ? ",\"bp\":\"e\"" : "");
	print_time(t, "ts", since_start(t, at));
	fputc('}', t->out);
}

static struct task *slot_of(struct task *tasks, size_t room, __s32 pid)
{
	size_t i = ((__u32)pid * 2654435761U) & (room - 1);

	while (tasks[i].used && tasks[i].pid != pid)
		i = (i + 1) & (room - 1);
	return &tasks[i];
}

/* Its track exists from the first wait on. */
static void draw_wait(struct timeline *t, struct task *task, __u64 to)
{
	char name[NAME + 16];

	if (!task->has_track) {
		snprintf(name, sizeof(name), "%s %d", task->name, task->pid);
		name_track(t, GROUP_WAITS, task->pid, "thread_name", name);
		task->has_track = true;
	}
	slice(t, GROUP_WAITS, task->pid, task->arrow.id ? "woken" : "stays runnable",
	      task->since, to);
	fprintf(t->out, ",\"args\":{\"waker\":%d}}", task->waker);
	task->waits = false;
}

/* A table of @room, without those that are not used any more. */
static bool rehash(struct timeline *t, size_t room)
{
	struct task *tasks = calloc(room, sizeof(*tasks));
	size_t i;

	if (!tasks)
		return false;
	t->nr_tasks = 0;
	for (i = 0; i < t->room; i++) {
		if (!t->tasks[i].used)
			continue;
		*slot_of(tasks, room, t->tasks[i].pid) = t->tasks[i];
		t->nr_tasks++;
	}
	free(t->tasks);
	t->tasks = tasks;
	t->room = room;
	return true;
}

static bool runs_somewhere(const struct timeline *t, __s32 pid)
{
	unsigned int i;

	for (i = 0; i < t->nr_cpus; i++) {
		if (t->cpus[i].busy && t->cpus[i].pid == pid)
			return true;
	}
	return false;
}

/*
 * Forget who neither runs nor waits: their next event says their name again. Where that is not
 * enough, waits end here too.
 */
static bool forget(struct timeline *t)
{
	size_t left = t->nr_tasks, i;
	bool waits;

	for (waits = false; left > MAX_TASKS / 4 * 3; waits = true) {
		for (i = 0; i < t->room; i++) {
			struct task *task = &t->tasks[i];

			if (!task->used || task->keeps || task->waits != waits ||
			    runs_somewhere(t, task->pid))
				continue;
			if (waits)
				draw_wait(t, task, t->now);
			task->used = false;
			left--;
		}
		if (waits)
			break;
	}
	/* all of them run or keep their names: there are no more of those than the caller has */
	return rehash(t, left > MAX_TASKS / 4 * 3 ? 2 * t->room : t->room);
}

static bool make_room(struct timeline *t)
{
	if (2 * t->nr_tasks < t->room)
		return true;
	if (t->room < 2 * (size_t)MAX_TASKS)
		return rehash(t, t->room ? t->room * 2 : 256);
	return forget(t);
}

/* Task @pid, which may be new. NULL: out of memory. Valid until the next call. */
static struct task *find_task(struct timeline *t, __s32 pid)
{
	struct task *task = t->room ? slot_of(t->tasks, t->room, pid) : NULL;

	if (task && task->used)
		return task;
	if (!make_room(t)) {
		t->no_memory = true;
		return NULL;
	}
	task = slot_of(t->tasks, t->room, pid);
	*task = (struct task){ .used = true, .pid = pid };
	snprintf(task->name, sizeof(task->name), "%d", pid);
	t->nr_tasks++;
	return task;
}

struct timeline *timeline_begin(FILE *out, __u64 start_ns, unsigned int nr_cpus)
{
	struct timeline *t = calloc(1, sizeof(*t));
	char name[NAME];
	unsigned int i;

	if (!t)
		return NULL;
	t->out = out;
	t->start = start_ns;
	t->nr_cpus = nr_cpus;
	t->cpus = calloc(nr_cpus, sizeof(*t->cpus));
	if (!t->cpus) {
		free(t);
		return NULL;
	}
	fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"
	      "{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":\"CPUs\"}}",
	      out);
	name_track(t, GROUP_WAITS, 0, "process_name", "waits");
	for (i = 0; i < nr_cpus; i++) {
		snprintf(name, sizeof(name), "CPU %u", i);
		name_track(t, GROUP_CPUS, (int)i + 1, "thread_name", name);
	}
	return t;
}

void timeline_name(struct timeline *t, __s32 pid, const char *name)
{
	struct task *task = find_task(t, pid);

	if (!task)
		return;
	task->keeps = true;
	snprintf(task->name, sizeof(task->name), "%s", name);
}

/* What runs on @cpu, until @to, and the arrow that leads to it. */
static void draw_run(struct timeline *t, unsigned int cpu, __u64 to, const char *end)
{
	struct cpu *c = &t->cpus[cpu];
	struct task *task = find_task(t, c->pid);

	if (!task)
		return;
	slice(t, GROUP_CPUS, (int)cpu + 1, task->name, c->from, to);
	fprintf(t->out, ",\"args\":{\"pid\":%d,\"end\":\"%s\"}}", c->pid, end);
	if (c->arrow.id) {
		arrow_end(t, "s", c->arrow.id, c->arrow.group, c->arrow.track,
			  c->arrow.at);
		arrow_end(t, "f", c->arrow.id, GROUP_CPUS, (int)cpu + 1, c->from);
	}
	c->arrow.id = 0;
	c->end = to;
	c->busy = false;
}

static void task_woke(struct timeline *t, struct task *task,
		      const struct qumun_trace_event *e)
{
	struct cpu *c = &t->cpus[e->cpu];

	task->waits = true;
	task->since = e->time_ns;
	task->waker = e->other;
	task->arrow = (struct arrow){ .id = ++t->arrows,
				      .at = e->time_ns,
				      .group = GROUP_WAITS,
				      .track = task->pid };
	/* an interrupt is nobody's doing */
	if (c->busy && e->other && c->pid == e->other) {
		task->arrow.group = GROUP_CPUS;
		task->arrow.track = (int)e->cpu + 1;
	}
}

static void task_runs(struct timeline *t, struct task *task,
		      const struct qumun_trace_event *e)
{
	struct cpu *c = &t->cpus[e->cpu];
	struct arrow arrow = task->arrow;

	if (task->waits)
		draw_wait(t, task, e->time_ns);
	task->arrow = (struct arrow){ 0 };
	if (c->busy)
		draw_run(t, e->cpu, e->time_ns, "unknown");
	c->arrow = arrow;
	c->busy = c->seen = true;
	c->pid = e->pid;
	c->from = e->time_ns;
}

/* The track of @cpu shows somebody else, or nobody: events were lost, or it is the first one. */
static void catch_up(struct timeline *t, const struct qumun_trace_event *e)
{
	struct cpu *c = &t->cpus[e->cpu];

	if (c->busy && c->pid == e->pid)
		return;
	if (c->busy)
		draw_run(t, e->cpu, e->time_ns, "unknown");
	c->busy = true;
	c->pid = e->pid;
	c->from = c->seen ? began(t, e) : t->start;
	if (c->from < c->end)
		c->from = c->end;
	c->seen = true;
}

static void task_stops(struct timeline *t, const struct qumun_trace_event *e)
{
	static const char *const ends[] = { "sleeps", "stays runnable", "exits" };
	struct task *task = find_task(t, e->pid);

	if (!task)
		return;
	task->waits = e->other == QUMUN_STOP_RUNNABLE;
	task->since = e->time_ns;
	task->waker = 0;
	draw_run(t, e->cpu, e->time_ns,
		 (unsigned int)e->other < 3 ? ends[e->other] : "unknown");
}

static void decided(struct timeline *t, const struct task *task,
		    const struct qumun_trace_event *e)
{
	char name[NAME + 48];

	snprintf(name, sizeof(name), "%s: %s to CPU %d",
		 e->kind == QUMUN_TRACE_answer	   ? "policy"
		 : e->kind == QUMUN_TRACE_standing ? "policy before"
						   : "kernel half",
		 task->name, e->other);
	instant(t, GROUP_CPUS, (int)e->cpu + 1, name, e->time_ns);
	fprintf(t->out, ",\"args\":{\"pid\":%d,\"slice_us\":%" PRIu64 "}}", e->pid,
		(uint64_t)(e->value / 1000));
}

static void draw_autopilot(struct timeline *t, unsigned int shard, __u64 to)
{
	static const char *const causes[] = { "autopilot", "late", "mute", "blocked",
					      "gone" };
	struct shard *s = &t->shards[shard];

	slice(t, GROUP_AUTOPILOT, (int)shard + 1,
	      s->on && s->cause < 5 ? causes[s->cause] : causes[0],
	      s->on ? s->from : t->start, to);
	fputc('}', t->out);
	s->on = false;
}

static void autopilot(struct timeline *t, const struct qumun_trace_event *e)
{
	unsigned int shard = (unsigned int)e->pid;
	struct shard *s = &t->shards[shard % MAX_SHARDS];
	char name[NAME];

	if (shard >= MAX_SHARDS)
		return;
	if (!s->seen) {
		name_track(t, GROUP_AUTOPILOT, 0, "process_name", "autopilot");
		snprintf(name, sizeof(name), "shard %u", shard);
		name_track(t, GROUP_AUTOPILOT, (int)shard + 1, "thread_name", name);
	}
	/* an end without a begin: it was on before the trace */
	if (!e->other && (s->on || !s->seen))
		draw_autopilot(t, shard, e->time_ns);
	s->seen = true;
	if (e->other && !s->on)
		*s = (struct shard){ true, true, e->time_ns, e->value };
}

void timeline_event(struct timeline *t, const struct qumun_trace_event *e)
{
	struct task *task;

	if (e->cpu >= t->nr_cpus)
		return;
	if (e->time_ns > t->now)
		t->now = e->time_ns;
	if (e->kind == QUMUN_TRACE_autopilot) {
		autopilot(t, e);
		return;
	}
	task = find_task(t, e->pid);
	if (!task)
		return;
	if (*e->comm)
		snprintf(task->name, sizeof(task->name), "%.*s", QUMUN_COMM_LEN, e->comm);
	switch (e->kind) {
	case QUMUN_TRACE_wake:
		task_woke(t, task, e);
		break;
	case QUMUN_TRACE_run:
		task_runs(t, task, e);
		break;
	case QUMUN_TRACE_on:
		catch_up(t, e);
		break;
	case QUMUN_TRACE_stop:
		catch_up(t, e);
		task_stops(t, e);
		break;
	case QUMUN_TRACE_answer:
	case QUMUN_TRACE_kernel:
	case QUMUN_TRACE_standing:
		decided(t, task, e);
		break;
	}
}

void timeline_mark(struct timeline *t, __u64 time_ns, unsigned int cpu, const char *text)
{
	instant(t, GROUP_CPUS, (int)cpu + 1, text, time_ns);
	fputc('}', t->out);
}

int timeline_end(struct timeline *t, __u64 end_ns)
{
	unsigned int i;
	size_t n;
	int err;

	for (i = 0; i < t->nr_cpus; i++) {
		if (t->cpus[i].busy)
			draw_run(t, i, end_ns, "end of trace");
	}
	for (n = 0; n < t->room; n++) {
		if (t->tasks[n].used && t->tasks[n].waits)
			draw_wait(t, &t->tasks[n], end_ns);
	}
	for (i = 0; i < MAX_SHARDS; i++) {
		if (t->shards[i].on)
			draw_autopilot(t, i, end_ns);
	}
	fputs("\n]}\n", t->out);
	err = ferror(t->out) ? -EIO : t->no_memory ? -ENOMEM : 0;
	free(t->tasks);
	free(t->cpus);
	free(t);
	return err;
}
