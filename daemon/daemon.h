/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the daemon share. */
#ifndef GTHULHU_DAEMON_H
#define GTHULHU_DAEMON_H

#include <stdbool.h>
#include <stdio.h>

#include <qumun.h>

#include "config.h"

/* Exit codes, documented in gthulhu(8). */
enum {
	EXIT_CLEAN = 0,
	EXIT_RUNTIME = 1, /* run-time failure or ejection */
	EXIT_USAGE = 2,	  /* usage, configuration, policy file */
	EXIT_SYSTEM = 78, /* this system cannot run it */
};

#define METRICS_DEFAULT "127.0.0.1:9464"

struct daemon_options {
	struct config config;	  /* the file, or the defaults */
	const char *config_file;  /* or NULL */
	struct qumun_rule *rules; /* of the command line */
	size_t nr_rules;
	bool check_config, print_config;
	const char *policy;	/* a built-in's name or the path of a shared object */
	const char *bpf_object; /* NULL: the one inside the library */
	enum qumun_mode mode;
	bool takeover, partial, check, json, help, version;
	enum qumun_log_level level;
	unsigned int max_tasks;
	unsigned int reattach; /* times in a row; 0: never */
	bool debug;
	double for_seconds; /* 0: until a signal */
	const char *socket; /* of the control server; NULL: the default, "none": none */
	const char *read_group, *change_group; /* who may use it; NULL: root only */
	const char *metrics;		       /* ADDRESS:PORT; NULL: none */
};

/* options.c: 0, or EXIT_USAGE after a message. */
int options_parse(struct daemon_options *o, int argc, char **argv);
void options_free(struct daemon_options *o);
void options_help(FILE *out);

/* reload.c: give @q what @o has of parameters and rules. 0, or negative errno after a message. */
int options_apply(struct qumun *q, const struct daemon_options *o);

/*
 * reload.c: a thread that reads the configuration again on SIGHUP, which must be blocked in all
 * threads by then. @o is what is in effect now and outlives the thread.
 */
struct reload;
struct reload *reload_start(struct qumun *q, const struct daemon_options *o, int argc,
			    char **argv);
struct reload *reload_stop(struct reload *r);

/*
 * ejection.c: the kernel has ended the scheduler. ejections_get() may be called from any thread, the
 * others from the one that attaches.
 *
 * struct ejections
 * @count:         times it happened
 * @last:          reason and message of the last one
 * @retry_at:      CLOCK_MONOTONIC ns of the next attempt; 0: none is waited for
 * @run_ns_before: the counter run_ns when this attachment began
 */
struct ejections {
	unsigned int count;
	char last[512];
	__u64 retry_at, run_ns_before;
};

void ejections_get(struct ejections *e);
/* Print the exit report. True: it was a failure, not somebody's wish. */
bool ejection_tell(struct qumun *q);
/* How long to wait before attaching again, at most @most times in a row; 0: not again. */
unsigned int ejection_delay_ms(unsigned int most, unsigned long long attached_ns);
/* It is attached again. */
void ejection_over(struct qumun *q);

/* log.c */
void log_level(enum qumun_log_level level);
void log_line(void *arg, enum qumun_log_level level, const char *message);
void say(enum qumun_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The last messages as a list of strings, oldest first. */
struct json_t *log_recent(void);

/* notify.c: tell systemd, if it asked; @state as in sd_notify(3). */
void notify(const char *state);
/* How often it wants to hear from us, ms; 0: it does not. */
unsigned int notify_watchdog_ms(void);

/*
 * service.c: what runs beside the policy: control server, metrics, watchdog. Opened before attach
 * and before privileges are given up, started between attach and detach. 0, or an exit code after a
 * message. NULL is fine for stop.
 */
struct service;
int service_open(struct service **service, struct qumun *q,
		 const struct daemon_options *o);
int service_start(struct service *service);
struct service *service_stop(struct service *service);

/*
 * privileges.c: from here on this thread and those that it starts have no capability and can gain
 * none. 0, or -errno after a message.
 */
int privileges_drop(void);

/* check.c: features of this kernel, one a line or JSON; EXIT_CLEAN or EXIT_SYSTEM. */
int check_run(bool json);
void version_print(void);

/* report.c: the final counters, for people or as one line of JSON. */
void report_print(struct qumun *q, bool json);

/* policy.c: the @i'th policy inside the binary, or NULL; all of them, a line each. */
const struct qumun_policy_ops *policy_builtin(size_t i);
void policy_print(FILE *out);

/*
 * Make a policy the one that decides: one inside by name, or a file by path, which has a slash or
 * ".so" in it. 0; -ENOENT: no such policy inside (nothing was said) or no such file; or what
 * qumun_set_policy() and qumun_load_policy() return.
 */
int policy_choose(struct qumun *q, const char *name);
bool policy_is_file(const char *name);

/* What policy_choose() chose last. Any thread. */
#define POLICY_NAME_SIZE 256
const char *policy_current(char name[POLICY_NAME_SIZE]);

#endif
