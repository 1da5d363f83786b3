/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bell: a ring buffer that the BPF half writes a token into when a sleeping policy thread
 * has work. Level-triggered, so a token that came before the wait ends the wait.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

static int swallow(void *arg, void *data, size_t size)
{
	return 0;
}

int bell_open(struct qumun *q)
{
	struct epoll_event bell = { .events = EPOLLIN, .data.fd = q->bell_fd };
	struct epoll_event stop = { .events = EPOLLIN, .data.fd = q->stop_fd };
	/* edge-triggered: each write ends one wait, and nobody has to read it */
	struct epoll_event nudge = { .events = EPOLLIN | EPOLLET,
				     .data.fd = q->nudge_fd };

	q->bell = ring_buffer__new(q->bell_fd, swallow, NULL, NULL);
	q->wait_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!q->bell || q->wait_fd < 0 ||
	    epoll_ctl(q->wait_fd, EPOLL_CTL_ADD, q->bell_fd, &bell) ||
	    epoll_ctl(q->wait_fd, EPOLL_CTL_ADD, q->stop_fd, &stop) ||
	    epoll_ctl(q->wait_fd, EPOLL_CTL_ADD, q->nudge_fd, &nudge))
		return qumun_fail(q, -errno, "opening the policy's bell: %s",
				  strerror(errno));
	return 0;
}

void bell_close(struct qumun *q)
{
	if (q->wait_fd >= 0)
		close(q->wait_fd);
	ring_buffer__free(q->bell);
	q->wait_fd = -1;
	q->bell = NULL;
}

void bell_wait(struct qumun *q, __u64 timeout_ns)
{
	struct timespec timeout = { (time_t)(timeout_ns / 1000000000),
				    (long)(timeout_ns % 1000000000) };
	struct epoll_event events[3];

	if (epoll_pwait2(q->wait_fd, events, 3, &timeout, NULL) > 0)
		ring_buffer__consume(q->bell);
}

void bell_nudge(struct qumun *q)
{
	const uint64_t one = 1;
	ssize_t n = write(q->nudge_fd, &one, sizeof(one));

	(void)n; /* full: it was written often enough */
}
