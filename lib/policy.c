/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which policy decides, before attach and while it runs.
 *
 * A change while running: the caller prepares a whole engine with the new policy, leaves it in
 * `next_engine` and wakes the policy thread, which takes it between two passes, lets it continue
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

static int box_new(struct qumun *q, const struct qumun_policy_ops *ops,
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
	err = engine_init(&box->engine, q->arena, 0, ops, box->memory);
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
	q->engine = engine_box_free(q->engine);
	return q->policy ? box_new(q, q->policy, &q->engine) : 0;
}

void policy_switch(struct qumun *q)
{
	struct engine_box *next = atomic_exchange(&q->next_engine, NULL),
			  *old = q->engine;

	if (!next)
		return;
	engine_adopt(&next->engine, &old->engine);
	q->engine = next;
	atomic_store(&q->old_engine, old);
	engine_ask_again(&next->engine);
}

static bool policy_thread_runs(struct qumun *q)
{
	bool runs;

	pthread_mutex_lock(&q->control_lock);
	/* until it becomes the policy, a taken-over handle still has its predecessor's */
	runs = q->control.policy_tid[0] && q->control.policy_tgid == getpid() &&
	       !q->resigned;
	pthread_mutex_unlock(&q->control_lock);
	return runs;
}

/* Wait until the policy thread gives its old engine back, or ends. */
static struct engine_box *wait_for_old(struct qumun *q)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	struct engine_box *old = NULL;
	int i;

	for (i = 0; i < PATIENCE_MS && !old && policy_thread_runs(q); i++) {
		bell_nudge(q);
		nanosleep(&ms, NULL);
		old = atomic_exchange(&q->old_engine, NULL);
	}
	return old;
}

static int change(struct qumun *q, const struct qumun_policy_ops *ops)
{
	struct engine_box *box, *old;
	int err;

	if (!policy_thread_runs(q))
		return qumun_fail(
			q, -EBUSY,
			"attached, but nobody is in qumun_run() with a policy: the policy "
			"cannot be changed now");
	err = box_new(q, ops, &box);
	if (err)
		return err;
	settle_engine(box);
	atomic_store(&q->next_engine, box);
	old = wait_for_old(q);
	if (!old) {
		box = atomic_exchange(&q->next_engine, NULL);
		if (box) {
			engine_box_free(box);
			return qumun_fail(
				q, -ETIMEDOUT,
				"the policy thread did not take policy %s within %d ms: it is "
				"in a callback of the old one, gets no CPU, or has ended",
				ops->name, PATIENCE_MS);
		}
		/* taken at the last moment: the old engine comes before any callback */
		while (!old) {
			sched_yield();
			old = atomic_exchange(&q->old_engine, NULL);
		}
	}
	engine_box_free(old);
	return 0;
}

int policy_use(struct qumun *q, const struct qumun_policy_ops *ops)
{
	int err = 0;

	policy_lock();
	/* after a detach by another thread it may still be in its last pass */
	if (q->attached || policy_thread_runs(q))
		err = change(q, ops);
	if (!err)
		q->policy = ops;
	policy_unlock();
	return err;
}
