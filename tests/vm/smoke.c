/* SPDX-License-Identifier: Apache-2.0 */
/* Load, attach, schedule a small load, detach: on every supported kernel, in both modes. */
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

int main(void)
{
	one_mode("user");
	one_mode("kernel");
	return tap_done();
}
