/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy is stopped (SIGSTOP) under load, again and again. The BPF half decides at once: the
 * probe waits for at most twice stall_ms and one largest slice, nobody waits much longer than in
 * kernel mode, and after SIGCONT the policy decides again within 100 ms. Then it is frozen while it
 * sleeps, which it does not leave to say so.
 */
#include <sys/stat.h>

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

static void check_back(const struct qumun_shard *s, const char *what)
{
	__u64 from = now_ns();

	tap_ok(wait_for_autopilot(s, 0, wait_limit_ns(BACK_LIMIT_NS)),
	       "%s: the policy decides again after %llu us", what,
	       (unsigned long long)(now_ns() - from) / 1000);
}

static void stop_once(struct daemon *d, struct load *l, const struct qumun_shard *s,
		      unsigned int ms)
{
	__u64 worst;

	load_mark(l);
	kill(d->pid, SIGSTOP);
	sleep_ms(ms);
	worst = probe_max_ns(&l->probe);
	tap_ok(shm_load(&s->autopilot), "stopped: the BPF half decides");
	tap_ok(worst <= wait_limit_ns(PROBE_LIMIT_NS),
	       "stopped: the probe waited %llu us at most",
	       (unsigned long long)worst / 1000);
	check_survived(l, "stopped");
	kill(d->pid, SIGCONT);
	check_back(s, "continued");
}

#define FROZEN "/sys/fs/cgroup/gth-frozen"

/* An idle machine, so the policy sleeps; frozen, it wakes for its bell and sleeps on at once. */
static void freeze(struct daemon *d, const struct qumun_shard *s, unsigned int ms)
{
	char pid[16];
	struct load l;
	__u64 worst;

	snprintf(pid, sizeof(pid), "%d", d->pid);
	sleep_ms(300);
	if (!tap_ok(!mkdir(FROZEN, 0755) && write_text(FROZEN "/cgroup.procs", pid) &&
			    write_text(FROZEN "/cgroup.freeze", "1"),
		    "the policy's process is frozen"))
		return;
	sleep_ms(100);
	load_start(&l);
	sleep_ms(ms);
	worst = probe_max_ns(&l.probe);
	tap_ok(shm_load(&s->autopilot), "frozen: the BPF half decides");
	tap_ok(worst <= wait_limit_ns(PROBE_LIMIT_NS),
	       "frozen: the probe waited %llu us at most",
	       (unsigned long long)worst / 1000);
	check_survived(&l, "frozen");
	write_text(FROZEN "/cgroup.freeze", "0");
	check_back(s, "thawed");
	load_stop(&l);
}

int main(void)
{
	unsigned int times = short_or_soak(3, 10), ms = short_or_soak(8000, 30000);
	unsigned long long seed = 5;
	struct daemon d = { 0 };
	__u64 without, with;
	struct qumun_arena *arena;
	struct wait_watch w;
	struct load l;
	size_t size;

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
	arena = arena_open(&size);
	if (tap_ok(arena != NULL, "the arena can be mapped again"))
		freeze(&d, shard_of(arena), ms);
	daemon_stop_and_check(&d, "after the stops", NULL);
	return tap_done();
}
