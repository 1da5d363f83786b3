/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors and messages. An error is a negative errno for the program and a sentence for the
 * person: it names the object, the cause and the remedy.
 */
#include <stdarg.h>
#include <stdio.h>

#include "internal.h"

static _Thread_local char load_error[sizeof(((struct qumun *)0)->error)];

static void deliver(struct qumun *q, enum qumun_log_level level, const char *text)
{
	if (q && q->opt.log)
		q->opt.log(q->opt.log_arg, level, text);
}

int qumun_fail(struct qumun *q, int err, const char *fmt, ...)
{
	char *text = q ? q->error : load_error;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(load_error), fmt, ap);
	va_end(ap);
	deliver(q, QUMUN_LOG_ERROR, text);
	return err;
}

void qumun_say(struct qumun *q, enum qumun_log_level level, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	deliver(q, level, text);
}

/* A failed qumun_load() frees its handle: its sentence moves to the thread. */
void errors_keep(const struct qumun *q)
{
	snprintf(load_error, sizeof(load_error), "%s", q->error);
}

QUMUN_API const char *qumun_strerror(const struct qumun *q)
{
	return q ? q->error : load_error;
}

QUMUN_API const char *qumun_version(void)
{
	return QUMUN_VERSION;
}
