/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rule counts for a task, and why: now, and after a change that is only asked about. The
 * library lists a task's matches, the strongest first; a change adds the youngest one or takes
 * one away, so both answers are the first of the list that is there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "requests.h"

#define MAX_TASKS 100
#define MAX_CONFLICTS 100
#define WHY_SIZE 160

struct tally {
	unsigned int id, matches, now, after;
	struct qumun_rule *rule; /* a copy */
};

struct conflict {
	unsigned int winner, loser, tasks;
};

struct explanation {
	unsigned int without; /* id of a rule that goes; 0: none */
	json_t *changed, *same;
	size_t total, nr_changed;
	struct tally *rules;
	size_t nr_rules, room;
	struct conflict conflicts[MAX_CONFLICTS];
	size_t nr_conflicts;
	bool failed;
};

/* The next match from @i on that is there: now, or after the change. */
static size_t next_match(const struct qumun_rule_case *c, size_t i, bool after,
			 unsigned int without)
{
	unsigned int id;

	for (; i < c->nr; i++) {
		id = c->matches[i].rule->id;
		if (id != (after ? without : QUMUN_RULE_PROPOSED))
			break;
	}
	return i;
}

static const char *rule_name(unsigned int id, char text[32])
{
	if (id == QUMUN_RULE_PROPOSED)
		snprintf(text, 32, "the proposed rule");
	else
		snprintf(text, 32, "rule %u", id);
	return text;
}

/* Why match @i counts and @j, the next one, does not. */
static void say_why(const struct qumun_rule_case *c, size_t i, size_t j,
		    char why[WHY_SIZE])
{
	static const char *const keys[] = {
#define X(key, NAME, kind, accepted, doc) #key,
		QUMUN_RULE_KEYS(X)
#undef X
	};
	enum qumun_rule_key by;
	char other[32];

	if (i == c->nr) {
		snprintf(why, WHY_SIZE, "no rule matches");
		return;
	}
	if (j == c->nr) {
		snprintf(why, WHY_SIZE, "no other rule matches");
		return;
	}
	by = qumun_rule_decided_by(c->matches[i].strength, c->matches[j].strength);
	rule_name(c->matches[j].rule->id, other);
	if (by == QUMUN_NR_RULE_KEYS)
		snprintf(why, WHY_SIZE, "as strong as %s, and younger", other);
	else if (c->matches[j].rule->match >> by & 1)
		snprintf(why, WHY_SIZE, "names a deeper %s than %s", keys[by], other);
	else
		snprintf(why, WHY_SIZE, "matches by %s, and %s does not", keys[by],
			 other);
}

static struct tally *tally_of(struct explanation *e, const struct qumun_rule *rule)
{
	struct tally *more;
	size_t i;

	for (i = 0; i < e->nr_rules; i++) {
		if (e->rules[i].id == rule->id)
			return &e->rules[i];
	}
	if (e->nr_rules == e->room) {
		e->room = e->room ? e->room * 2 : 16;
		more = realloc(e->rules, e->room * sizeof(*more));
		if (!more)
			return NULL;
		e->rules = more;
	}
	more = &e->rules[e->nr_rules];
	*more = (struct tally){ .id = rule->id, .rule = malloc(sizeof(*rule)) };
	if (!more->rule)
		return NULL;
	*more->rule = *rule;
	e->nr_rules++;
	return more;
}

static void note_conflict(struct explanation *e, unsigned int winner, unsigned int loser)
{
	struct conflict *x;

	for (x = e->conflicts; x < e->conflicts + e->nr_conflicts; x++) {
		if (x->winner == winner && x->loser == loser) {
			x->tasks++;
			return;
		}
	}
	if (e->nr_conflicts < MAX_CONFLICTS)
		e->conflicts[e->nr_conflicts++] = (struct conflict){ winner, loser, 1 };
}

static json_int_t wire_id(unsigned int id)
{
	return id == QUMUN_RULE_PROPOSED ? -1 : (json_int_t)id;
}

static json_int_t id_at(const struct qumun_rule_case *c, size_t i)
{
	return i < c->nr ? wire_id(c->matches[i].rule->id) : 0;
}

static const char *class_at(const struct qumun_rule_case *c, size_t i)
{
	enum qumun_class cls = i < c->nr ? c->matches[i].rule->cls : QUMUN_CLASS_NONE;

	return class_name(cls ? cls : c->own_class);
}

static void add_task(struct explanation *e, const struct qumun_rule_case *c, size_t now,
		     size_t after)
{
	bool changes = id_at(c, now) != id_at(c, after);
	json_t *list = changes ? e->changed : e->same;
	size_t next = next_match(c, after + 1, true, e->without);
	char why[WHY_SIZE], then[WHY_SIZE];

	e->total++;
	e->nr_changed += changes;
	if (after < c->nr && next < c->nr &&
	    c->matches[after].strength == c->matches[next].strength)
		note_conflict(e, c->matches[after].rule->id, c->matches[next].rule->id);
	if (json_array_size(list) >= MAX_TASKS)
		return;
	say_why(c, now, next_match(c, now + 1, false, 0), why);
	say_why(c, after, next, then);
	json_array_append_new(
		list,
		json_pack("{s:i, s:i, s:o, s:s, s:I, s:s, s:s, s:I, s:s}", "pid", c->pid,
			  "tgid", c->tgid, "comm", name_json(c->comm, QUMUN_COMM_LEN),
			  "class", class_at(c, now), "rule", id_at(c, now), "because",
			  why, "class_after", class_at(c, after), "rule_after",
			  id_at(c, after), "because_after", then));
}

static int on_task(void *arg, const struct qumun_rule_case *c)
{
	struct explanation *e = arg;
	size_t now = next_match(c, 0, false, 0),
	       after = next_match(c, 0, true, e->without), i;
	struct tally *t;

	for (i = 0; i < c->nr; i++) {
		t = tally_of(e, c->matches[i].rule);
		if (!t) {
			e->failed = true;
			return 1;
		}
		t->matches++;
		t->now += i == now;
		t->after += i == after;
	}
	add_task(e, c, now, after);
	return 0;
}

static int by_age(const void *a, const void *b)
{
	const struct tally *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static json_t *rules_of(struct explanation *e)
{
	json_t *list = json_array(), *o;
	struct tally *t;

	if (e->nr_rules)
		qsort(e->rules, e->nr_rules, sizeof(*e->rules), by_age);
	for (t = e->rules; t < e->rules + e->nr_rules; t++) {
		o = rule_json(t->rule, "matches", t->matches);
		json_object_set_new(o, "tasks", json_integer(t->now));
		json_object_set_new(o, "tasks_after", json_integer(t->after));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *conflicts_of(const struct explanation *e)
{
	json_t *list = json_array();
	const struct conflict *x;

	for (x = e->conflicts; x < e->conflicts + e->nr_conflicts; x++)
		json_array_append_new(list, json_pack("{s:I, s:I, s:I}", "winner",
						      wire_id(x->winner), "loser",
						      wire_id(x->loser), "tasks",
						      (json_int_t)x->tasks));
	return list;
}

/* Which tasks are asked about, in the words of a rule. */
static bool selection(const json_t *args, struct qumun_rule *which,
		      struct control_error *error)
{
	static const char *const keys[] = { "pid", "cgroup", "comm" };
	char number[32], why[256] = "";
	const json_t *value;
	int i, nr = 0;

	for (i = 0; i < 3; i++) {
		value = json_object_get(args, keys[i]);
		if (!value)
			continue;
		nr++;
		snprintf(number, sizeof(number), "%lld",
			 (long long)json_integer_value(value));
		if (qumun_rule_set(which, keys[i],
				   json_is_string(value) ? json_string_value(value)
							 : number,
				   why, sizeof(why)))
			return control_fail(error, CONTROL_E_bad_field, "%s", why);
	}
	if (nr == 1)
		return true;
	return control_fail(error, CONTROL_E_bad_field,
			    "which tasks? Give one of pid, cgroup and comm");
}

static void release(struct explanation *e)
{
	size_t i;

	for (i = 0; i < e->nr_rules; i++)
		free(e->rules[i].rule);
	free(e->rules);
	json_decref(e->changed);
	json_decref(e->same);
}

static json_t *result_of(struct explanation *e)
{
	size_t i;

	for (i = 0;
	     json_array_size(e->changed) < MAX_TASKS && i < json_array_size(e->same); i++)
		json_array_append(e->changed, json_array_get(e->same, i));
	return json_pack("{s:I, s:I, s:O, s:o, s:o}", "total", (json_int_t)e->total,
			 "changed", (json_int_t)e->nr_changed, "tasks", e->changed,
			 "rules", rules_of(e), "conflicts", conflicts_of(e));
}

json_t *explain(struct backend *b, const json_t *args, struct control_error *error)
{
	struct explanation e = { .changed = json_array(), .same = json_array() };
	struct qumun_rule which = QUMUN_RULE_INIT, proposed;
	const char *text = json_string_value(json_object_get(args, "rule"));
	json_t *result = NULL, *there;
	int err;

	e.without = (unsigned int)json_integer_value(json_object_get(args, "without"));
	there = e.without ? rule_text(b->q, e.without) : NULL;
	if (e.without && !there) {
		control_fail(error, CONTROL_E_not_found, "no rule %u: see rules list",
			     e.without);
		goto out;
	}
	if (!selection(args, &which, error) ||
	    (text && !rule_parse(&proposed, text, error)))
		goto out;
	err = qumun_explain_rules(b->q, &which, text ? &proposed : NULL, on_task, &e);
	if (err)
		control_fail(error, CONTROL_E_failed, "%s",
			     e.failed || err == -ENOMEM ? "out of memory"
							: qumun_strerror(b->q));
	else if (json_object_get(args, "pid") && !e.total)
		control_fail(error, CONTROL_E_not_found, "no task %d has a record",
			     which.pid);
	else
		result = result_of(&e);
out:
	json_decref(there);
	release(&e);
	return result;
}

static int on_one_task(void *arg, const struct qumun_rule_case *c)
{
	say_why(c, 0, c->nr > 1 ? 1 : c->nr, arg);
	return 1;
}

json_t *explain_task(struct qumun *q, pid_t pid)
{
	struct qumun_rule which = QUMUN_RULE_INIT;
	char why[WHY_SIZE] = "";

	which.match = 1U << QUMUN_RULE_PID;
	which.pid = pid;
	return qumun_explain_rules(q, &which, NULL, on_one_task, why) == 1
		       ? json_string(why)
		       : NULL;
}
