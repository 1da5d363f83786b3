/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies that sleep, loop, forget a task, answer garbage or nothing at all (policies/broken.c):
 * the machine goes on, nobody waits for more than a second, the counters reconcile.
 */
#include "../vmtest.h"

#define POLICIES "/opt/gthulhu/tests/vm/"
#define WAIT_LIMIT_NS 1000000000ULL

struct broken {
	const char *name;
	const char *file;
	int code;	     /* of the daemon after SIGINT */
	const char *may;     /* counters that may be above zero */
	const char *counted; /* a counter that must be */
};

static const struct broken policies[] = {
	{ "sleeps 1 s", POLICIES "broken_sleeps.so", 0, NULL, "autopilot_blocked" },
	{ "never answers one task", POLICIES "broken_forgets_one.so", 0, NULL,
	  "rescued" },
	{ "answers garbage", POLICIES "broken_garbage.so", 0,
	  "bad_slot double_dispatched forbidden_cpu", "bad_cpu" },
	{ "answers nothing", POLICIES "broken_mute.so", 0, NULL, "autopilot_mute" },
	{ "loops for ever", POLICIES "broken_loops.so", 1, NULL, NULL },
};

/* A hog whose record says "victim". */
static pid_t start_victim(void)
{
	char name[16];
	pid_t pid;

	prctl(PR_GET_NAME, name);
	prctl(PR_SET_NAME, "victim");
	pid = start_hog(-1, 0);
	prctl(PR_SET_NAME, name);
	return pid;
}

static void end_daemon(struct daemon *d, const struct broken *p)
{
	bool ok;

	if (!p->code) {
		daemon_stop_and_check(d, p->name, p->may);
		ok = tap_ok(!p->counted || daemon_counter(d, p->counted) > 0,
			    "%s: counted as %s", p->name, p->counted);
	} else {
		ok = tap_is(daemon_end(d, SIGINT), p->code, "%s: exit code %d", p->name,
			    p->code);
		ok &= tap_ok(daemon_said(d, "the policy does not return"),
			     "%s: it says so", p->name);
		ok &= tap_ok(wait_for_scx(NULL, 10000),
			     "%s: the kernel's scheduler is back", p->name);
	}
	if (!ok)
		daemon_diag(d);
}

static void run_policy(const struct broken *p)
{
	const char *const args[] = { "--policy", p->file, NULL };
	struct daemon d = { 0 };
	struct wait_watch w;
	__u64 wait, ran;
	struct load l;
	pid_t victim;

	if (!daemon_start(&d, args) || !wait_watch_start(&w))
		return;
	load_start(&l);
	l.part = 50; /* a broken policy need not be fair */
	victim = start_victim();
	ran = schedstat_ns(victim);
	sleep_ms(short_or_soak(3000, 20000));
	ran = schedstat_ns(victim) - ran;
	wait = wait_watch_stop(&w);
	tap_ok(ran >= 4 * MIN_SLICE_NS, "%s: the victim ran %llu ms", p->name,
	       (unsigned long long)ran / 1000000);
	tap_ok(wait < wait_limit_ns(WAIT_LIMIT_NS),
	       "%s: the longest wait was %llu ms (%s)", p->name,
	       (unsigned long long)wait / 1000000, w.comm);
	check_survived(&l, p->name);
	end_child(victim);
	load_stop(&l);
	end_daemon(&d, p);
}

int main(void)
{
	size_t i;

	for (i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
		run_policy(&policies[i]);
	return tap_done();
}
