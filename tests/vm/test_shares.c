/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Equal hogs whose number the CPUs do not divide: each gets the same, in both modes, although
 * no queue can be as long as the others.
 */
#include "vmtest.h"

#define BOUND_PCT 10

static void share_out(const char *mode, unsigned int n)
{
	__u64 ran[LOAD_HOGS], sum = 0, least = ~0ULL, most = 0;
	pid_t hogs[LOAD_HOGS];
	unsigned int i;

	hogs_start(hogs, n);
	sleep_ms(500);
	for (i = 0; i < n; i++)
		ran[i] = schedstat_ns(hogs[i]);
	sleep_ms(short_or_soak(4000, 10000));
	for (i = 0; i < n; i++) {
		ran[i] = schedstat_ns(hogs[i]) - ran[i];
		sum += ran[i];
		least = ran[i] < least ? ran[i] : least;
		most = ran[i] > most ? ran[i] : most;
	}
	hogs_stop(hogs, n);
	tap_ok(least * n * 100 >= sum * (100 - BOUND_PCT) &&
		       most * n * 100 <= sum * (100 + BOUND_PCT),
	       "%s mode, %u hogs on %u CPUs: %llu to %llu ms each, %llu on average", mode,
	       n, nr_online(), least / 1000000, most / 1000000, sum / n / 1000000);
}

static void one_mode(const char *mode)
{
	const char *const args[] = { "--mode", mode, NULL };
	struct daemon d = { 0 };

	if (!daemon_start(&d, args))
		return;
	share_out(mode, nr_online() + 1);
	share_out(mode, 2 * nr_online() + 1);
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
