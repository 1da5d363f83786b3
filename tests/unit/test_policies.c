/* SPDX-License-Identifier: Apache-2.0 */
/* What the built-in policies decide, through the engine, for one task on a scripted machine. */
#include <qumun/vtime.h>

#include "tap.h"
#include "world.h"

#define US 1000ULL
#define MS 1000000ULL
#define NOW (100 * MS)
#define FRONT (700 * MS)

struct cpu_state {
	__s32 nr_queued;
	__u64 ran;	     /* ns since the running task began; 0: idle */
	__s64 curr_deadline; /* relative to the front */
	int offline;
};

/* Task: wakes or stays runnable, ran last on CPU 0 unless said otherwise. */
struct policy_case {
	const char *name;
	__u32 flags; /* QUMUN_TASK_* */
	__u64 allowed;
	__s32 cpu;
	__s64 vruntime; /* relative to the front of CPU 0 */
	struct cpu_state on[WORLD_CPUS];
	/* wanted */
	__s32 want_cpu; /* -2: no answer */
	__u32 want_flags;
	__u64 want_slice;
	__s64 want_vtime; /* relative to the front */
};

#define WOKE QUMUN_TASK_WAKEUP
#define ALL QUMUN_TASK_ALL_CPUS
#define BUSY { .ran = MS, .curr_deadline = (__s64)(9 * MS) }

static const struct policy_case cases[] = {
	{ "a sleeper comes back before the hog: preempts",
	  WOKE | ALL,
	  0xf,
	  0,
	  -50 * (__s64)MS,
	  { BUSY, BUSY, BUSY, BUSY },
	  0,
	  QUMUN_PREEMPT,
	  5 * MS,
	  0 },
	{ "the hog only just began: does not preempt",
	  WOKE | ALL,
	  0xf,
	  0,
	  -50 * (__s64)MS,
	  { { .ran = 10 * US, .curr_deadline = 9 * MS }, BUSY, BUSY, BUSY },
	  0,
	  0,
	  5 * MS,
	  0 },
	{ "the running task comes first: does not preempt",
	  WOKE | ALL,
	  0xf,
	  0,
	  0,
	  { { .ran = MS, .curr_deadline = MS }, BUSY, BUSY, BUSY },
	  0,
	  0,
	  5 * MS,
	  5 * MS },
	{ "a waking task stays where it ran, whatever waits there",
	  WOKE | ALL,
	  0xf,
	  0,
	  0,
	  { { .nr_queued = 2, .ran = MS, .curr_deadline = 9 * MS } },
	  0,
	  QUMUN_PREEMPT,
	  5 * MS,
	  5 * MS },
	{ "a task far ahead is forgiven all but a slice and the largest",
	  WOKE | ALL,
	  0xf,
	  0,
	  900 * MS,
	  { BUSY, BUSY, BUSY, BUSY },
	  0,
	  0,
	  5 * MS,
	  30 * MS },
	{ "nine wait: the slice is shared out",
	  ALL,
	  0xf,
	  0,
	  0,
	  { { .nr_queued = 9, .ran = MS },
	    { .nr_queued = 9, .ran = MS },
	    { .nr_queued = 9, .ran = MS },
	    { .nr_queued = 9, .ran = MS } },
	  0,
	  0,
	  2 * MS,
	  2 * MS },
	{ "its slice ended: stays, the BPF half evens out the queues",
	  ALL,
	  0xf,
	  0,
	  0,
	  { { .nr_queued = 2, .ran = MS }, BUSY, { 0 }, BUSY },
	  0,
	  0,
	  5 * MS,
	  5 * MS },
	{ "moved from CPU 0: what it is ahead by goes with it",
	  ALL,
	  0xf,
	  2,
	  3 * MS,
	  { BUSY, BUSY, { .nr_queued = 1, .ran = MS } },
	  2,
	  0,
	  5 * MS,
	  8 * MS },
	{ "a pinned task stays, whatever waits",
	  ALL | QUMUN_TASK_PINNED,
	  0xf,
	  1,
	  0,
	  { { 0 }, { .nr_queued = 3, .ran = MS } },
	  1,
	  0,
	  5 * MS,
	  5 * MS },
	{ "a CPU that does not exist: no answer",
	  ALL,
	  0xf,
	  99,
	  0,
	  { { 0 } },
	  -2,
	  0,
	  0,
	  0 },
	{ "a negative CPU: no answer", ALL, 0xf, -5, 0, { { 0 } }, -2, 0, 0, 0 },
};

static void set_the_scene(struct world *w, const struct policy_case *c)
{
	struct qumun_task *t = &w->tasks[7];
	int i;

	for (i = 0; i < WORLD_CPUS; i++) {
		struct qumun_cpu *cpu = &w->cpus[i];

		cpu->base = (__u64)i * 1000 * MS;
		cpu->front = FRONT + cpu->base;
		cpu->nr_queued = c->on[i].nr_queued;
		cpu->online = !c->on[i].offline;
		cpu->curr_start = c->on[i].ran ? NOW - c->on[i].ran : 0;
		cpu->curr_deadline = cpu->front + (__u64)c->on[i].curr_deadline;
		cpu->curr_slice_ns = 5 * MS;
	}
	t->flags = c->flags;
	t->allowed = c->allowed;
	t->nr_cpus_allowed = (__u32)__builtin_popcountll(c->allowed);
	t->cpu = c->cpu;
	t->vcpu = c->cpu == 1 ? 1 : 0;
	t->vruntime = w->cpus[t->vcpu].front + (__u64)c->vruntime;
	w->now = NOW - 1000; /* world_ask() adds it */
}

static void test_gthulhu(void)
{
	struct qumun_answer a = { 0 };
	struct world w;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct policy_case *c = &cases[i];
		enum verdict v;

		world_begin(&w, &qumun_policy_gthulhu);
		set_the_scene(&w, c);
		world_ask(&w, 0, 7);
		engine_pass(&w.e);
		v = world_answer(&w, &a);
		if (c->want_cpu == -2) {
			tap_is(v, NO_ANSWER, "gthulhu: %s", c->name);
			world_end(&w);
			continue;
		}
		if (!tap_ok(v == APPLIED && a.cpu == c->want_cpu &&
				    a.flags == c->want_flags &&
				    a.slice_ns == c->want_slice &&
				    a.vtime == w.cpus[a.cpu].front + (__u64)c->want_vtime,
			    "gthulhu: %s", c->name) &&
		    v == APPLIED)
			tap_diag("cpu %d flags %u slice %llu vtime %lld", a.cpu, a.flags,
				 a.slice_ns,
				 (long long)(a.vtime - w.cpus[c->want_cpu].front));
		tap_ok(w.tasks[7].deadline == a.vtime &&
			       w.tasks[7].slice_ns == a.slice_ns &&
			       w.tasks[7].vcpu == a.cpu,
		       "  the record tells the same");
		world_end(&w);
	}
}

static void test_fifo(void)
{
	struct qumun_answer a, b;
	struct world w;

	world_begin(&w, &qumun_policy_fifo);
	w.tasks[1].cpu = 2;
	world_ask(&w, 0, 1);
	world_ask(&w, 0, 2);
	engine_pass(&w.e);
	tap_ok(world_answer(&w, &a) == APPLIED && world_answer(&w, &b) == APPLIED,
	       "fifo: answers at once");
	tap_ok(a.slot == 1 && b.slot == 2 && vt_before(a.vtime, b.vtime),
	       "fifo: who came first has the smaller key");
	tap_ok(a.cpu == 2 && a.slice_ns == BASE_SLICE_NS && !a.flags,
	       "fifo: where it ran last, for the base slice");
	world_end(&w);
}

int main(void)
{
	test_gthulhu();
	test_fifo();
	return tap_done();
}
