/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real-time hog starves a task that is bound to its CPU until the kernel's watchdog ends the
 * scheduler. The daemon says why, with our lines in the kernel's dump; the kernel's scheduler has
 * the machine meanwhile; then gthulhu attaches again, later each time, and not at all if it was told
 * so or if the end was somebody's wish.
 */
#include <fcntl.h>

#include "../vmtest.h"

#define CONFIG "/tmp/ejection.yaml"
#define EXT_SERVER "/sys/kernel/debug/sched/ext_server/cpu1/runtime"

/* A child that binds itself to another CPU may have a decision for the former under way. */
#define MAY "ejections forbidden_cpu"

static pid_t victim;

/* Nothing but the hog may run on its CPU: no throttling, no server for starved classes. */
static void allow_starving(void)
{
	write_text("/proc/sys/kernel/sched_rt_runtime_us", "-1");
	if (!access(EXT_SERVER, F_OK))
		tap_ok(write_text(EXT_SERVER, "0"), "CPU 1 has no server for sched_ext");
}

/* Until the kernel has ended the scheduler; ms that the hog ran. */
static unsigned int starve(void)
{
	struct sched_param param = { .sched_priority = 10 };
	__u64 start = now_ns();
	pid_t hog = start_hog(1, 0);

	if (sched_setscheduler(hog, SCHED_FIFO, &param))
		tap_ok(false, "SCHED_FIFO: %s", strerror(errno));
	wait_for_scx(NULL, 20000);
	end_child(hog);
	return (unsigned int)((now_ns() - start) / 1000000);
}

/* Does `gthulhuctl status` say so? */
static bool status_says(const char *text)
{
	char line[512];
	bool found = false;
	FILE *f = popen("gthulhuctl status 2>&1", "r");

	while (f && fgets(line, sizeof(line), f)) {
		found |= strstr(line, text) != NULL;
		if (!strncmp(line, "ejections", 9))
			tap_diag("%.*s", (int)strcspn(line, "\n"), line);
	}
	if (f)
		pclose(f);
	return found;
}

/* The same within two seconds: the daemon looks ten times a second whether it was ended. */
static bool status_will_say(const char *text)
{
	__u64 end = now_ns() + 2000000000ULL;

	while (!status_says(text)) {
		if (now_ns() >= end)
			return false;
	}
	return true;
}

/* Times that the daemon wrote @text to stderr. */
static int times_said(const struct daemon *d, const char *text)
{
	char line[2048];
	int n = 0;
	FILE *f = fopen(d->err, "re");

	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, text) != NULL;
	if (f)
		fclose(f);
	return n;
}

static void check_report(const struct daemon *d, const char *what)
{
	static const char *const parts[] = {
		"the kernel ended the scheduler: runnable task stall",
		"failed to run for",
		"exit kind 1026",
		"gthulhu: shard 0 undecided=",
		"gthulhu: cpu queued=",
		"gthulhu: slot=",
	};
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		tap_ok(daemon_said(d, parts[i]), "%s: it prints \"%s\"", what, parts[i]);
}

/* Starved until it is ejected, then attached again for the @nth time. */
static void one_round(const struct daemon *d, const char *who, int nth)
{
	__u64 ended;

	tap_diag("%s: starved for %u ms", who, starve());
	ended = now_ns();
	tap_ok(scx_disabled(), "%s: ejection %d: the kernel's scheduler has the machine",
	       who, nth);
	/* the second time it waits longer: long enough to be seen waiting */
	if (nth == 2)
		tap_ok(status_will_say("attaches again in"), "%s: status says when", who);
	tap_ok(wait_for_scx("gthulhu", 20000), "%s: ejection %d: attached again", who,
	       nth);
	tap_diag("after %llu ms", (now_ns() - ended) / 1000000);
	sleep_ms(1000);
	if (!tap_is(times_said(d, "attached again"), nth, "%s: it says so", who))
		daemon_diag(d);
}

static void attached_again(struct daemon *d)
{
	const char *const args[] = { "--config", CONFIG, NULL };

	if (!daemon_start(d, args))
		return;
	tap_ok(status_says("attached for"), "status: attached");
	one_round(d, "a daemon", 1);
	one_round(d, "a daemon", 2);
	check_report(d, "a daemon");
	tap_ok(status_says("ejections 2, the last: runnable task stall"),
	       "status: how often, and why");
	tap_ok(schedstat_ns(victim) > 0 && !kill(victim, 0), "the starved task lives");
}

/* A successor has the BPF half's parts from their pins, not from a file; it gives up early. */
static void successor(struct daemon *former)
{
	const char *const args[] = { "--config",   CONFIG, "--takeover",
				     "--reattach", "1",	   NULL };
	struct daemon d = { 0 };

	daemon_spawn(&d, args);
	tap_is(daemon_wait(former, 20000), 0, "a successor takes over");
	sleep_ms(1000);
	one_round(&d, "a successor", 1);
	starve();
	tap_is(daemon_wait(&d, 20000), 1, "the second time in a row: exit code 1");
	tap_ok(daemon_said(&d, "giving up"), "the second time: it says so");
	tap_ok(scx_disabled(), "the second time: the kernel's scheduler is back");
	check_counters(&d, "a successor", MAY);
	tap_is(daemon_counter(&d, "ejections"), 2, "each is counted");
}

static void not_again(void)
{
	const char *const args[] = { "--config", CONFIG, "--reattach", "0", NULL };
	struct daemon d = { 0 };

	if (!daemon_start(&d, args))
		return;
	starve();
	tap_is(daemon_wait(&d, 20000), 1, "--reattach 0: exit code 1");
	check_report(&d, "--reattach 0");
	tap_is(times_said(&d, "attached again"), 0, "--reattach 0: not attached again");
	tap_ok(scx_disabled(), "--reattach 0: the kernel's scheduler is back");
	check_counters(&d, "--reattach 0", MAY);
}

static void by_wish(void)
{
	const char *const args[] = { "--config", CONFIG, NULL };
	struct daemon d = { 0 };

	if (!daemon_start(&d, args))
		return;
	write_text("/proc/sysrq-trigger", "S");
	tap_is(daemon_wait(&d, 20000), 1, "from the console: exit code 1");
	tap_ok(daemon_said(&d, "the kernel ended the scheduler"),
	       "from the console: it says that the kernel did it");
	tap_is(daemon_counter(&d, "ejections"), 0, "from the console: no failure");
	tap_ok(scx_disabled(), "from the console: not attached again");
}

int main(void)
{
	struct daemon d = { 0 };

	puts("# expect-ejection");
	if (nr_online() < 2)
		return tap_skip_all("needs two CPUs");
	close(creat(CONFIG, 0600));
	tap_ok(write_text(CONFIG, "timeout: 1s\n"), "the watchdog bites after a second");
	allow_starving();
	victim = start_hog(1, 0);
	attached_again(&d);
	successor(&d);
	if (soak()) {
		not_again();
		by_wish();
	}
	end_child(victim);
	return tap_done();
}
