/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the daemon share. */
#ifndef GTHULHU_DAEMON_H
#define GTHULHU_DAEMON_H

#include <stdbool.h>
#include <stdio.h>

#include <qumun.h>

/* Exit codes, documented in gthulhu(8). */
enum {
	EXIT_CLEAN = 0,
	EXIT_RUNTIME = 1, /* run-time failure or ejection */
	EXIT_USAGE = 2,	  /* usage, configuration, policy file */
	EXIT_SYSTEM = 78, /* this system cannot run it */
};

struct daemon_options {
	const char *policy;	/* a built-in's name or the path of a shared object */
	const char *bpf_object; /* NULL: the one inside the library */
	enum qumun_mode mode;
	bool partial, check, json, help, version;
	enum qumun_log_level level;
	unsigned int max_tasks;
	bool debug;
	double for_seconds;	/* 0: until a signal */
};

/* options.c: 0, or EXIT_USAGE after a message. */
int options_parse(struct daemon_options *o, int argc, char **argv);
void options_help(FILE *out);

/* log.c */
void log_level(enum qumun_log_level level);
void log_line(void *arg, enum qumun_log_level level, const char *message);
void say(enum qumun_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* check.c: features of this kernel, one a line or JSON; EXIT_CLEAN or EXIT_SYSTEM. */
int check_run(bool json);
void version_print(void);

/* report.c: the final counters, for people or as one line of JSON. */
void report_print(struct qumun *q, bool json);

/* builtin.c: a built-in policy by name, or NULL. */
const struct qumun_policy_ops *builtin_find(const char *name);
void builtin_list(FILE *out);

#endif
