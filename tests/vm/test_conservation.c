/* SPDX-License-Identifier: Apache-2.0 */
/* Twice as many hogs as CPUs: no CPU may be idle while tasks wait, in both modes. */
#include "vmtest.h"

static void one_mode(const char *mode)
{
	const char *const args[] = { "--mode", mode, NULL };
	unsigned long long busy, all, busy_end, all_end;
	unsigned int n = 2 * nr_online();
	struct daemon d;
	pid_t hogs[64];
	double idle;

	if (!daemon_start(&d, args))
		return;
	hogs_start(hogs, n);
	sleep_ms(300);
	stat_ticks(&busy, &all);
	sleep_ms(short_or_soak(4000, 20000));
	stat_ticks(&busy_end, &all_end);
	hogs_stop(hogs, n);
	busy = busy_end - busy;
	all = all_end - all;
	idle = all ? 100.0 * (double)(all - busy) / (double)all : 100;
	tap_ok(idle < 1.0, "%s mode: %u hogs, idle for %.2f %% of %llu ticks", mode, n, idle, all);
	daemon_stop_and_check(&d, mode);
}

int main(void)
{
	if (nr_online() < 2)
		return tap_skip_all("needs two CPUs");
	one_mode("user");
	one_mode("kernel");
	return tap_done();
}
