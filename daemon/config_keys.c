/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../base/parse.h"
#include "config_keys.h"

#define NR_KEYS (sizeof(keys) / sizeof(keys[0]))
#define NR_PARAMS (sizeof(params) / sizeof(params[0]))

enum kind { KIND_mode, KIND_text, KIND_boolean, KIND_level, KIND_number, KIND_duration };

static const struct {
	const char *name, *def, *accepted, *doc;
	enum kind kind;
	size_t offset;
	__u64 min, max;
} keys[] = {
#define X(key, kind, def, min, max, accepted, doc)                                       \
	{ #key, def, accepted, doc, KIND_##kind, offsetof(struct config, key), min, max },
	CONFIG_KEYS(X)
#undef X
};

/* A parameter's key is its name without the unit; people write units themselves. */
static const struct {
	const char *name, *unit, *doc;
	__u64 def, min, max;
} params[] = {
#define X(name, unit, def, min, max, doc) { #name, unit, doc, def, min, max },
	QUMUN_PARAMS(X)
#undef X
};

static const char *const *names_of(char (*room)[32], const char **list, size_t nr,
				   const char *(*name)(size_t))
{
	size_t i;
	char *unit;

	for (i = 0; i < nr; i++) {
		snprintf(room[i], 32, "%s", name(i));
		unit = strrchr(room[i], '_');
		if (unit && (!strcmp(unit, "_ns") || !strcmp(unit, "_fp") ||
			     !strcmp(unit, "_pct")))
			*unit = '\0';
		list[i] = room[i];
	}
	return list;
}

static const char *param_name(size_t i)
{
	return params[i].name;
}

const char *const *param_names(void)
{
	static const char *list[NR_PARAMS + 1];
	static char room[NR_PARAMS][32];

	return list[0] ? list : names_of(room, list, NR_PARAMS, param_name);
}

const char *const *key_names(void)
{
	static const char *list[] = {
#define X(key, kind, def, min, max, accepted, doc) #key,
		CONFIG_KEYS(X)
#undef X
			"params",
		"rules",
		NULL,
	};

	return list;
}

const char *key_accepted(int key)
{
	return keys[key].accepted;
}

static int set_level(enum qumun_log_level *level, const char *text)
{
	static const char *const names[] = { "ERROR", "WARN", "INFO", "DEBUG" };
	int i;

	for (i = 0; i < 4; i++) {
		if (!strcasecmp(text, names[i])) {
			*level = (enum qumun_log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_text(char **field, const char *text)
{
	char *copy = *text ? strdup(text) : NULL;

	if (!copy)
		return -EINVAL;
	free(*field);
	*field = copy;
	return 0;
}

int key_set(struct config *c, int key, const char *text)
{
	void *field = (char *)c + keys[key].offset;
	__u64 v;
	int err;

	switch (keys[key].kind) {
	case KIND_mode:
		if (strcmp(text, "user") && strcmp(text, "kernel"))
			return -EINVAL;
		*(enum qumun_mode *)field =
			*text == 'k' ? QUMUN_MODE_KERNEL : QUMUN_MODE_USER;
		return 0;
	case KIND_text:
		return set_text(field, text);
	case KIND_boolean:
		return parse_bool(text, field);
	case KIND_level:
		return set_level(field, text);
	case KIND_duration:
		err = parse_duration(text, (uint64_t *)&v);
		if (err || v % 1000000)
			return -EINVAL;
		v /= 1000000;
		break;
	default:
		if (parse_number(text, (uint64_t *)&v))
			return -EINVAL;
	}
	if (v < keys[key].min || v > keys[key].max)
		return -EINVAL;
	*(unsigned int *)field = (unsigned int)v;
	return 0;
}

static void format_param(int param, __u64 value, char *text, size_t size)
{
	if (!strcmp(params[param].unit, "ns"))
		format_duration(value, text, size);
	else if (!strcmp(params[param].unit, "%"))
		snprintf(text, size, "%llu%%", (unsigned long long)value);
	else
		snprintf(text, size, "%.2g", (double)value / 1024);
}

void param_accepted(int param, char *text, size_t size)
{
	char min[32], max[32];

	format_param(param, params[param].min, min, sizeof(min));
	format_param(param, params[param].max, max, sizeof(max));
	snprintf(text, size, "%s to %s", min, max);
}

static int parse_percent(const char *text, __u64 *value)
{
	char digits[8];

	snprintf(digits, sizeof(digits), "%s", text);
	digits[strcspn(digits, "%")] = '\0';
	if (text[strlen(digits)] && strcmp(text + strlen(digits), "%"))
		return -EINVAL;
	return parse_number(digits, (uint64_t *)value);
}

static int parse_factor(const char *text, __u64 *value)
{
	char *end;
	double v;

	if (strspn(text, "0123456789.") != strlen(text) || !*text)
		return -EINVAL;
	v = strtod(text, &end);
	if (*end || !(v >= 0.1 && v <= 10))
		return -EINVAL;
	*value = (__u64)(v * 1024 + 0.5);
	return 0;
}

int param_parse(int param, const char *text, __u64 *value)
{
	__u64 v = 0;
	int err;

	if (!strcmp(params[param].unit, "ns"))
		err = parse_duration(text, (uint64_t *)&v);
	else if (!strcmp(params[param].unit, "%"))
		err = parse_percent(text, &v);
	else
		err = parse_factor(text, &v);
	if (err || v < params[param].min || v > params[param].max)
		return -EINVAL;
	*value = v;
	return 0;
}

int config_rule_check(const struct qumun_rule *rule, char *why, size_t size)
{
	struct qumun_rule again;
	char text[2048];

	/* the library's own check, by the way of the text */
	qumun_rule_format(rule, text, sizeof(text));
	if (!*text) {
		snprintf(why, size, "the rule is empty");
		return -EINVAL;
	}
	return qumun_rule_parse(&again, text, why, size) ? -EINVAL : 0;
}

void config_init(struct config *c)
{
	size_t i;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < NR_KEYS; i++)
		key_set(c, (int)i, keys[i].def);
	for (i = 0; i < NR_PARAMS; i++)
		((__u64 *)&c->params)[i] = params[i].def;
}

void config_free(struct config *c)
{
	free(c->policy);
	free(c->rules);
	memset(c, 0, sizeof(*c));
}

static void print_rules(FILE *out)
{
	fputs("\n"
	      "# Which tasks matter. A rule matches by what it names (all of it must fit), the\n"
	      "# strongest rule counts for a task, and the keys are in order of strength:\n"
	      "#\n",
	      out);
#define X(key, NAME, kind, accepted, doc)                                                \
	fprintf(out, "# %-10s %s: %s\n", #key, accepted, doc);
	QUMUN_RULE_KEYS(X)
#undef X
	fputs("#\n"
	      "# Classes:\n"
	      "#\n",
	      out);
#define X(NAME, name, latency, slice, weight, preempts, doc)                             \
	fprintf(out, "# %-11s %s\n", #name, doc);
	QUMUN_CLASSES(X)
#undef X
	fputs("#\n"
	      "#rules:\n"
	      "#  - comm: nginx*\n"
	      "#    class: latency\n"
	      "#  - cgroup: /system.slice/backup.service\n"
	      "#    class: idle\n"
	      "#    cpus: 0-3\n",
	      out);
}

void config_print(FILE *out)
{
	char def[32], accepted[128];
	size_t i;

	fputs("# SPDX-License-Identifier: Apache-2.0\n"
	      "# Configuration of gthulhu: gthulhu --config FILE. What is commented out shows the\n"
	      "# defaults. Options and the environment come before this file. SIGHUP reads it\n"
	      "# again; gthulhu --check-config --config FILE says whether it is right.\n",
	      out);
	for (i = 0; i < NR_KEYS; i++)
		fprintf(out, "\n# %s: %s\n#%s: %s\n", keys[i].doc, keys[i].accepted,
			keys[i].name, keys[i].def);
	fputs("\n# The arithmetic of the policy and of the BPF half.\n#params:\n", out);
	for (i = 0; i < NR_PARAMS; i++) {
		param_accepted((int)i, accepted, sizeof(accepted));
		format_param((int)i, params[i].def, def, sizeof(def));
		fprintf(out, "#  # %s: %s\n#  %s: %s\n", params[i].doc, accepted,
			param_names()[i], def);
	}
	print_rules(out);
}
