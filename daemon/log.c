/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to stderr, one line each, with the kernel's priority prefix under systemd. */
#include <stdarg.h>
#include <stdlib.h>

#include "daemon.h"

static enum qumun_log_level threshold = QUMUN_LOG_INFO;

void log_level(enum qumun_log_level level)
{
	threshold = level;
}

void log_line(void *arg, enum qumun_log_level level, const char *message)
{
	static const char *const priority[] = { "<3>", "<4>", "<6>", "<7>" };
	static const char *const word[] = { "error: ", "warning: ", "", "debug: " };

	if (level > threshold)
		return;
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
