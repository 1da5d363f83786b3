/* SPDX-License-Identifier: Apache-2.0 */
/* Two hogs on one CPU, nice 0 and nice 5: they share it as 1024 : 335, within 5 %. Virtual time. */
#include "vmtest.h"

#define WEIGHT_0 1024.0
#define WEIGHT_5 335.0

static void one_mode(const char *mode)
{
	const char *const args[] = { "--mode", mode, NULL };
	double want = WEIGHT_0 / WEIGHT_5, got;
	struct daemon d = { 0 };
	pid_t a, b;
	__u64 ran_a, ran_b;

	if (!daemon_start(&d, args))
		return;
	a = start_hog(0, 0);
	b = start_hog(0, 5);
	sleep_ms(200);
	ran_a = schedstat_ns(a);
	ran_b = schedstat_ns(b);
	sleep_ms(short_or_soak(3000, 10000));
	ran_a = schedstat_ns(a) - ran_a;
	ran_b = schedstat_ns(b) - ran_b;
	end_child(a);
	end_child(b);
	got = ran_b ? (double)ran_a / (double)ran_b : 0;
	tap_ok(got > want * 0.95 && got < want * 1.05,
	       "%s mode: nice 0 ran %.3f times as long as nice 5 (%llu : %llu ms); want %.3f",
	       mode, got, (unsigned long long)ran_a / 1000000,
	       (unsigned long long)ran_b / 1000000, want);
	daemon_stop_and_check(&d, mode, NULL);
}

int main(void)
{
	one_mode("user");
	one_mode("kernel");
	return tap_done();
}
