/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to stderr, one line each, with the kernel's priority prefix under systemd. The last
 * ones are kept for `gthulhuctl bugreport`.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <jansson.h>

#include "daemon.h"

#define KEPT 128
#define KEPT_SIZE 256

static enum qumun_log_level threshold = QUMUN_LOG_INFO;
static const char *const word[] = { "error: ", "warning: ", "", "debug: " };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char kept[KEPT][KEPT_SIZE];
static unsigned int nr_kept; /* ever; the place is nr_kept % KEPT */

void log_level(enum qumun_log_level level)
{
	threshold = level;
}

static void keep(enum qumun_log_level level, const char *message)
{
	struct timespec ts;
	char stamp[32];
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%FT%TZ", &tm);
	pthread_mutex_lock(&lock);
	snprintf(kept[nr_kept++ % KEPT], KEPT_SIZE, "%s %s%s", stamp, word[level],
		 message);
	pthread_mutex_unlock(&lock);
}

json_t *log_recent(void)
{
	json_t *list = json_array(), *line;
	unsigned int i;

	pthread_mutex_lock(&lock);
	for (i = nr_kept > KEPT ? nr_kept - KEPT : 0; i != nr_kept; i++) {
		line = json_string(kept[i % KEPT]);
		/* cut in the middle of a character */
		json_array_append_new(list, line ? line : json_string("(not UTF-8)"));
	}
	pthread_mutex_unlock(&lock);
	return list;
}

void log_line(void *arg, enum qumun_log_level level, const char *message)
{
	static const char *const priority[] = { "<3>", "<4>", "<6>", "<7>" };

	if (level > threshold)
		return;
	keep(level, message);
	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "%s%s\n", priority[level], message);
	else
		fprintf(stderr, "gthulhu: %s%s\n", word[level], message);
}

void say(enum qumun_log_level level, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_line(NULL, level, text);
}
