// SPDX-License-Identifier: Apache-2.0
/*
 * Exit events: pids of tasks that are gone, through a BPF ring buffer.
 *
 * Events are taken from the ring one by one and never read ahead: the descriptor's readiness is
 * the ring's, and an event held back here would wait while poll() says that there is none.
 *
 * The buffer is mapped for the first reader, twice 1 MiB of resident memory; until then events wait in
 * the kernel all the same.
 */
#include <errno.h>
#include <string.h>

#include "internal.h"

/* Ends ring_buffer__consume() after one event, which it has taken off the ring by then. */
#define ONE_IS_ENOUGH (-ECANCELED)

static int take_one(void *arg, void *data, size_t size)
{
	struct qumun *q = arg;

	if (size >= sizeof(__s32))
		q->exit_pid = *(const __s32 *)data;
	return ONE_IS_ENOUGH;
}

static int map_ring(struct qumun *q)
{
	int err;

	if (q->exit_rb)
		return 0;
	q->exit_rb = ring_buffer__new(q->exit_events_fd, take_one, q, NULL);
	if (!q->exit_rb) {
		err = -errno;
		return qumun_fail(q, err, "exit events: %s", strerror(-err));
	}
	return 0;
}

void exit_events_close(struct qumun *q)
{
	ring_buffer__free(q->exit_rb);
	q->exit_rb = NULL;
}

QUMUN_API int qumun_receive_proc_exit_evt(struct qumun *q)
{
	if (!q || map_ring(q))
		return -1;
	q->exit_pid = -1;
	ring_buffer__consume(q->exit_rb);
	return q->exit_pid > 0 ? q->exit_pid : -1;
}

QUMUN_API int qumun_proc_exit_fd(struct qumun *q)
{
	int err;

	if (!q)
		return -EINVAL;
	err = map_ring(q);
	return err ? err : ring_buffer__epoll_fd(q->exit_rb);
}
