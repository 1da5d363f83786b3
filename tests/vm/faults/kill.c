/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy is killed under load. Nobody takes over: the kernel's scheduler is back within
 * takeover_ms and a second, no task is lost, and gthulhu can start again.
 */
#include "../vmtest.h"

#define TAKEOVER_NS 2000000000ULL

static void kill_once(struct load *l)
{
	struct daemon d = { 0 };
	__u64 from;

	if (!daemon_start(&d, NULL))
		return;
	load_mark(l);
	sleep_ms(500);
	from = now_ns();
	tap_is(daemon_end(&d, SIGKILL), 128 + SIGKILL, "killed");
	tap_ok(wait_for_scx(NULL, (unsigned int)(wait_limit_ns(TAKEOVER_NS + 1000000000) /
						 1000000)),
	       "killed: the kernel's scheduler is back after %llu ms",
	       (unsigned long long)(now_ns() - from) / 1000000);
	sleep_ms(300);
	load_check(l, "killed");
}

int main(void)
{
	unsigned int times = short_or_soak(2, 10);
	struct daemon d = { 0 };
	struct load l;

	load_start(&l);
	while (times--)
		kill_once(&l);
	if (daemon_start(&d, NULL)) {
		load_mark(&l);
		sleep_ms(500);
		check_survived(&l, "started again");
		daemon_stop_and_check(&d, "started again", NULL);
	}
	load_stop(&l);
	return tap_done();
}
