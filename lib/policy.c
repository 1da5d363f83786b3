/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which policy decides, before attach and while it runs.
 *
 * A change while running: the caller prepares a whole engine with the new policy for each shard,
 * leaves it in `next_engine` and wakes the policy thread, which takes it between two passes, lets it continue
 * where the old one stands, gives the old one back in `old_engine`, and asks the new policy about
 * every task that the old one left waiting. So no task is lost or decided twice, and the policy
 * thread neither allocates nor frees. A policy thread that does not come back from a callback
 * takes nothing: the caller withdraws the engine, and whoever swaps `next_engine` to NULL owns it.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define PATIENCE_MS 2000

/* One change at a time, and none while a handle attaches. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void policy_lock(void)
{
	pthread_mutex_lock(&lock);
}

void policy_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

struct engine_box *engine_box_free(struct engine_box *box)
{
	if (!box)
		return NULL;
	if (box->memory)
		munmap(box->memory, box->size);
	free(box);
	return NULL;
}

static int box_new(struct qumun *q, __u32 shard, const struct qumun_policy_ops *ops,
		   struct engine_box **out)
{
	struct engine_box *box = calloc(1, sizeof(*box));
	int err;

	if (box) {
		box->size = engine_memory_size(q->arena->max_records, q->nr_cpus,
					       ops->state_size);
		box->memory = mmap(NULL, box->size, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	}
	if (!box || box->memory == MAP_FAILED) {
		free(box);
		return qumun_fail(q, -ENOMEM, "out of memory for the engine");
	}
	err = engine_init(&box->engine, q->arena, shard, ops, box->memory);
	if (!err) {
		*out = box;
		return 0;
	}
	engine_box_free(box);
	return qumun_fail(q, err, "policy %s does not start: %s", ops->name,
			  strerror(-err));
}

/* A policy begins anew with each attachment: it may be another one than before. */
int policy_prepare(struct qumun *q)
{
	struct shard *sh;
	int err = 0;

	for (sh = q->shards; !err && sh < q->shards + q->nr_shards; sh++) {
		sh->engine = engine_box_free(sh->engine);
		if (q->policy)
			err = box_new(q, sh->id, q->policy, &sh->engine);
	}
	return err;
}

void policy_switch(struct shard *sh)
{
	struct engine_box *next = atomic_exchange(&sh->next_engine, NULL),
			  *old = sh->engine;

	if (!next)
		return;
	engine_adopt(&next->engine, &old->engine);
	sh->engine = next;
	atomic_store(&sh->old_engine, old);
	engine_ask_again(&next->engine);
}

static bool policy_thread_runs(const struct shard *sh)
{
	struct qumun *q = sh->q;
	bool runs;

	pthread_mutex_lock(&q->control_lock);
	/* until it becomes the policy, a taken-over handle still has its predecessor's */
	runs = q->control.policy_tid[sh->id] && q->control.policy_tgid == getpid() &&
	       !q->resigned;
	pthread_mutex_unlock(&q->control_lock);
	return runs;
}

/* Wait until the policy thread gives its old engine back, or ends. */
static struct engine_box *wait_for_old(struct shard *sh)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	struct engine_box *old = NULL;
	int i;

	for (i = 0; i < PATIENCE_MS && !old && policy_thread_runs(sh); i++) {
		bell_nudge(sh->q);
		nanosleep(&ms, NULL);
		old = atomic_exchange(&sh->old_engine, NULL);
	}
	return old;
}

/* 0: the policy thread has taken @box, or -ETIMEDOUT: it is the caller's again. */
static int hand_over(struct shard *sh, struct engine_box *box)
{
	struct engine_box *old;

	settle_box(box);
	atomic_store(&sh->next_engine, box);
	old = wait_for_old(sh);
	if (!old && atomic_exchange(&sh->next_engine, NULL))
		return -ETIMEDOUT;
	/* taken at the last moment: the old engine comes before any callback */
	while (!old) {
		sched_yield();
		old = atomic_exchange(&sh->old_engine, NULL);
	}
	engine_box_free(old);
	return 0;
}

static void boxes_free(struct engine_box **boxes, __u32 nr)
{
	while (nr)
		engine_box_free(boxes[--nr]);
}

/* An engine for each shard. */
static int boxes_new(struct qumun *q, const struct qumun_policy_ops *ops,
		     struct engine_box **boxes)
{
	__u32 i;
	int err;

	for (i = 0; i < q->nr_shards; i++) {
		err = box_new(q, i, ops, &boxes[i]);
		if (err) {
			boxes_free(boxes, i);
			return err;
		}
	}
	return 0;
}

/*
 * The first @nr shards took a policy that another one does not take: they get the former one back,
 * anew. They ran a moment ago, so this waits for as long as they run.
 */
static void take_back_policy(struct qumun *q, struct engine_box **former, __u32 nr)
{
	struct shard *sh;

	for (sh = q->shards; sh < q->shards + nr; sh++) {
		while (hand_over(sh, former[sh->id])) {
			if (!policy_thread_runs(sh)) {
				/* whatever it was in the midst of is over */
				engine_box_free(sh->engine);
				sh->engine = former[sh->id];
				break;
			}
		}
	}
}

static bool policy_runs(const struct qumun *q)
{
	__u32 i;

	for (i = 0; i < q->nr_shards; i++) {
		if (policy_thread_runs(&q->shards[i]))
			return true;
	}
	return false;
}

static bool all_run(const struct qumun *q)
{
	__u32 i;

	for (i = 0; i < q->nr_shards; i++) {
		if (!policy_thread_runs(&q->shards[i]))
			return false;
	}
	return true;
}

static int change(struct qumun *q, const struct qumun_policy_ops *ops)
{
	struct engine_box *boxes[QUMUN_MAX_SHARDS], *former[QUMUN_MAX_SHARDS];
	bool several = q->nr_shards > 1;
	__u32 i;
	int err;

	if (!all_run(q))
		return qumun_fail(
			q, -EBUSY,
			"attached, but nobody is in qumun_run() with a policy: the policy "
			"cannot be changed now");
	err = boxes_new(q, ops, boxes);
	if (!err && several) {
		err = boxes_new(q, q->policy, former);
		if (err)
			boxes_free(boxes, q->nr_shards);
	}
	if (err)
		return err;
	settle_code(ops);
	for (i = 0; !err && i < q->nr_shards; i++)
		err = hand_over(&q->shards[i], boxes[i]);
	if (err) {
		i--; /* who did not take it */
		boxes_free(boxes + i, q->nr_shards - i);
		if (several) {
			take_back_policy(q, former, i);
			boxes_free(former + i, q->nr_shards - i);
		}
		return qumun_fail(
			q, err,
			"the policy thread did not take policy %s within %d ms: it is "
			"in a callback of the old one, gets no CPU, or has ended",
			ops->name, PATIENCE_MS);
	}
	if (several)
		boxes_free(former, q->nr_shards);
	return 0;
}

int policy_use(struct qumun *q, const struct qumun_policy_ops *ops)
{
	int err = 0;

	policy_lock();
	/* after a detach by another thread it may still be in its last pass */
	if (q->attached || policy_runs(q))
		err = change(q, ops);
	if (!err)
		q->policy = ops;
	policy_unlock();
	return err;
}
