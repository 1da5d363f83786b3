/* SPDX-License-Identifier: Apache-2.0 */
/* Twice as many hogs as CPUs: no CPU may be idle while tasks wait, in both modes. */
#include "vmtest.h"

static void one_mode(const char *mode)
{
	const char *const args[] = { "--mode", mode, NULL };
	unsigned int n = 2 * nr_online();
	__u64 idle_from, from, all;
	struct daemon d = { 0 };
	pid_t hogs[64];
	double idle;

	if (!daemon_start(&d, args))
		return;
	hogs_start(hogs, n);
	sleep_ms(300);
	idle_from = idle_ns();
	from = now_ns();
	sleep_ms(short_or_soak(4000, 20000));
	all = (now_ns() - from) * nr_online();
	idle = 100.0 * (double)(idle_ns() - idle_from) / (double)all;
	hogs_stop(hogs, n);
	tap_ok(idle < 1.0, "%s mode: %u hogs, CPUs idle for %.2f %% of the time", mode, n,
	       idle);
	daemon_stop_and_check(&d, mode, NULL);
}

int main(void)
{
	if (nr_online() < 2)
		return tap_skip_all("needs two CPUs");
	one_mode("user");
	one_mode("kernel");
	return tap_done();
}
