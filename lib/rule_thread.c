/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules at work. The BPF half reports who was born, renamed, executed, or moved to another user
 * or cgroup (bpf/rules.bpf.h); a thread of ours finds the rule that counts and writes what it
 * gives into the task's record. The thread belongs to the policy's process, so it is scheduled
 * without asking the policy. A change of the rules themselves is applied by the caller's thread,
 * under the same lock.
 *
 * A slot that changes hands while we look at it gets the old task's rule at worst until the new
 * task's own report, which is written after its record and so comes behind us.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <qumun/vtime.h>

#include "internal.h"
#include "shares.h"

#define LOOK_FOR_LOST 1024 /* reports in one go after which some may have been dropped */

struct rules {
	struct rule_table table;
	struct shares shares;
	pthread_mutex_t lock; /* the table, the cache, and writing to records */
	struct cgroup_cache *cgroups;
	struct ring_buffer *events;
	int wait_fd;
	pthread_t thread;
	bool running;
	__u64 lost; /* reports dropped, as last seen */
	unsigned int batch;
};

static void warn_of_tie(void *arg, const struct qumun_rule *loser,
			const struct qumun_rule *winner)
{
	char a[2048], b[2048];

	qumun_rule_format(loser, a, sizeof(a));
	qumun_rule_format(winner, b, sizeof(b));
	qumun_say(
		arg, QUMUN_LOG_WARN,
		"rules %u (%.400s) and %u (%.400s) match the same task equally well: the later "
		"one, %u, counts",
		loser->id, a, winner->id, b, winner->id);
}

/* Write what @rule gives, or nothing if it is NULL. */
static void apply(struct qumun *q, __u32 slot, const struct qumun_rule *rule)
{
	struct qumun_task *t = &arena_tasks(q)[slot];
	static const struct qumun_rule none;

	if (!rule)
		rule = &none;
	shm_store(&t->rule_weight, rule->weight);
	shm_store(&t->rule_slice_ns, (__u32)rule->slice_ns);
	shm_store(&t->rule_class, (__u8)rule->cls);
	shm_store(&t->rule_marks,
		  (__u8)QUMUN_MARKS(rule->preempt,
				    shares_place(&q->rules->shares, rule->id)));
	shm_store(&t->rule_cpus, rule->cpus);
	/* what the policy left for its next wakeups was for the former rule */
	shm_store(&t->rule_changes, (__u8)(t->rule_changes + 1));
	shm_store_release(&t->rule_id, rule->id);
}

/* What rules need to know of the task in @slot; false: there is none. */
static bool look_at(struct qumun *q, __u32 slot, struct rule_task *task, char *comm)
{
	struct qumun_task *t = &arena_tasks(q)[slot];

	if (!shm_load_acquire(&t->incarnation))
		return false;
	memcpy(comm, t->comm, QUMUN_COMM_LEN);
	comm[QUMUN_COMM_LEN - 1] = '\0';
	task->pid = shm_load(&t->pid);
	task->tgid = shm_load(&t->tgid);
	task->uid = shm_load(&t->uid);
	task->comm = comm;
	task->cgroup = cgroups_get(q->rules->cgroups, shm_load(&t->cgroup_id));
	return true;
}

static void settle(struct qumun *q, __u32 slot)
{
	char comm[QUMUN_COMM_LEN];
	struct rule_task task;

	if (slot < q->arena->max_records && look_at(q, slot, &task, comm))
		apply(q, slot, rules_resolve(&q->rules->table, &task));
}

/* Records from here on were never used, as of now. */
static __u32 slots_in_use(struct qumun *q)
{
	struct bpf_slot_list list;
	__u32 zero = 0;

	if (bpf_map_lookup_elem(q->free_slots_fd, &zero, &list) ||
	    list.fresh > q->record_limit)
		return q->record_limit;
	return list.fresh;
}

static void settle_all(struct qumun *q)
{
	__u32 slot, nr = slots_in_use(q);

	for (slot = 0; slot < nr; slot++)
		settle(q, slot);
}

/* Those for whom rule @id counts, and those that @e (NULL: no rule) matches now. */
static void settle_changed(struct qumun *q, unsigned int id, const struct rule_entry *e)
{
	__u32 slot, nr = slots_in_use(q);
	char comm[QUMUN_COMM_LEN];
	struct rule_task task;

	for (slot = 0; slot < nr; slot++) {
		if (!look_at(q, slot, &task, comm))
			continue;
		if (shm_load(&arena_tasks(q)[slot].rule_id) == id ||
		    (e && rule_match(e, &task)))
			apply(q, slot, rules_resolve(&q->rules->table, &task));
	}
}

/*
 * After a change of the table: rule @id was touched; @e: it is there. Everybody is looked at if
 * that is not all.
 */
static void settle_change(struct qumun *q, bool all, unsigned int id,
			  const struct rule_entry *e)
{
	struct rules *r = q->rules;

	if (shares_assign(&r->shares, &r->table) || all)
		settle_all(q);
	else
		settle_changed(q, id, e);
	shares_begin(q, &r->shares);
}

static int on_event(void *arg, void *data, size_t size)
{
	struct qumun *q = arg;
	__u32 slot;

	if (size < sizeof(slot))
		return 0;
	memcpy(&slot, data, sizeof(slot));
	q->rules->batch++;
	settle(q, slot);
	return 0;
}

/* Reports were dropped since the last look: everybody is looked at. */
static void make_up_for_lost(struct qumun *q)
{
	__u64 counters[QUMUN_NR_COUNTERS], lost;

	if (qumun_get_counters(q, counters))
		return;
	lost = counters[QUMUN_C_rule_events_lost];
	if (lost != q->rules->lost)
		settle_all(q);
	q->rules->lost = lost;
}

static void *watch(void *arg)
{
	struct qumun *q = arg;
	struct rules *r = q->rules;
	struct epoll_event events[2];

	pthread_setname_np(pthread_self(), "gthulhu-rules");
	while (!atomic_load(&q->stopping)) {
		if (epoll_wait(r->wait_fd, events, 2, -1) < 0 && errno != EINTR)
			break;
		if (takeover_lost(q))
			break;
		pthread_mutex_lock(&r->lock);
		r->batch = 0;
		ring_buffer__consume(r->events);
		if (r->batch >= LOOK_FOR_LOST)
			make_up_for_lost(q);
		pthread_mutex_unlock(&r->lock);
	}
	return NULL;
}

/* The BPF half reports only while there are rules. */
static int tell_bpf_half(struct qumun *q)
{
	__u32 on = q->rules->table.nr > 0;
	int err = 0;

	pthread_mutex_lock(&q->control_lock);
	if (q->control.rules != on) {
		q->control.rules = on;
		err = control_write(q);
	}
	pthread_mutex_unlock(&q->control_lock);
	return err;
}

/* Tracepoints may be missing, on a kernel that was built so: then their programs stay out. */
static const struct reporter {
	enum link_id link;
	const char *program, *tracepoint, *what;
} reporters[] = {
	{ LINK_RENAME, "gthulhu_task_rename", "task_rename", "renamed" },
	{ LINK_EXEC, "gthulhu_process_exec", "sched_process_exec",
	  "executing another file" },
};

#define NR_REPORTERS (sizeof(reporters) / sizeof(reporters[0]))

void rules_prepare(struct qumun *q)
{
	struct bpf_program *prog;
	char type[64];
	size_t i;

	for (i = 0; i < NR_REPORTERS; i++) {
		prog = bpf_object__find_program_by_name(q->obj, reporters[i].program);
		/* what the kernel's type information has for a tracepoint */
		snprintf(type, sizeof(type), "btf_trace_%s", reporters[i].tracepoint);
		if (!prog ||
		    btf__find_by_name_kind(q->kernel_btf, type, BTF_KIND_TYPEDEF) > 0)
			continue;
		bpf_program__set_autoload(prog, false);
		qumun_say(
			q, QUMUN_LOG_WARN,
			"this kernel has no tracepoint %s: a task keeps its rule when %s",
			reporters[i].tracepoint, reporters[i].what);
	}
}

void rules_attach(struct qumun *q)
{
	size_t i;
	int err;

	for (i = 0; i < NR_REPORTERS; i++) {
		err = link_attach(q, reporters[i].link);
		if (err && err != -ENOENT)
			qumun_say(q, QUMUN_LOG_WARN, "tracepoint %s: %s",
				  reporters[i].tracepoint, strerror(-err));
	}
}

int rules_open(struct qumun *q)
{
	struct rules *r = calloc(1, sizeof(*r));
	int fd = q->rule_events_fd;
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };
	struct epoll_event stop = { .events = EPOLLIN, .data.fd = q->stop_fd };

	if (!r)
		return qumun_fail(q, -ENOMEM, "out of memory for the rules");
	q->rules = r;
	pthread_mutex_init(&r->lock, NULL);
	r->table.on_tie = warn_of_tie;
	r->table.arg = q;
	r->cgroups = cgroups_open(NULL);
	r->events = ring_buffer__new(fd, on_event, q, NULL);
	r->wait_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!r->cgroups || !r->events || r->wait_fd < 0 ||
	    epoll_ctl(r->wait_fd, EPOLL_CTL_ADD, fd, &ev) ||
	    epoll_ctl(r->wait_fd, EPOLL_CTL_ADD, q->stop_fd, &stop))
		return qumun_fail(q, -errno, "opening the reports that rules need: %s",
				  strerror(errno));
	return 0;
}

void rules_close(struct qumun *q)
{
	struct rules *r = q->rules;

	if (!r)
		return;
	ring_buffer__free(r->events);
	if (r->wait_fd >= 0)
		close(r->wait_fd);
	cgroups_close(r->cgroups);
	rules_free(&r->table);
	pthread_mutex_destroy(&r->lock);
	free(r);
	q->rules = NULL;
}

int rules_start(struct qumun *q)
{
	struct rules *r = q->rules;
	int err;

	pthread_mutex_lock(&r->lock);
	/* a predecessor's rules went with it */
	if (r->table.nr || !q->obj)
		settle_all(q);
	if (!q->obj)
		tell_bpf_half(q);
	pthread_mutex_unlock(&r->lock);
	err = pthread_create(&r->thread, NULL, watch, q);
	if (err)
		return qumun_fail(q, -err, "starting the rules' thread: %s",
				  strerror(err));
	r->running = true;
	return 0;
}

void rules_stop(struct qumun *q)
{
	if (!q->rules || !q->rules->running)
		return;
	pthread_join(q->rules->thread, NULL);
	q->rules->running = false;
}

static int check(struct qumun *q, const struct qumun_rule *rule)
{
	char why[512];
	int err;

	if (!q || !rule)
		return -EINVAL;
	err = rule_check(rule, why, sizeof(why));
	return err ? qumun_fail(q, err, "%s", why) : 0;
}

static int no_such_rule(struct qumun *q, unsigned int id)
{
	return qumun_fail(q, -ENOENT,
			  "no rule %u: qumun_list_rules() tells which there are", id);
}

QUMUN_API int qumun_add_rule(struct qumun *q, const struct qumun_rule *rule,
			     unsigned int *id)
{
	struct rule_table *t;
	int err = check(q, rule);

	if (err)
		return err;
	t = &q->rules->table;
	pthread_mutex_lock(&q->rules->lock);
	err = rules_append(t, rule, id);
	if (!err) {
		err = tell_bpf_half(q);
		settle_change(q, false, ~0U, &t->entries[t->nr - 1]);
	}
	pthread_mutex_unlock(&q->rules->lock);
	if (err)
		qumun_fail(q, err, "the rule cannot be added: %s",
			   err == -ENOSPC ? "65536 are there already" : strerror(-err));
	return err;
}

QUMUN_API int qumun_change_rule(struct qumun *q, const struct qumun_rule *rule)
{
	struct rule_entry *e;
	int err = check(q, rule);

	if (err)
		return err;
	pthread_mutex_lock(&q->rules->lock);
	e = rules_find(&q->rules->table, rule->id);
	if (e) {
		rules_replace(e, rule);
		settle_change(q, false, rule->id, e);
	}
	pthread_mutex_unlock(&q->rules->lock);
	return e ? 0 : no_such_rule(q, rule->id);
}

QUMUN_API int qumun_remove_rule(struct qumun *q, unsigned int id)
{
	struct rule_entry *e;

	if (!q)
		return -EINVAL;
	pthread_mutex_lock(&q->rules->lock);
	e = rules_find(&q->rules->table, id);
	if (e) {
		rules_remove(&q->rules->table, e);
		settle_change(q, false, id, NULL);
		tell_bpf_half(q);
	}
	pthread_mutex_unlock(&q->rules->lock);
	return e ? 0 : no_such_rule(q, id);
}

/* The new table for qumun_load_rules(): other owners' rules, then the kept and the new ones. */
static int build_table(struct rule_table *new, const struct rule_table *old,
		       unsigned int owner, const struct qumun_rule *rules, size_t nr)
{
	struct qumun_rule rule;
	struct rule_entry *e;
	size_t i;
	int err = 0;

	for (i = 0; !err && i < old->nr; i++) {
		if (old->entries[i].rule.owner == owner)
			continue;
		err = rules_append(new, &old->entries[i].rule, NULL);
		if (!err)
			new->entries[new->nr - 1].rule.id = old->entries[i].rule.id;
	}
	new->last_id = old->last_id;
	for (i = 0; !err && i < nr; i++) {
		rule = rules[i];
		rule.owner = owner;
		for (e = old->entries; e < old->entries + old->nr; e++) {
			if (!e->keep && e->rule.owner == owner &&
			    rule_same(&e->rule, &rule))
				break;
		}
		err = rules_append(new, &rule, NULL);
		if (err || e == old->entries + old->nr)
			continue;
		e->keep = true;
		new->entries[new->nr - 1].rule.id = e->rule.id;
		new->last_id--;
	}
	for (i = 0; i < old->nr; i++)
		old->entries[i].keep = false;
	return err;
}

QUMUN_API int qumun_load_rules(struct qumun *q, unsigned int owner,
			       const struct qumun_rule *rules, size_t nr)
{
	struct rule_table new = { .on_tie = warn_of_tie, .arg = q };
	int err = 0;
	size_t i;

	if (!q || (nr && !rules))
		return -EINVAL;
	for (i = 0; !err && i < nr; i++)
		err = check(q, &rules[i]);
	if (err)
		return err;
	pthread_mutex_lock(&q->rules->lock);
	err = build_table(&new, &q->rules->table, owner, rules, nr);
	if (err) {
		rules_free(&new);
	} else {
		rules_free(&q->rules->table);
		q->rules->table = new;
		err = tell_bpf_half(q);
		settle_change(q, true, 0, NULL);
	}
	pthread_mutex_unlock(&q->rules->lock);
	if (err)
		qumun_fail(q, err, "the rules cannot be loaded: %s", strerror(-err));
	return err;
}

QUMUN_API int qumun_list_rules(struct qumun *q,
			       int (*fn)(void *arg, const struct qumun_rule *rule,
					 unsigned int nr_tasks),
			       void *arg)
{
	struct rule_table *t;
	struct qumun_task *task;
	struct rule_entry *e;
	__u32 slot, nr;
	int err = 0;

	if (!q || !fn)
		return -EINVAL;
	t = &q->rules->table;
	nr = slots_in_use(q);
	pthread_mutex_lock(&q->rules->lock);
	for (e = t->entries; e < t->entries + t->nr; e++)
		e->nr_tasks = 0;
	for (slot = 0; t->nr && slot < nr; slot++) {
		task = &arena_tasks(q)[slot];
		if (!shm_load(&task->incarnation) || !shm_load(&task->rule_id))
			continue;
		e = rules_find(t, shm_load(&task->rule_id));
		if (e)
			e->nr_tasks++;
	}
	for (e = t->entries; !err && e < t->entries + t->nr; e++)
		err = fn(arg, &e->rule, e->nr_tasks);
	pthread_mutex_unlock(&q->rules->lock);
	return err;
}

QUMUN_API int qumun_list_shares(struct qumun *q,
				int (*fn)(void *arg, const struct qumun_share *share),
				void *arg)
{
	int err;

	if (!q || !fn)
		return -EINVAL;
	pthread_mutex_lock(&q->rules->lock);
	err = shares_list(q, &q->rules->shares, fn, arg);
	pthread_mutex_unlock(&q->rules->lock);
	return err;
}

/* Under the lock: every task that @which matches, with its matches. */
static int explain_all(struct qumun *q, const struct rule_entry *which,
		       const struct rule_entry *proposed,
		       struct qumun_rule_match *matches,
		       int (*fn)(void *arg, const struct qumun_rule_case *task),
		       void *arg)
{
	__u32 slot, nr = slots_in_use(q);
	struct qumun_rule_case c = { .matches = matches };
	char comm[QUMUN_COMM_LEN];
	struct rule_task task;
	int err = 0;

	for (slot = 0; !err && slot < nr; slot++) {
		if (!look_at(q, slot, &task, comm) || !rule_match(which, &task))
			continue;
		c.pid = task.pid;
		c.tgid = task.tgid;
		c.comm = comm;
		c.own_class = (enum qumun_class)arena_tasks(q)[slot].own_class;
		c.nr = rules_matching(&q->rules->table, &task, proposed, matches);
		err = fn(arg, &c);
	}
	return err;
}

QUMUN_API int
qumun_explain_rules(struct qumun *q, const struct qumun_rule *which,
		    const struct qumun_rule *proposed,
		    int (*fn)(void *arg, const struct qumun_rule_case *task), void *arg)
{
	struct rule_entry who = { 0 }, new = { 0 };
	struct qumun_rule_match *matches;
	int err;

	if (!q || !which || !fn)
		return -EINVAL;
	if (!which->match || which->match >> RULE_NR_MATCHES)
		return qumun_fail(q, -EINVAL, "which tasks? The rule has no criterion");
	err = proposed ? check(q, proposed) : 0;
	if (err)
		return err;
	rules_replace(&who, which);
	if (proposed) {
		new.rule.id = QUMUN_RULE_PROPOSED;
		rules_replace(&new, proposed);
	}
	pthread_mutex_lock(&q->rules->lock);
	matches = calloc(q->rules->table.nr + 1, sizeof(*matches));
	err = matches ? explain_all(q, &who, proposed ? &new : NULL, matches, fn, arg)
		      : -ENOMEM;
	free(matches);
	pthread_mutex_unlock(&q->rules->lock);
	return err;
}

QUMUN_API int qumun_get_task_rule(struct qumun *q, pid_t pid,
				  struct qumun_task_rule *rule)
{
	const struct qumun_param_block *par;
	struct qumun_task *t;
	__u32 slot, nr;

	if (!q || !rule)
		return -EINVAL;
	par = &q->arena->params;
	nr = slots_in_use(q);
	for (slot = 0; slot < nr; slot++) {
		t = &arena_tasks(q)[slot];
		if (shm_load(&t->pid) != pid || !shm_load_acquire(&t->incarnation))
			continue;
		*rule = (struct qumun_task_rule){
			.rule_id = t->rule_id,
			.cls = (enum qumun_class)VT_CLASS(t),
			.weight = VT_WEIGHT(t, par),
			.slice_ns = t->rule_slice_ns,
			.cpus = t->rule_cpus,
		};
		return 0;
	}
	return qumun_fail(q, -ENOENT, "no task record for pid %d", (int)pid);
}
