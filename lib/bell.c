/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bells: for each shard a ring buffer that the BPF half writes a token into when its sleeping
 * policy thread has work. Level-triggered, so a token that came before the wait ends the wait.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define BELL_BYTES 4096

static int swallow(void *arg, void *data, size_t size)
{
	return 0;
}

int bell_create(struct shard *sh, int bells_fd)
{
	sh->bell_fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "policy_bell", 0, 0,
				     BELL_BYTES, NULL);
	if (sh->bell_fd < 0 || bpf_map_update_elem(bells_fd, &sh->id, &sh->bell_fd, 0))
		return qumun_fail(sh->q, -errno, "making the policy's bell: %s",
				  strerror(errno));
	return 0;
}

int bell_open(struct shard *sh)
{
	struct epoll_event bell = { .events = EPOLLIN, .data.fd = sh->bell_fd };
	struct epoll_event stop = { .events = EPOLLIN, .data.fd = sh->q->stop_fd };
	/* edge-triggered: each write ends one wait, and nobody has to read it */
	struct epoll_event nudge = { .events = EPOLLIN | EPOLLET,
				     .data.fd = sh->q->nudge_fd };

	sh->bell = ring_buffer__new(sh->bell_fd, swallow, NULL, NULL);
	sh->wait_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!sh->bell || sh->wait_fd < 0 ||
	    epoll_ctl(sh->wait_fd, EPOLL_CTL_ADD, sh->bell_fd, &bell) ||
	    epoll_ctl(sh->wait_fd, EPOLL_CTL_ADD, sh->q->stop_fd, &stop) ||
	    epoll_ctl(sh->wait_fd, EPOLL_CTL_ADD, sh->q->nudge_fd, &nudge))
		return qumun_fail(sh->q, -errno, "opening the policy's bell: %s",
				  strerror(errno));
	return 0;
}

void bell_close(struct shard *sh)
{
	if (sh->wait_fd >= 0)
		close(sh->wait_fd);
	ring_buffer__free(sh->bell);
	if (sh->bell_fd >= 0)
		close(sh->bell_fd);
}

void bell_wait(struct shard *sh, __u64 timeout_ns)
{
	struct timespec timeout = { (time_t)(timeout_ns / 1000000000),
				    (long)(timeout_ns % 1000000000) };
	struct epoll_event events[3];

	if (epoll_pwait2(sh->wait_fd, events, 3, &timeout, NULL) > 0)
		ring_buffer__consume(sh->bell);
}

void bell_nudge(struct qumun *q)
{
	const uint64_t one = 1;
	ssize_t n = write(q->nudge_fd, &one, sizeof(one));

	(void)n; /* full: it was written often enough */
}
