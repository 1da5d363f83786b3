/* SPDX-License-Identifier: Apache-2.0 */
/* What answers the control server's requests. */
#ifndef GTHULHU_REQUESTS_H
#define GTHULHU_REQUESTS_H

#include "../control/protocol.h"
#include "daemon.h"

struct backend {
	struct qumun *q;
	const struct daemon_options *options;
	const char *commit;
	json_t *limits; /* the status request's unenforced_limits, as of limits_at; or NULL */
	__u64 limits_at;
	struct trace_session {
		unsigned int id; /* of the latest trace; 0: there was none */
		bool gone;	 /* that one: with the scheduler, or nobody read it */
		bool on;
		__u64 read_at; /* when its client was last heard of */
		__u64 lost;    /* what had been lost when it began */
	} trace;
};

/* Frees what answers left in @b. */
void requests_close(struct backend *b);

/* For struct server_options; @arg is a struct backend. */
json_t *requests_answer(void *arg, const struct control_request *request,
			const json_t *args, struct control_error *error);
__u64 requests_clock_ns(void);

/* param_requests.c */
json_t *params_json(struct qumun *q);
json_t *params_get(struct backend *b, const json_t *args, struct control_error *error);
json_t *params_set(struct backend *b, const json_t *args, struct control_error *error);

/* latency_requests.c */
json_t *latency_get(struct backend *b, const json_t *args, struct control_error *error);
json_t *shares_get(struct backend *b, const json_t *args, struct control_error *error);

/* policy_requests.c */
json_t *policy_list(struct backend *b, const json_t *args, struct control_error *error);
json_t *policy_set(struct backend *b, const json_t *args, struct control_error *error);

/* explain.c; explain_task(): why the rule of thread @pid counts, a string or NULL. */
json_t *explain(struct backend *b, const json_t *args, struct control_error *error);
json_t *explain_task(struct qumun *q, pid_t pid);

/* rule_requests.c; rule_text() returns NULL if there is no such rule. */
json_t *rule_text(struct qumun *q, unsigned int id);
json_t *rule_json(const struct qumun_rule *rule, const char *counted,
		  unsigned int nr_tasks);
bool rule_parse(struct qumun_rule *rule, const char *text, struct control_error *error);
json_t *rules_list(struct backend *b, const json_t *args, struct control_error *error);
json_t *rules_add(struct backend *b, const json_t *args, struct control_error *error);
json_t *rules_remove(struct backend *b, const json_t *args, struct control_error *error);
json_t *rules_load(struct backend *b, const json_t *args, struct control_error *error);

/* trace_requests.c; expire() ends a trace whose client is gone. */
json_t *trace_start(struct backend *b, const json_t *args, struct control_error *error);
json_t *trace_read(struct backend *b, const json_t *args, struct control_error *error);
json_t *trace_stop(struct backend *b, const json_t *args, struct control_error *error);
void trace_expire(struct backend *b);

/* tasks.c: one record, and the first @limit of all, sorted by a word of the tasks request. */
json_t *task_json(const struct qumun_task *task, __u64 now);
json_t *tasks_json(struct qumun *q, const char *sort, size_t limit,
		   struct control_error *error);
json_t *name_json(const char *name, size_t size);
/* The name of a class; what is none is "normal". */
const char *class_name(unsigned int cls);

#endif
