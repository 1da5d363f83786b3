/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the kernel ends the scheduler: what is said about it, and how long to wait before attaching
 * again. A scheduler that fails again and again is worse than the kernel's own, so the delay doubles
 * each time and there is an end to it; a long quiet spell wipes the slate clean.
 */
#include <pthread.h>
#include <string.h>

#include "daemon.h"
#include "requests.h"

#define SCX_EXIT_ERROR 1024		  /* kinds from here on are failures */
#define SCX_ECODE_ACT_RESTART (1LL << 48) /* the kernel asks for another start */

#define FIRST_DELAY_MS 250U
#define LAST_DELAY_MS 60000U
#define QUIET_NS (600 * 1000000000ULL) /* attached for so long: all is well again */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ejections now;
static unsigned int in_a_row;

void ejections_get(struct ejections *e)
{
	pthread_mutex_lock(&lock);
	*e = now;
	pthread_mutex_unlock(&lock);
}

/* The message may name a task, and a task's name is any bytes. */
static void note(const struct qumun_exit_report *r)
{
	char *c;

	pthread_mutex_lock(&lock);
	now.count++;
	snprintf(now.last, sizeof(now.last), "%s%s%s", r->reason, *r->message ? ": " : "",
		 r->message);
	for (c = now.last; *c; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
	pthread_mutex_unlock(&lock);
}

bool ejection_tell(struct qumun *q)
{
	struct qumun_exit_report report;
	bool ejected;

	if (qumun_exit_info(q, &report) != 1)
		return false;
	ejected = report.kind >= SCX_EXIT_ERROR || (report.code & SCX_ECODE_ACT_RESTART);
	if (ejected)
		note(&report);
	say(QUMUN_LOG_ERROR,
	    "exit kind %d, code %lld; the kernel's own scheduler is back", report.kind,
	    (long long)report.code);
	if (*report.dump)
		fprintf(stderr, "%s\n", report.dump);
	return ejected;
}

unsigned int ejection_delay_ms(unsigned int most, unsigned long long attached_ns)
{
	unsigned int i, ms = FIRST_DELAY_MS;

	if (attached_ns >= QUIET_NS)
		in_a_row = 0;
	if (in_a_row >= most) {
		if (most)
			say(QUMUN_LOG_ERROR,
			    "attached again %u times and ended each time: giving up",
			    most);
		return 0;
	}
	in_a_row++;
	for (i = 1; i < in_a_row && ms < LAST_DELAY_MS; i++)
		ms *= 2;
	if (ms > LAST_DELAY_MS)
		ms = LAST_DELAY_MS;
	pthread_mutex_lock(&lock);
	now.retry_at = requests_clock_ns() + ms * 1000000ULL;
	pthread_mutex_unlock(&lock);
	say(QUMUN_LOG_WARN, "attaching again in %u.%u s (%u of %u)", ms / 1000,
	    ms % 1000 / 100, in_a_row, most);
	notify("STATUS=ejected; attaching again");
	return ms;
}

void ejection_over(struct qumun *q)
{
	__u64 c[QUMUN_NR_COUNTERS];
	__u64 run_ns = qumun_get_counters(q, c) ? 0 : c[QUMUN_C_run_ns];

	pthread_mutex_lock(&lock);
	now.retry_at = 0;
	now.run_ns_before = run_ns;
	pthread_mutex_unlock(&lock);
	notify("STATUS=scheduling");
}
