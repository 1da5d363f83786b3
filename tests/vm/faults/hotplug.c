/* SPDX-License-Identifier: Apache-2.0 */
/* A CPU goes offline and comes back, again and again under load: no ejection, no lost task. */
#include "../vmtest.h"

#define CPU1 "/sys/devices/system/cpu/cpu1/online"

static void one_mode(const char *mode)
{
	const char *const args[] = { "--mode", mode, NULL };
	unsigned int times = short_or_soak(20, 200), i, off = 0, on = 0;
	unsigned long long seed = 7;
	struct daemon d = { 0 };
	pid_t pinned;
	struct load l;

	if (!daemon_start(&d, args))
		return;
	load_start(&l);
	pinned = start_hog(1, 0);
	for (i = 0; i < times; i++) {
		off += write_text(CPU1, "0");
		sleep_ms((unsigned int)tap_rand_in(&seed, 1, 40));
		on += write_text(CPU1, "1");
		sleep_ms((unsigned int)tap_rand_in(&seed, 1, 40));
	}
	tap_is(off, times, "%s mode: CPU 1 went offline %u times", mode, times);
	tap_is(on, times, "%s mode: and came back", mode);
	load_mark(&l);
	sleep_ms(1500);
	check_survived(&l, mode);
	tap_ok(!kill(pinned, 0) && schedstat_ns(pinned) > 0,
	       "%s mode: the pinned hog lives", mode);
	end_child(pinned);
	load_stop(&l);
	daemon_stop_and_check(&d, mode, "forbidden_cpu");
	tap_ok(daemon_counter(&d, "kernel_offline") > 0,
	       "%s mode: CPU 1's last wakeups needed no kick (%lld)", mode,
	       daemon_counter(&d, "kernel_offline"));
}

int main(void)
{
	if (access(CPU1, W_OK))
		return tap_skip_all("no CPU that can go offline");
	one_mode("user");
	one_mode("kernel");
	return tap_done();
}
