/* SPDX-License-Identifier: Apache-2.0 */
/* Rules from text and into text, by the key table of qumun/rules.h. Pure. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../base/parse.h"
#include "rules.h"

static const char *const key_names[] = {
#define X(key, NAME, kind, accepted, doc) #key,
	QUMUN_RULE_KEYS(X)
#undef X
		NULL,
};

static const char *const accepted_values[] = {
#define X(key, NAME, kind, accepted, doc) accepted,
	QUMUN_RULE_KEYS(X)
#undef X
};

static const char *const class_names[] = {
	"",
#define X(NAME, name, latency, slice, weight, preempts, doc) #name,
	QUMUN_CLASSES(X)
#undef X
		NULL,
};

__attribute__((format(printf, 4, 5))) static int refuse(char *why, size_t size, int err,
							const char *fmt, ...)
{
	va_list ap;

	if (why && size) {
		va_start(ap, fmt);
		vsnprintf(why, size, fmt, ap);
		va_end(ap);
	}
	return err;
}

static bool is_set(const struct qumun_rule *r, enum qumun_rule_key key)
{
	switch (key) {
	case QUMUN_RULE_CLASS:
		return r->cls != QUMUN_CLASS_NONE;
	case QUMUN_RULE_WEIGHT:
		return r->weight;
	case QUMUN_RULE_SLICE:
		return r->slice_ns;
	case QUMUN_RULE_CPUS:
		return r->cpus;
	case QUMUN_RULE_PREEMPT:
		return r->preempt != QUMUN_PREEMPT_BY_CLASS;
	default:
		return r->match >> key & 1;
	}
}

static int number_in(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	if (parse_number(text, value) || *value < min || *value > max)
		return -EINVAL;
	return 0;
}

/* Does a path that begins with a slash lead upwards anywhere? */
static bool leads_up(const char *path)
{
	const char *at;

	for (at = path; (at = strstr(at, "/..")); at += 3) {
		if (at[3] == '/' || !at[3])
			return true;
	}
	return false;
}

/* How much of @path is the place where cgroups are usually mounted. */
static size_t mount_point_len(const char *path)
{
	static const char mount[] = "/sys/fs/cgroup";
	size_t len = sizeof(mount) - 1;

	return !strncmp(path, mount, len) && (path[len] == '/' || !path[len]) ? len : 0;
}

/* As the kernel writes it: a leading slash, none at the end; the usual mount point may stand
 * before it. */
static int set_cgroup(struct qumun_rule *r, const char *text)
{
	char path[sizeof(r->cgroup)] = "";
	size_t len;

	text += mount_point_len(text);
	while (text[0] == '/' && text[1] == '/')
		text++;
	len = strlen(text);
	while (len && text[len - 1] == '/')
		len--;
	if (len + 2 > sizeof(path) || memchr(text, '\n', len))
		return -EINVAL;
	snprintf(path, sizeof(path), "%s%.*s", *text == '/' && len ? "" : "/", (int)len,
		 text);
	if (leads_up(path))
		return -EINVAL;
	memcpy(r->cgroup, path, sizeof(path));
	return 0;
}

static int set_comm(struct qumun_rule *r, const char *text)
{
	if (!*text || strlen(text) >= sizeof(r->comm))
		return -EINVAL;
	strcpy(r->comm, text);
	return 0;
}

static int set_class(struct qumun_rule *r, const char *text)
{
	int i;

	for (i = 1; i < QUMUN_NR_CLASSES; i++) {
		if (!strcmp(text, class_names[i])) {
			r->cls = (enum qumun_class)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_value(struct qumun_rule *r, enum qumun_rule_key key, const char *text)
{
	uint64_t v = 0;
	bool yes;
	int err;

	switch (key) {
	case QUMUN_RULE_PID:
	case QUMUN_RULE_TGID:
		err = number_in(text, 1, INT32_MAX, &v);
		*(key == QUMUN_RULE_PID ? &r->pid : &r->tgid) = (pid_t)v;
		return err;
	case QUMUN_RULE_UID:
		err = number_in(text, 0, UINT32_MAX - 1, &v);
		r->uid = (uid_t)v;
		return err;
	case QUMUN_RULE_CGROUP_ID:
		err = number_in(text, 1, UINT64_MAX, &v);
		r->cgroup_id = v;
		return err;
	case QUMUN_RULE_CGROUP:
		return set_cgroup(r, text);
	case QUMUN_RULE_COMM:
		return set_comm(r, text);
	case QUMUN_RULE_CLASS:
		return set_class(r, text);
	case QUMUN_RULE_WEIGHT:
		err = number_in(text, WEIGHT_MIN, WEIGHT_MAX, &v);
		r->weight = (unsigned int)v;
		return err;
	case QUMUN_RULE_SLICE:
		err = parse_duration(text, &v);
		r->slice_ns = v;
		return err || v < RULE_SLICE_MIN || v > RULE_SLICE_MAX ? -EINVAL : 0;
	case QUMUN_RULE_CPUS:
		err = parse_cpus(text, &v);
		r->cpus = v;
		return err;
	case QUMUN_RULE_PREEMPT:
		err = parse_bool(text, &yes);
		r->preempt = err ? 0 : yes ? QUMUN_PREEMPT_YES : QUMUN_PREEMPT_NO;
		return err;
	default:
		return -EINVAL;
	}
}

QUMUN_API int qumun_rule_set(struct qumun_rule *rule, const char *key, const char *text,
			     char *why, size_t why_size)
{
	struct qumun_rule changed = *rule;
	const char *nearest;
	int i;

	for (i = 0; key_names[i] && strcmp(key, key_names[i]); i++)
		;
	if (!key_names[i]) {
		nearest = nearest_word(key, key_names);
		return refuse(
			why, why_size, -ENOENT,
			"unknown key \"%s\"%s%s%s: accepted are pid, tgid, cgroup_id, "
			"cgroup, comm, uid, class, weight, slice, cpus and preempt",
			key, nearest ? ", did you mean \"" : "", nearest ? nearest : "",
			nearest ? "\"?" : "");
	}
	if (is_set(rule, (enum qumun_rule_key)i))
		return refuse(why, why_size, -EEXIST, "%s is given twice in one rule",
			      key);
	if (set_value(&changed, (enum qumun_rule_key)i, text))
		return refuse(why, why_size, -EINVAL, "%s is \"%s\": accepted is %s", key,
			      text, accepted_values[i]);
	if (i < RULE_NR_MATCHES)
		changed.match |= 1U << i;
	*rule = changed;
	return 0;
}

int rule_check(const struct qumun_rule *r, char *why, size_t size)
{
	if (r->size < sizeof(*r))
		return refuse(why, size, -EINVAL,
			      "the rule's size is %zu: start from "
			      "QUMUN_RULE_INIT",
			      r->size);
	if (!r->match || r->match >> RULE_NR_MATCHES)
		return refuse(
			why, size, -EINVAL,
			"the rule matches nothing: it needs one of pid, tgid, cgroup_id, "
			"cgroup, comm and uid");
	if (!r->cls && !r->weight && !r->slice_ns && !r->cpus && !r->preempt)
		return refuse(
			why, size, -EINVAL,
			"the rule gives nothing: it needs one of class, weight, slice, "
			"cpus and preempt");
	if ((unsigned int)r->cls >= QUMUN_NR_CLASSES || (unsigned int)r->preempt > 2 ||
	    (r->weight && (r->weight < WEIGHT_MIN || r->weight > WEIGHT_MAX)) ||
	    (r->slice_ns &&
	     (r->slice_ns < RULE_SLICE_MIN || r->slice_ns > RULE_SLICE_MAX)))
		return refuse(
			why, size, -EINVAL,
			"class, weight (15 to 88761), slice (100us to 100ms) or preempt is "
			"out of range");
	if ((r->match >> QUMUN_RULE_COMM & 1 && !memchr(r->comm, 0, sizeof(r->comm))) ||
	    (r->match >> QUMUN_RULE_CGROUP & 1 &&
	     (r->cgroup[0] != '/' || !memchr(r->cgroup, 0, sizeof(r->cgroup)))))
		return refuse(
			why, size, -EINVAL,
			"comm is too long, or cgroup is no path that begins with /");
	return 0;
}

/* Where the next key=value begins, or NULL: values may hold commas (cpus=0-3,8). */
static char *next_pair(char *text)
{
	char *comma, *end;

	for (comma = strchr(text, ','); comma; comma = strchr(comma + 1, ',')) {
		end = comma + 1 + strspn(comma + 1, "abcdefghijklmnopqrstuvwxyz_");
		if (*end == '=')
			return comma;
	}
	return NULL;
}

QUMUN_API int qumun_rule_parse(struct qumun_rule *rule, const char *text, char *why,
			       size_t why_size)
{
	struct qumun_rule r = QUMUN_RULE_INIT;
	char copy[2048], *at = copy, *comma, *equals;
	int err;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return refuse(why, why_size, -EINVAL, "the rule is longer than %zu bytes",
			      sizeof(copy) - 1);
	do {
		comma = next_pair(at);
		if (comma)
			*comma = '\0';
		equals = strchr(at, '=');
		if (!equals)
			return refuse(
				why, why_size, -EINVAL,
				"\"%s\" is not key=value, as in comm=foo*,class=latency",
				at);
		*equals = '\0';
		err = qumun_rule_set(&r, at, equals + 1, why, why_size);
		if (err)
			return err;
		at = comma ? comma + 1 : NULL;
	} while (at);
	err = rule_check(&r, why, why_size);
	if (!err)
		*rule = r;
	return err;
}

static void format_value(const struct qumun_rule *r, enum qumun_rule_key key, char *text,
			 size_t size)
{
	switch (key) {
	case QUMUN_RULE_PID:
	case QUMUN_RULE_TGID:
		snprintf(text, size, "%d", key == QUMUN_RULE_PID ? r->pid : r->tgid);
		break;
	case QUMUN_RULE_UID:
		snprintf(text, size, "%u", r->uid);
		break;
	case QUMUN_RULE_CGROUP_ID:
		snprintf(text, size, "%llu", (unsigned long long)r->cgroup_id);
		break;
	case QUMUN_RULE_CGROUP:
		/* one that looks like the mount point is read again as itself behind the real one */
		snprintf(text, size, "%.*s%s", (int)mount_point_len(r->cgroup), r->cgroup,
			 r->cgroup);
		break;
	case QUMUN_RULE_COMM:
		snprintf(text, size, "%s", r->comm);
		break;
	case QUMUN_RULE_CLASS:
		snprintf(text, size, "%s", class_names[r->cls]);
		break;
	case QUMUN_RULE_WEIGHT:
		snprintf(text, size, "%u", r->weight);
		break;
	case QUMUN_RULE_SLICE:
		format_duration(r->slice_ns, text, size);
		break;
	case QUMUN_RULE_CPUS:
		format_cpus(r->cpus, text, size);
		break;
	default:
		snprintf(text, size, "%s",
			 r->preempt == QUMUN_PREEMPT_YES ? "yes" : "no");
	}
}

QUMUN_API int qumun_rule_format(const struct qumun_rule *rule, char *text, size_t size)
{
	char value[QUMUN_RULE_CGROUP_LEN + sizeof("/sys/fs/cgroup")];
	size_t at = 0;
	int i;

	if (size)
		*text = '\0';
	for (i = 0; i < QUMUN_NR_RULE_KEYS; i++) {
		if (!is_set(rule, (enum qumun_rule_key)i))
			continue;
		format_value(rule, (enum qumun_rule_key)i, value, sizeof(value));
		at += (size_t)snprintf(at < size ? text + at : NULL,
				       at < size ? size - at : 0, "%s%s=%s",
				       at ? "," : "", key_names[i], value);
	}
	return (int)at;
}
