/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the configuration: libyaml's events, which carry positions, go through a small
 * recursive descent: a mapping of keys, in it `params` (a mapping) and `rules` (a sequence of
 * mappings). The first fault ends it; nothing is in effect before all has been read.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "../base/parse.h"
#include "config.h"
#include "config_keys.h"

struct reader {
	yaml_parser_t yaml;
	yaml_event_t event;
	bool have_event;
	const char *name;
	struct config *c;
	char *why;
	size_t why_size;
};

/* One key of the file: where it stands, and a copy of its text. */
struct key {
	yaml_mark_t at;
	char text[64];
};

__attribute__((format(printf, 3, 4))) static int refuse(struct reader *r, yaml_mark_t at,
							const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(r->why, r->why_size, "%s:%zu:%zu: ", r->name, at.line + 1,
			 at.column + 1);

	if (n > 0 && (size_t)n < r->why_size) {
		va_start(ap, fmt);
		vsnprintf(r->why + n, r->why_size - (size_t)n, fmt, ap);
		va_end(ap);
	}
	return -EINVAL;
}

static int next(struct reader *r)
{
	yaml_mark_t at;

	if (r->have_event)
		yaml_event_delete(&r->event);
	r->have_event = false;
	if (!yaml_parser_parse(&r->yaml, &r->event)) {
		at = r->yaml.problem_mark;
		return refuse(r, at, "not YAML: %s%s%s",
			      r->yaml.context ? r->yaml.context : "",
			      r->yaml.context ? ", " : "",
			      r->yaml.problem ? r->yaml.problem : "out of memory");
	}
	r->have_event = true;
	return 0;
}

/* What the current event is, for people. */
static const char *found(const struct reader *r)
{
	switch (r->event.type) {
	case YAML_MAPPING_START_EVENT:
		return "a mapping";
	case YAML_SEQUENCE_START_EVENT:
		return "a list";
	case YAML_ALIAS_EVENT:
		return "an alias";
	case YAML_SCALAR_EVENT:
		return *r->event.data.scalar.value
			       ? (const char *)r->event.data.scalar.value
			       : "nothing";
	default:
		return "the end";
	}
}

/* The current event must be of @type. */
static int expect(struct reader *r, yaml_event_type_t type, const char *what,
		  const char *accepted)
{
	if (r->event.type == type)
		return 0;
	return refuse(r, r->event.start_mark, "%s is %s: accepted is %s", what, found(r),
		      accepted);
}

/* The next key of a mapping into @key; 1 at the mapping's end. */
static int next_key(struct reader *r, struct key *key)
{
	int err = next(r);

	if (err)
		return err;
	if (r->event.type == YAML_MAPPING_END_EVENT)
		return 1;
	err = expect(r, YAML_SCALAR_EVENT, "a key", "a word");
	if (err)
		return err;
	key->at = r->event.start_mark;
	snprintf(key->text, sizeof(key->text), "%s", (char *)r->event.data.scalar.value);
	return 0;
}

/* The value behind @key must be a scalar. */
static int next_value(struct reader *r, const struct key *key, const char *accepted)
{
	int err = next(r);

	return err ? err : expect(r, YAML_SCALAR_EVENT, key->text, accepted);
}

static int unknown(struct reader *r, const struct key *key, const char *where,
		   const char *const *known)
{
	const char *near = nearest_word(key->text, known);
	char list[512] = "";
	size_t at = 0;

	for (; *known && at < sizeof(list); known++)
		at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s",
				       at ? ", " : "", *known);
	return refuse(r, key->at, "unknown key \"%s\"%s%s%s%s: accepted are %s",
		      key->text, where, near ? ", did you mean \"" : "", near ? near : "",
		      near ? "\"?" : "", list);
}

static int twice(struct reader *r, const struct key *key, unsigned long *seen, int i)
{
	if (*seen >> i & 1)
		return refuse(r, key->at, "%s is given twice", key->text);
	*seen |= 1UL << i;
	return 0;
}

static int find_word(const char *const *words, const char *word)
{
	int i;

	for (i = 0; words[i]; i++) {
		if (!strcmp(words[i], word))
			return i;
	}
	return -1;
}

static int read_params(struct reader *r)
{
	__u64 *values = (__u64 *)&r->c->params;
	unsigned long seen = 0;
	struct key key = { 0 }, last = { 0 };
	char accepted[128];
	int i, err;

	err = next(r);
	if (!err)
		err = expect(r, YAML_MAPPING_START_EVENT, "params",
			     "a mapping of parameters");
	while (!err && !(err = next_key(r, &key))) {
		i = find_word(param_names(), key.text);
		if (i < 0)
			return unknown(r, &key, " in params", param_names());
		err = twice(r, &key, &seen, i);
		if (err)
			break;
		param_accepted(i, accepted, sizeof(accepted));
		err = next_value(r, &key, accepted);
		if (!err &&
		    param_parse(i, (char *)r->event.data.scalar.value, &values[i]))
			err = refuse(r, r->event.start_mark, "%s is %s: accepted is %s",
				     key.text, found(r), accepted);
		if (strstr(key.text, "_slice"))
			last = key;
	}
	if (err != 1)
		return err;
	if (r->c->params.min_slice_ns > r->c->params.base_slice_ns ||
	    r->c->params.base_slice_ns > r->c->params.max_slice_ns)
		return refuse(
			r, last.at,
			"%s does not fit the others: accepted is min_slice <= base_slice <= "
			"max_slice",
			last.text);
	return 0;
}

static int read_rule(struct reader *r, struct qumun_rule *rule)
{
	yaml_mark_t begin = r->event.start_mark;
	char why[1024];
	struct key key;
	int err;

	err = expect(r, YAML_MAPPING_START_EVENT, "a rule",
		     "a mapping such as comm: foo*");
	while (!err && !(err = next_key(r, &key))) {
		err = next_value(r, &key, "one value");
		if (err)
			break;
		err = qumun_rule_set(rule, key.text, (char *)r->event.data.scalar.value,
				     why, sizeof(why));
		if (err)
			return refuse(r, err == -EINVAL ? r->event.start_mark : key.at,
				      "%s", why);
	}
	if (err != 1)
		return err;
	return config_rule_check(rule, why, sizeof(why)) ? refuse(r, begin, "%s", why)
							 : 0;
}

static int read_rules(struct reader *r)
{
	struct config *c = r->c;
	struct qumun_rule rule, *more;
	int err;

	err = next(r);
	if (!err && r->event.type == YAML_SCALAR_EVENT && !*r->event.data.scalar.value)
		return 0;
	if (!err)
		err = expect(r, YAML_SEQUENCE_START_EVENT, "rules", "a list of rules");
	while (!err) {
		err = next(r);
		if (err || r->event.type == YAML_SEQUENCE_END_EVENT)
			break;
		rule = (struct qumun_rule)QUMUN_RULE_INIT;
		err = read_rule(r, &rule);
		if (err)
			break;
		more = realloc(c->rules, (c->nr_rules + 1) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		c->rules = more;
		c->rules[c->nr_rules++] = rule;
	}
	return err;
}

static int read_scalar(struct reader *r, const struct key *key, int i)
{
	int err = next_value(r, key, key_accepted(i));

	if (!err && key_set(r->c, i, (char *)r->event.data.scalar.value))
		err = refuse(r, r->event.start_mark, "%s is %s: accepted is %s",
			     key->text, found(r), key_accepted(i));
	return err;
}

static int read_all(struct reader *r)
{
	unsigned long seen = 0;
	struct key key;
	int i, err;

	err = expect(r, YAML_MAPPING_START_EVENT, "the file", "a mapping of keys");
	while (!err && !(err = next_key(r, &key))) {
		i = find_word(key_names(), key.text);
		if (i < 0)
			return unknown(r, &key, "", key_names());
		err = twice(r, &key, &seen, i);
		if (!err && !strcmp(key.text, "params"))
			err = read_params(r);
		else if (!err && !strcmp(key.text, "rules"))
			err = read_rules(r);
		else if (!err)
			err = read_scalar(r, &key, i);
	}
	return err == 1 ? 0 : err;
}

/* Stream and document around the mapping; a file of comments only is fine. */
static int read_stream(struct reader *r)
{
	int err = next(r);

	if (!err)
		err = next(r);
	if (err || r->event.type == YAML_STREAM_END_EVENT)
		return err;
	err = next(r);
	/* nothing but comments behind "---" */
	if (!err && r->event.type == YAML_SCALAR_EVENT && !*r->event.data.scalar.value)
		return 0;
	if (!err)
		err = read_all(r);
	if (!err)
		err = next(r);
	if (!err)
		err = next(r);
	if (!err && r->event.type != YAML_STREAM_END_EVENT)
		err = refuse(r, r->event.start_mark,
			     "a second document: accepted is one");
	return err;
}

int config_parse(struct config *c, const char *name, const char *text, size_t size,
		 char *why, size_t why_size)
{
	struct config new = *c;
	struct reader r = { .name = name, .c = &new, .why = why, .why_size = why_size };
	int err;

	new.rules = NULL;
	new.nr_rules = 0;
	new.policy = strdup(c->policy);
	if (!new.policy || !yaml_parser_initialize(&r.yaml)) {
		free(new.policy);
		return -ENOMEM;
	}
	yaml_parser_set_input_string(&r.yaml, (const unsigned char *)text, size);
	err = read_stream(&r);
	if (r.have_event)
		yaml_event_delete(&r.event);
	yaml_parser_delete(&r.yaml);
	if (err) {
		config_free(&new);
		return err;
	}
	config_free(c);
	*c = new;
	return 0;
}

int config_load(struct config *c, const char *path, char *why, size_t why_size)
{
	static const size_t max = 16U << 20;
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	int err = 0;

	if (f) {
		text = malloc(max + 1);
		if (text)
			size = fread(text, 1, max + 1, f);
		err = !text ? -ENOMEM : ferror(f) ? -EIO : size > max ? -EFBIG : 0;
		fclose(f);
	} else {
		err = -errno;
	}
	if (err)
		snprintf(why, why_size, "%s: %s", path, strerror(-err));
	else
		err = config_parse(c, path, text, size, why, why_size);
	free(text);
	return err;
}
