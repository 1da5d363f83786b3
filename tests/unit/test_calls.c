/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy may call beside answering, against the scripted BPF half of world.h: idle CPUs
 * near another, sets of CPUs, kicks, its timer and tick, tasks that are gone.
 */
#include <errno.h>

#include "tap.h"
#include "world.h"

#define TICK_NS 4000000ULL

static struct {
	__s32 cpu;
	__u64 cpus;
	unsigned int timers, ticks, gone, cancelled;
	__u32 gone_slot;
	__u64 timer_now;
	int kick_err;
	bool ask_timer, keep;
} pol;

static struct world w;
static struct qumun_policy_ctx *const ctx = (void *)&w.e;

static void call_enqueue(struct qumun_policy_ctx *c, struct qumun_task *t, __u64 now)
{
	struct qumun_decision d = { .cpu = pol.cpu, .cpus = pol.cpus, .slice_ns = 7 };

	if (!pol.keep)
		qumun_dispatch(c, t, &d);
	if (pol.ask_timer)
		qumun_set_timer(c, now + 1000000);
}

static void call_cancel(struct qumun_policy_ctx *c, struct qumun_task *t, __u64 now)
{
	pol.cancelled += !pol.gone;
}

static void call_timer(struct qumun_policy_ctx *c, __u64 now)
{
	pol.timers++;
	pol.timer_now = now;
}

static void call_tick(struct qumun_policy_ctx *c, __u64 now)
{
	pol.ticks++;
}

static void call_task_exit(struct qumun_policy_ctx *c, __u32 slot, __u64 now)
{
	pol.gone++;
	pol.gone_slot = slot;
}

static const struct qumun_policy_ops calls = {
	.abi_version = QUMUN_POLICY_ABI,
	.size = sizeof(struct qumun_policy_ops),
	.name = "calls",
	.enqueue = call_enqueue,
	.cancel = call_cancel,
	.timer = call_timer,
	.tick_ns = TICK_NS,
	.tick = call_tick,
	.task_exit = call_task_exit,
};

/* Four CPUs: 0 and 1 share a core, 2 their cache, 3 only the machine. All busy. */
static void begin(void)
{
	__u32 i;

	memset(&pol, 0, sizeof(pol));
	world_begin(&w, &calls);
	for (i = 0; i < WORLD_CPUS; i++) {
		w.cpus[i].core = i / 2;
		w.cpus[i].llc = i / 3;
		w.cpus[i].node = i / 3;
		w.cpus[i].curr_start = 1;
	}
}

/* Bits of @idle: CPUs that run nothing. */
static void set_idle(unsigned int idle)
{
	__u32 i;

	for (i = 0; i < WORLD_CPUS; i++)
		w.cpus[i].curr_start = !(idle >> i & 1);
}

static const struct {
	unsigned int idle, allowed;
	__s32 near, want;
} near_cases[] = {
	{ 0x0, 0xf, 0, -1 }, { 0xf, 0xf, 2, 2 },  { 0xe, 0xf, 0, 1 }, { 0xc, 0xf, 0, 2 },
	{ 0x8, 0xf, 0, 3 },  { 0xe, 0xc, 0, 2 },  { 0xe, 0x8, 0, 3 }, { 0x6, 0x8, 0, -1 },
	{ 0x3, 0xf, 3, 0 },  { 0xf, 0xf, 99, 0 },
};

static void test_near(void)
{
	struct qumun_task *t;
	size_t i;

	begin();
	t = &w.tasks[1];
	t->flags = 0;
	for (i = 0; i < sizeof(near_cases) / sizeof(near_cases[0]); i++) {
		set_idle(near_cases[i].idle);
		t->allowed = near_cases[i].allowed;
		t->cpu = __builtin_ctz(near_cases[i].allowed);
		tap_is(qumun_idle_near(ctx, t, near_cases[i].near), near_cases[i].want,
		       "idle %#x, allowed %#x, near %d", near_cases[i].idle,
		       near_cases[i].allowed, near_cases[i].near);
	}
	set_idle(0xf);
	t->allowed = 0xf;
	w.cpus[2].nr_queued = 1;
	w.cpus[3].online = 0;
	tap_is(qumun_idle_near(ctx, t, 2), 0,
	       "neither one with a queue nor an offline one");
	world_end(&w);
}

/* Ask about task 1 with this set: which CPU does the answer name? */
static __s32 cpu_for(__u64 cpus)
{
	struct qumun_answer a = { 0 };

	pol.cpu = QUMUN_CPU_SET;
	pol.cpus = cpus;
	world_ask(&w, 0, 1);
	engine_pass(&w.e);
	return world_answer(&w, &a) == APPLIED ? a.cpu : -9;
}

static void test_sets(void)
{
	begin();
	w.tasks[1].cpu = 0;
	set_idle(0xc);
	tap_is(cpu_for(0xc), 2, "a set: the idle one that is near");
	set_idle(0x8);
	tap_is(cpu_for(0xc), 3, "a set: the only idle one");
	set_idle(0);
	w.cpus[1].nr_queued = 3;
	w.cpus[2].nr_queued = 2;
	tap_is(cpu_for(0x6), 2, "a set: none is idle: the shortest queue");
	w.tasks[1].flags = 0;
	w.tasks[1].allowed = 0x3;
	tap_is(cpu_for(0x6), 1, "a set: only those that the task may use");
	tap_is(cpu_for(0xc), 0, "a set: it may use none of them: its own");
	tap_is(cpu_for(0), 0, "a set: no CPU at all: its own");
	world_end(&w);
}

static void test_kick(void)
{
	struct qumun_answer a;

	begin();
	tap_is(qumun_kick(ctx, WORLD_CPUS, 0), -EINVAL, "kick: no such CPU");
	tap_is(qumun_kick(ctx, -1, 0), -EINVAL, "kick: nor a negative one");
	tap_is(qumun_kick(ctx, 2, QUMUN_PREEMPT | QUMUN_HEAD), 0, "kick: goes out");
	world_answer(&w, &a);
	tap_ok(a.slot == QUMUN_NO_SLOT && a.cpu == 2 && a.flags == QUMUN_PREEMPT,
	       "kick: an answer about no task");
	w.e.down_tail = w.shards[0].down.tail = w.down_head + QUMUN_DOWN_SLOTS;
	tap_is(qumun_kick(ctx, 2, 0), -EAGAIN, "kick: the ring is full");
	world_end(&w);
}

static void test_timer(void)
{
	__u64 at, far;

	begin();
	set_idle(0xf);
	engine_pass(&w.e);
	tap_is(engine_timer(&w.e), 0, "timer: none");
	tap_ok(engine_may_park(&w.e), "timer: none: the thread may be parked");
	pol.cpu = QUMUN_CPU_ANY;
	pol.ask_timer = true;
	world_ask(&w, 0, 1);
	engine_pass(&w.e);
	pol.ask_timer = false;
	at = w.now + 1000000;
	tap_is(engine_timer(&w.e), at, "timer: set in enqueue()");
	tap_is(w.shards[0].timer_at, at, "timer: and told to the BPF half");
	tap_ok(!engine_may_park(&w.e),
	       "timer: the thread sleeps rather than being parked");
	engine_clock(&w.e, at - 1);
	engine_pass(&w.e);
	tap_is(pol.timers, 0, "timer: not before its time");
	engine_clock(&w.e, at + 5);
	engine_pass(&w.e);
	tap_ok(pol.timers == 1 && pol.timer_now == at + 5, "timer: at its time, once");
	tap_is(w.shards[0].timer_at, 0, "timer: and no longer");
	engine_clock(&w.e, at);
	tap_is(w.e.now, at + 5, "timer: time does not go back");
	qumun_set_timer(ctx, 1);
	tap_is(engine_timer(&w.e), at + 5 + QUMUN_TIMER_MIN_NS,
	       "timer: one in the past is not due at once");
	qumun_set_timer(ctx, 0);
	tap_is(engine_timer(&w.e), 0, "timer: taken back");
	qumun_set_timer(ctx, ~0ULL);
	tap_is(engine_timer(&w.e), 0, "timer: never is none");
	qumun_set_timer(ctx, 1ULL << 63);
	tap_is(engine_timer(&w.e), 0, "timer: so is the next time that never comes");
	far = (1ULL << 63) - 1;
	qumun_set_timer(ctx, far);
	tap_is(engine_timer(&w.e), far, "timer: the last one that comes is kept");
	engine_clock(&w.e, w.e.now + 1000000000);
	engine_pass(&w.e);
	tap_is(pol.timers, 1, "timer: and not due");
	/* time comes with asks too */
	qumun_set_timer(ctx, w.e.now + 200000);
	w.now = w.e.now + 300000;
	world_ask(&w, 0, 1);
	engine_pass(&w.e);
	tap_is(pol.timers, 2, "timer: due by the time of a question");
	world_end(&w);
}

static void test_tick(void)
{
	__u64 start;
	int i;

	begin();
	engine_clock(&w.e, 1000000);
	engine_pass(&w.e);
	start = w.e.now;
	tap_is(engine_timer(&w.e), start + TICK_NS, "tick: the first one");
	for (i = 1; i <= 40; i++) {
		engine_clock(&w.e, start + (__u64)i * 1000000);
		engine_pass(&w.e);
	}
	tap_is(pol.ticks, 10, "tick: ten in 40 ms");
	set_idle(0xe);
	tap_is(engine_timer(&w.e), 0, "tick: none while only the policy thread runs");
	w.cpus[2].nr_queued = 1;
	tap_ok(engine_timer(&w.e) != 0, "tick: but if somebody waits");
	world_end(&w);
}

/* A policy that means "never" by its tick gets one an hour. */
static void test_rare_tick(void)
{
	struct qumun_policy_ops rare = calls;

	rare.tick_ns = ~0ULL;
	memset(&pol, 0, sizeof(pol));
	world_begin(&w, &rare);
	w.cpus[0].curr_start = w.cpus[1].curr_start = 1;
	engine_clock(&w.e, 1000000);
	engine_pass(&w.e);
	tap_is(engine_timer(&w.e), w.e.now + QUMUN_TICK_MAX_NS, "rare tick: in an hour");
	engine_clock(&w.e, w.e.now + 1000000000);
	engine_pass(&w.e);
	tap_is(pol.ticks, 0, "rare tick: not before");
	world_end(&w);
}

static void test_exits(void)
{
	__u32 i;

	begin();
	pol.cpu = QUMUN_CPU_ANY;
	for (i = 1; i < 40; i++)
		world_ask(&w, 0, i);
	engine_pass(&w.e);
	tap_is(pol.gone, 0, "exit: all are there");
	w.tasks[33].incarnation = 0;
	for (i = 0; i < 3; i++)
		engine_pass(&w.e);
	tap_ok(pol.gone == 1 && pol.gone_slot == 33, "exit: seen within three passes");
	for (i = 0; i < 6; i++)
		engine_pass(&w.e);
	tap_is(pol.gone, 1, "exit: told once");
	w.tasks[5].incarnation++;
	world_ask(&w, 0, 5);
	engine_pass(&w.e);
	tap_ok(pol.gone == 2 && pol.gone_slot == 5,
	       "exit: before another task has its slot");
	tap_is(pol.cancelled, 0, "exit: none of them was kept");
	tap_ok(qumun_task_slot(ctx, &w.tasks[5]) == 5 &&
		       qumun_max_tasks(ctx) == WORLD_RECORDS,
	       "a record's number");
	world_end(&w);
}

/* The policy keeps a task that goes: it leaves its hands before it is gone. */
static void test_kept_exit(void)
{
	__u32 i;

	begin();
	pol.keep = true;
	world_ask(&w, 0, 1);
	engine_pass(&w.e);
	world_state(&w, 1, w.q[1] >> 8, QUMUN_NONE);
	w.tasks[1].incarnation = 0;
	for (i = 0; i < 3; i++)
		engine_pass(&w.e);
	tap_ok(pol.cancelled == 1 && pol.gone == 1,
	       "exit: a kept one is cancelled first");
	world_ask(&w, 0, 1);
	engine_pass(&w.e);
	tap_is(pol.cancelled, 1, "exit: and once");
	world_end(&w);
}

/* Another policy takes over: the BPF half forgets the time that the old one named. */
static void test_timer_of_former(void)
{
	struct engine former;
	void *memory;

	begin();
	pol.cpu = QUMUN_CPU_ANY;
	pol.ask_timer = true;
	world_ask(&w, 0, 1);
	engine_pass(&w.e);
	former = w.e;
	memory = w.memory;
	w.memory = NULL;
	world_engine(&w, &qumun_policy_fifo);
	/* a pass of the old one after the new one was prepared */
	engine_pass(&former);
	tap_ok(w.shards[0].timer_at, "former policy: it named a time");
	engine_adopt(&w.e, &former);
	engine_pass(&w.e);
	tap_is(w.shards[0].timer_at, 0, "former policy: its time went with it");
	free(memory);
	world_end(&w);
}

int main(void)
{
	test_near();
	test_sets();
	test_kick();
	test_timer();
	test_tick();
	test_rare_tick();
	test_exits();
	test_kept_exit();
	test_timer_of_former();
	return tap_done();
}
