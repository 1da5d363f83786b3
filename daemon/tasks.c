/* SPDX-License-Identifier: Apache-2.0 */
/* Task records as JSON: one of them, or the first of all in some order. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "requests.h"

/* What is kept of each record while the first ones are looked for. */
struct ranked {
	__u64 key;
	__s32 pid;
	__u32 cursor; /* its record is the next one from here */
};

__u64 requests_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (__u64)ts.tv_sec * 1000000000ULL + (__u64)ts.tv_nsec;
}

/* Names come from the kernel and may hold any byte; JSON wants UTF-8. */
json_t *name_json(const char *name, size_t size)
{
	char clean[32];
	size_t i;

	for (i = 0; i < size && i < sizeof(clean) - 1 && name[i]; i++)
		clean[i] = name[i] >= ' ' && name[i] <= '~' ? name[i] : '?';
	clean[i] = '\0';
	return json_string(clean);
}

static void set(json_t *o, const char *name, __u64 value)
{
	json_object_set_new(o, name, json_integer((json_int_t)value));
}

static __u64 since(__u64 at, __u64 now)
{
	return at && now > at ? now - at : 0;
}

/* What QUMUN_CLASSES calls it; the record is shared memory and may say anything. */
const char *class_name(unsigned int cls)
{
	static const char *const names[QUMUN_NR_CLASSES] = { [QUMUN_CLASS_NONE] =
								     "normal",
#define X(NAME, name, latency, slice, weight, preempts, doc) [QUMUN_CLASS_##NAME] = #name,
							     QUMUN_CLASSES(X)
#undef X
	};

	return cls < QUMUN_NR_CLASSES ? names[cls] : "normal";
}

json_t *task_json(const struct qumun_task *t, __u64 now)
{
	static const char *const states[] = { "sleeping", "queued", "dispatched",
					      "running" };
	unsigned int state = t->state & 3;
	bool waits = state == QUMUN_QUEUED || state == QUMUN_DISPATCHED;
	json_t *o = json_object();

	set(o, "pid", (__u64)t->pid);
	set(o, "tgid", (__u64)t->tgid);
	json_object_set_new(o, "comm", name_json(t->comm, sizeof(t->comm)));
	set(o, "uid", t->uid);
	set(o, "cgroup_id", t->cgroup_id);
	json_object_set_new(o, "state", json_string(states[state]));
	json_object_set_new(o, "kernel_thread",
			    json_boolean(t->flags & QUMUN_TASK_KTHREAD));
	set(o, "cpu", (__u64)t->cpu);
	set(o, "cpus_allowed", t->nr_cpus_allowed);
	set(o, "weight", t->weight);
	set(o, "slice_ns", t->slice_ns);
	set(o, "vruntime", t->vruntime);
	set(o, "deadline", t->deadline);
	json_object_set_new(
		o, "class",
		json_string(class_name(t->rule_class ? t->rule_class : t->own_class)));
	set(o, "rule", t->rule_id);
	set(o, "runtime_ns", t->sum_exec);
	set(o, "wait_ns", t->sum_wait);
	set(o, "max_wait_us", t->max_wait_us);
	set(o, "waiting_ns", waits ? since(t->enq_at, now) : 0);
	set(o, "last_run_ns", t->last_run_ns);
	set(o, "last_ran_ns", since(t->exec_start, now));
	set(o, "runs", t->nr_runs);
	set(o, "wakeups", t->nr_wakeups);
	set(o, "voluntary_switches", t->nvcsw);
	set(o, "involuntary_switches", t->nivcsw);
	return o;
}

static __u64 key_of(const struct qumun_task *t, const char *sort)
{
	if (!strcmp(sort, "runtime"))
		return t->sum_exec;
	if (!strcmp(sort, "wait"))
		return t->sum_wait;
	if (!strcmp(sort, "max_wait"))
		return t->max_wait_us;
	if (!strcmp(sort, "runs"))
		return t->nr_runs;
	return t->exec_start;
}

static int compare(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? 1 : -1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* All records' keys, in the order asked for; NULL if out of memory. */
static struct ranked *rank(struct qumun *q, const char *sort, size_t *nr)
{
	struct ranked *all = NULL, *more;
	struct qumun_task task;
	__u32 cursor = 0, before = 0;
	size_t room = 0;

	*nr = 0;
	while (qumun_next_task(q, &cursor, &task) == 1) {
		if (*nr == room) {
			room = room ? room * 2 : 512;
			more = realloc(all, room * sizeof(*all));
			if (!more) {
				free(all);
				return NULL;
			}
			all = more;
		}
		all[(*nr)++] = (struct ranked){ key_of(&task, sort), task.pid, before };
		before = cursor;
	}
	if (all)
		qsort(all, *nr, sizeof(*all), compare);
	return all ? all : malloc(1);
}

json_t *tasks_json(struct qumun *q, const char *sort, size_t limit,
		   struct control_error *error)
{
	__u64 now = requests_clock_ns();
	struct qumun_task task;
	struct ranked *all;
	size_t i, nr;
	json_t *list;
	__u32 cursor;

	all = rank(q, sort, &nr);
	if (!all) {
		control_fail(error, CONTROL_E_failed, "out of memory");
		return NULL;
	}
	list = json_array();
	for (i = 0; i < nr && i < limit; i++) {
		cursor = all[i].cursor;
		/* gone, or another's by now */
		if (qumun_next_task(q, &cursor, &task) != 1 || task.pid != all[i].pid)
			continue;
		json_array_append_new(list, task_json(&task, now));
	}
	free(all);
	return json_pack("{s:I, s:I, s:o}", "time_ns", (json_int_t)now, "total",
			 (json_int_t)nr, "tasks", list);
}
