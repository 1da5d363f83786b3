/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy is stopped (SIGSTOP) under load, again and again. The BPF half decides at once: the
 * probe waits for at most twice stall_ms and one largest slice, nobody waits much longer than in
 * kernel mode, and after SIGCONT the policy decides again within 100 ms.
 */
#include "../vmtest.h"

#define STALL_NS 20000000ULL
#define PROBE_LIMIT_NS (2 * STALL_NS + MAX_SLICE_NS)
#define BACK_LIMIT_NS 100000000ULL

/* The longest wait in kernel mode under the same load. */
static __u64 baseline(void)
{
	const char *const args[] = { "--mode", "kernel", NULL };
	struct daemon d = { 0 };
	struct wait_watch w;
	struct load l;
	__u64 wait = 0;

	if (!daemon_start(&d, args))
		return 0;
	load_start(&l);
	if (wait_watch_start(&w)) {
		sleep_ms(2000);
		wait = wait_watch_stop(&w);
	}
	load_stop(&l);
	daemon_stop_and_check(&d, "kernel mode", NULL);
	return wait;
}

static const struct qumun_shard *shard_of(const struct qumun_arena *a)
{
	return (const void *)((const char *)a + a->shards_off);
}

static bool wait_for_autopilot(const struct qumun_shard *s, __u64 on, __u64 limit_ns)
{
	__u64 end = now_ns() + limit_ns;

	while (shm_load(&s->autopilot) != on && now_ns() < end)
		sleep_ms(1);
	return shm_load(&s->autopilot) == on;
}

static void stop_once(struct daemon *d, struct load *l, const struct qumun_shard *s,
		      unsigned int ms)
{
	__u64 from, worst;

	load_mark(l);
	kill(d->pid, SIGSTOP);
	sleep_ms(ms);
	worst = probe_max_ns(&l->probe);
	tap_ok(shm_load(&s->autopilot), "stopped: the BPF half decides");
	tap_ok(worst <= wait_limit_ns(PROBE_LIMIT_NS),
	       "stopped: the probe waited %llu us at most",
	       (unsigned long long)worst / 1000);
	check_survived(l, "stopped");
	from = now_ns();
	kill(d->pid, SIGCONT);
	tap_ok(wait_for_autopilot(s, 0, wait_limit_ns(BACK_LIMIT_NS)),
	       "continued: the policy decides again after %llu us",
	       (unsigned long long)(now_ns() - from) / 1000);
}

int main(void)
{
	unsigned int times = short_or_soak(3, 10), ms = short_or_soak(8000, 30000);
	unsigned long long seed = 5;
	struct daemon d = { 0 };
	__u64 without, with;
	struct wait_watch w;
	struct load l;

	if (nr_online() == 1)
		ms = 700; /* virtual time is exact but slow */
	without = baseline();
	if (!daemon_start(&d, NULL) || !wait_watch_start(&w))
		return tap_done();
	load_start(&l);
	while (times--) {
		sleep_ms((unsigned int)tap_rand_in(&seed, 100, 400));
		stop_once(&d, &l, shard_of(w.arena), ms);
	}
	with = wait_watch_stop(&w);
	tap_ok(with <= wait_limit_ns(without + 2 * STALL_NS),
	       "the longest wait was %llu us (%s), in kernel mode %llu us",
	       (unsigned long long)with / 1000, w.comm,
	       (unsigned long long)without / 1000);
	load_stop(&l);
	daemon_stop_and_check(&d, "after the stops", NULL);
	return tap_done();
}
