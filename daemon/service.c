/* SPDX-License-Identifier: Apache-2.0 */
/* What runs beside the policy: the control server, metrics, systemd's watchdog. */
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "metrics.h"
#include "requests.h"

struct service {
	struct backend backend; /* first: the server hands us to requests_answer() */
	struct server *server;
	struct metrics *metrics;
};

#define TICK_MS 1000 /* at most */

/*
 * A sign of life for systemd. The policy's silence is one of ours: after a whole watchdog period
 * on autopilot a new process is the better one.
 */
static void tick(void *arg)
{
	struct service *s = arg;
	struct qumun_run_state state;

	trace_expire(&s->backend);
	if (qumun_get_state(s->backend.q, &state))
		return;
	/* detached: waiting until it may attach again */
	if (!state.attached || !state.autopilot || state.mode == QUMUN_MODE_KERNEL)
		notify("WATCHDOG=1");
}

static int find_group(const char *option, const char *name, gid_t *gid)
{
	struct group *g;

	*gid = SERVER_NO_GROUP;
	if (!name)
		return 0;
	g = getgrnam(name);
	if (!g) {
		say(QUMUN_LOG_ERROR,
		    "%s: no group \"%s\" on this system: create it with groupadd", option,
		    name);
		return EXIT_USAGE;
	}
	*gid = g->gr_gid;
	return 0;
}

int service_open(struct service **out, struct qumun *q, const struct daemon_options *o)
{
	struct server_options so = { .handle = requests_answer,
				     .tick = tick,
				     .tick_ms = notify_watchdog_ms() / 3 };
	bool watched = so.tick_ms;
	struct service *s = calloc(1, sizeof(*s));
	int err;

	*out = NULL;
	if (!s)
		return EXIT_RUNTIME;
	s->backend = (struct backend){ .q = q, .options = o, .commit = GTHULHU_COMMIT };
	so.path = o->socket ? o->socket : CONTROL_SOCKET;
	if (!strcmp(so.path, "none"))
		so.path = NULL;
	so.take_over = o->takeover;
	so.arg = s;
	if (!watched || so.tick_ms > TICK_MS)
		so.tick_ms = TICK_MS;
	err = find_group("--read-group", o->read_group, &so.read_group);
	if (!err)
		err = find_group("--change-group", o->change_group, &so.change_group);
	if (!err && (so.path || watched))
		err = server_open(&s->server, &so) ? EXIT_RUNTIME : 0;
	if (err && err != EXIT_USAGE && !o->socket) {
		/* nobody asked for it by name: scheduling goes on without */
		say(QUMUN_LOG_WARN, "gthulhuctl will not find this daemon");
		so.path = NULL;
		err = watched && server_open(&s->server, &so) ? EXIT_RUNTIME : 0;
	}
	if (err) {
		service_stop(s);
		return err;
	}
	*out = s;
	return 0;
}

int service_start(struct service *s)
{
	int err = s->server && server_start(s->server) ? EXIT_RUNTIME : 0;

	if (!err && s->backend.options->metrics)
		err = metrics_start(&s->metrics, s->backend.q, s->backend.options);
	if (!err)
		notify("READY=1\nSTATUS=scheduling");
	return err;
}

struct service *service_stop(struct service *s)
{
	if (!s)
		return NULL;
	metrics_stop(s->metrics);
	server_stop(s->server);
	requests_close(&s->backend);
	free(s);
	return NULL;
}
