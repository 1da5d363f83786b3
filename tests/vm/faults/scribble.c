/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile process with access to the arena writes one cursor over, so that the empty ring of
 * answers looks full to the policy: user mode returns. Then it writes random bytes all over the
 * arena: the machine lives, the kernel's log has no splat, and the worst is an orderly end of the
 * scheduler.
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

/* Until the BPF half takes over: nobody reads an empty ring, so what we write stays. */
static bool make_ring_look_full(struct qumun_shard *s)
{
	unsigned int i;

	for (i = 0; i < 1000 && !shm_load(&s->autopilot); i++) {
		shm_store(&s->down.head, shm_load(&s->down.tail) - QUMUN_DOWN_SLOTS);
		sleep_ms(1);
	}
	return i < 1000;
}

static void check_cursor_heals(struct qumun_arena *a)
{
	struct qumun_shard *s = (struct qumun_shard *)((char *)a + a->shards_off);
	unsigned int i;
	__u64 answers;

	tap_ok(make_ring_look_full(s), "a ring that looks full: the autopilot begins");
	answers = shm_load(&s->down.tail);
	/* a mute policy is tried again after a second; our last blow may have been a second one */
	for (i = 0; i < 60 && shm_load(&s->down.tail) - answers < 50; i++)
		sleep_ms(100);
	tap_ok(i < 60, "a ring that looks full: %llu answers after %u ms",
	       (unsigned long long)(shm_load(&s->down.tail) - answers), i * 100);
}

int main(void)
{
	__u64 end;
	unsigned long long seed = 13;
	struct daemon d = { 0 };
	struct qumun_arena *a;
	size_t size, head;
	unsigned long n;
	struct load l;
	int code;

	if (!daemon_start(&d, NULL))
		return tap_done();
	tap_diag("expect-ejection");
	a = arena_open(&size);
	if (!tap_ok(a, "the arena is open to us"))
		return tap_done();
	load_start(&l);
	check_cursor_heals(a);
	head = a->records_off;
	end = now_ns() + short_or_soak(5, 60) * 1000000000ULL;
	for (n = 0; now_ns() < end && scx_runs("gthulhu"); n++) {
		strike(a, size, head, &seed);
		usleep(900);
	}
	tap_diag("%lu times, then gthulhu %s", n,
		 scx_runs("gthulhu") ? "still ran" : "was out");
	code = daemon_end(&d, SIGINT);
	if (!(tap_ok(code != -1, "the daemon ended: %d", code) &
	      tap_ok(wait_for_scx(NULL, 15000), "the kernel's scheduler is back")))
		daemon_diag(&d);
	load_mark(&l);
	sleep_ms(500);
	load_check(&l, "afterwards");
	load_stop(&l);
	return tap_done();
}
