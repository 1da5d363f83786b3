/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about rules. Rules travel as text, in the words of qumun_rule_parse(). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "requests.h"

#define OWNER_REQUEST 3 /* beside the configuration file's 1 and the command line's 2 */
#define TEXT_SIZE (QUMUN_RULE_CGROUP_LEN + QUMUN_RULE_COMM_LEN + 512)

static json_t *format_rule(const struct qumun_rule *rule)
{
	char text[TEXT_SIZE];
	json_t *o;

	qumun_rule_format(rule, text, sizeof(text));
	o = json_string(text);
	return o ? o : json_string("(not UTF-8)");
}

json_t *rule_json(const struct qumun_rule *rule, const char *counted,
		  unsigned int nr_tasks)
{
	static const char *const owners[] = { "other", "file", "command line",
					      "request" };
	const char *owner = rule->owner < 4 ? owners[rule->owner] : "other";
	json_int_t id = rule->id == QUMUN_RULE_PROPOSED ? -1 : (json_int_t)rule->id;

	return json_pack("{s:I, s:s, s:o, s:I}", "id", id, "owner", owner, "rule",
			 format_rule(rule), counted, (json_int_t)nr_tasks);
}

static int add_to_list(void *arg, const struct qumun_rule *rule, unsigned int nr_tasks)
{
	json_array_append_new(arg, rule_json(rule, "tasks", nr_tasks));
	return 0;
}

json_t *rules_list(struct backend *b, const json_t *args, struct control_error *error)
{
	json_t *list = json_array();

	qumun_list_rules(b->q, add_to_list, list);
	return json_pack("{s:o}", "rules", list);
}

struct wanted {
	unsigned int id;
	json_t *text;
};

static int find_rule(void *arg, const struct qumun_rule *rule, unsigned int nr_tasks)
{
	struct wanted *w = arg;

	if (rule->id != w->id)
		return 0;
	w->text = format_rule(rule);
	return 1;
}

json_t *rule_text(struct qumun *q, unsigned int id)
{
	struct wanted w = { .id = id };

	qumun_list_rules(q, find_rule, &w);
	return w.text;
}

bool rule_parse(struct qumun_rule *rule, const char *text, struct control_error *error)
{
	char why[256] = "";

	*rule = (struct qumun_rule)QUMUN_RULE_INIT;
	if (!qumun_rule_parse(rule, text, why, sizeof(why))) {
		rule->owner = OWNER_REQUEST;
		return true;
	}
	return control_fail(error, CONTROL_E_bad_field, "rule \"%.100s\": %s", text, why);
}

static json_t *failed(struct backend *b, struct control_error *error)
{
	control_fail(error, CONTROL_E_failed, "%s", qumun_strerror(b->q));
	return NULL;
}

json_t *rules_add(struct backend *b, const json_t *args, struct control_error *error)
{
	const char *text = json_string_value(json_object_get(args, "rule"));
	struct qumun_rule rule;
	unsigned int id;

	if (!rule_parse(&rule, text, error))
		return NULL;
	if (qumun_add_rule(b->q, &rule, &id))
		return failed(b, error);
	say(QUMUN_LOG_INFO, "rule %u added by request: %s", id, text);
	return json_pack("{s:I}", "id", (json_int_t)id);
}

json_t *rules_remove(struct backend *b, const json_t *args, struct control_error *error)
{
	unsigned int id = (unsigned int)json_integer_value(json_object_get(args, "id"));
	json_t *text = rule_text(b->q, id);

	if (!text) {
		control_fail(error, CONTROL_E_not_found, "no rule %u: see rules list",
			     id);
		return NULL;
	}
	if (qumun_remove_rule(b->q, id)) {
		json_decref(text);
		return failed(b, error);
	}
	say(QUMUN_LOG_INFO, "rule %u removed by request: %s", id,
	    json_string_value(text));
	json_decref(text);
	return json_object();
}

json_t *rules_load(struct backend *b, const json_t *args, struct control_error *error)
{
	const json_t *list = json_object_get(args, "rules");
	size_t i, nr = json_array_size(list);
	struct qumun_rule *rules = calloc(nr + 1, sizeof(*rules));
	json_t *result = NULL;

	if (!rules) {
		control_fail(error, CONTROL_E_failed, "out of memory");
		return NULL;
	}
	for (i = 0; i < nr; i++) {
		if (!rule_parse(&rules[i], json_string_value(json_array_get(list, i)),
				error))
			goto out;
	}
	if (qumun_load_rules(b->q, OWNER_REQUEST, rules, nr)) {
		failed(b, error);
		goto out;
	}
	say(QUMUN_LOG_INFO, "%zu rules loaded by request", nr);
	result = json_pack("{s:I}", "count", (json_int_t)nr);
out:
	free(rules);
	return result;
}
