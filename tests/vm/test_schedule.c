/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 200 tasks that fork children which compute a little and exit: nothing gets lost, nobody waits
 * for more than a second, and afterwards the counters reconcile exactly.
 */
#include <sys/mman.h>

#include "vmtest.h"

#define FORKERS 200
#define CHILD_CODE 42
#define WAIT_LIMIT_NS 1000000000ULL

struct tally {
	_Atomic unsigned long forked, reaped, wrong;
};

static void compute_and_exit(void)
{
	volatile unsigned int n;

	for (n = 0; n < 20000; n++)
		;
	_exit(CHILD_CODE);
}

static void fork_until(__u64 end, struct tally *t)
{
	int status;
	pid_t pid;

	do {
		pid = fork();
		if (!pid)
			compute_and_exit();
		if (pid < 0) {
			t->wrong++;
			break;
		}
		t->forked++;
		if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
		    WEXITSTATUS(status) == CHILD_CODE)
			t->reaped++;
		else
			t->wrong++;
	} while (now_ns() < end);
}

static void fork_storm(const char *mode, struct tally *t)
{
	unsigned int seconds = nr_online() == 1 ? 2 : short_or_soak(4, 10), i;
	__u64 end = now_ns() + seconds * 1000000000ULL;
	unsigned long ended = 0;
	pid_t pids[FORKERS];
	int status;

	for (i = 0; i < FORKERS; i++) {
		pids[i] = child_begin(-1, 0);
		if (!pids[i]) {
			fork_until(end, t);
			_exit(0);
		}
	}
	for (i = 0; i < FORKERS; i++)
		ended += waitpid(pids[i], &status, 0) == pids[i] && !status;
	tap_is(ended, FORKERS, "%s mode: all forking tasks came to their end", mode);
	tap_ok(t->forked >= FORKERS, "%s mode: %lu children in %u s", mode, t->forked,
	       seconds);
	tap_is(t->reaped, t->forked, "%s mode: every child ran and exited", mode);
	tap_is(t->wrong, 0, "%s mode: no child went wrong", mode);
}

/*
 * Each time a task began to run somebody had decided so, or it had not been queued at all (the
 * kernel takes each task off its CPU for a moment when it exits); what was decided ran, except for
 * what was queued at the end.
 */
static void check_runs(const struct daemon *d, const char *mode)
{
	static const char *const ways[] = { "direct",		"standing",
					    "decided",		"taken_back",
					    "rescued",		"kernel_mode",
					    "kernel_autopilot", "kernel_kthread",
					    "kernel_self",	"kernel_no_record",
					    "kernel_ring_full", "kernel_exiting",
					    "kernel_offline",	"resumed" };
	long long runs = daemon_counter(d, "runs") - daemon_counter(d, "policy_runs"),
		  ways_sum = 0;
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		ways_sum += daemon_counter(d, ways[i]);
	if (!tap_ok(runs >= ways_sum - FORKERS && runs <= ways_sum + FORKERS,
		    "%s mode: %lld runs from %lld decisions", mode, runs, ways_sum))
		daemon_diag(d);
}

static void one_mode(const char *mode, struct tally *t)
{
	const char *const args[] = { "--mode", mode, NULL };
	__u64 wait, limit = wait_limit_ns(WAIT_LIMIT_NS);
	struct wait_watch w;
	struct daemon d = { 0 };

	memset(t, 0, sizeof(*t));
	if (!daemon_start(&d, args))
		return;
	if (wait_watch_start(&w)) {
		fork_storm(mode, t);
		wait = wait_watch_stop(&w);
		tap_ok(wait < limit, "%s mode: the longest wait was %llu ms (%s)", mode,
		       (unsigned long long)wait / 1000000, w.comm);
	}
	tap_ok(scx_runs("gthulhu"), "%s mode: still scheduled by gthulhu", mode);
	daemon_stop_and_check(&d, mode, NULL);
	tap_ok(daemon_counter(&d, "tasks_seen") >= (long long)t->forked,
	       "%s mode: every child had a record", mode);
	check_runs(&d, mode);
}

int main(void)
{
	struct tally *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	one_mode("user", t);
	one_mode("kernel", t);
	return tap_done();
}
