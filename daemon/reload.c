/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of the configuration can change while running, and SIGHUP. All of it is read and checked
 * before anything is applied, so a bad file changes nothing.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"

enum { OWNER_FILE = 1, OWNER_COMMAND_LINE = 2 };

struct reload {
	pthread_t thread;
	struct qumun *q;
	struct daemon_options
		now; /* what is in effect; what it points to is ours if read_anew */
	bool read_anew;
	int argc;
	char **argv;
	atomic_bool stopping;
};

int options_apply(struct qumun *q, const struct daemon_options *o)
{
	int err = qumun_set_params(q, &o->config.params);

	if (!err)
		err = qumun_load_rules(q, OWNER_FILE, o->config.rules,
				       o->config.nr_rules);
	if (!err)
		err = qumun_load_rules(q, OWNER_COMMAND_LINE, o->rules, o->nr_rules);
	return err;
}

static void tell_fixed(const char *key, bool changed)
{
	if (changed)
		say(QUMUN_LOG_WARN,
		    "%s cannot change while running: the new value counts from the "
		    "next start on",
		    key);
}

static void read_again(struct reload *r)
{
	struct daemon_options new, old = r->now;
	struct qumun_param_block params;

	if (options_parse(&new, r->argc, r->argv)) {
		say(QUMUN_LOG_ERROR,
		    "the configuration was not read: everything stays as it is");
		options_free(&new);
		return;
	}
	/* who changed a parameter by other means keeps it, unless the file changed it too */
	params = new.config.params;
	if (!memcmp(&params, &old.config.params, sizeof(new.config.params)))
		qumun_get_params(r->q, &new.config.params);
	if (options_apply(r->q, &new)) {
		options_free(&new);
		return;
	}
	if (new.mode != old.mode)
		qumun_set_mode(r->q, new.mode);
	log_level(new.level);
	tell_fixed("policy", strcmp(new.policy, old.policy));
	tell_fixed("partial", new.partial != old.partial);
	tell_fixed("max_tasks", new.max_tasks != old.max_tasks);
	tell_fixed("max_records", new.config.max_records != old.config.max_records);
	tell_fixed("shards", new.config.shards != old.config.shards);
	tell_fixed("reattach", new.reattach != old.reattach);
	tell_fixed("timeout", new.config.timeout != old.config.timeout);
	say(QUMUN_LOG_INFO, "configuration read again: %zu rules",
	    new.config.nr_rules + new.nr_rules);
	new.config.params = params;
	r->now = new;
	if (r->read_anew)
		options_free(&old);
	r->read_anew = true;
}

static void *wait_for_hangup(void *arg)
{
	struct reload *r = arg;
	sigset_t set;
	int sig;

	pthread_setname_np(pthread_self(), "gthulhu-reload");
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	while (!sigwait(&set, &sig) && !atomic_load(&r->stopping))
		read_again(r);
	return NULL;
}

struct reload *reload_start(struct qumun *q, const struct daemon_options *o, int argc,
			    char **argv)
{
	struct reload *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->q = q;
	r->now = *o;
	r->argc = argc;
	r->argv = argv;
	if (pthread_create(&r->thread, NULL, wait_for_hangup, r)) {
		say(QUMUN_LOG_WARN,
		    "no thread for SIGHUP: the configuration is read once");
		free(r);
		return NULL;
	}
	return r;
}

struct reload *reload_stop(struct reload *r)
{
	if (!r)
		return NULL;
	atomic_store(&r->stopping, true);
	pthread_kill(r->thread, SIGHUP);
	pthread_join(r->thread, NULL);
	if (r->read_anew)
		options_free(&r->now);
	free(r);
	return NULL;
}
