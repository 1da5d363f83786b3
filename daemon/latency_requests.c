/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about waits: of all tasks, of a CPU, a class or a rule. */
#include <errno.h>
#include <string.h>

#include "requests.h"

static json_t *failed(struct backend *b, struct control_error *error)
{
	control_fail(error, CONTROL_E_failed, "%s", qumun_strerror(b->q));
	return NULL;
}

static json_t *buckets_of(const struct qumun_latency *l)
{
	json_t *buckets = json_array(), *one;
	unsigned int i;

	for (i = 0; i < QUMUN_NR_LATENCY; i++) {
		one = json_object();
		if (i < QUMUN_NR_LATENCY - 1)
			json_object_set_new(
				one, "le_ns",
				json_integer((json_int_t)qumun_latency_bound_ns(i)));
		json_object_set_new(one, "count",
				    json_integer((json_int_t)l->buckets[i]));
		json_array_append_new(buckets, one);
	}
	return buckets;
}

static json_t *latency_json(const struct qumun_latency *l)
{
	return json_pack("{s:o, s:I, s:I}", "buckets", buckets_of(l), "count",
			 (json_int_t)l->count, "sum_ns", (json_int_t)l->sum_ns);
}

struct wanted {
	const char *cls; /* or NULL */
	unsigned int rule_id;
	bool found;
	struct qumun_latency latency;
};

static int pick(void *arg, const struct qumun_share *share)
{
	struct wanted *w = arg;

	w->found = w->cls ? share->cls && !strcmp(class_name(share->cls), w->cls)
			  : share->rule_id == w->rule_id;
	w->latency = share->latency;
	return w->found;
}

/* Of a class, or of a rule. */
static json_t *latency_of_share(struct backend *b, struct wanted *w,
				struct control_error *error)
{
	json_t *text;

	if (qumun_list_shares(b->q, pick, w) < 0)
		return failed(b, error);
	if (w->found)
		return latency_json(&w->latency);
	text = rule_text(b->q, w->rule_id);
	if (text)
		control_fail(error, CONTROL_E_unsupported,
			     "rule %u is not counted apart: only the %d oldest are",
			     w->rule_id, QUMUN_RULE_SHARES);
	else
		control_fail(error, CONTROL_E_not_found, "no rule %u: see rules list",
			     w->rule_id);
	json_decref(text);
	return NULL;
}

json_t *latency_get(struct backend *b, const json_t *args, struct control_error *error)
{
	const json_t *cpu = json_object_get(args, "cpu"),
		     *rule = json_object_get(args, "rule");
	struct wanted w = { .cls = json_string_value(json_object_get(args, "class")),
			    .rule_id = (unsigned int)json_integer_value(rule) };
	struct qumun_run_state state;
	struct qumun_latency l;

	if (json_object_size(args) > 1) {
		control_fail(error, CONTROL_E_bad_field,
			     "cpu, class and rule: one of them at most");
		return NULL;
	}
	if (w.cls || rule)
		return latency_of_share(b, &w, error);
	if (!qumun_get_state(b->q, &state) && cpu &&
	    json_integer_value(cpu) >= state.nr_cpus) {
		control_fail(error, CONTROL_E_not_found, "no CPU %lld: 0 .. %u",
			     (long long)json_integer_value(cpu), state.nr_cpus - 1);
		return NULL;
	}
	if (qumun_get_latency(b->q, cpu ? (int)json_integer_value(cpu) : -1, &l))
		return failed(b, error);
	return latency_json(&l);
}

static int add_share(void *arg, const struct qumun_share *share)
{
	json_t *o = latency_json(&share->latency);

	json_object_set_new(o, "run_ns", json_integer((json_int_t)share->run_ns));
	if (share->rule_id)
		json_object_set_new(o, "rule", json_integer(share->rule_id));
	else
		json_object_set_new(o, "class", json_string(class_name(share->cls)));
	json_array_append_new(arg, o);
	return 0;
}

/* What a rule says, to its share. */
static int describe(void *arg, const struct qumun_rule *rule, unsigned int nr_tasks)
{
	json_t *o, *text;
	size_t i;

	json_array_foreach(arg, i, o)
	{
		if (json_integer_value(json_object_get(o, "rule")) != rule->id)
			continue;
		text = rule_json(rule, "tasks", nr_tasks);
		json_object_set(o, "text", json_object_get(text, "rule"));
		json_object_set(o, "tasks", json_object_get(text, "tasks"));
		json_decref(text);
	}
	return 0;
}

json_t *shares_get(struct backend *b, const json_t *args, struct control_error *error)
{
	json_t *list = json_array();
	__u64 now = requests_clock_ns();

	if (qumun_list_shares(b->q, add_share, list)) {
		json_decref(list);
		return failed(b, error);
	}
	qumun_list_rules(b->q, describe, list);
	return json_pack("{s:I, s:o}", "time_ns", (json_int_t)now, "shares", list);
}
