/* SPDX-License-Identifier: Apache-2.0 */
/* The scenario language: one line, one thing; docs/simulator.md describes it. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <qumun/params.h>

#include "scenario.h"

struct parser {
	struct scenario *sc;
	const char *name;
	int line;
	char *err;
	size_t err_size;
};

__attribute__((format(printf, 2, 3))) static int fail(struct parser *ps, const char *fmt,
						      ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(ps->err, ps->err_size, "%s:%d: %s", ps->name, ps->line, text);
	return -EINVAL;
}

static int parse_u64(const char *text, __u64 *v)
{
	char *end;

	*v = strtoull(text, &end, 0);
	return end == text || *end ? -EINVAL : 0;
}

/* "A" or "A-B" in times. */
static int parse_span(const char *text, __u64 *a, __u64 *b)
{
	char buf[64], *dash;

	snprintf(buf, sizeof(buf), "%s", text);
	dash = strchr(buf, '-');
	if (dash)
		*dash++ = '\0';
	if (parse_time(buf, a))
		return -EINVAL;
	*b = *a;
	return dash ? parse_time(dash, b) : 0;
}

static const struct {
	const char *name;
	enum scen_op_kind kind;
	char arg; /* span, time, Name, number, list, 0: none */
} op_table[] = {
	{ "run", OP_RUN, 's' },	      { "sleep", OP_SLEEP, 's' },
	{ "timer", OP_TIMER, 't' },   { "wait", OP_WAIT, 'N' },
	{ "signal", OP_SIGNAL, 'N' }, { "sync", OP_SYNC, 'N' },
	{ "until", OP_UNTIL, 't' },   { "yield", OP_YIELD, 0 },
	{ "fork", OP_FORK, 'N' },     { "nice", OP_NICE, 'n' },
	{ "cpus", OP_CPUS, 'l' },     { "cgroup", OP_CGROUP, 'n' },
	{ "loop", OP_LOOP, 'n' },     { "renice", OP_RENICE, 'N' },
	{ "pin", OP_PIN, 'N' },	      { "end", OP_END, 0 },
	{ "exit", OP_EXIT, 0 },
};

const char *scenario_op_name(enum scen_op_kind kind, char *arg)
{
	size_t i;

	for (i = 0; i < sizeof(op_table) / sizeof(*op_table); i++) {
		if (op_table[i].kind == kind) {
			*arg = op_table[i].arg;
			return op_table[i].name;
		}
	}
	return "?";
}

static int parse_op(struct parser *ps, struct scen_task *t, char *text)
{
	char *save, *word = strtok_r(text, " \t", &save),
		    *arg = strtok_r(NULL, " \t", &save);
	struct scen_op op = { 0 }, *new;
	size_t i;
	int err = 0;

	if (!word)
		return 0;
	for (i = 0; i < sizeof(op_table) / sizeof(*op_table); i++) {
		if (!strcmp(word, op_table[i].name))
			break;
	}
	if (i == sizeof(op_table) / sizeof(*op_table))
		return fail(
			ps,
			"unknown step '%s': run, sleep, timer, until, wait, signal, sync, yield, "
			"fork, nice, cpus, cgroup, renice, pin, loop, end, exit",
			word);
	if (!op_table[i].arg != !arg)
		return fail(ps, "step '%s' takes %s argument", word, arg ? "no" : "one");
	op.kind = op_table[i].kind;
	if (arg)
		snprintf(op.text, sizeof(op.text), "%s", arg);
	switch (op_table[i].arg) {
	case 's':
		err = parse_span(arg, &op.a, &op.b);
		break;
	case 't':
		err = parse_time(arg, &op.a);
		break;
	case 'n':
		op.a = (__u64)(long long)strtol(arg, NULL, 10);
		break;
	}
	if (err)
		return fail(ps, "'%s' is no time: 300us, 5ms, 1.5s or a range 1ms-2ms",
			    arg);
	if (t->nr_ops == SCEN_OPS)
		return fail(ps, "more than %d steps", SCEN_OPS);
	new = scen_task_add(t, op.kind, op.a, op.b);
	memcpy(new->text, op.text, sizeof(op.text));
	return 0;
}

const char *const scenario_classes[] = { "",
#define X(NAME, name, latency, slice, weight, preempts, doc) #name,
					 QUMUN_CLASSES(X)
#undef X
};

static __u32 scenario_class(const char *name)
{
	__u32 i;

	for (i = QUMUN_NR_CLASSES - 1; i && strcmp(name, scenario_classes[i]); i--)
		;
	return i;
}

static int parse_task_option(struct parser *ps, struct scen_task *t, char *w)
{
	char *v = strchr(w, '=');

	if (v)
		*v++ = '\0';
	if (*w == 'x' && isdigit(w[1]))
		t->nr = (__u32)strtoul(w + 1, NULL, 10);
	else if (!strcmp(w, "kthread") && !v)
		t->kthread = true;
	else if (v && !strcmp(w, "nice"))
		t->nice = (int)strtol(v, NULL, 10);
	else if (v && !strcmp(w, "cpus"))
		snprintf(t->cpus, sizeof(t->cpus), "%s", v);
	else if (v && !strcmp(w, "start") && !parse_time(v, &t->start_ns))
		return 0;
	else if (v && !strcmp(w, "stagger") && !parse_time(v, &t->stagger_ns))
		return 0;
	else if (v && !strcmp(w, "cgroup"))
		return parse_u64(v, &t->cgroup);
	else if (v && !strcmp(w, "class") && (t->cls = scenario_class(v)))
		return 0;
	else
		return fail(ps,
			    "task option '%s': xN, nice=N, cpus=LIST, start=TIME, "
			    "stagger=TIME, cgroup=ID, class=NAME, kthread",
			    w);
	return 0;
}

/* task NAME [OPTIONS] { STEP; STEP; ... } */
static int parse_task(struct parser *ps, char *rest)
{
	char *open = strchr(rest, '{'), *close = strrchr(rest, '}'), *save, *w;
	struct scen_task *t;
	int err = 0;

	if (!open || !close)
		return fail(ps,
			    "task NAME [xN] [nice=N] [cpus=LIST] { run 5ms; sleep 1ms }");
	*open++ = *close = '\0';
	w = strtok_r(rest, " \t", &save);
	if (!w || strlen(w) >= SCEN_NAME)
		return fail(ps, "a task needs a name of at most %d letters",
			    SCEN_NAME - 1);
	if (scenario_find_task(ps->sc, w) != ~0U)
		return fail(ps, "a second task '%s'", w);
	t = scenario_add_task(ps->sc, w);
	while (!err && (w = strtok_r(NULL, " \t", &save)))
		err = parse_task_option(ps, t, w);
	for (w = strtok_r(open, ";", &save); w && !err; w = strtok_r(NULL, ";", &save))
		err = parse_op(ps, t, w);
	return err;
}

/* group ID [weight=W] [parent=ID] */
static int parse_group(struct parser *ps, char *rest)
{
	char *save, *w = strtok_r(rest, " \t", &save), *v;
	struct scenario *sc = ps->sc;
	struct scen_group *g;
	__u64 n;

	if (sc->nr_groups == SCEN_GROUPS)
		return fail(ps, "more than %d groups", SCEN_GROUPS);
	g = &sc->groups[sc->nr_groups];
	*g = (struct scen_group){ .weight = 100 };
	if (!w || parse_u64(w, &g->id))
		return fail(ps, "group ID [weight=W] [parent=ID]");
	while ((w = strtok_r(NULL, " \t", &save))) {
		v = strchr(w, '=');
		if (v)
			*v++ = '\0';
		if (!v || parse_u64(v, &n))
			return fail(ps, "group ID [weight=W] [parent=ID]");
		if (!strcmp(w, "weight"))
			g->weight = n > 10000 ? 0 : (__u32)n;
		else if (!strcmp(w, "parent"))
			g->parent = n;
		else
			return fail(ps, "group ID [weight=W] [parent=ID]");
	}
	sc->nr_groups++;
	return 0;
}

static int set_pair(struct parser *ps, struct scen_pair *v, __u32 *nr, char *rest)
{
	char *save, *name = strtok_r(rest, " \t=", &save),
		    *value = strtok_r(NULL, " \t=", &save);
	__u32 i;

	if (!name || !value)
		return fail(ps, "NAME VALUE");
	for (i = 0; i < *nr && strcmp(v[i].name, name); i++)
		;
	if (i == SCEN_PARAMS)
		return fail(ps, "more than %d", SCEN_PARAMS);
	snprintf(v[i].name, sizeof(v[i].name), "%s", name);
	if (parse_time(value, &v[i].value))
		return fail(ps, "'%s' is neither a number nor a time", value);
	if (i == *nr)
		(*nr)++;
	return 0;
}

static int parse_policy_event(struct parser *ps, struct scen_event *e, char **save)
{
	static const struct {
		const char *name;
		enum scen_event_kind kind;
	} verbs[] = { { "stop", SE_POLICY_STOP },
		      { "cont", SE_POLICY_CONT },
		      { "kill", SE_POLICY_KILL },
		      { "start", SE_POLICY_START },
		      { "slow", SE_POLICY_SLOW } };
	char *verb = strtok_r(NULL, " \t", save), *arg = strtok_r(NULL, " \t", save);
	size_t i;

	for (i = 0; verb && i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(verb, verbs[i].name))
			continue;
		e->kind = verbs[i].kind;
		if (e->kind == SE_POLICY_SLOW) {
			e->a = arg ? strtol(arg, NULL, 10) : 0;
			if (e->a <= 0)
				return fail(ps,
					    "policy slow PERCENT, 100 is normal speed");
		}
		return 0;
	}
	return fail(ps, "policy stop, cont, kill, start or slow PERCENT");
}

/* A task's name with an optional instance: hog or hog.2 */
static int parse_target(struct parser *ps, struct scen_event *e, char *w)
{
	char *dot = w ? strchr(w, '.') : NULL;

	if (!w)
		return fail(ps, "which task?");
	if (dot) {
		*dot++ = '\0';
		e->instance = (__u32)strtoul(dot, NULL, 10);
	}
	snprintf(e->name, sizeof(e->name), "%s", w);
	return 0;
}

/* at TIME WHAT ... */
static int parse_at(struct parser *ps, char *rest)
{
	char *save, *time = strtok_r(rest, " \t", &save),
		    *what = strtok_r(NULL, " \t", &save), *w;
	struct scen_event *e;
	__u64 at, v;

	if (!time || !what || parse_time(time, &at))
		return fail(
			ps,
			"at TIME nice|cpus|kill|wake|cgroup|weight|cpu|policy|param|mode ...");
	e = scenario_add_event(ps->sc, SE_NICE, at);
	if (!strcmp(what, "policy"))
		return parse_policy_event(ps, e, &save);
	w = strtok_r(NULL, " \t", &save);
	if (!w)
		return fail(ps, "'%s' needs more words", what);
	if (!strcmp(what, "mode")) {
		e->kind = SE_MODE;
		e->a = !strcmp(w, "kernel");
		return 0;
	}
	if (!strcmp(what, "cpu")) {
		e->kind = SE_CPU;
		e->a = strtol(w, NULL, 10);
		w = strtok_r(NULL, " \t", &save);
		e->b = w && !strcmp(w, "on");
		if (!w || (!e->b && strcmp(w, "off")))
			return fail(ps, "cpu N on or cpu N off");
		return 0;
	}
	if (!strcmp(what, "weight")) {
		e->kind = SE_WEIGHT;
		e->a = strtol(w, NULL, 10);
		w = strtok_r(NULL, " \t", &save);
		if (!w)
			return fail(ps, "weight ID WEIGHT");
		e->b = strtol(w, NULL, 10);
		return 0;
	}
	if (!strcmp(what, "param")) {
		e->kind = SE_PARAM;
		snprintf(e->name, sizeof(e->name), "%s", w);
		w = strtok_r(NULL, " \t", &save);
		if (!w || parse_time(w, &v))
			return fail(ps, "param NAME VALUE");
		e->a = (__s64)v;
		return 0;
	}
	if (parse_target(ps, e, w))
		return -EINVAL;
	w = strtok_r(NULL, " \t", &save);
	if (!strcmp(what, "kill") || !strcmp(what, "wake")) {
		e->kind = *what == 'k' ? SE_KILL : SE_WAKE;
		return 0;
	}
	if (!w)
		return fail(ps, "'%s %s' needs a value", what, e->name);
	if (!strcmp(what, "cpus")) {
		e->kind = SE_CPUS;
		snprintf(e->text, sizeof(e->text), "%s", w);
	} else if (!strcmp(what, "nice") || !strcmp(what, "cgroup")) {
		e->kind = *what == 'n' ? SE_NICE : SE_CGROUP;
		e->a = strtol(w, NULL, 10);
	} else {
		return fail(ps, "unknown event '%s'", what);
	}
	return 0;
}

int scenario_topology(struct scenario *sc, const char *text)
{
	char buf[128], *save, *w, *v;

	snprintf(buf, sizeof(buf), "%s", text);
	for (w = strtok_r(buf, " \t,", &save); w; w = strtok_r(NULL, " \t,", &save)) {
		v = strchr(w, '=');
		if (!v)
			return -EINVAL;
		*v++ = '\0';
		if (!strcmp(w, "cpus"))
			sc->cpus = (__u32)strtoul(v, NULL, 10);
		else if (!strcmp(w, "smt"))
			sc->smt = (__u32)strtoul(v, NULL, 10);
		else if (!strcmp(w, "llcs"))
			sc->llcs = (__u32)strtoul(v, NULL, 10);
		else if (!strcmp(w, "nodes"))
			sc->nodes = (__u32)strtoul(v, NULL, 10);
		else if (!strcmp(w, "shards"))
			sc->shards = (__u32)strtoul(v, NULL, 10);
		else if (!strcmp(w, "hz"))
			sc->hz = (__u32)strtoul(v, NULL, 10);
		else if (!strcmp(w, "records"))
			sc->records = (__u32)strtoul(v, NULL, 10);
		else if (!strcmp(w, "little"))
			sc->little = (__u32)strtoul(v, NULL, 10);
		else if (!strcmp(w, "speed"))
			sc->little_speed = (__u32)strtoul(v, NULL, 10);
		else
			return -EINVAL;
	}
	return 0;
}

static int parse_run(struct parser *ps, char *rest)
{
	struct scenario *sc = ps->sc;
	char *save, *w, *v;
	__u64 n;
	int err = 0;

	for (w = strtok_r(rest, " \t", &save); w && !err;
	     w = strtok_r(NULL, " \t", &save)) {
		v = strchr(w, '=');
		if (v)
			*v++ = '\0';
		if (!strcmp(w, "skew") && !v) {
			sc->skew_tick = true;
			continue;
		}
		if (!v)
			return fail(ps, "run: '%s' needs a value", w);
		if (!strcmp(w, "duration"))
			err = parse_time(v, &sc->duration_ns);
		else if (!strcmp(w, "seed"))
			err = parse_u64(v, &sc->seed);
		else if (!strcmp(w, "policy"))
			snprintf(sc->policy, sizeof(sc->policy), "%s", v);
		else if (!strcmp(w, "mode"))
			sc->kernel_mode = !strcmp(v, "kernel");
		else if (!strcmp(w, "jitter"))
			sc->jitter = (__u32)strtoul(v, NULL, 10);
		else if (!strcmp(w, "timeout")) {
			err = parse_time(v, &n);
			sc->timeout_ms = (__u32)(n / 1000000);
		} else
			return fail(
				ps,
				"run: duration=, seed=, policy=, mode=, jitter=, timeout=, "
				"skew");
		if (err)
			return fail(ps, "run: '%s' is no value for %s", v, w);
	}
	return 0;
}

#define CHECK_USAGE "check starve=TIME asked=TIME idle=TIME shares=PERCENT"

static int parse_check(struct parser *ps, char *rest)
{
	struct scenario *sc = ps->sc;
	char *save, *w, *v;
	int err = 0;

	sc->check = true;
	for (w = strtok_r(rest, " \t", &save); w && !err;
	     w = strtok_r(NULL, " \t", &save)) {
		v = strchr(w, '=');
		if (!v)
			return fail(ps, CHECK_USAGE);
		*v++ = '\0';
		if (!strcmp(w, "starve"))
			err = parse_time(v, &sc->starve_ns);
		else if (!strcmp(w, "asked"))
			err = parse_time(v, &sc->asked_ns);
		else if (!strcmp(w, "idle"))
			err = parse_time(v, &sc->idle_ns);
		else if (!strcmp(w, "shares"))
			sc->share_pct = (__u32)strtoul(v, NULL, 10);
		else
			err = -EINVAL;
	}
	return err ? fail(ps, CHECK_USAGE) : 0;
}

static int parse_line(struct parser *ps, char *line)
{
	char *word = line, *rest;

	while (isspace(*word))
		word++;
	if (!*word)
		return 0;
	rest = word;
	while (*rest && !isspace(*rest))
		rest++;
	if (*rest)
		*rest++ = '\0';
	if (!strcmp(word, "machine"))
		return scenario_topology(ps->sc, rest)
			       ? fail(ps,
				      "machine cpus= smt= llcs= nodes= little= speed= hz= "
				      "shards= records=")
			       : 0;
	if (!strcmp(word, "run"))
		return parse_run(ps, rest);
	if (!strcmp(word, "check"))
		return parse_check(ps, rest);
	if (!strcmp(word, "param"))
		return set_pair(ps, ps->sc->params, &ps->sc->nr_params, rest);
	if (!strcmp(word, "cost"))
		return set_pair(ps, ps->sc->costs, &ps->sc->nr_costs, rest);
	if (!strcmp(word, "task"))
		return parse_task(ps, rest);
	if (!strcmp(word, "at"))
		return parse_at(ps, rest);
	if (!strcmp(word, "group"))
		return parse_group(ps, rest);
	return fail(
		ps,
		"unknown line '%s': machine, run, check, param, cost, group, task, at",
		word);
}

int scenario_parse(struct scenario *sc, const char *text, const char *name, char *err,
		   size_t size)
{
	struct parser ps = { .sc = sc, .name = name, .err = err, .err_size = size };
	char *copy = scenario_must(strdup(text)), *line = copy, *end, *hash;
	int rc = 0;

	snprintf(sc->file, sizeof(sc->file), "%s", name);
	for (; line && !rc; line = end) {
		ps.line++;
		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		hash = strchr(line, '#');
		/* a # behind a letter belongs to a channel's name */
		if (hash && (hash == line || isspace(hash[-1])))
			*hash = '\0';
		rc = parse_line(&ps, line);
	}
	free(copy);
	return rc ? rc : scenario_check(sc, err, size);
}

int scenario_read(struct scenario *sc, const char *path, char *err, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t len = 0, room = 1 << 16, n;
	char *text;
	int rc;

	if (!f) {
		snprintf(err, size, "%s: %s", path, strerror(errno));
		return -errno;
	}
	text = scenario_must(malloc(room + 1));
	while ((n = fread(text + len, 1, room - len, f)) > 0) {
		len += n;
		if (len == room)
			text = scenario_must(realloc(text, (room *= 2) + 1));
	}
	fclose(f);
	text[len] = '\0';
	rc = scenario_parse(sc, text, path, err, size);
	free(text);
	return rc;
}
