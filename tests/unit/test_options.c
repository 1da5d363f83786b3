/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the daemon's options come from: option > environment > file > default. What each of them
 * accepts is in tests/docs/test_gthulhu_8.sh and test_config.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../daemon/daemon.h"
#include "tap.h"

/* The daemon's list of policies belongs to its main program. */
void policy_print(FILE *f)
{
	(void)f;
}

#define NONE (-1)

/* A level or a number of tasks from each source, NONE: it does not say. */
static const struct {
	int option, environment, file, want;
} levels[] = {
	{ NONE, NONE, NONE, QUMUN_LOG_INFO },
	{ NONE, NONE, QUMUN_LOG_WARN, QUMUN_LOG_WARN },
	{ NONE, QUMUN_LOG_DEBUG, QUMUN_LOG_WARN, QUMUN_LOG_DEBUG },
	{ NONE, QUMUN_LOG_DEBUG, NONE, QUMUN_LOG_DEBUG },
	{ QUMUN_LOG_ERROR, QUMUN_LOG_DEBUG, QUMUN_LOG_WARN, QUMUN_LOG_ERROR },
	{ QUMUN_LOG_ERROR, NONE, QUMUN_LOG_WARN, QUMUN_LOG_ERROR },
	{ QUMUN_LOG_ERROR, NONE, NONE, QUMUN_LOG_ERROR },
}, tasks[] = {
	{ NONE, NONE, NONE, 4096 },
	{ NONE, NONE, 100, 100 },
	{ NONE, 200, 100, 200 },
	{ NONE, 200, NONE, 200 },
};

static const char *const level_names[] = { "ERROR", "WARN", "INFO", "DEBUG" };
static char file[64];

static bool write_file(const char *text)
{
	FILE *f = fopen(file, "w");

	return f && fputs(text, f) >= 0 && !fclose(f);
}

static int parse(struct daemon_options *o, const char *option)
{
	char *argv[] = { "gthulhu",	 "--config", file, option ? "--log-level" : NULL,
			 (char *)option, NULL };

	return options_parse(o, option ? 5 : 3, argv);
}

static void one_level(int i)
{
	struct daemon_options o;
	char text[64] = "";

	unsetenv("GTHULHU_LOG_LEVEL");
	if (levels[i].environment != NONE)
		setenv("GTHULHU_LOG_LEVEL", level_names[levels[i].environment], 1);
	if (levels[i].file != NONE)
		snprintf(text, sizeof(text), "log_level: %s\n",
			 level_names[levels[i].file]);
	tap_ok(write_file(text), "a file");
	tap_is(parse(&o, levels[i].option == NONE ? NULL : level_names[levels[i].option]),
	       0, "level %d: accepted", i);
	tap_is(o.level, levels[i].want, "level %d: option %d, environment %d, file %d", i,
	       levels[i].option, levels[i].environment, levels[i].file);
	options_free(&o);
}

static void one_number(int i)
{
	struct daemon_options o;
	char text[64] = "";

	unsetenv("GTHULHU_MAX_TASKS");
	if (tasks[i].environment != NONE) {
		snprintf(text, sizeof(text), "%d", tasks[i].environment);
		setenv("GTHULHU_MAX_TASKS", text, 1);
		text[0] = '\0';
	}
	if (tasks[i].file != NONE)
		snprintf(text, sizeof(text), "max_tasks: %d\n", tasks[i].file);
	tap_ok(write_file(text), "a file");
	tap_is(parse(&o, NULL), 0, "tasks %d: accepted", i);
	tap_is(o.max_tasks, tasks[i].want, "tasks %d: environment %d, file %d", i,
	       tasks[i].environment, tasks[i].file);
	options_free(&o);
}

/* A bad value is no reason to go on with a weaker one. */
static void bad_values(void)
{
	struct daemon_options o;

	write_file("log_level: WARN\nmax_tasks: 100\n");
	setenv("GTHULHU_MAX_TASKS", "many", 1);
	tap_is(parse(&o, NULL), EXIT_USAGE, "a bad number beside a good one");
	options_free(&o);
	setenv("GTHULHU_MAX_TASKS", "5", 1);
	setenv("GTHULHU_DEBUG", "maybe", 1);
	tap_is(parse(&o, NULL), EXIT_USAGE, "a bad truth value");
	options_free(&o);
	setenv("GTHULHU_DEBUG", "TRUE", 1);
	tap_is(parse(&o, NULL), 0, "a good one");
	tap_ok(o.debug && o.max_tasks == 5, "both count");
	options_free(&o);
	unsetenv("GTHULHU_DEBUG");
	tap_is(parse(&o, NULL), 0, "none");
	tap_ok(!o.debug, "debugging is off by itself");
	options_free(&o);
}

int main(void)
{
	size_t i;
	int fd;

	unsetenv("GTHULHU_DEBUG");
	snprintf(file, sizeof(file), "/tmp/gthulhu-options.XXXXXX");
	fd = mkstemp(file);
	if (fd < 0)
		return tap_skip_all("no file below /tmp: %s", strerror(errno));
	close(fd);
	for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		one_level((int)i);
	unsetenv("GTHULHU_LOG_LEVEL");
	for (i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++)
		one_number((int)i);
	bad_values();
	unlink(file);
	return tap_done();
}
