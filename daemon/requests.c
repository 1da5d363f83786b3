/* SPDX-License-Identifier: Apache-2.0 */
/* The answers to the requests of control/requests.c, from libqumun. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "daemon.h"
#include "requests.h"

#define DEFAULT_TASKS 100
#define MAX_TASKS 1000
#define LIMITS_AGE_NS 10000000000ULL

static json_t *integer(__u64 value)
{
	return json_integer((json_int_t)value);
}

/* Record what the library says about its error. */
static json_t *failed(struct backend *b, int err, struct control_error *error)
{
	control_fail(error, err == -EINVAL ? CONTROL_E_bad_field : CONTROL_E_failed, "%s",
		     qumun_strerror(b->q));
	return NULL;
}

static json_t *answer_schema(struct backend *b, const json_t *args,
			     struct control_error *error)
{
	json_t *schema = control_schema(), *counters = json_array();
	const char *name, *unit;
	unsigned int i;
	size_t length;

	for (i = 0; (name = qumun_counter_name(i)); i++) {
		length = strlen(name);
		unit = length > 3 && !strcmp(name + length - 3, "_ns") ? "ns" : "";
		json_array_append_new(counters,
				      json_pack("{s:s, s:s, s:s}", "name", name, "unit",
						unit, "doc", qumun_counter_doc(i)));
	}
	json_object_set_new(schema, "counters", counters);
	return schema;
}

static const char *mode_name(enum qumun_mode mode)
{
	return mode == QUMUN_MODE_KERNEL ? "kernel" : "user";
}

static json_t *answer_mode_set(struct backend *b, const json_t *args,
			       struct control_error *error)
{
	const char *name = json_string_value(json_object_get(args, "mode"));
	enum qumun_mode mode =
		strcmp(name, "kernel") ? QUMUN_MODE_USER : QUMUN_MODE_KERNEL;
	int err = qumun_set_mode(b->q, mode);

	if (err)
		return failed(b, err, error);
	say(QUMUN_LOG_INFO, "%s mode by request", mode_name(mode));
	return json_pack("{s:s}", "mode", mode_name(mode));
}

static int count_online(struct backend *b, __u32 nr_cpus)
{
	struct qumun_cpu_info info;
	int online = 0;
	__u32 cpu;

	for (cpu = 0; cpu < nr_cpus; cpu++)
		online += !qumun_get_cpu(b->q, (int)cpu, &info) && info.online;
	return online;
}

static void add_load(struct backend *b, json_t *status,
		     const struct qumun_run_state *state, const __u64 *c)
{
	__u64 up = requests_clock_ns() - state->attached_at, tasks, active = 0, run_ns;
	int online = count_online(b, state->nr_cpus);
	struct qumun_task task;
	struct ejections e;
	__u32 cursor = 0;
	double busy;

	ejections_get(&e);
	if (!state->attached)
		up = 0;
	run_ns = c[QUMUN_C_run_ns] - e.run_ns_before;
	busy = online && up ? (double)run_ns / (double)up / online : 0;
	while (qumun_next_task(b->q, &cursor, &task) == 1)
		active += (task.state & 0xff) != QUMUN_NONE;
	tasks = c[QUMUN_C_tasks_seen] - c[QUMUN_C_tasks_gone];
	json_object_set_new(status, "uptime_ns", integer(up));
	json_object_set_new(status, "cpus_online", json_integer(online));
	json_object_set_new(status, "tasks", integer(tasks));
	json_object_set_new(status, "tasks_active", integer(active));
	json_object_set_new(status, "cpu_utilization", json_real(busy > 1 ? 1 : busy));
	json_object_set_new(
		status, "average_wait_ns",
		integer(c[QUMUN_C_runs] ? c[QUMUN_C_wait_ns] / c[QUMUN_C_runs] : 0));
}

static void add_limit(void *arg, const struct qumun_cpu_limit *l)
{
	json_array_append_new(arg, json_pack("{s:o, s:I, s:I}", "cgroup",
					     name_json(l->path, strlen(l->path)),
					     "quota_us", (json_int_t)l->quota_us,
					     "period_us", (json_int_t)l->period_us));
}

/*
 * While detached the kernel enforces all of them. There may be thousands of cgroups and a client
 * that asks each second, so the tree is not walked for each request.
 */
static json_t *limits_json(struct backend *b, const struct qumun_run_state *state)
{
	__u64 now = requests_clock_ns();

	if (!state->attached)
		return json_array();
	if (!b->limits || now - b->limits_at >= LIMITS_AGE_NS) {
		json_decref(b->limits);
		b->limits = json_array();
		b->limits_at = now;
		qumun_unenforced_limits(add_limit, b->limits);
	}
	return json_incref(b->limits);
}

void requests_close(struct backend *b)
{
	json_decref(b->limits);
	b->limits = NULL;
}

static void add_ejections(json_t *status)
{
	__u64 now = requests_clock_ns();
	struct ejections e;

	ejections_get(&e);
	json_object_set_new(status, "ejections", json_integer(e.count));
	if (e.count)
		json_object_set_new(status, "ejection", json_string(e.last));
	if (e.retry_at)
		json_object_set_new(status, "retry_ns",
				    integer(e.retry_at > now ? e.retry_at - now : 0));
}

static json_t *answer_status(struct backend *b, const json_t *args,
			     struct control_error *error)
{
	__u64 c[QUMUN_NR_COUNTERS], minor = 0, major = 0;
	char policy[POLICY_NAME_SIZE];
	struct qumun_run_state state;
	struct utsname u;
	json_t *o;
	int err;

	err = qumun_get_state(b->q, &state);
	if (!err)
		err = qumun_get_counters(b->q, c);
	if (err)
		return failed(b, err, error);
	qumun_policy_faults(b->q, &minor, &major);
	uname(&u);
	o = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:b, s:b}", "version",
		      QUMUN_VERSION, "commit", b->commit, "pid", (int)getpid(), "kernel",
		      u.release, "state", state.attached ? "attached" : "detached",
		      "policy", policy_current(policy), "mode", mode_name(state.mode),
		      "partial", b->options->partial, "autopilot",
		      state.autopilot && state.mode == QUMUN_MODE_USER);
	if (!o) {
		control_fail(error, CONTROL_E_failed, "out of memory");
		return NULL;
	}
	json_object_set_new(
		o, "autopilot_episodes",
		integer(c[QUMUN_C_autopilot_late] + c[QUMUN_C_autopilot_mute] +
			c[QUMUN_C_autopilot_blocked] + c[QUMUN_C_autopilot_gone]));
	json_object_set_new(o, "autopilot_ns", integer(c[QUMUN_C_autopilot_ns]));
	add_ejections(o);
	add_load(b, o, &state, c);
	json_object_set_new(o, "decisions", integer(c[QUMUN_C_decided]));
	json_object_set_new(o, "decided_ahead", integer(c[QUMUN_C_standing]));
	json_object_set_new(o, "policy_faults", integer(minor + major));
	json_object_set_new(o, "unenforced_limits", limits_json(b, &state));
	json_object_set_new(o, "params", params_json(b->q));
	return o;
}

static json_t *cpu_json(struct backend *b, int cpu)
{
	struct perf_counters p;
	struct qumun_cpu_info i;
	json_t *o;

	if (qumun_get_cpu(b->q, cpu, &i) || qumun_get_perf_counters(b->q, cpu, &p))
		return NULL;
	o = json_pack("{s:i, s:b, s:i, s:i}", "cpu", cpu, "online", i.online, "llc",
		      (int)i.llc, "queued", (int)i.nr_queued);
	if (i.pid > 0) {
		json_object_set_new(o, "pid", json_integer(i.pid));
		json_object_set_new(o, "comm", name_json(i.comm, sizeof(i.comm)));
	}
	json_object_set_new(o, "runs", integer(p.context_switch_count));
	json_object_set_new(o, "run_ns", integer(p.total_runtime));
	json_object_set_new(o, "enqueues", integer(p.enqueue_count));
	json_object_set_new(o, "dispatches", integer(p.dispatch_count));
	return o;
}

static json_t *answer_stats(struct backend *b, const json_t *args,
			    struct control_error *error)
{
	json_t *counters = json_object(), *cpus = json_array();
	__u64 c[QUMUN_NR_COUNTERS];
	struct qumun_run_state state;
	unsigned int i;
	int err;

	err = qumun_get_state(b->q, &state);
	if (!err)
		err = qumun_get_counters(b->q, c);
	if (err) {
		json_decref(counters);
		json_decref(cpus);
		return failed(b, err, error);
	}
	for (i = 0; i < QUMUN_NR_COUNTERS; i++)
		json_object_set_new(counters, qumun_counter_name(i), integer(c[i]));
	for (i = 0; i < state.nr_cpus; i++)
		json_array_append_new(cpus, cpu_json(b, (int)i));
	return json_pack("{s:I, s:o, s:o}", "time_ns", (json_int_t)requests_clock_ns(),
			 "counters", counters, "cpus", cpus);
}

static json_t *answer_log(struct backend *b, const json_t *args,
			  struct control_error *error)
{
	return json_pack("{s:o}", "lines", log_recent());
}

static json_t *recent_waits(struct qumun *q, pid_t pid)
{
	json_t *list = json_array();
	__u32 us[QUMUN_RECENT_WAITS];
	int i, nr = qumun_get_recent_waits(q, pid, us);

	for (i = 0; i < nr; i++)
		json_array_append_new(list, json_integer(us[i]));
	return list;
}

static json_t *answer_task(struct backend *b, const json_t *args,
			   struct control_error *error)
{
	pid_t pid = (pid_t)json_integer_value(json_object_get(args, "pid"));
	struct qumun_task task;
	json_t *o, *rule;

	if (!qumun_get_task(b->q, pid, &task)) {
		o = task_json(&task, requests_clock_ns());
		rule = task.rule_id ? rule_text(b->q, task.rule_id) : NULL;
		if (rule)
			json_object_set_new(o, "rule_text", rule);
		rule = explain_task(b->q, pid);
		if (rule)
			json_object_set_new(o, "because", rule);
		json_object_set_new(o, "recent_waits_us", recent_waits(b->q, pid));
		return o;
	}
	control_fail(
		error, CONTROL_E_not_found,
		"no task %d has a record: it ended, it is not scheduled by gthulhu (partial, "
		"real-time), or there was no room",
		(int)pid);
	return NULL;
}

static json_t *answer_tasks(struct backend *b, const json_t *args,
			    struct control_error *error)
{
	const char *sort = json_string_value(json_object_get(args, "sort"));
	const json_t *limit = json_object_get(args, "limit");

	return tasks_json(b->q, sort ? sort : "recent",
			  limit ? (size_t)json_integer_value(limit) : DEFAULT_TASKS,
			  error);
}

static json_t *answer_dump(struct backend *b, const json_t *args,
			   struct control_error *error)
{
	json_t *none = json_object(), *o = json_object(), *part;
	static const struct {
		const char *name;
		json_t *(*answer)(struct backend *b, const json_t *args,
				  struct control_error *error);
	} parts[] = {
		{ "status", answer_status },
		{ "stats", answer_stats },
		{ "latency", latency_get },
	};
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		part = parts[i].answer(b, none, error);
		if (!part)
			goto fail;
		json_object_set_new(o, parts[i].name, part);
	}
	part = tasks_json(b->q, "recent", MAX_TASKS, error);
	if (!part)
		goto fail;
	json_object_set_new(o, "tasks", part);
	json_decref(none);
	return o;
fail:
	json_decref(none);
	json_decref(o);
	return NULL;
}

json_t *requests_answer(void *arg, const struct control_request *request,
			const json_t *args, struct control_error *error)
{
	static const struct {
		const char *name;
		json_t *(*answer)(struct backend *b, const json_t *args,
				  struct control_error *error);
	} answers[] = {
		{ "schema", answer_schema },
		{ "status", answer_status },
		{ "stats", answer_stats },
		{ "params.get", params_get },
		{ "params.set", params_set },
		{ "mode.set", answer_mode_set },
		{ "policy.list", policy_list },
		{ "policy.set", policy_set },
		{ "task", answer_task },
		{ "tasks", answer_tasks },
		{ "rules.list", rules_list },
		{ "rules.add", rules_add },
		{ "rules.remove", rules_remove },
		{ "rules.load", rules_load },
		{ "explain", explain },
		{ "latency", latency_get },
		{ "shares", shares_get },
		{ "trace.start", trace_start },
		{ "trace.read", trace_read },
		{ "trace.stop", trace_stop },
		{ "log", answer_log },
		{ "dump", answer_dump },
	};
	size_t i;

	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		if (!strcmp(answers[i].name, request->name))
			return answers[i].answer(arg, args, error);
	}
	control_fail(error, CONTROL_E_unsupported, "this daemon does not answer %s",
		     request->name);
	return NULL;
}
