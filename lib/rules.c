/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rule counts. A plain array, tried rule by rule: matching runs when a task or a rule
 * changes, never when a decision is made, and most rules fail at their first comparison.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules.h"

/* The bits of a match's strength, see rule_match(). Depths are from 1 (the root) up. */
#define DEPTH_MAX 255U
#define KEY_UID 1U
#define KEY_COMM 2U
#define KEY_PATH_SHIFT 2
#define KEY_ID_SHIFT 10
#define KEY_TGID (1U << 18)
#define KEY_PID (1U << 19)

/* Iterative, and linear where the pattern has one star: the last star takes what is needed. */
bool rule_glob(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			retry = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

static bool has(const struct qumun_rule *r, enum qumun_rule_key key)
{
	return r->match >> key & 1;
}

static unsigned int cap_depth(unsigned int depth)
{
	return depth < DEPTH_MAX ? depth : DEPTH_MAX;
}

/* How deep the rule's cgroup lies above (or at) the task's; 0: elsewhere. */
static unsigned int id_depth(const struct qumun_rule *r, const struct rule_cgroup *cg)
{
	unsigned int i;

	for (i = cg->depth; i > 0; i--) {
		if (cg->ids[i - 1] == r->cgroup_id)
			return cap_depth(i);
	}
	return 0;
}

static unsigned int path_depth(const struct rule_entry *e, const struct rule_cgroup *cg)
{
	if (!*cg->path)
		return 0;
	if (e->path_len == 1)
		return 1;
	if (strncmp(cg->path, e->rule.cgroup, e->path_len) ||
	    (cg->path[e->path_len] && cg->path[e->path_len] != '/'))
		return 0;
	return e->path_depth;
}

uint32_t rule_match(const struct rule_entry *e, const struct rule_task *task)
{
	const struct qumun_rule *r = &e->rule;
	unsigned int depth;
	uint32_t key = 0;

	if (has(r, QUMUN_RULE_PID)) {
		if (r->pid != task->pid)
			return 0;
		key |= KEY_PID;
	}
	if (has(r, QUMUN_RULE_TGID)) {
		if (r->tgid != task->tgid)
			return 0;
		key |= KEY_TGID;
	}
	if (has(r, QUMUN_RULE_UID)) {
		if (r->uid != task->uid)
			return 0;
		key |= KEY_UID;
	}
	if (has(r, QUMUN_RULE_COMM)) {
		if (!rule_glob(r->comm, task->comm))
			return 0;
		key |= KEY_COMM;
	}
	if (has(r, QUMUN_RULE_CGROUP_ID)) {
		depth = id_depth(r, task->cgroup);
		if (!depth)
			return 0;
		key |= depth << KEY_ID_SHIFT;
	}
	if (has(r, QUMUN_RULE_CGROUP)) {
		depth = path_depth(e, task->cgroup);
		if (!depth)
			return 0;
		key |= depth << KEY_PATH_SHIFT;
	}
	return key;
}

const struct qumun_rule *rules_resolve(struct rule_table *t, const struct rule_task *task)
{
	struct rule_entry *best = NULL, *e, *tied = NULL;
	uint32_t best_key = 0, key;

	for (e = t->entries; e < t->entries + t->nr; e++) {
		key = rule_match(e, task);
		if (!key || key < best_key)
			continue;
		tied = key == best_key ? best : NULL;
		best_key = key;
		best = e;
	}
	if (tied && tied->tied_with != best->rule.id && t->on_tie) {
		tied->tied_with = best->rule.id;
		t->on_tie(t->arg, &tied->rule, &best->rule);
	}
	return best ? &best->rule : NULL;
}

/* Into its place: behind the stronger ones, before those that are as strong and older. */
static void insert_match(struct qumun_rule_match *matches, size_t nr,
			 const struct qumun_rule *rule, uint32_t strength)
{
	for (; nr > 0 && matches[nr - 1].strength <= strength; nr--)
		matches[nr] = matches[nr - 1];
	matches[nr] = (struct qumun_rule_match){ rule, strength };
}

size_t rules_matching(const struct rule_table *t, const struct rule_task *task,
		      const struct rule_entry *proposed, struct qumun_rule_match *matches)
{
	const struct rule_entry *e;
	size_t nr = 0;
	uint32_t key;

	for (e = t->entries; e < t->entries + t->nr; e++) {
		key = rule_match(e, task);
		if (key)
			insert_match(matches, nr++, &e->rule, key);
	}
	key = proposed ? rule_match(proposed, task) : 0;
	if (key)
		insert_match(matches, nr++, &proposed->rule, key);
	return nr;
}

QUMUN_API enum qumun_rule_key qumun_rule_decided_by(__u32 strength, __u32 other)
{
	__u32 differ = strength ^ other;

	if (!differ)
		return QUMUN_NR_RULE_KEYS;
	if (differ >= KEY_PID)
		return QUMUN_RULE_PID;
	if (differ >= KEY_TGID)
		return QUMUN_RULE_TGID;
	if (differ >> KEY_ID_SHIFT)
		return QUMUN_RULE_CGROUP_ID;
	if (differ >> KEY_PATH_SHIFT)
		return QUMUN_RULE_CGROUP;
	return differ >= KEY_COMM ? QUMUN_RULE_COMM : QUMUN_RULE_UID;
}

bool rule_same(const struct qumun_rule *a, const struct qumun_rule *b)
{
	return a->match == b->match && a->cls == b->cls && a->weight == b->weight &&
	       a->slice_ns == b->slice_ns && a->cpus == b->cpus &&
	       a->preempt == b->preempt &&
	       (!has(a, QUMUN_RULE_PID) || a->pid == b->pid) &&
	       (!has(a, QUMUN_RULE_TGID) || a->tgid == b->tgid) &&
	       (!has(a, QUMUN_RULE_UID) || a->uid == b->uid) &&
	       (!has(a, QUMUN_RULE_CGROUP_ID) || a->cgroup_id == b->cgroup_id) &&
	       (!has(a, QUMUN_RULE_CGROUP) || !strcmp(a->cgroup, b->cgroup)) &&
	       (!has(a, QUMUN_RULE_COMM) || !strcmp(a->comm, b->comm));
}

struct rule_entry *rules_find(struct rule_table *t, unsigned int id)
{
	size_t i;

	for (i = 0; i < t->nr; i++) {
		if (t->entries[i].rule.id == id)
			return &t->entries[i];
	}
	return NULL;
}

/* Everything but id and place. */
void rules_replace(struct rule_entry *e, const struct qumun_rule *rule)
{
	unsigned int id = e->rule.id;
	const char *p;

	e->rule = *rule;
	e->rule.id = id;
	e->tied_with = 0;
	e->path_len = e->path_depth = 0;
	if (!has(rule, QUMUN_RULE_CGROUP))
		return;
	e->path_len = (unsigned int)strlen(e->rule.cgroup);
	e->path_depth = 1;
	for (p = e->rule.cgroup; e->path_len > 1 && *p; p++)
		e->path_depth += *p == '/';
	e->path_depth = cap_depth(e->path_depth);
}

int rules_append(struct rule_table *t, const struct qumun_rule *rule, unsigned int *id)
{
	struct rule_entry *entries;
	size_t room;

	if (t->nr >= QUMUN_MAX_RULES)
		return -ENOSPC;
	if (t->nr == t->room) {
		room = t->room ? t->room * 2 : 16;
		entries = realloc(t->entries, room * sizeof(*entries));
		if (!entries)
			return -ENOMEM;
		t->entries = entries;
		t->room = room;
	}
	memset(&t->entries[t->nr], 0, sizeof(t->entries[t->nr]));
	t->entries[t->nr].rule.id = ++t->last_id;
	rules_replace(&t->entries[t->nr], rule);
	if (id)
		*id = t->last_id;
	t->nr++;
	return 0;
}

void rules_remove(struct rule_table *t, struct rule_entry *e)
{
	struct rule_entry *end = t->entries + t->nr;

	memmove(e, e + 1, (size_t)(end - e - 1) * sizeof(*e));
	t->nr--;
}

void rules_free(struct rule_table *t)
{
	free(t->entries);
	t->entries = NULL;
	t->nr = t->room = 0;
}
