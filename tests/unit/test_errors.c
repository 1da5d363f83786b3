/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences of errors: each thread reads its own, whatever others do; who met none reads the last. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/internal.h"

#include "tap.h"

#define ROUNDS 20000
#define LENGTH 1000

struct failing {
	pthread_t thread;
	struct qumun *q;
	char letter;
	int wrong;
};

/* Nothing but @letter, LENGTH times? Any one letter if it is 0. */
static bool is_whole(const char *text, char letter)
{
	char one[2] = { letter ? letter : text[0], '\0' };

	return strlen(text) == LENGTH && strspn(text, one) == LENGTH;
}

static void *fail_again_and_again(void *arg)
{
	struct failing *f = arg;
	char text[LENGTH + 1];
	int i;

	memset(text, f->letter, LENGTH);
	text[LENGTH] = '\0';
	for (i = 0; i < ROUNDS; i++) {
		f->wrong += qumun_fail(f->q, -EINVAL, "%s", text) != -EINVAL;
		f->wrong += !is_whole(qumun_strerror(f->q), f->letter);
	}
	return NULL;
}

int main(void)
{
	struct failing f[2] = { { .letter = 'a' }, { .letter = 'b' } };
	struct qumun *q = qumun_new(NULL), *other = qumun_new(NULL);
	int i, torn = 0;

	if (!tap_ok(q && other && q->id != other->id, "two handles"))
		return tap_done();
	tap_is(strlen(qumun_strerror(q)), 0, "no error yet");
	for (i = 0; i < 2; i++) {
		f[i].q = q;
		pthread_create(&f[i].thread, NULL, fail_again_and_again, &f[i]);
	}
	while (!*qumun_strerror(q))
		;
	for (i = 0; i < ROUNDS; i++)
		torn += !is_whole(qumun_strerror(q), 0);
	for (i = 0; i < 2; i++) {
		pthread_join(f[i].thread, NULL);
		tap_is(f[i].wrong, 0, "thread %d read nothing but its own", i);
	}
	tap_is(torn, 0, "a third thread never read half of one");
	tap_is(strlen(qumun_strerror(other)), 0, "the other handle has no error");
	qumun_fail(q, -EIO, "mine");
	tap_ok(!strcmp(qumun_strerror(q), "mine"), "from here on it has its own");
	qumun_fail(other, -EIO, "the other's");
	tap_ok(!strcmp(qumun_strerror(q), "mine"), "which is kept with the handle");
	qumun_close(q);
	qumun_close(other);
	return tap_done();
}
