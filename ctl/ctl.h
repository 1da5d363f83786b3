/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands of gthulhuctl share. */
#ifndef CTL_H
#define CTL_H

#include "../control/protocol.h"

/* Exit codes, documented in gthulhuctl(1). */
enum {
	CTL_OK = 0,
	CTL_FAILED = 1, /* the daemon could not do it, or what it said makes no sense */
	CTL_USAGE = 2,
	CTL_NO_DAEMON = 3, /* nobody listens at the socket */
	CTL_DENIED = 4,
	CTL_NOT_FOUND = 5,
};

/*
 * struct ctl - one run of gthulhuctl
 * @socket: path of the daemon's socket
 * @json:   print the result as one line of JSON
 * @fd:     the connection, or -1
 * @quiet:  errors are recorded, not printed (top shows them on its screen)
 */
struct ctl {
	const char *socket;
	bool json, quiet;
	int fd;
	char *line; /* a reply, and what came after it */
	size_t size, room;
	char error[600];
};

/* main.c: one subcommand; @run gets its name as argv[0] and returns an exit code. */
struct command {
	const char *name;
	const char *args; /* for the usage line */
	const char *doc;
	int (*run)(struct ctl *ctl, int argc, char **argv);
};

int usage_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * client.c: make a request. @args may be NULL and is consumed. CTL_OK with a new reference in
 * *@result, or an exit code after a message.
 */
int ctl_call(struct ctl *ctl, const char *request, json_t *args, json_t **result);
void ctl_close(struct ctl *ctl);

/* Fields of a result: they are there, ctl_call() has checked. */
long long get_int(const json_t *object, const char *name);
double get_real(const json_t *object, const char *name);
bool get_bool(const json_t *object, const char *name);
const char *get_text(const json_t *object, const char *name); /* "" if absent */

/* format.c: for people. Each returns @buf. */
#define TEXT_SIZE 32
const char *text_time(char buf[TEXT_SIZE], double ns);	  /* 1.25 ms */
const char *text_count(char buf[TEXT_SIZE], double n);	  /* 12.3k */
const char *text_tasks(char buf[TEXT_SIZE], long long n); /* 1 task */
const char *text_span(char buf[TEXT_SIZE], double ns);	  /* 2 h 05 min */
void print_json(const json_t *value);
bool parse_between(const char *text, double min, double max, double *value);
/* Sleep; false when interrupted. */
bool pause_ms(int ms);

/* histogram.c: waits as bars, @width columns wide; @before may be NULL. */
long long bucket_count(const json_t *buckets, const json_t *before, size_t i);
double histogram_quantile(const json_t *buckets, const json_t *before, double q);
void histogram_print(FILE *out, const json_t *latency, int width);

int cmd_status(struct ctl *ctl, int argc, char **argv);
int cmd_stats(struct ctl *ctl, int argc, char **argv);
int cmd_params(struct ctl *ctl, int argc, char **argv);
int cmd_mode(struct ctl *ctl, int argc, char **argv);
int cmd_policy(struct ctl *ctl, int argc, char **argv);
int cmd_task(struct ctl *ctl, int argc, char **argv);
int cmd_tasks(struct ctl *ctl, int argc, char **argv);
int cmd_latency(struct ctl *ctl, int argc, char **argv);
int cmd_shares(struct ctl *ctl, int argc, char **argv);
int cmd_dump(struct ctl *ctl, int argc, char **argv);
int cmd_schema(struct ctl *ctl, int argc, char **argv);
int cmd_bugreport(struct ctl *ctl, int argc, char **argv);
int cmd_rules(struct ctl *ctl, int argc, char **argv);
int cmd_explain(struct ctl *ctl, int argc, char **argv);
int cmd_trace(struct ctl *ctl, int argc, char **argv);
int cmd_record(struct ctl *ctl, int argc, char **argv);
int cmd_top(struct ctl *ctl, int argc, char **argv);

#endif
