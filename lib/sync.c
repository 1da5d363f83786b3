// SPDX-License-Identifier: Apache-2.0
/*
 * task_info_map: one row for each task that has run, for tools that read maps.
 *
 * The hot path works on task records only; the housekeeper copies here what has changed. A tick
 * reads one cache line of each record that was ever used (its accounting), a second one only
 * for tasks that have a row (their identity) or that changed, so an idle machine costs it
 * microseconds.
 *
 * A row's counts start at `base`: zero, or where they stood when the row was deleted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define BATCH 256
#define NR_BUCKETS 4096 /* a power of two */
#define NO_ENTRY UINT32_MAX

enum entry_state {
	NO_ROW, /* free, or has not run since the row was deleted */
	HAS_ROW,
	REFUSED, /* there was no room; tried again at its next run */
};

/* What is known of a record, in our own memory. */
struct entry {
	__u64 exec_start; /* as last seen: together they tell whether it ran */
	__u64 sum_exec;
	__u64 base_exec;
	__u32 base_nvcsw, base_nivcsw;
	__u32 incarnation;
	__s32 pid;
	__u32 next; /* slot of the next entry in its bucket */
	__u32 state;
};

struct task_info_sync {
	pthread_mutex_t lock;
	struct entry *entries; /* one for each record; untouched ones take no memory */
	__u32 buckets[NR_BUCKETS]; /* pid -> first slot, for tasks with a row */
	__u32 high_water;
	__u32 nr_rows;
	bool clean; /* no rows of a former attachment or process are left */
	__u64 refused;
	__u32 nr_batch;
	__s32 pids[BATCH];
	struct task_info infos[BATCH];
};

static __u32 *bucket_of(struct task_info_sync *s, __s32 pid)
{
	return &s->buckets[(__u32)pid & (NR_BUCKETS - 1)];
}

static __u32 slot_of(struct task_info_sync *s, __s32 pid)
{
	__u32 slot = *bucket_of(s, pid);

	while (slot != NO_ENTRY && s->entries[slot].pid != pid)
		slot = s->entries[slot].next;
	return slot;
}

static void link_entry(struct task_info_sync *s, __u32 slot)
{
	__u32 *head = bucket_of(s, s->entries[slot].pid);

	s->entries[slot].next = *head;
	*head = slot;
	s->entries[slot].state = HAS_ROW;
	s->nr_rows++;
}

static void unlink_entry(struct task_info_sync *s, __u32 slot)
{
	__u32 *at = bucket_of(s, s->entries[slot].pid);

	while (*at != NO_ENTRY && *at != slot)
		at = &s->entries[*at].next;
	if (*at == slot)
		*at = s->entries[slot].next;
	s->entries[slot].state = NO_ROW;
	s->nr_rows--;
}

/* Write the rows that were gathered. */
static void flush_batch(struct qumun *q)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	struct task_info_sync *s = q->sync;
	__u32 i, done = s->nr_batch;

	if (!s->nr_batch)
		return;
	if (bpf_map_update_batch(q->task_info_fd, s->pids, s->infos, &done, &opts)) {
		/* no batches here, or one row failed: the rest one by one */
		for (i = 0; i < s->nr_batch; i++)
			bpf_map_update_elem(q->task_info_fd, &s->pids[i], &s->infos[i],
					    0);
	}
	s->nr_batch = 0;
}

static void gather_row(struct qumun *q, __u32 slot)
{
	const struct qumun_task *t = &arena_tasks(q)[slot];
	struct task_info_sync *s = q->sync;
	struct entry *e = &s->entries[slot];

	s->pids[s->nr_batch] = e->pid;
	s->infos[s->nr_batch] = (struct task_info){
		.vruntime = shm_load(&t->vruntime),
		.weight = shm_load(&t->weight),
		.slice_ns = shm_load(&t->slice_ns),
		.exec_start = e->exec_start,
		.sum_exec_runtime = e->sum_exec - e->base_exec,
		.voluntary_ctxt_switches = shm_load(&t->nvcsw) - e->base_nvcsw,
		.nonvoluntary_ctxt_switches = shm_load(&t->nivcsw) - e->base_nivcsw,
	};
	if (++s->nr_batch == BATCH)
		flush_batch(q);
}

static void drop_row(struct qumun *q, __u32 slot)
{
	struct task_info_sync *s = q->sync;

	bpf_map_delete_elem(q->task_info_fd, &s->entries[slot].pid);
	unlink_entry(s, slot);
}

/* The record belongs to somebody else now, or to nobody. */
static void forget(struct entry *e, __u32 incarnation, __s32 pid)
{
	e->base_exec = 0;
	e->base_nvcsw = e->base_nivcsw = 0;
	e->incarnation = incarnation;
	e->pid = pid;
	e->state = NO_ROW;
}

/* A task without a row ran. */
static void add_row(struct qumun *q, __u32 slot)
{
	struct task_info_sync *s = q->sync;
	struct entry *e = &s->entries[slot];
	__u32 other = slot_of(s, e->pid);

	/* the pid was reused and its former owner's record is not cleared up yet */
	if (other != NO_ENTRY)
		unlink_entry(s, other);
	if (s->nr_rows >= q->opt.max_tasks) {
		s->refused += e->state != REFUSED;
		e->state = REFUSED;
		return;
	}
	link_entry(s, slot);
	gather_row(q, slot);
}

/* Rows that were there before us: those of living tasks come back within the same tick. */
static void drop_inherited(struct qumun *q)
{
	__s32 pid;

	while (!bpf_map_get_next_key(q->task_info_fd, NULL, &pid)) {
		if (bpf_map_delete_elem(q->task_info_fd, &pid))
			break;
	}
	q->sync->clean = true;
}

/* First pass: rows of tasks that are gone, so that theirs don't cover a new owner's. */
static void drop_gone(struct qumun *q)
{
	const struct qumun_task *t = arena_tasks(q);
	struct task_info_sync *s = q->sync;
	__u32 slot;

	for (slot = 0; slot < s->high_water; slot++) {
		if (s->entries[slot].state == HAS_ROW &&
		    shm_load(&t[slot].incarnation) != s->entries[slot].incarnation)
			drop_row(q, slot);
	}
}

/* Second pass: who ran since the last tick? */
static void copy_changed(struct qumun *q)
{
	const struct qumun_task *t = arena_tasks(q);
	struct task_info_sync *s = q->sync;
	__u64 exec_start, sum_exec;
	__u32 slot, incarnation;
	struct entry *e;

	for (slot = 0; slot < s->high_water; slot++) {
		e = &s->entries[slot];
		exec_start = shm_load(&t[slot].exec_start);
		sum_exec = shm_load(&t[slot].sum_exec);
		if (e->exec_start == exec_start && e->sum_exec == sum_exec)
			continue;
		e->exec_start = exec_start;
		e->sum_exec = sum_exec;
		incarnation = shm_load_acquire(&t[slot].incarnation);
		if (incarnation != e->incarnation) {
			if (e->state == HAS_ROW)
				drop_row(q, slot);
			forget(e, incarnation, shm_load(&t[slot].pid));
		}
		if (!incarnation || e->pid <= 0 || !exec_start)
			continue;
		if (e->state == HAS_ROW)
			gather_row(q, slot);
		else
			add_row(q, slot);
	}
}

void sync_tick(struct qumun *q)
{
	struct task_info_sync *s = q->sync;
	struct bpf_slot_list list;
	__u32 zero = 0;

	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	if (!bpf_map_lookup_elem(q->free_slots_fd, &zero, &list))
		s->high_water =
			list.fresh < q->record_limit ? list.fresh : q->record_limit;
	if (!s->clean)
		drop_inherited(q);
	drop_gone(q);
	copy_changed(q);
	flush_batch(q);
	pthread_mutex_unlock(&s->lock);
}

/* Begin anew: nothing is known of any record. */
static int reset(struct qumun *q, struct task_info_sync *s)
{
	__u32 i;

	for (i = 0; i < NR_BUCKETS; i++)
		s->buckets[i] = NO_ENTRY;
	s->high_water = s->nr_rows = s->nr_batch = 0;
	s->clean = false;
	free(s->entries);
	s->entries = calloc(q->opt.max_records, sizeof(*s->entries));
	return s->entries ? 0 : -ENOMEM;
}

/*
 * The state stays until close: other threads may ask for statistics or delete a row while this
 * one detaches and attaches again.
 */
int sync_start(struct qumun *q)
{
	struct task_info_sync *s = q->sync;
	int err;

	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return qumun_fail(q, -ENOMEM, "out of memory for task_info_map");
		pthread_mutex_init(&s->lock, NULL);
		q->sync = s;
	}
	pthread_mutex_lock(&s->lock);
	err = reset(q, s);
	pthread_mutex_unlock(&s->lock);
	if (err)
		qumun_fail(q, err, "out of memory for task_info_map: lower max_records");
	return err;
}

void sync_free(struct qumun *q)
{
	struct task_info_sync *s = q->sync;

	if (!s)
		return;
	q->sync = NULL;
	pthread_mutex_destroy(&s->lock);
	free(s->entries);
	free(s);
}

__u32 sync_high_water(struct qumun *q)
{
	__u32 nr = 0;

	if (q->sync) {
		pthread_mutex_lock(&q->sync->lock);
		nr = q->sync->high_water;
		pthread_mutex_unlock(&q->sync->lock);
	}
	return nr;
}

__u64 sync_rows_refused(struct qumun *q)
{
	__u64 refused = 0;

	if (q->sync) {
		pthread_mutex_lock(&q->sync->lock);
		refused = q->sync->refused;
		pthread_mutex_unlock(&q->sync->lock);
	}
	return refused;
}

/* From here on the task's counts start at zero; its row returns when it has run again. */
static void rebase(struct qumun *q, __u32 slot)
{
	const struct qumun_task *t = &arena_tasks(q)[slot];
	struct entry *e = &q->sync->entries[slot];

	unlink_entry(q->sync, slot);
	e->exec_start = shm_load(&t->exec_start);
	e->sum_exec = e->base_exec = shm_load(&t->sum_exec);
	e->base_nvcsw = shm_load(&t->nvcsw);
	e->base_nivcsw = shm_load(&t->nivcsw);
}

QUMUN_API int qumun_delete_pid_from_task_info(struct qumun *q, pid_t pid)
{
	struct task_info_sync *s;
	__s32 key = pid;
	__u32 slot;
	int err;

	if (!q)
		return -EINVAL;
	s = q->sync;
	if (s)
		pthread_mutex_lock(&s->lock);
	err = bpf_map_delete_elem(q->task_info_fd, &key) ? -errno : 0;
	slot = s ? slot_of(s, key) : NO_ENTRY;
	if (slot != NO_ENTRY)
		rebase(q, slot);
	if (s)
		pthread_mutex_unlock(&s->lock);
	/* an unknown pid is an answer, not a failure: tasks often end before they get a row */
	if (err && err != -ENOENT)
		qumun_fail(q, err, "task_info_map: deleting the row of pid %d: %s", pid,
			   strerror(-err));
	return err;
}
