/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests about traces. All of it runs in the control server's thread. A client that vanished is
 * noticed by its silence: a trace costs the whole machine something.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/record.h"
#include "requests.h"

#define SILENCE_NS 15000000000ULL
#define MAX_EVENTS 20000

static json_t *failed(struct backend *b, int err, struct control_error *error)
{
	control_fail(error, err == -EINVAL ? CONTROL_E_bad_field : CONTROL_E_failed, "%s",
		     qumun_strerror(b->q));
	return NULL;
}

/* The threads of this process. */
static json_t *own_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	json_t *list = json_array();
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		if (d->d_name[0] != '.')
			json_array_append_new(list,
					      json_pack("{s:i}", "pid", atoi(d->d_name)));
	}
	if (dir)
		closedir(dir);
	return list;
}

static __u64 events_lost(struct backend *b)
{
	__u64 c[QUMUN_NR_COUNTERS];

	return qumun_get_counters(b->q, c) ? 0 : c[QUMUN_C_trace_events_lost];
}

static void end(struct backend *b)
{
	qumun_trace_stop(b->q);
	b->trace.on = false;
}

void trace_expire(struct backend *b)
{
	if (!b->trace.on || requests_clock_ns() - b->trace.read_at < SILENCE_NS)
		return;
	say(QUMUN_LOG_WARN, "trace %u ended: nobody reads it", b->trace.id);
	end(b);
	b->trace.gone = true;
}

json_t *trace_start(struct backend *b, const json_t *args, struct control_error *error)
{
	struct trace_session *t = &b->trace;
	struct qumun_run_state state;
	__u64 now;
	int err;

	trace_expire(b);
	if (t->on) {
		control_fail(error, CONTROL_E_failed,
			     "trace %u is running: one at a time", t->id);
		return NULL;
	}
	t->lost = events_lost(b);
	now = requests_clock_ns();
	err = qumun_get_state(b->q, &state);
	if (!err)
		err = qumun_trace_start(b->q);
	if (err)
		return failed(b, err, error);
	t->on = true;
	t->gone = false;
	t->id++;
	t->read_at = now;
	say(QUMUN_LOG_INFO, "trace %u begins by request", t->id);
	return json_pack("{s:I, s:I, s:I, s:b, s:o}", "trace", (json_int_t)t->id,
			 "time_ns", (json_int_t)now, "cpus", (json_int_t)state.nr_cpus,
			 "autopilot", state.autopilot && state.mode == QUMUN_MODE_USER,
			 "own", own_threads());
}

static bool is_latest(struct backend *b, const json_t *args, struct control_error *error)
{
	json_int_t id = json_integer_value(json_object_get(args, "trace"));

	if (!b->trace.id || id != b->trace.id)
		return control_fail(error, CONTROL_E_not_found,
				    "no trace %lld: the latest is %u", (long long)id,
				    b->trace.id);
	if (b->trace.gone)
		return control_fail(error, CONTROL_E_not_found,
				    "trace %lld ended with the scheduler, or because "
				    "nobody read it for %d s",
				    (long long)id, (int)(SILENCE_NS / 1000000000));
	return true;
}

struct lines {
	char *text;
	size_t size;
};

static void add_line(void *arg, const struct qumun_trace_event *event)
{
	struct lines *l = arg;

	l->size += record_format(l->text + l->size, event);
}

json_t *trace_read(struct backend *b, const json_t *args, struct control_error *error)
{
	struct lines l = { .text = malloc((size_t)MAX_EVENTS * RECORD_LINE) };
	json_t *result = NULL, *events;
	int nr;

	if (!l.text) {
		control_fail(error, CONTROL_E_failed, "out of memory");
		return NULL;
	}
	if (!is_latest(b, args, error))
		goto out;
	b->trace.read_at = requests_clock_ns();
	nr = qumun_trace_read(b->q, MAX_EVENTS, add_line, &l);
	if (nr < 0) {
		/* it ended with the scheduler, or a successor has it */
		failed(b, nr, error);
		end(b);
		b->trace.gone = true;
		goto out;
	}
	events = json_stringn(l.text, l.size);
	result = json_pack("{s:o, s:i}", "events", events, "count", nr);
out:
	free(l.text);
	return result;
}

json_t *trace_stop(struct backend *b, const json_t *args, struct control_error *error)
{
	__u64 lost;

	if (!is_latest(b, args, error))
		return NULL;
	if (b->trace.on)
		say(QUMUN_LOG_INFO, "trace %u ends by request", b->trace.id);
	end(b);
	lost = events_lost(b);
	return json_pack("{s:I, s:I}", "time_ns", (json_int_t)requests_clock_ns(), "lost",
			 lost > b->trace.lost ? (json_int_t)(lost - b->trace.lost) : 0);
}
