/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to stderr, one line each, with the kernel's priority prefix when stderr is the journal.
 * The last ones are kept for `gthulhuctl bugreport`. More than BURST at once, and then more than
 * PER_SECOND, are left out and counted: the next one that comes through says how many.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "daemon.h"

#define KEPT 128
#define KEPT_SIZE 256
#define BURST 50
#define PER_SECOND 5
#define SECOND_NS 1000000000ULL

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

/* May one more line go out? *@left_out: how many did not since the last that did. */
static bool admit(unsigned int *left_out)
{
	static uint64_t credit = BURST * SECOND_NS, at;
	static unsigned int missing;
	struct timespec ts;
	uint64_t now;
	bool ok;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = (uint64_t)ts.tv_sec * SECOND_NS + (uint64_t)ts.tv_nsec;
	pthread_mutex_lock(&lock);
	credit += at && now > at ? (now - at) * PER_SECOND : 0;
	if (credit > BURST * SECOND_NS)
		credit = BURST * SECOND_NS;
	at = now;
	ok = credit >= SECOND_NS;
	if (ok)
		credit -= SECOND_NS;
	else
		missing++;
	*left_out = ok ? missing : 0;
	if (ok)
		missing = 0;
	pthread_mutex_unlock(&lock);
	return ok;
}

/* Is stderr what systemd said is connected to the journal? */
static bool to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;

	return stream && sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == device && st.st_ino == inode;
}

/* A message of several lines has its priority on each. */
static void emit(enum qumun_log_level level, const char *message)
{
	static const char *const priority[] = { "<3>", "<4>", "<6>", "<7>" };
	const char *end;

	if (!to_journal()) {
		fprintf(stderr, "gthulhu: %s%s\n", word[level], message);
		return;
	}
	for (; *message; message = *end ? end + 1 : end) {
		end = strchrnul(message, '\n');
		fprintf(stderr, "%s%.*s\n", priority[level], (int)(end - message),
			message);
	}
}

void log_line(void *arg, enum qumun_log_level level, const char *message)
{
	unsigned int left_out;
	char text[64];

	if (level > threshold || !admit(&left_out))
		return;
	if (left_out) {
		snprintf(text, sizeof(text),
			 "%u messages were left out: too many at once", left_out);
		keep(QUMUN_LOG_WARN, text);
		emit(QUMUN_LOG_WARN, text);
	}
	keep(level, message);
	emit(level, message);
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
