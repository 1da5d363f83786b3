/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors and messages. An error is a negative errno for the program and a sentence for the
 * person: it names the object, the cause and the remedy.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

/*
 * Each thread has its own last sentence, so that one thread's error never changes what another
 * reads; the handle has a copy for who asks without having met an error.
 */
static _Thread_local struct {
	unsigned long long id; /* of the handle that it is about */
	char text[ERROR_TEXT];
} mine;

static _Thread_local char load_error[ERROR_TEXT];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void deliver(struct qumun *q, enum qumun_log_level level, const char *text)
{
	if (q && q->opt.log)
		q->opt.log(q->opt.log_arg, level, text);
}

int qumun_fail(struct qumun *q, int err, const char *fmt, ...)
{
	char *text = q ? mine.text : load_error;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, ERROR_TEXT, fmt, ap);
	va_end(ap);
	if (q) {
		mine.id = q->id;
		pthread_mutex_lock(&lock);
		memcpy(q->error, text, sizeof(q->error));
		pthread_mutex_unlock(&lock);
	}
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
	if (!q)
		return load_error;
	if (mine.id != q->id) {
		pthread_mutex_lock(&lock);
		memcpy(mine.text, q->error, sizeof(mine.text));
		pthread_mutex_unlock(&lock);
		/* not remembered as this thread's: the next call looks again */
		mine.id = 0;
	}
	return mine.text;
}

QUMUN_API const char *qumun_version(void)
{
	return QUMUN_VERSION;
}
