/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody sets the clock, forwards and back: the scheduler does not notice. */
#include "../vmtest.h"

static void step_clock(long seconds)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += seconds;
	tap_ok(!clock_settime(CLOCK_REALTIME, &ts), "the clock goes by %ld s", seconds);
}

int main(void)
{
	static const long steps[] = { 3600, -7200, 86400 * 400L, -86400 * 400L, 3600 };
	struct daemon d = { 0 };
	struct load l;
	size_t i;

	if (!daemon_start(&d, NULL))
		return tap_done();
	load_start(&l);
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		step_clock(steps[i]);
		sleep_ms(200);
	}
	check_survived(&l, "set clock");
	load_stop(&l);
	daemon_stop_and_check(&d, "set clock", NULL);
	tap_is(daemon_counter(&d, "autopilot_late"), 0, "the policy did not seem late");
	return tap_done();
}
