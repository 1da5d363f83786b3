/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: YAML, checked against one table of keys. */
#ifndef GTHULHU_CONFIG_H
#define GTHULHU_CONFIG_H

#include <stdbool.h>
#include <stdio.h>

#include <qumun.h>

/*
 * X(key, kind, default, minimum, maximum, accepted, meaning); kinds are in config.c. Minimum and
 * maximum count for numbers and times (ms). The file's sections `params` and `rules` follow the
 * tables of qumun/params.h and qumun/rules.h.
 */
#define CONFIG_KEYS(X)                                                                   \
	X(mode, mode, "user", 0, 0, "user or kernel",                                    \
	  "who decides: the policy, or the BPF half with the same arithmetic")           \
	X(policy, text, "gthulhu", 0, 0,                                                 \
	  "a built-in policy or the path of a shared object", "what decides")            \
	X(partial, boolean, "no", 0, 0, "yes or no",                                     \
	  "schedule only tasks that ask for SCHED_EXT")                                  \
	X(log_level, level, "INFO", 0, 0, "ERROR, WARN, INFO or DEBUG",                  \
	  "what is logged")                                                              \
	X(max_tasks, number, "4096", 1, 1000000, "1 to 1000000",                         \
	  "rows of task_info_map")                                                       \
	X(max_records, number, "16384", 64, QUMUN_MAX_RECORDS, "64 to 262144",           \
	  "tasks that can be told apart; those beyond are scheduled without rules")      \
	X(shards, number, "1", 1, QUMUN_MAX_SHARDS, "1 to 64",                           \
	  "policy threads, at most one for each last-level cache")                       \
	X(timeout, duration, "10s", 1000, 30000, "1s to 30s", "the kernel's watchdog")   \
	X(reattach, number, "5", 0, 1000, "0 to 1000",                                   \
	  "times in a row to attach again after the kernel ended the scheduler")

struct config {
	char *policy;
	enum qumun_mode mode;
	enum qumun_log_level log_level;
	bool partial;
	unsigned int max_tasks, max_records, shards, timeout /* ms */, reattach;
	struct qumun_param_block params;
	struct qumun_rule *rules;
	size_t nr_rules;
};

/* The defaults. */
void config_init(struct config *c);
void config_free(struct config *c);

/*
 * Read @size bytes at @text into @c, which holds the defaults; messages call them @name. 0; -EINVAL
 * with FILE:LINE:COLUMN and a sentence in @why, then @c is as it was; -ENOMEM.
 */
int config_parse(struct config *c, const char *name, const char *text, size_t size,
		 char *why, size_t why_size);

/* The same from a file. Also -errno of reading it. */
int config_load(struct config *c, const char *path, char *why, size_t why_size);

/* The default file with its comments, as packaging/gthulhu.yaml has it. */
void config_print(FILE *out);

#endif
