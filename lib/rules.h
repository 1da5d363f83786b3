/* SPDX-License-Identifier: Apache-2.0 */
/* The table of rules and which of them counts for a task: no I/O, no lock, no kernel. */
#ifndef QUMUN_LIB_RULES_H
#define QUMUN_LIB_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include <qumun/rules.h>

#ifndef QUMUN_API
#define QUMUN_API __attribute__((visibility("default")))
#endif

#define RULE_NR_MATCHES QUMUN_RULE_CLASS /* the keys before it are criteria */
#define RULE_SLICE_MIN 100000ULL
#define RULE_SLICE_MAX 100000000ULL

/* A cgroup as rules see it: its path and the ids from the root (ids[0]) down to itself. */
struct rule_cgroup {
	uint64_t id;
	unsigned int depth; /* number of ids; at least 1 */
	uint64_t *ids;
	char *path; /* "/" for the root; "" if it is gone and nothing but the id is known */
};

/* A task as rules see it. */
struct rule_task {
	pid_t pid, tgid;
	uid_t uid;
	const char *comm;
	const struct rule_cgroup *cgroup;
};

struct rule_entry {
	struct qumun_rule rule;
	unsigned int path_depth, path_len;
	unsigned int tied_with; /* the last rule that a tie was reported with */
	unsigned int nr_tasks;	/* for who counts */
	bool keep;		/* for qumun_load_rules() */
};

struct rule_table {
	struct rule_entry *entries; /* oldest first */
	size_t nr, room;
	unsigned int last_id;
	/* two rules that cannot be told apart for a task; each pair once */
	void (*on_tie)(void *arg, const struct qumun_rule *loser,
		       const struct qumun_rule *winner);
	void *arg;
};

/* Is @rule complete and in range? 0, or -EINVAL with a sentence in @why. */
int rule_check(const struct qumun_rule *rule, char *why, size_t size);

/* Does @pattern with its * and ? fit all of @text? */
bool rule_glob(const char *pattern, const char *text);

/* Do they match by the same and give the same? Ids and owners do not matter. */
bool rule_same(const struct qumun_rule *a, const struct qumun_rule *b);

/*
 * How strongly @e matches @task; 0: not at all. Compare as numbers: the key is made of the
 * criteria, the strongest one in the highest bits.
 */
uint32_t rule_match(const struct rule_entry *e, const struct rule_task *task);

/* The rule that counts for @task, or NULL. */
const struct qumun_rule *rules_resolve(struct rule_table *t,
				       const struct rule_task *task);

/*
 * All rules that match @task, the strongest first, into @matches, which has room for one more than
 * there are rules: @proposed (may be NULL) is the youngest. Returns how many.
 */
size_t rules_matching(const struct rule_table *t, const struct rule_task *task,
		      const struct rule_entry *proposed,
		      struct qumun_rule_match *matches);

struct rule_entry *rules_find(struct rule_table *t, unsigned int id);

/* Append a checked rule. 0, -ENOSPC, -ENOMEM. */
int rules_append(struct rule_table *t, const struct qumun_rule *rule, unsigned int *id);
void rules_replace(struct rule_entry *e, const struct qumun_rule *rule);
void rules_remove(struct rule_table *t, struct rule_entry *e);
void rules_free(struct rule_table *t);

/* cgroups.c: cgroups by id, remembered. The answer is valid until the next call. */
bool cgroups_mount(char *path, size_t size); /* where cgroup v2 is mounted, if it is */

struct cgroup_cache;
struct cgroup_cache *
cgroups_open(const char *mount); /* NULL: found in /proc/self/mounts */
struct cgroup_cache *cgroups_close(struct cgroup_cache *c);
const struct rule_cgroup *cgroups_get(struct cgroup_cache *c, uint64_t id);

#endif
