/* SPDX-License-Identifier: Apache-2.0 */
/* Every request and every field, once. */
#include <string.h>

#include "protocol.h"

#define F(_name, _type, _unit, _doc, ...)                                                \
	{ .name = (_name),                                                               \
	  .type = CONTROL_##_type,                                                       \
	  .unit = (_unit),                                                               \
	  .doc = (_doc),                                                                 \
	  __VA_ARGS__ }
#define NEEDED .needed = true
#define LIMITS(_min, _max) .min = (_min), .max = (_max)
#define WORDS(...)                                                                       \
	.words = (const char *const[])                                                   \
	{                                                                                \
		__VA_ARGS__, NULL                                                        \
	}

#define MODE_WORDS WORDS("user", "kernel")

/* These limits are QUMUN_PARAMS's and scheduling_params's; tests/unit/test_control.c compares. */
#define SLICE LIMITS(100000, 100000000)
#define FACTOR LIMITS(0.1, 10)

#define PARAMS(need)                                                                     \
	F("base_slice_ns", INTEGER, "ns", "requested slice", SLICE, need),               \
		F("min_slice_ns", INTEGER, "ns",                                         \
		  "smallest slice; at most base_slice_ns", SLICE, need),                 \
		F("max_slice_ns", INTEGER, "ns",                                         \
		  "largest slice; at least base_slice_ns", SLICE, need),                 \
		F("latency_factor", NUMBER, "", "scales the slice in deadlines", FACTOR, \
		  need),                                                                 \
		F("weight_multiplier", NUMBER, "",                                       \
		  "scales the weight of tasks that a rule names", FACTOR, need),         \
		F("min_run_ns", INTEGER, "ns",                                           \
		  "a task runs this long before a wakeup preempts it",                   \
		  LIMITS(0, 20000000), need),                                            \
		F("migration_cost_ns", INTEGER, "ns",                                    \
		  "a task waits this much longer rather than change CPUs",               \
		  LIMITS(0, 100000000), need),                                           \
		F("max_wait_ns", INTEGER, "ns", "no runnable task waits longer",         \
		  LIMITS(10000000, 10000000000), need),                                  \
		F("stall_ns", INTEGER, "ns", "a later policy is overruled",              \
		  LIMITS(1000000, 10000000000), need),                                   \
		F("rescue_ns", INTEGER, "ns", "an undecided task is taken back",         \
		  LIMITS(10000000, 10000000000), need),                                  \
		F("takeover_ns", INTEGER, "ns",                                          \
		  "the scheduler ends so long after its policy's death",                 \
		  LIMITS(0, 60000000000), need),                                         \
		F("latency_budget_pct", INTEGER, "%",                                    \
		  "of a CPU over 100 ms, for class latency together", LIMITS(1, 100),    \
		  need)

static const struct control_field no_fields[] = { { 0 } };

static const struct control_field params_optional[] = { PARAMS(.needed = false), { 0 } };
static const struct control_field params_all[] = { PARAMS(NEEDED), { 0 } };

static const struct control_field mode_fields[] = {
	F("mode", STRING, "", "who decides: the policy or the BPF half", NEEDED,
	  MODE_WORDS),
	{ 0 }
};

static const struct control_field policy_args[] = {
	F("policy", STRING, "",
	  "one of policy.list, or the absolute path of a shared object", NEEDED),
	{ 0 }
};

static const struct control_field described_fields[] = {
	F("name", STRING, "", "name", NEEDED),
	F("description", STRING, "", "what it does", NEEDED),
	{ 0 }
};

static const struct control_field policy_list_fields[] = {
	F("policy", STRING, "", "name or path of the one that decides", NEEDED),
	F("policies", LIST, "", "those inside the daemon", NEEDED,
	  .members = described_fields),
	{ 0 }
};

static const struct control_field named_fields[] = {
	F("name", STRING, "", "name", NEEDED),
	F("unit", STRING, "", "unit", NEEDED),
	F("doc", STRING, "", "meaning", NEEDED),
	{ 0 }
};

static const struct control_field request_fields[] = {
	F("name", STRING, "", "name", NEEDED),
	F("access", STRING, "", "who may ask", NEEDED, WORDS("read", "change")),
	F("doc", STRING, "", "meaning", NEEDED),
	F("args", LIST, "",
	  "arguments: name, type, unit, doc, needed, min, max, words, members", NEEDED,
	  .members = named_fields),
	F("result", LIST, "", "fields of the result, likewise", NEEDED,
	  .members = named_fields),
	{ 0 }
};

static const struct control_field schema_fields[] = {
	F("version", INTEGER, "", "version of the protocol", NEEDED),
	F("max_request_bytes", INTEGER, "bytes", "longest request", NEEDED),
	F("max_reply_bytes", INTEGER, "bytes", "longest reply", NEEDED),
	F("requests", LIST, "", "every request", NEEDED, .members = request_fields),
	F("errors", LIST, "", "every error code", NEEDED, .members = named_fields),
	F("counters", LIST, "", "the names in stats' counters", .members = named_fields),
	{ 0 }
};

static const struct control_field limit_fields[] = {
	F("cgroup", STRING, "", "its path in the hierarchy", NEEDED),
	F("quota_us", INTEGER, "us", "its cpu.max: CPU time ...", NEEDED),
	F("period_us", INTEGER, "us", "... in each period", NEEDED),
	{ 0 }
};

static const struct control_field status_fields[] = {
	F("version", STRING, "", "the daemon's version", NEEDED),
	F("commit", STRING, "", "the source it was built from", NEEDED),
	F("pid", INTEGER, "", "process id of the daemon", NEEDED),
	F("kernel", STRING, "", "release of the running kernel", NEEDED),
	F("state", STRING, "", "is it scheduling", NEEDED, WORDS("attached", "detached")),
	F("policy", STRING, "", "name or path of the policy", NEEDED),
	F("mode", STRING, "", "who decides", NEEDED, MODE_WORDS),
	F("partial", BOOLEAN, "", "schedules only tasks that ask for SCHED_EXT", NEEDED),
	F("autopilot", BOOLEAN, "", "the BPF half stands in for a late policy now",
	  NEEDED),
	F("autopilot_episodes", INTEGER, "", "times it did since attach", NEEDED),
	F("autopilot_ns", INTEGER, "ns", "time it did since attach", NEEDED),
	F("ejections", INTEGER, "", "times the kernel ended the scheduler", NEEDED),
	F("ejection", STRING, "", "why, the last time"),
	F("retry_ns", INTEGER, "ns",
	  "time until it attaches again; absent while attached"),
	F("uptime_ns", INTEGER, "ns", "time since attach; 0 while detached", NEEDED),
	F("cpus_online", INTEGER, "", "CPUs that are online", NEEDED),
	F("tasks", INTEGER, "", "tasks that have a record", NEEDED),
	F("tasks_active", INTEGER, "", "of these, runnable or running", NEEDED),
	F("cpu_utilization", NUMBER, "",
	  "busy share of the online CPUs since attach, 0 to 1", NEEDED),
	F("average_wait_ns", INTEGER, "ns",
	  "mean time from runnable to running since attach", NEEDED),
	F("decisions", INTEGER, "", "decisions of the policy applied", NEEDED),
	F("decided_ahead", INTEGER, "",
	  "beside these, wakeups that its standing decisions covered", NEEDED),
	F("policy_faults", INTEGER, "",
	  "page faults of the settled policy thread; stays 0", NEEDED),
	F("unenforced_limits", LIST, "",
	  "cgroups whose cpu.max has no effect, as of up to 10 s ago", NEEDED,
	  .members = limit_fields),
	F("params", OBJECT, "", "run-time parameters", NEEDED, .members = params_all),
	{ 0 }
};

static const struct control_field cpu_fields[] = {
	F("cpu", INTEGER, "", "CPU number", NEEDED),
	F("online", BOOLEAN, "", "it is online", NEEDED),
	F("llc", INTEGER, "", "number of its last-level cache", NEEDED, LIMITS(0, 1023)),
	F("queued", INTEGER, "", "tasks in its queue now", NEEDED),
	F("pid", INTEGER, "", "the task that runs there; absent when idle"),
	F("comm", STRING, "", "its name"),
	F("runs", INTEGER, "", "times a task began to run", NEEDED),
	F("run_ns", INTEGER, "ns", "time that tasks ran", NEEDED),
	F("enqueues", INTEGER, "", "times a task was made runnable", NEEDED),
	F("dispatches", INTEGER, "", "tasks put on a dispatch queue", NEEDED),
	{ 0 }
};

static const struct control_field stats_fields[] = {
	F("time_ns", INTEGER, "ns", "CLOCK_MONOTONIC when this was read", NEEDED),
	F("counters", MAP, "", "every counter, summed over CPUs, since attach", NEEDED),
	F("cpus", LIST, "", "each CPU", NEEDED, .members = cpu_fields),
	{ 0 }
};

#define CLASS_WORDS WORDS("latency", "interactive", "normal", "batch", "idle")
#define OWNER_WORDS WORDS("file", "command line", "request", "other")
#define TASK_STATES WORDS("sleeping", "queued", "dispatched", "running")

static const struct control_field task_fields[] = {
	F("pid", INTEGER, "", "thread id", NEEDED),
	F("tgid", INTEGER, "", "process id", NEEDED),
	F("comm", STRING, "", "name of the thread when it was first seen", NEEDED),
	F("uid", INTEGER, "", "owner", NEEDED),
	F("cgroup_id", INTEGER, "", "inode number of its cgroup's directory", NEEDED),
	F("state", STRING, "", "where it is", NEEDED, TASK_STATES),
	F("kernel_thread", BOOLEAN, "", "it is a kernel thread", NEEDED),
	F("cpu", INTEGER, "", "CPU where it ran last", NEEDED),
	F("cpus_allowed", INTEGER, "", "number of CPUs that it may use", NEEDED),
	F("weight", INTEGER, "", "weight; 1024 is nice 0", NEEDED),
	F("slice_ns", INTEGER, "ns", "its last slice", NEEDED),
	F("vruntime", INTEGER, "ns", "virtual runtime; wraps", NEEDED),
	F("deadline", INTEGER, "ns", "virtual deadline; wraps", NEEDED),
	F("class", STRING, "", "its class; a rule's or that of its kernel policy", NEEDED,
	  CLASS_WORDS),
	F("rule", INTEGER, "", "id of the rule that counts for it; 0: none", NEEDED),
	F("rule_text", STRING, "", "that rule; only in task"),
	F("because", STRING, "", "why it counts and no other; only in task"),
	F("runtime_ns", INTEGER, "ns", "time on a CPU", NEEDED),
	F("wait_ns", INTEGER, "ns", "time runnable but not running", NEEDED),
	F("max_wait_us", INTEGER, "us", "longest such wait", NEEDED),
	F("recent_waits_us", INTEGERS, "us",
	  "its last waits, the latest first, 8 at most; only in task"),
	F("waiting_ns", INTEGER, "ns", "how long it has waited now; 0 if it does not",
	  NEEDED),
	F("last_run_ns", INTEGER, "ns", "length of its last run", NEEDED),
	F("last_ran_ns", INTEGER, "ns", "how long ago that began", NEEDED),
	F("runs", INTEGER, "", "times it began to run", NEEDED),
	F("wakeups", INTEGER, "", "times it woke", NEEDED),
	F("voluntary_switches", INTEGER, "", "times it gave up the CPU", NEEDED),
	F("involuntary_switches", INTEGER, "", "times it had to", NEEDED),
	{ 0 }
};

static const struct control_field task_args[] = {
	F("pid", INTEGER, "", "thread id", NEEDED, LIMITS(1, 4194304)), { 0 }
};

static const struct control_field tasks_args[] = {
	F("sort", STRING, "",
	  "what comes first: the latest, or the largest (default recent)",
	  WORDS("recent", "runtime", "wait", "max_wait", "runs")),
	F("limit", INTEGER, "", "how many (default 100)", LIMITS(1, 1000)),
	{ 0 }
};

static const struct control_field tasks_fields[] = {
	F("time_ns", INTEGER, "ns", "CLOCK_MONOTONIC when this was read", NEEDED),
	F("total", INTEGER, "", "tasks that have a record", NEEDED),
	F("tasks", LIST, "", "the first of them", NEEDED, .members = task_fields),
	{ 0 }
};

static const struct control_field bucket_fields[] = {
	F("le_ns", INTEGER, "ns", "upper bound, included; absent in the last bucket"),
	F("count", INTEGER, "", "waits up to it and above the bound before", NEEDED),
	{ 0 }
};

static const struct control_field latency_args[] = {
	F("cpu", INTEGER, "", "one CPU (default: the sum of all)", LIMITS(0, 1023)),
	F("class", STRING, "", "or one class", CLASS_WORDS),
	F("rule", INTEGER, "", "or one rule, since it came", LIMITS(1, 4294967294)),
	{ 0 }
};

static const struct control_field latency_fields[] = {
	F("buckets", LIST, "", "times from runnable to running, since attach", NEEDED,
	  .members = bucket_fields),
	F("count", INTEGER, "", "all of them", NEEDED),
	F("sum_ns", INTEGER, "ns", "their sum", NEEDED),
	{ 0 }
};

static const struct control_field share_fields[] = {
	F("class", STRING, "", "of a class: which", CLASS_WORDS),
	F("rule", INTEGER, "", "of a rule: its id"),
	F("text", STRING, "", "that rule"),
	F("tasks", INTEGER, "", "tasks that it counts for now; only of a rule"),
	F("run_ns", INTEGER, "ns", "time that its tasks ran", NEEDED),
	F("buckets", LIST, "", "their times from runnable to running", NEEDED,
	  .members = bucket_fields),
	F("count", INTEGER, "", "all of them", NEEDED),
	F("sum_ns", INTEGER, "ns", "their sum", NEEDED),
	{ 0 }
};

static const struct control_field shares_fields[] = {
	F("time_ns", INTEGER, "ns", "CLOCK_MONOTONIC when this was read", NEEDED),
	F("shares", LIST, "",
	  "each class since attach, then the 16 oldest rules, each since it came", NEEDED,
	  .members = share_fields),
	{ 0 }
};

static const struct control_field rule_id_fields[] = { F("id", INTEGER, "",
							 "the daemon's name for the rule",
							 NEEDED, LIMITS(1, 4294967295)),
						       { 0 } };

static const struct control_field rule_add_args[] = {
	F("rule", STRING, "",
	  "KEY=VALUE,... such as comm=nginx*,class=latency; see gthulhuctl(1)", NEEDED),
	{ 0 }
};

static const struct control_field rule_load_args[] = {
	F("rules", LIST, "", "rules as in rules.add, as strings", NEEDED), { 0 }
};

static const struct control_field rule_load_fields[] = {
	F("count", INTEGER, "", "rules that are there now by request", NEEDED), { 0 }
};

static const struct control_field rule_fields[] = {
	F("id", INTEGER, "", "the daemon's name for the rule", NEEDED),
	F("owner", STRING, "", "where it came from", NEEDED, OWNER_WORDS),
	F("rule", STRING, "", "the rule", NEEDED),
	F("tasks", INTEGER, "", "tasks that it counts for now", NEEDED),
	{ 0 }
};

static const struct control_field rules_fields[] = { F("rules", LIST, "",
						       "all rules, the oldest first",
						       NEEDED, .members = rule_fields),
						     { 0 } };

#define RULE_ID_DOC "; 0: none, -1: the proposed one"

static const struct control_field explain_args[] = {
	F("pid", INTEGER, "", "which tasks: this thread", LIMITS(1, 4194304)),
	F("cgroup", STRING, "", "or all below this cgroup, by its path"),
	F("comm", STRING, "", "or all so named, with * and ? as wildcards"),
	F("rule", STRING, "", "a proposed rule, as in rules.add; nothing is changed"),
	F("without", INTEGER, "", "id of a rule that is proposed to go",
	  LIMITS(1, 4294967294)),
	{ 0 }
};

static const struct control_field explained_task_fields[] = {
	F("pid", INTEGER, "", "thread id", NEEDED),
	F("tgid", INTEGER, "", "process id", NEEDED),
	F("comm", STRING, "", "its name", NEEDED),
	F("class", STRING, "", "its class", NEEDED, CLASS_WORDS),
	F("rule", INTEGER, "", "id of the rule that counts; 0: none", NEEDED),
	F("because", STRING, "", "why that one", NEEDED),
	F("class_after", STRING, "", "its class after the change", NEEDED, CLASS_WORDS),
	F("rule_after", INTEGER, "", "id of the rule that would count" RULE_ID_DOC,
	  NEEDED),
	F("because_after", STRING, "", "why that one", NEEDED),
	{ 0 }
};

static const struct control_field explained_rule_fields[] = {
	F("id", INTEGER, "", "the daemon's name for the rule; -1: the proposed one",
	  NEEDED),
	F("owner", STRING, "", "where it came from", NEEDED, OWNER_WORDS),
	F("rule", STRING, "", "the rule", NEEDED),
	F("matches", INTEGER, "", "of the tasks, how many it matches", NEEDED),
	F("tasks", INTEGER, "", "for how many it counts", NEEDED),
	F("tasks_after", INTEGER, "", "for how many it would count after the change",
	  NEEDED),
	{ 0 }
};

static const struct control_field conflict_fields[] = {
	F("winner", INTEGER, "", "id of the rule that would count" RULE_ID_DOC, NEEDED),
	F("loser", INTEGER, "", "id of the older rule that is as strong", NEEDED),
	F("tasks", INTEGER, "", "for how many tasks", NEEDED),
	{ 0 }
};

static const struct control_field explain_fields[] = {
	F("total", INTEGER, "", "tasks that were asked about", NEEDED),
	F("changed", INTEGER, "", "of these, whose rule would be another", NEEDED),
	F("tasks", LIST, "", "the first 100 of them, those that change before others",
	  NEEDED, .members = explained_task_fields),
	F("rules", LIST, "", "rules that match any of them, the oldest first", NEEDED,
	  .members = explained_rule_fields),
	F("conflicts", LIST, "", "pairs of rules that only their age tells apart", NEEDED,
	  .members = conflict_fields),
	{ 0 }
};

static const struct control_field trace_id_fields[] = {
	F("trace", INTEGER, "", "the trace's number, from trace.start", NEEDED,
	  LIMITS(1, 4294967295)),
	{ 0 }
};

static const struct control_field own_fields[] = {
	F("pid", INTEGER, "", "thread id", NEEDED), { 0 }
};

static const struct control_field trace_start_fields[] = {
	F("trace", INTEGER, "", "the trace's number, for trace.read and trace.stop",
	  NEEDED),
	F("time_ns", INTEGER, "ns", "CLOCK_MONOTONIC when it began", NEEDED),
	F("cpus", INTEGER, "", "CPUs are numbered from 0 to one less", NEEDED),
	F("autopilot", BOOLEAN, "", "the BPF half stands in for the policy then", NEEDED),
	F("own", LIST, "", "threads of the scheduler itself", NEEDED,
	  .members = own_fields),
	{ 0 }
};

static const struct control_field trace_read_fields[] = {
	F("events", STRING, "", "one a line, as in base/record.h", NEEDED),
	F("count", INTEGER, "", "how many; at most 20000", NEEDED),
	{ 0 }
};

static const struct control_field trace_stop_fields[] = {
	F("time_ns", INTEGER, "ns", "CLOCK_MONOTONIC when it ended", NEEDED),
	F("lost", INTEGER, "", "events that there was no room for", NEEDED),
	{ 0 }
};

static const struct control_field log_fields[] = {
	F("lines", LIST, "", "the last messages, oldest first", NEEDED), { 0 }
};

static const struct control_field dump_fields[] = {
	F("status", OBJECT, "", "as in status", NEEDED, .members = status_fields),
	F("stats", OBJECT, "", "as in stats", NEEDED, .members = stats_fields),
	F("latency", OBJECT, "", "as in latency", NEEDED, .members = latency_fields),
	F("tasks", OBJECT, "", "as in tasks, the 1000 that ran last", NEEDED,
	  .members = tasks_fields),
	{ 0 }
};

const struct control_request control_requests[] = {
	{ "schema", CONTROL_READ,
	  "every request, field, unit, type and error of this daemon", no_fields,
	  schema_fields },
	{ "status", CONTROL_READ, "what it is and how it fares", no_fields,
	  status_fields },
	{ "stats", CONTROL_READ, "every counter, and each CPU", no_fields, stats_fields },
	{ "params.get", CONTROL_READ, "the run-time parameters", no_fields, params_all },
	{ "params.set", CONTROL_CHANGE,
	  "change the parameters that are named, all or none; the result is the whole set",
	  params_optional, params_all },
	{ "mode.set", CONTROL_CHANGE, "say who decides", mode_fields, mode_fields },
	{ "policy.list", CONTROL_READ, "which policies there are, and which one decides",
	  no_fields, policy_list_fields },
	{ "policy.set", CONTROL_CHANGE,
	  "let another policy decide; on failure the former one goes on", policy_args,
	  policy_args },
	{ "task", CONTROL_READ, "one task's record", task_args, task_fields },
	{ "tasks", CONTROL_READ, "records of many tasks", tasks_args, tasks_fields },
	{ "latency", CONTROL_READ, "histogram of the times from runnable to running",
	  latency_args, latency_fields },
	{ "shares", CONTROL_READ,
	  "what classes and rules had of the CPUs, and how long they waited", no_fields,
	  shares_fields },
	{ "rules.list", CONTROL_READ, "the rules, and for how many tasks each counts",
	  no_fields, rules_fields },
	{ "explain", CONTROL_READ,
	  "which rule counts for a task and why, now and after a change of the rules",
	  explain_args, explain_fields },
	{ "rules.add", CONTROL_CHANGE, "add a rule; it is in effect when the reply comes",
	  rule_add_args, rule_id_fields },
	{ "rules.remove", CONTROL_CHANGE, "remove a rule, wherever it came from",
	  rule_id_fields, no_fields },
	{ "rules.load", CONTROL_CHANGE,
	  "make these the rules that came by request, as one step; other rules stay",
	  rule_load_args, rule_load_fields },
	{ "trace.start", CONTROL_CHANGE,
	  "begin to record what the scheduler does; one trace at a time. It ends by itself "
	  "after some seconds without trace.read",
	  no_fields, trace_start_fields },
	{ "trace.read", CONTROL_CHANGE,
	  "the next events; after trace.stop those that are left", trace_id_fields,
	  trace_read_fields },
	{ "trace.stop", CONTROL_CHANGE, "no further events", trace_id_fields,
	  trace_stop_fields },
	{ "log", CONTROL_READ, "the daemon's last messages", no_fields, log_fields },
	{ "dump", CONTROL_READ, "status, stats, latency and tasks in one", no_fields,
	  dump_fields },
	{ 0 }
};

const struct control_request *control_request_find(const char *name)
{
	const struct control_request *r;

	for (r = control_requests; r->name; r++) {
		if (!strcmp(r->name, name))
			return r;
	}
	return NULL;
}
