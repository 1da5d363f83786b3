/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qumun/rules.h - rules: which tasks matter, and how
 *
 * A rule says by what it matches and what it gives. All that it matches by must fit. Of the
 * rules that match a task exactly one counts, the one whose strongest criterion is stronger:
 *
 *     pid > tgid > cgroup id > cgroup path > comm > uid
 *
 * Between equals the next criterion decides; of cgroups the deeper one is stronger; between
 * rules that are equal in all this the later one counts, and a warning names both. What a rule
 * does not give stays as the task has it.
 *
 * Rules are applied by a thread of the library, which belongs to the policy's process and so
 * never waits for the policy: at fork (a child has its parent's rule until then), exec, rename,
 * change of uid and of cgroup, and at once when rules change. A rule counts from the task's next
 * placement on, that is its next wakeup or the end of its slice.
 *
 * Of CPU sets, CPUs 0 .. 63 can be named. They are kept and shown; nothing acts on them yet.
 */
#ifndef QUMUN_RULES_H
#define QUMUN_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "params.h"

#ifdef __cplusplus
extern "C" {
#endif

struct qumun;

#define QUMUN_RULE_COMM_LEN 64
#define QUMUN_RULE_CGROUP_LEN 1024
#define QUMUN_MAX_RULES 65536

/*
 * The keys of a rule, in text and in configuration files, the strongest criterion first:
 * X(key, NAME, kind, accepted, meaning)
 */
#define QUMUN_RULE_KEYS(X)                                                               \
	X(pid, PID, match, "a thread id", "this thread only")                            \
	X(tgid, TGID, match, "a process id", "all threads of this process")              \
	X(cgroup_id, CGROUP_ID, match, "the inode number of a cgroup's directory",       \
	  "all below this cgroup")                                                       \
	X(cgroup, CGROUP, match, "a path from the root of the cgroup v2 hierarchy",      \
	  "all below this cgroup, which need not exist yet")                             \
	X(comm, COMM, match, "a thread's name with * and ? as wildcards",                \
	  "threads so named")                                                            \
	X(uid, UID, match, "a user id", "tasks of this (real) user")                     \
	X(class, CLASS, give, "latency, interactive, normal, batch or idle",             \
	  "the class")                                                                   \
	X(weight, WEIGHT, give, "15 to 88761", "the weight; nice 0 is 1024")             \
	X(slice, SLICE, give, "100us to 100ms", "the slice")                             \
	X(cpus, CPUS, give, "CPUs of 0 to 63, such as 0-3,8",                            \
	  "where it may run (kept, without effect yet)")                                 \
	X(preempt, PREEMPT, give, "yes or no", "may its wakeups preempt")

enum qumun_rule_key {
#define X(key, NAME, kind, accepted, doc) QUMUN_RULE_##NAME,
	QUMUN_RULE_KEYS(X)
#undef X
		QUMUN_NR_RULE_KEYS
};

/*
 * struct qumun_rule - start from QUMUN_RULE_INIT
 * @size:      sizeof(struct qumun_rule)
 * @id:        the library's name for it, greater than 0; ids are not used twice
 * @owner:     whose it is: qumun_load_rules() replaces the rules of one owner. The daemon's
 *             configuration file has 1, its command line 2.
 * @match:     1 << QUMUN_RULE_PID and so on for each criterion; at least one
 * @pid ...:   the criteria, as far as @match has them
 * @cls ...:   what it gives; 0: nothing. At least one.
 * @weight:    15 .. 88761
 * @slice_ns:  100,000 .. 100,000,000; it is not shared out among those who wait
 * @cpus:      bit n: CPU n
 */
struct qumun_rule {
	size_t size;
	unsigned int id;
	unsigned int owner;
	unsigned int match;
	pid_t pid;
	pid_t tgid;
	uid_t uid;
	__u64 cgroup_id;
	char cgroup[QUMUN_RULE_CGROUP_LEN];
	char comm[QUMUN_RULE_COMM_LEN];
	enum qumun_class cls;
	unsigned int weight;
	__u64 slice_ns;
	__u64 cpus;
	enum qumun_preempt preempt;
};

#ifdef __cplusplus
/* What QUMUN_RULE_INIT is in C++. Since 0.1. */
static inline struct qumun_rule qumun_rule_init(void)
{
	struct qumun_rule fresh = {};

	fresh.size = sizeof(fresh);
	return fresh;
}
#define QUMUN_RULE_INIT qumun_rule_init()
#else
#define QUMUN_RULE_INIT { .size = sizeof(struct qumun_rule) }
#endif

/*
 * Set @key of @rule from @text, as in the table above. 0; -ENOENT: no such key; -EEXIST: this
 * rule has it already; -EINVAL: @text does not fit. @why (may be NULL) gets a sentence. Pure.
 * Since 0.1.
 */
int qumun_rule_set(struct qumun_rule *rule, const char *key, const char *text, char *why,
		   size_t why_size);

/*
 * A whole rule: comm=foo*,class=latency. Errors as above; -EINVAL if something is missing. Pure.
 * Since 0.1.
 */
int qumun_rule_parse(struct qumun_rule *rule, const char *text, char *why,
		     size_t why_size);

/* The same text for @rule; returns its length, as snprintf(). Pure. Since 0.1. */
int qumun_rule_format(const struct qumun_rule *rule, char *text, size_t size);

/*
 * Add a rule; its id is in *@id (may be NULL). Before or after attach; in effect on return.
 *   -EINVAL  the rule is not complete or out of range
 *   -ENOSPC  QUMUN_MAX_RULES are there
 *   -ENOMEM  out of memory
 * Since 0.1.
 */
int qumun_add_rule(struct qumun *q, const struct qumun_rule *rule, unsigned int *id);

/*
 * Replace the rule whose id is @rule->id; it keeps its place. -ENOENT: no such rule; -EINVAL: as
 * above. In effect on return. Since 0.1.
 */
int qumun_change_rule(struct qumun *q, const struct qumun_rule *rule);

/* Take the rule @id away, with effect on return. -ENOENT: no such rule. Since 0.1. */
int qumun_remove_rule(struct qumun *q, unsigned int id);

/*
 * Make @rules[0 .. nr - 1] the rules of @owner, as one step: those that were there already keep
 * their ids, the others of this owner go. On failure, as of qumun_add_rule(), nothing has
 * changed. Since 0.1.
 */
int qumun_load_rules(struct qumun *q, unsigned int owner, const struct qumun_rule *rules,
		     size_t nr);

/*
 * Call @fn for each rule, in order of age, with the number of tasks that it counts for. @fn may
 * not call back. 0, or what @fn returned if that is not 0, which ends the walk. Since 0.1.
 */
int qumun_list_rules(struct qumun *q,
		     int (*fn)(void *arg, const struct qumun_rule *rule,
			       unsigned int nr_tasks),
		     void *arg);

/* The id of a rule that is only asked about. */
#define QUMUN_RULE_PROPOSED 0xffffffffU

/*
 * struct qumun_rule_match - a rule that matches a task
 * @rule:     valid during the call; id QUMUN_RULE_PROPOSED: the proposed one
 * @strength: for qumun_rule_decided_by(); equal: nothing but age tells the two rules apart
 */
struct qumun_rule_match {
	const struct qumun_rule *rule;
	__u32 strength;
};

/*
 * struct qumun_rule_case - a task and all rules that match it
 * @own_class: its class if no rule gives one
 * @matches:   @nr of them, the strongest first: the first that is there counts
 */
struct qumun_rule_case {
	pid_t pid;
	pid_t tgid;
	const char *comm;
	enum qumun_class own_class;
	size_t nr;
	const struct qumun_rule_match *matches;
};

/*
 * Why does which rule count? Calls @fn for each task that the criteria of @which match (what it
 * gives does not matter), with every rule that matches the task, @proposed (may be NULL) among
 * them, as the youngest. @fn may not call back; the walk ends when it returns other than 0.
 * Nothing is changed. 0, what @fn returned, -ENOMEM, or -EINVAL: @which has no criterion.
 * Since 0.1.
 */
int qumun_explain_rules(struct qumun *q, const struct qumun_rule *which,
			const struct qumun_rule *proposed,
			int (*fn)(void *arg, const struct qumun_rule_case *task),
			void *arg);

/*
 * The criterion that makes two strengths differ; QUMUN_NR_RULE_KEYS if they are equal. Pure.
 * Since 0.1.
 */
enum qumun_rule_key qumun_rule_decided_by(__u32 strength, __u32 other);

/*
 * struct qumun_task_rule - what counts for a task now
 * @rule_id: 0: no rule
 * @weight:  with the rule and the task's nice value
 * @cls:     never QUMUN_CLASS_NONE
 */
struct qumun_task_rule {
	unsigned int rule_id;
	enum qumun_class cls;
	unsigned int weight;
	__u64 slice_ns;
	__u64 cpus;
};

/* For the thread @pid. -ENOENT: it has no record. Since 0.1. */
int qumun_get_task_rule(struct qumun *q, pid_t pid, struct qumun_task_rule *rule);

#ifdef __cplusplus
}
#endif
#endif
