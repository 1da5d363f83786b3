/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile process with access to the arena writes random bytes all over it. The machine lives,
 * the kernel's log has no splat, and the worst is an orderly end of the scheduler.
 */
#include "../vmtest.h"

#define WORDS_AT_ONCE 64

/* Half of the blows go where cursors, flags and the running tasks' figures are. */
static void strike(struct qumun_arena *a, size_t size, size_t head,
		   unsigned long long *seed)
{
	__u64 *words = (__u64 *)a;
	unsigned int i;

	for (i = 0; i < WORDS_AT_ONCE; i++) {
		size_t range = i % 2 ? size : head;

		shm_store(&words[tap_rand(seed) % (range / 8)], tap_rand(seed));
	}
}

int main(void)
{
	__u64 end = short_or_soak(5, 60) * 1000000000ULL;
	unsigned long long seed = 13;
	struct daemon d = { 0 };
	struct qumun_arena *a;
	size_t size, head;
	unsigned long n;
	struct load l;
	bool ended;

	if (!daemon_start(&d, NULL))
		return tap_done();
	tap_diag("expect-ejection");
	a = arena_open(&size);
	if (!tap_ok(a, "the arena is open to us"))
		return tap_done();
	load_start(&l);
	head = a->records_off;
	end += now_ns();
	for (n = 0; now_ns() < end && scx_runs("gthulhu"); n++) {
		strike(a, size, head, &seed);
		usleep(900);
	}
	tap_diag("%lu times, then gthulhu %s", n,
		 scx_runs("gthulhu") ? "still ran" : "was out");
	ended = daemon_end(&d, SIGINT) != -1;
	tap_ok(ended, "the daemon ended");
	tap_ok(wait_for_scx(NULL, 15000), "the kernel's scheduler is back");
	load_mark(&l);
	sleep_ms(500);
	load_check(&l, "afterwards");
	load_stop(&l);
	return tap_done();
}
