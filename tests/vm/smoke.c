/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load, attach, schedule a small load, detach: on every supported kernel, in both modes. Of a kernel
 * that can load no sched_ext program at all, only that gthulhu says so and leaves it alone.
 */
#include "vmtest.h"

static void one_mode(const char *mode)
{
	const char *const args[] = { "--mode", mode, NULL };
	unsigned int n = 2 * nr_online(), i;
	struct daemon d = { 0 };
	__u64 before[16], ran;
	pid_t hogs[16];

	if (n > 16)
		n = 16;
	if (!daemon_start(&d, args))
		return;
	hogs_start(hogs, n);
	for (i = 0; i < n; i++)
		before[i] = schedstat_ns(hogs[i]);
	sleep_ms(1500);
	for (i = 0; i < n; i++) {
		ran = schedstat_ns(hogs[i]) - before[i];
		tap_ok(ran > 100000000, "%s mode: hog %u of %u ran %llu ms of 1500", mode,
		       i, n, (unsigned long long)ran / 1000000);
	}
	hogs_stop(hogs, n);
	daemon_stop_and_check(&d, mode, NULL);
	tap_ok(daemon_counter(&d, strcmp(mode, "user") ? "kernel_mode" : "decided") > 0,
	       "%s mode: it made decisions", mode);
}

/* --check ends with 78; so does the attempt, which names the defect, and nothing is attached. */
static bool kernel_is_defective(void)
{
	const char *const check[] = { "--check", NULL };
	struct daemon d = { 0 };

	if (!daemon_spawn(&d, check) || daemon_wait(&d, 20000) != 78)
		return false;
	tap_ok(daemon_spawn(&d, NULL), "--check says no: try it all the same");
	tap_is(daemon_wait(&d, 20000), 78, "exit code 78");
	if (!tap_ok(daemon_said(&d, "this kernel is defective: its type information"),
		    "the defect is named"))
		daemon_diag(&d);
	tap_ok(scx_disabled(), "the kernel's scheduler stays");
	return true;
}

int main(void)
{
	if (kernel_is_defective())
		return tap_done();
	one_mode("user");
	one_mode("kernel");
	return tap_done();
}
