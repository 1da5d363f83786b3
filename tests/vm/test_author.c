/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What qumun/policy.h offers beyond the plain answer, on a real kernel: the policy of
 * tests/holder.h keeps waking tasks for 2 ms by its timer, places them on an idle CPU near or a set
 * of one, kicks CPUs, has a tick and a book of tasks. Another policy puts a task before all others.
 */
#include "../holder.h"

#include "live.h"

/* How long @pid has waited in all, ns, and how often it gave the CPU up to sleep. */
static void wait_of(pid_t pid, __u64 *ns, __u64 *sleeps)
{
	unsigned long long w = 0, n = 0;
	char path[64], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	f = fopen(path, "r");
	if (f && fscanf(f, "%*u %llu", &w) != 1)
		w = 0;
	if (f)
		fclose(f);
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "voluntary_ctxt_switches: %llu", &n) == 1)
			break;
	}
	if (f)
		fclose(f);
	*ns = w;
	*sleeps = n;
}

/* Mean wait of @pid after each sleep in @ms, us. */
static __u64 mean_wait_us(pid_t pid, unsigned int ms)
{
	__u64 wait[2], sleeps[2];

	wait_of(pid, &wait[0], &sleeps[0]);
	sleep_ms(ms);
	wait_of(pid, &wait[1], &sleeps[1]);
	if (sleeps[1] <= sleeps[0])
		return 0;
	return (wait[1] - wait[0]) / (sleeps[1] - sleeps[0]) / 1000;
}

static __u64 counter(struct qumun *q, int which)
{
	__u64 c[QUMUN_NR_COUNTERS] = { 0 };

	qumun_get_counters(q, c);
	return c[which];
}

static void timers(struct qumun *q)
{
	pid_t hog = start_hog(0, 0), sleeper = start_sleeper(0, 10000);
	__u64 wait, timers, kicks, ticks;

	sleep_ms(50);
	timers = holder_seen->timers;
	ticks = holder_seen->ticks;
	kicks = counter(q, QUMUN_C_policy_kicks);
	wait = mean_wait_us(sleeper, 500);
	timers = holder_seen->timers - timers;
	ticks = holder_seen->ticks - ticks;
	kicks = counter(q, QUMUN_C_policy_kicks) - kicks;
	tap_ok(wait >= 2000 && wait < 2600,
	       "beside a hog it is kept for 2 ms: waits %llu us", wait);
	tap_ok(timers >= 20 && !holder_seen->early,
	       "%llu timers in 0.5 s, %llu too early", timers, holder_seen->early);
	tap_ok(kicks >= timers / 2, "CPUs were kicked: %llu times", kicks);
	/* on a CPU left to others it waits for the kernel's tick, which may be 10 ms */
	tap_ok(ticks >= 25 && ticks <= 101, "a tick of 5 ms: %llu times", ticks);
	end_child(sleeper);
	end_child(hog);
}

static void quiet(struct qumun *q)
{
	__u64 ticks, runs;

	sleep_ms(100);
	ticks = holder_seen->ticks;
	runs = counter(q, QUMUN_C_policy_runs);
	sleep_ms(1000);
	ticks = holder_seen->ticks - ticks;
	tap_ok(ticks < 40, "an idle machine: %llu ticks in a second", ticks);
	runs = counter(q, QUMUN_C_policy_runs) - runs;
	tap_ok(runs < 60, "and the policy ran %llu times", runs);
}

/* Children come and go, as many at once as a shell's. */
static void book(void)
{
	__u64 begun = holder_seen->begun, gone = holder_seen->gone;
	pid_t hog = start_hog(0, 0), child;
	int i;

	for (i = 0; i < 40; i++) {
		child = child_begin(0, 0);
		if (!child) {
			sleep_ms(2);
			_exit(0);
		}
		waitpid(child, NULL, 0);
	}
	sleep_ms(200);
	begun = holder_seen->begun - begun;
	gone = holder_seen->gone - gone;
	tap_ok(begun >= 40 && gone + 5 >= begun && !holder_seen->confused,
	       "%llu tasks began, %llu went, each once", begun, gone);
	end_child(hog);
}

/* First come, first served, but for one task that goes before all others. */
static volatile pid_t goes_first;

static void head_enqueue(struct qumun_policy_ctx *ctx, struct qumun_task *t, __u64 now)
{
	struct qumun_decision d = { .cpu = QUMUN_CPU_ANY, .slice_ns = BASE_SLICE_NS };

	d.vtime = now;
	if (t->pid == goes_first)
		d.flags = QUMUN_HEAD;
	qumun_dispatch(ctx, t, &d);
}

static const struct qumun_policy_ops head_policy = {
	.abi_version = QUMUN_POLICY_ABI,
	.size = sizeof(struct qumun_policy_ops),
	.name = "head",
	.enqueue = head_enqueue,
};

/* Behind four hogs that take turns, and before them; it ends nobody's slice either way. */
static void head(struct qumun *q)
{
	pid_t hogs[4], sleeper;
	__u64 behind, before;
	int i;

	tap_is(qumun_set_policy(q, &head_policy), 0, "another policy");
	for (i = 0; i < 4; i++)
		hogs[i] = start_hog(0, 0);
	sleeper = start_sleeper(0, 10000);
	sleep_ms(200);
	behind = mean_wait_us(sleeper, 1000);
	goes_first = sleeper;
	sleep_ms(200);
	before = mean_wait_us(sleeper, 1000);
	tap_ok(before && before * 2 < behind,
	       "at the head of the queue: waits %llu us, at its end %llu us", before,
	       behind);
	end_child(sleeper);
	for (i = 0; i < 4; i++)
		end_child(hogs[i]);
}

int main(void)
{
	struct qumun_options options = QUMUN_OPTIONS_INIT;
	struct live_thread runner;
	struct qumun *q;
	int err;

	if (geteuid())
		return tap_skip_all("not root");
	options.log = live_log;
	err = qumun_load(NULL, &options, &q);
	if (!err)
		err = qumun_set_policy(q, &qumun_policy_holder);
	if (!err)
		err = qumun_attach(q);
	tap_ok(!err, "attached (%s)", err ? qumun_strerror(q) : "no error");
	if (err)
		return tap_done();
	live_start(&runner, q);
	sleep_ms(100);
	timers(q);
	quiet(q);
	book();
	head(q);
	tap_is((long long)counter(q, QUMUN_C_rescued), 0, "none had to be taken back");
	tap_is(live_stop(&runner), 0, "the policy ran through it");
	qumun_close(q);
	return tap_done();
}
