/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's messages: prefixes, priorities for the journal, and a flood that is held back. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "../../daemon/daemon.h"
#include "tap.h"

static char path[] = "/tmp/test-log-XXXXXX";

/* What stands in the file that stderr is; for free(). */
static char *written(void)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 65536);

	if (!fread(text, 1, 65535, f))
		*text = '\0';
	fclose(f);
	return text;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static void journal(bool ours)
{
	struct stat st;
	char stream[64];

	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
		 (uintmax_t)st.st_ino + !ours);
	setenv("JOURNAL_STREAM", stream, 1);
}

int main(void)
{
	int fd = mkstemp(path), i;
	json_t *recent;
	char *text;

	dup2(fd, STDERR_FILENO);
	unsetenv("JOURNAL_STREAM");
	say(QUMUN_LOG_WARN, "one");
	say(QUMUN_LOG_DEBUG, "two");
	journal(false);
	say(QUMUN_LOG_INFO, "three");
	journal(true);
	say(QUMUN_LOG_ERROR, "four\nfive");
	text = written();
	if (!tap_ok(!strcmp(text,
			    "gthulhu: warning: one\ngthulhu: three\n<3>four\n<3>five\n"),
		    "levels, and the journal's priorities where stderr is the journal"))
		tap_diag("%s", text);
	free(text);

	for (i = 0; i < 1000; i++)
		say(QUMUN_LOG_INFO, "flood");
	text = written();
	tap_ok(count(text, "flood") >= 40 && count(text, "flood") < 60,
	       "of 1000 at once %zu came through", count(text, "flood"));
	free(text);
	usleep(500000);
	say(QUMUN_LOG_INFO, "after");
	text = written();
	tap_ok(strstr(text, " messages were left out: too many at once\n<6>after\n"),
	       "the next one tells how many did not");
	free(text);
	recent = log_recent();
	tap_ok(json_array_size(recent) > 40 && json_array_size(recent) < 70,
	       "what was left out is not kept either");
	json_decref(recent);
	unlink(path);
	return tap_done();
}
