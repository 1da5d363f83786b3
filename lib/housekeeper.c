/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread beside the policy. Every 100 ms: new pages for the slab before they are needed,
 * task_info_map, and a look whether the kernel ended the scheduler. It belongs to the policy's
 * process, so the BPF half schedules it without asking the policy.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "internal.h"

#define PERIOD_MS 100

/* Raise the BPF half's limit on records, after touching them. */
static void grow_slab(struct qumun *q)
{
	__u32 zero = 0, limit = q->record_limit, max = q->arena->max_records;
	struct bpf_slot_list list;

	if (limit >= max || bpf_map_lookup_elem(q->free_slots_fd, &zero, &list))
		return;
	if (list.fresh < limit / 4 * 3)
		return;
	limit = limit * 2 < max ? limit * 2 : max;
	arena_touch_records(q, q->record_limit, limit);
	pthread_mutex_lock(&q->control_lock);
	q->record_limit = q->control.record_limit = limit;
	control_write(q);
	pthread_mutex_unlock(&q->control_lock);
	qumun_say(q, QUMUN_LOG_DEBUG, "task records: %u of %u are ready", limit, max);
}

static void *housekeep(void *arg)
{
	struct qumun *q = arg;
	struct pollfd stop = { .fd = q->stop_fd, .events = POLLIN };

	pthread_setname_np(pthread_self(), "gthulhu-house");
	while (!atomic_load(&q->stopping)) {
		poll(&stop, 1, PERIOD_MS);
		grow_slab(q);
		sync_tick(q);
		if (exit_seen(q))
			qumun_stop(q);
	}
	return NULL;
}

int housekeeper_start(struct qumun *q)
{
	int err = sync_start(q);

	if (err)
		return err;
	err = pthread_create(&q->housekeeper, NULL, housekeep, q);
	if (err)
		return qumun_fail(q, -err, "starting the housekeeping thread: %s",
				  strerror(err));
	q->housekeeper_runs = true;
	return 0;
}

void housekeeper_stop(struct qumun *q)
{
	if (!q->housekeeper_runs)
		return;
	pthread_join(q->housekeeper, NULL);
	q->housekeeper_runs = false;
}
