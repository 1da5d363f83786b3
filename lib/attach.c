/* SPDX-License-Identifier: Apache-2.0 */
/* From attach to detach, and why it ended. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

/* One word from a file under /sys/kernel/sched_ext, or "". */
static void read_scx(const char *name, char *buf, size_t size)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/sched_ext/%s", name);
	buf[0] = '\0';
	f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(buf, (int)size, f))
		buf[strcspn(buf, "\n")] = '\0';
	fclose(f);
}

bool scx_is_free(void)
{
	char state[64];

	read_scx("state", state, sizeof(state));
	return !strcmp(state, "disabled");
}

static int refuse_second(struct qumun *q)
{
	char state[64], ops[64];

	read_scx("state", state, sizeof(state));
	/* what cannot be read the kernel will tell by its answer */
	if (!*state || !strcmp(state, "disabled"))
		return 0;
	read_scx("root/ops", ops, sizeof(ops));
	return qumun_fail(
		q, -EBUSY,
		"sched_ext scheduler \"%s\" is %s on this machine: stop it first", ops,
		state);
}

/* Make the kernel call us, and let the links outlive this process. */
static int attach_links(struct qumun *q)
{
	struct timespec ts;
	__u32 i;
	int err;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	q->arena->attached_at = (__u64)ts.tv_sec * 1000000000ULL + (__u64)ts.tv_nsec;
	shm_store_release(&q->handover->owner, (__u32)getpid());
	q->handed_over = false;
	err = link_attach(q, LINK_EXIT);
	if (err)
		return qumun_fail(q, err, "the tracepoint sched_process_exit: %s",
				  strerror(-err));
	/* until the policy's first pass the BPF half decides */
	for (i = 0; i < q->nr_shards; i++)
		shm_store(&arena_shards(q)[i].autopilot,
			  q->control.mode == QUMUN_MODE_USER);
	err = link_attach(q, LINK_SCHEDULER);
	if (err) {
		links_close(q);
		if (refuse_second(q))
			return -EBUSY;
		return qumun_fail(q, err,
				  "the kernel refused the scheduler: %s; see dmesg",
				  strerror(-err));
	}
	rules_attach(q);
	(void)takeover_pin(q); /* it said what is lost without pins */
	return 0;
}

/* A handle may attach again after it was detached: the former end is no longer news. */
static int forget_end(struct qumun *q)
{
	__u64 count;
	ssize_t n;
	int err;

	if (!exit_seen(q))
		return 0;
	err = exit_report_clear(q);
	if (err)
		return err;
	atomic_store(&q->stopping, false);
	n = read(q->stop_fd, &count, sizeof(count));
	(void)n; /* nobody need have stopped it */
	return 0;
}

static int attach(struct qumun *q)
{
	bool running = q->links[LINK_SCHEDULER] >= 0; /* taken over, and never detached */
	int err;

	if (q->attached)
		return qumun_fail(q, -EALREADY, "this scheduler is attached already");
	if (!q->policy && q->control.mode == QUMUN_MODE_USER)
		return qumun_fail(q, -EINVAL,
				  "no policy is set: call qumun_set_policy() first");
	err = running ? takeover_attach(q) : refuse_second(q);
	if (!err)
		err = forget_end(q);
	if (err)
		return err;
	if (!q->topology) {
		err = qumun_init_cache_domains(q);
		if (err)
			return err;
	}
	err = policy_prepare(q);
	if (!err && !running)
		err = attach_links(q);
	if (err)
		return err;
	q->attached = true;
	cpu_max_warn(q);
	err = housekeeper_start(q);
	if (!err)
		err = rules_start(q);
	if (err)
		qumun_detach(q);
	return err;
}

QUMUN_API int qumun_attach(struct qumun *q)
{
	int err;

	if (!q)
		return -EINVAL;
	policy_lock();
	err = attach(q);
	policy_unlock();
	return err;
}

QUMUN_API int qumun_detach(struct qumun *q)
{
	if (!q)
		return -EINVAL;
	if (!q->attached)
		return 0;
	qumun_stop(q);
	rules_stop(q);
	housekeeper_stop(q);
	if (!q->handed_over) {
		if (q->pinned)
			takeover_unpin();
		/*
		 * Closing alone would leave the end to whoever holds the link last: a stopped
		 * predecessor, or the kernel's own deferred work for the pin.
		 */
		bpf_link_detach(q->links[LINK_SCHEDULER]);
	}
	q->pinned = false;
	links_close(q);
	q->attached = false;
	trace_detached(q);
	return 0;
}

QUMUN_API void qumun_stop(struct qumun *q)
{
	__u64 one = 1;
	ssize_t n;

	if (!q)
		return;
	atomic_store(&q->stopping, true);
	n = write(q->stop_fd, &one, sizeof(one));
	(void)n; /* a full counter has the same effect */
}
