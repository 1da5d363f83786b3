/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to the control server: who it is, and its lines in and out. At most one request
 * is in work, and nothing is read while its reply waits to be sent: a peer that doesn't read
 * fills its own socket, not our memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "control.h"

#define MAX_GROUPS 1024
#define REQUEST_COST_NS 50000 /* what a request costs besides the time measured */

long long server_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static long long cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

enum peer_access peer_access(const struct server_options *options, uid_t uid,
			     const gid_t *groups, size_t nr_groups)
{
	enum peer_access access = PEER_NOTHING;
	size_t i;

	if (uid == 0 || uid == geteuid())
		return PEER_CHANGE;
	for (i = 0; i < nr_groups; i++) {
		if (groups[i] == SERVER_NO_GROUP)
			continue;
		if (groups[i] == options->change_group)
			return PEER_CHANGE;
		if (groups[i] == options->read_group)
			access = PEER_READ;
	}
	return access;
}

/* The peer as it was when it connected. */
static bool identify(struct client *c, const struct server_options *options)
{
	socklen_t size = sizeof(struct ucred);
	gid_t groups[MAX_GROUPS + 1];
	struct ucred cred;
	size_t nr = 0;

	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &cred, &size))
		return false;
	size = MAX_GROUPS * sizeof(gid_t);
	if (!getsockopt(c->fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size))
		nr = size / sizeof(gid_t);
	groups[nr++] = cred.gid;
	c->uid = cred.uid;
	c->access = peer_access(options, cred.uid, groups, nr);
	return true;
}

struct client *client_new(int fd, const struct server_options *options,
			  struct control_error *error)
{
	struct client *c = calloc(1, sizeof(*c));

	if (c)
		c->in = malloc(CONTROL_MAX_REQUEST);
	if (!c || !c->in) {
		control_fail(error, CONTROL_E_busy, "out of memory");
		free(c);
		close(fd);
		return NULL;
	}
	c->fd = fd;
	if (!identify(c, options) || c->access == PEER_NOTHING) {
		control_fail(
			error, CONTROL_E_denied,
			"user %d may not talk to this daemon: root may, and members of its "
			"groups (--read-group, --change-group)",
			(int)c->uid);
		c->access = PEER_NOTHING;
	}
	return c;
}

struct client *client_free(struct client *c)
{
	if (!c)
		return NULL;
	close(c->fd);
	free(c->in);
	free(c->out);
	free(c);
	return NULL;
}

bool client_read(struct client *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_size, CONTROL_MAX_REQUEST - c->in_size,
			 MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (!n)
		c->ended = true;
	if (!c->in_size && n)
		c->since = server_clock_ns();
	c->in_size += (size_t)n;
	return true;
}

bool client_write(struct client *c)
{
	ssize_t n;

	while (c->out_done < c->out_size) {
		n = send(c->fd, c->out + c->out_done, c->out_size - c->out_done,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		c->out_done += (size_t)n;
	}
	free(c->out);
	c->out = NULL;
	c->out_size = c->out_done = 0;
	c->since = c->in_size ? server_clock_ns() : 0;
	return true;
}

bool client_ready(const struct client *c)
{
	if (c->out || c->closing || c->budget_ns <= 0)
		return false;
	return c->in_size == CONTROL_MAX_REQUEST || memchr(c->in, '\n', c->in_size);
}

/* All is said: the peer ended and nothing whole is left, or we close. */
bool client_finished(const struct client *c)
{
	if (c->out)
		return false;
	return c->closing || (c->ended && !memchr(c->in, '\n', c->in_size));
}

static char *answer(struct client *c, const struct server_options *options, size_t length,
		    size_t *size)
{
	struct control_error error = { 0 };
	struct control_call call;
	json_t *result = NULL;
	char *line;

	if (!control_call_parse(&call, c->in, length, &error))
		goto out;
	if (call.request->access == CONTROL_CHANGE && c->access != PEER_CHANGE)
		control_fail(
			&error, CONTROL_E_denied,
			"user %d may read, but not change: root may, and members of the "
			"group of --change-group",
			(int)c->uid);
	else
		result = options->handle(options->arg, call.request, call.args, &error);
out:
	line = result ? control_result_format(call.id, result, size)
		      : control_error_format(call.id, &error, size);
	if (line && *size > CONTROL_MAX_REPLY) {
		free(line);
		control_fail(&error, CONTROL_E_too_large,
			     "the reply has %zu bytes: %d is the limit", *size,
			     CONTROL_MAX_REPLY);
		line = control_error_format(call.id, &error, size);
	}
	json_decref(result);
	control_call_clear(&call);
	return line;
}

bool client_answer(struct client *c, const struct server_options *options)
{
	char *newline = memchr(c->in, '\n', c->in_size);
	long long began = cpu_ns();
	struct control_error error;
	size_t length;

	if (newline) {
		length = (size_t)(newline - c->in);
		c->out = answer(c, options, length, &c->out_size);
		c->in_size -= length + 1;
		memmove(c->in, newline + 1, c->in_size);
	} else {
		control_fail(&error, CONTROL_E_too_large,
			     "a request has at most %d bytes, its newline included",
			     CONTROL_MAX_REQUEST);
		c->out = control_error_format(NULL, &error, &c->out_size);
		c->closing = true;
	}
	c->budget_ns -= cpu_ns() - began + REQUEST_COST_NS;
	if (!c->out)
		return false;
	c->since = server_clock_ns();
	return client_write(c);
}
