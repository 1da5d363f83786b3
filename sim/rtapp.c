/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rt-app's JSON as a scenario: tasks with instances, loops and phases; the steps run, runtime,
 * sleep, timer, suspend, resume, wait, signal, sync, yield and fork; priority (as nice), cpus
 * and delay. Times are in microseconds, global.duration in seconds. Steps may carry a suffix
 * (run0, sleep1); their order in the file counts. rt-app's parser forgives comments and commas
 * at the end of a list, so they are removed first. What is not understood is refused by name.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"

#ifndef HAVE_JANSSON

int scenario_read_rtapp(struct scenario *sc, const char *path, char *err, size_t size)
{
	snprintf(err, size, "%s: rt-app JSON needs a build with jansson", path);
	return -ENOSYS;
}

#else

#include <jansson.h>

struct reader {
	struct scenario *sc;
	const char *path;
	char *err;
	size_t size;
};

static int refuse(struct reader *r, const char *task, const char *what, const char *why)
{
	snprintf(r->err, r->size, "%s: task %s: \"%s\" %s", r->path, task, what, why);
	return -EINVAL;
}

/* Blank comments and commas before a closing bracket, in place; strings are left alone. */
static void forgive(char *s)
{
	char *comma = NULL;
	bool quoted = false;

	for (; *s; s++) {
		if (quoted) {
			if (*s == '\\' && s[1])
				s++;
			else if (*s == '"')
				quoted = false;
			continue;
		}
		if (*s == '"') {
			quoted = true;
			comma = NULL;
		} else if (*s == '/' && s[1] == '*') {
			while (*s && !(*s == '*' && s[1] == '/'))
				*s++ = ' ';
			if (!*s)
				return;
			*s++ = ' ';
			*s = ' ';
		} else if (*s == '/' && s[1] == '/') {
			while (*s && *s != '\n')
				*s++ = ' ';
			if (!*s)
				return;
		} else if (*s == ',') {
			comma = s;
		} else if (*s == '}' || *s == ']') {
			if (comma)
				*comma = ' ';
			comma = NULL;
		} else if (!isspace((unsigned char)*s)) {
			comma = NULL;
		}
	}
}

static bool is_step(const char *key, const char *step)
{
	size_t len = strlen(step);

	if (strncmp(key, step, len))
		return false;
	for (key += len; *key; key++) {
		if (!isdigit((unsigned char)*key))
			return false;
	}
	return true;
}

static __u64 us(const json_t *v)
{
	return (__u64)(json_number_value(v) * 1000);
}

static int add(struct reader *r, struct scen_task *t, enum scen_op_kind kind, __u64 a,
	       const char *text)
{
	struct scen_op *op;

	if (t->nr_ops == SCEN_OPS)
		return refuse(r, t->name, "phases", "have too many steps");
	op = scen_task_add(t, kind, a, a);
	if (text && strlen(text) >= sizeof(op->text))
		return refuse(r, t->name, text, "is too long a name");
	if (text)
		snprintf(op->text, sizeof(op->text), "%s", text);
	return 0;
}

/* A resource's name: the value itself, or its member "ref". */
static const char *ref_of(const json_t *v)
{
	return json_is_object(v) ? json_string_value(json_object_get(v, "ref"))
				 : json_string_value(v);
}

static int read_phase(struct reader *r, struct scen_task *t, json_t *phase);

/* 0: understood; 1: no step. */
static int read_step(struct reader *r, struct scen_task *t, const char *key, json_t *v)
{
	static const struct {
		const char *key;
		enum scen_op_kind kind;
	} channels[] = { { "suspend", OP_WAIT },  { "wait", OP_WAIT },
			 { "resume", OP_SIGNAL }, { "signal", OP_SIGNAL },
			 { "sync", OP_SYNC },	  { "fork", OP_FORK } };
	const char *name;
	size_t i;

	if (is_step(key, "run") || is_step(key, "runtime"))
		return add(r, t, OP_RUN, us(v), NULL);
	if (is_step(key, "sleep"))
		return add(r, t, OP_SLEEP, us(v), NULL);
	if (is_step(key, "yield"))
		return add(r, t, OP_YIELD, 0, NULL);
	if (is_step(key, "timer")) {
		name = json_string_value(json_object_get(v, "mode"));
		if (name && !strcmp(name, "relative"))
			return add(r, t, OP_SLEEP, us(json_object_get(v, "period")),
				   NULL);
		return add(r, t, OP_TIMER, us(json_object_get(v, "period")), NULL);
	}
	for (i = 0; i < sizeof(channels) / sizeof(*channels); i++) {
		if (!is_step(key, channels[i].key))
			continue;
		name = ref_of(v);
		/* a task that suspends without naming a resource waits under its own name */
		return add(r, t, channels[i].kind, 0, name ? name : t->name);
	}
	return 1;
}

static int read_cpus(struct reader *r, struct scen_task *t, const json_t *v)
{
	size_t i, len = 0;

	for (i = 0; i < json_array_size(v); i++)
		len += (size_t)snprintf(
			t->cpus + len, sizeof(t->cpus) - len, "%s%lld", i ? "," : "",
			(long long)json_integer_value(json_array_get(v, i)));
	return len < sizeof(t->cpus) ? 0
				     : refuse(r, t->name, "cpus", "is too long a list");
}

/* What describes a task or a phase rather than being a step. */
static int read_property(struct reader *r, struct scen_task *t, const char *key,
			 json_t *v)
{
	static const char *const ignored[] = {
		"comment",  "policy",	"dl-runtime",	 "dl-period", "dl-deadline",
		"util_min", "util_max", "nodes_membind", "taskgroup", "random_sleep"
	};
	const char *policy = json_string_value(v);
	size_t i;

	if (!strcmp(key, "policy") && policy && strcmp(policy, "SCHED_OTHER") &&
	    strcmp(policy, "SCHED_EXT") && strcmp(policy, "SCHED_BATCH"))
		return refuse(r, t->name, policy,
			      "is no policy that the simulator schedules");
	if (!strcmp(key, "instance"))
		t->nr = (__u32)json_integer_value(v);
	else if (!strcmp(key, "priority"))
		t->nice = (int)json_integer_value(v);
	else if (!strcmp(key, "delay"))
		t->start_ns = us(v);
	else if (!strcmp(key, "cpus"))
		return read_cpus(r, t, v);
	else if (!strcmp(key, "loop") || !strcmp(key, "phases"))
		return 0;
	else {
		for (i = 0; i < sizeof(ignored) / sizeof(*ignored); i++) {
			if (!strcmp(key, ignored[i]))
				return 0;
		}
		return refuse(r, t->name, key, "is not understood");
	}
	return 0;
}

static int read_phase(struct reader *r, struct scen_task *t, json_t *phase)
{
	json_int_t loop = json_integer_value(json_object_get(phase, "loop"));
	const char *key;
	json_t *v;
	int rc = 0;

	if (loop > 1 && (rc = add(r, t, OP_LOOP, (__u64)loop, NULL)))
		return rc;
	json_object_foreach(phase, key, v)
	{
		rc = read_step(r, t, key, v);
		if (rc == 1)
			rc = read_property(r, t, key, v);
		if (rc)
			return rc;
	}
	return loop > 1 ? add(r, t, OP_END, 0, NULL) : 0;
}

/* Phases that repeat a limited number of times are followed by the task's end. */
static int read_task(struct reader *r, const char *name, json_t *task)
{
	json_t *phases = json_object_get(task, "phases"),
	       *loop = json_object_get(task, "loop"), *v;
	struct scen_task *t;
	const char *key;
	int rc = 0;

	if (strlen(name) >= SCEN_NAME)
		return refuse(r, name, "name", "has more than 15 letters");
	t = scenario_add_task(r->sc, name);
	if (!phases) {
		rc = read_phase(r, t, task);
	} else {
		json_object_foreach(task, key, v)
		{
			rc = read_property(r, t, key, v);
			if (rc)
				return rc;
		}
		if (loop && json_integer_value(loop) > 1)
			rc = add(r, t, OP_LOOP, (__u64)json_integer_value(loop), NULL);
		json_object_foreach(phases, key, v)
		{
			if (!rc)
				rc = read_phase(r, t, v);
		}
		if (!rc && loop && json_integer_value(loop) > 1)
			rc = add(r, t, OP_END, 0, NULL);
	}
	if (!rc && loop && json_integer_value(loop) > 0)
		rc = add(r, t, OP_EXIT, 0, NULL);
	return rc;
}

static int read_root(struct reader *r, json_t *root)
{
	json_t *global = json_object_get(root, "global"),
	       *tasks = json_object_get(root, "tasks"), *v;
	const char *key;
	int rc;

	v = json_object_get(global, "duration");
	if (json_is_number(v) && json_number_value(v) > 0)
		r->sc->duration_ns = (__u64)(json_number_value(v) * 1e9);
	if (!json_is_object(tasks)) {
		snprintf(r->err, r->size, "%s: no \"tasks\"", r->path);
		return -EINVAL;
	}
	json_object_foreach(tasks, key, v)
	{
		rc = read_task(r, key, v);
		if (rc)
			return rc;
	}
	return scenario_check(r->sc, r->err, r->size);
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	long len;

	if (!f)
		return NULL;
	if (!fseek(f, 0, SEEK_END) && (len = ftell(f)) >= 0 && !fseek(f, 0, SEEK_SET)) {
		text = calloc(1, (size_t)len + 1);
		if (text && fread(text, 1, (size_t)len, f) != (size_t)len)
			text[0] = '\0';
	}
	fclose(f);
	return text;
}

int scenario_read_rtapp(struct scenario *sc, const char *path, char *err, size_t size)
{
	struct reader r = { .sc = sc, .path = path, .err = err, .size = size };
	char *text = read_file(path);
	json_error_t why;
	json_t *root;
	int rc;

	if (!text) {
		snprintf(err, size, "%s: %s", path, strerror(errno));
		return -ENOENT;
	}
	snprintf(sc->file, sizeof(sc->file), "%s", path);
	forgive(text);
	root = json_loads(text, 0, &why);
	free(text);
	if (!root) {
		snprintf(err, size, "%s:%d: %s", path, why.line, why.text);
		return -EINVAL;
	}
	rc = read_root(&r, root);
	json_decref(root);
	return rc;
}

#endif
