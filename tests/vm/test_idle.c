/* SPDX-License-Identifier: Apache-2.0 */
/* An idle machine: gthulhu takes less than 0.5 % of one CPU and is not ejected. */
#include "vmtest.h"

/* ns on a CPU of all threads of @pid. */
static __u64 process_ns(pid_t pid)
{
	char path[64], line[1024];
	unsigned long user, system;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f) ||
	    sscanf(strrchr(line, ')') + 2,
		   "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
		   &system) != 2)
		user = system = 0;
	if (f)
		fclose(f);
	return (user + system) * (1000000000ULL / (__u64)sysconf(_SC_CLK_TCK));
}

int main(void)
{
	unsigned int seconds = short_or_soak(10, 60);
	struct daemon d = { 0 };
	__u64 before, ran;
	double percent;

	if (!daemon_start(&d, NULL))
		return tap_done();
	sleep_ms(1500); /* it settles its memory first */
	before = process_ns(d.pid);
	sleep_ms(seconds * 1000);
	ran = process_ns(d.pid) - before;
	percent = (double)ran / (seconds * 1e9) * 100;
	tap_ok(percent < 0.5, "%.2f %% of a CPU in %u idle seconds", percent, seconds);
	tap_ok(scx_runs("gthulhu"), "not ejected");
	daemon_stop_and_check(&d, "idle", NULL);
	return tap_done();
}
