/* SPDX-License-Identifier: Apache-2.0 */
/* Classes, rules and class latency's budget in the arithmetic that both halves share. */
#include <qumun/vtime.h>

#include "tap.h"

#define MS 1000000ULL

static struct qumun_param_block par = {
#define X(name, unit, def, min, max, doc) .name = def,
	QUMUN_PARAMS(X)
#undef X
};

static struct qumun_cpu cpu = { .front = 1000 * MS, .latency_left_ns = 5 * MS };

static struct vt_placement decide(const struct qumun_task *t, int woke)
{
	struct vt_request r = VT_REQUEST(t, &par, &cpu, 0, woke);
	struct vt_placement p;

	vt_decide(&r, &p);
	return p;
}

static int preempts(const struct qumun_task *t, __u64 curr_deadline, __u64 ran)
{
	struct vt_request r = VT_REQUEST(t, &par, &cpu, 0, 1);
	struct vt_placement p;

	vt_decide(&r, &p);
	return vt_decide_preempts(&r, p.deadline, curr_deadline, ran, par.min_run_ns);
}

struct weight_case {
	const char *name;
	__u32 own, rule_id, rule_weight, rule_class, own_class, multiplier;
	__u32 want;
};

static const struct weight_case weights[] = {
	{ "no rule: its own", 335, 0, 0, 0, QUMUN_CLASS_NORMAL, 1024, 335 },
	{ "no rule: the multiplier is for named tasks", 335, 0, 0, 0, 0, 2048, 335 },
	{ "SCHED_IDLE: what the kernel half noted", 3, 0, 0, 0, QUMUN_CLASS_IDLE, 1024,
	  3 },
	{ "SCHED_IDLE in a light cgroup", 1, 0, 0, 0, QUMUN_CLASS_IDLE, 1024, 1 },
	{ "rule without a weight: its own", 335, 1, 0, QUMUN_CLASS_LATENCY, 0, 1024,
	  335 },
	{ "rule with a weight", 335, 1, 2048, 0, 0, 1024, 2048 },
	{ "class idle: the smallest", 1024, 1, 0, QUMUN_CLASS_IDLE, 0, 1024,
	  WEIGHT_IDLE },
	{ "class idle in a light cgroup: lighter still", 2, 1, 0, QUMUN_CLASS_IDLE, 0,
	  1024, 2 },
	{ "a rule without a weight in a light cgroup", 2, 1, 0, QUMUN_CLASS_LATENCY, 0,
	  1024, 2 },
	{ "named in a light cgroup: scaled", 2, 1, 0, 0, 0, 2048, 4 },
	{ "a rule's weight beats its class's", 1024, 1, 500, QUMUN_CLASS_IDLE, 0, 1024,
	  500 },
	{ "a rule's class beats SCHED_IDLE", 3, 1, 0, QUMUN_CLASS_NORMAL,
	  QUMUN_CLASS_IDLE, 1024, 1024 },
	{ "named: scaled", 1024, 1, 0, 0, 0, 2048, 2048 },
	{ "scaled, within the table", 88761, 1, 0, 0, 0, 10240, WEIGHT_MAX },
	{ "an unknown class is normal", 1024, 1, 0, 200, 0, 1024, 1024 },
};

static void test_weights(void)
{
	size_t i;

	for (i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
		const struct weight_case *c = &weights[i];
		struct qumun_task t = { .weight = c->own,
					.rule_id = c->rule_id,
					.rule_weight = c->rule_weight,
					.rule_class = (__u8)c->rule_class,
					.own_class = (__u8)c->own_class };
		struct qumun_param_block p = { .weight_multiplier_fp = c->multiplier };

		tap_is(VT_WEIGHT(&t, &p), c->want, "weight: %s", c->name);
	}
}

/* name, class, rule's slice; wanted: slice, deadline - vruntime (without the lead), leads */
struct class_case {
	const char *name;
	__u32 cls;
	__u32 slice;
	__u64 want_slice, want_request;
	int want_leads;
};

static const struct class_case classes[] = {
	{ "none", QUMUN_CLASS_NONE, 0, 5 * MS, 5 * MS, 0 },
	{ "latency", QUMUN_CLASS_LATENCY, 0, 5 * MS, 5 * MS / 4, 1 },
	{ "interactive", QUMUN_CLASS_INTERACTIVE, 0, 5 * MS / 2, 5 * MS / 8, 0 },
	{ "normal", QUMUN_CLASS_NORMAL, 0, 5 * MS, 5 * MS, 0 },
	{ "batch", QUMUN_CLASS_BATCH, 0, 20 * MS, 40 * MS, 0 },
	{ "normal, rule's slice", QUMUN_CLASS_NORMAL, 300000, 300000, 300000, 0 },
	{ "latency, slice beyond the budget", QUMUN_CLASS_LATENCY, 50 * MS, 5 * MS,
	  5 * MS / 4, 1 },
};

static void test_classes(void)
{
	size_t i;

	for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		const struct class_case *c = &classes[i];
		struct qumun_task t = { .weight = 1024,
					.vruntime = 1000 * MS,
					.rule_id = 1,
					.rule_class = (__u8)c->cls,
					.rule_slice_ns = c->slice };
		struct vt_placement p = decide(&t, 0);
		__u64 lead = c->want_leads ? VT_LATENCY_LEAD : 0;

		tap_is(p.slice_ns, c->want_slice, "class %s: slice", c->name);
		tap_is(p.deadline + lead - p.vruntime, c->want_request,
		       "class %s: deadline", c->name);
		tap_is(vt_leading(p.vruntime, p.deadline), c->want_leads,
		       "class %s: leads", c->name);
	}
}

static void test_preempts(void)
{
	struct qumun_task t = { .weight = 1024, .rule_id = 1 };
	__u64 late = cpu.front + 20 * MS;

	tap_ok(preempts(&t, late, MS), "a sleeper preempts a later deadline");
	tap_ok(!preempts(&t, late, 1000), "not before the other's minimum run");
	t.rule_class = QUMUN_CLASS_LATENCY;
	tap_ok(preempts(&t, late, 1000), "class latency does not wait for it");
	tap_ok(preempts(&t, cpu.front - 60 * MS, 1000), "nor for an earlier deadline");
	cpu.latency_left_ns = 0;
	tap_ok(!preempts(&t, late, 1000), "without budget it is as any other");
	tap_ok(!vt_leading(decide(&t, 1).vruntime, decide(&t, 1).deadline),
	       "and does not lead");
	cpu.latency_left_ns = 5 * MS;
	t.rule_class = QUMUN_CLASS_BATCH;
	tap_ok(!preempts(&t, late + 100 * MS, MS), "class batch never preempts");
	t.rule_marks = QUMUN_MARKS(QUMUN_PREEMPT_YES, QUMUN_RULE_SHARES);
	tap_ok(preempts(&t, late + 100 * MS, MS), "unless its rule says so");
	t.rule_class = QUMUN_CLASS_LATENCY;
	t.rule_marks = QUMUN_MARKS(QUMUN_PREEMPT_NO, 0);
	tap_ok(!preempts(&t, late, MS), "and a rule may forbid it to class latency");
}

/*
 * A task that takes all that it is offered, in pieces of at most @piece, beside one that always
 * wants to run and gets @other at a time: what the first gets in any 100 ms.
 */
static __u64 worst_window(__u64 pct, __u64 piece, __u64 other, __u64 *sustained)
{
	enum { STEP_US = 50, STEPS = 40000 }; /* 2 s */
	static unsigned char taken[STEPS];
	__u64 now = 1, at = 0, total = 0, window = 0, worst = 0;
	__u32 published = 0, n = 0, i;
	__s64 left = 0;

	while (n < STEPS) {
		bool led = published >= VT_LATENCY_MIN_NS;
		__u64 run = led ? (piece < published ? piece : published) : other;

		for (i = 0;
		     i < (run + STEP_US * 1000 - 1) / (STEP_US * 1000) && n < STEPS; i++)
			taken[n++] = led;
		now += run;
		left = vt_budget_spend(left, at, now, led ? run : 0, pct);
		at = now;
		published = vt_budget_publish(left, published, pct);
	}
	for (i = 0; i < STEPS; i++) {
		window += taken[i];
		total += taken[i];
		if (i >= 2000)
			window -= taken[i - 2000];
		if (window > worst)
			worst = window;
	}
	*sustained = total * 100 / STEPS;
	return worst * STEP_US;
}

static void test_budget(void)
{
	static const __u64 pcts[] = { 95, 50, 20, 5, 1 };
	__u64 sustained, worst, pct;
	size_t i;

	for (i = 0; i < sizeof(pcts) / sizeof(pcts[0]); i++) {
		pct = pcts[i];
		worst = worst_window(pct, 5 * MS, 100000, &sustained);
		tap_ok(worst <= pct * 1000, "budget %llu %%: %llu us of the worst 100 ms",
		       pct, worst);
		tap_ok(sustained >= (pct < 10 ? pct / 2 : pct - 7),
		       "budget %llu %%: %llu %% in the long run", pct, sustained);
	}
	tap_is(vt_budget_publish(-1000, 0, 100), ~0U, "100 %% is no limit");
	tap_is(vt_budget_spend(0, 0, 200 * MS, 400 * MS, 95), -5LL * (long long)MS,
	       "a debt is at most the bucket");
}

int main(void)
{
	test_weights();
	test_classes();
	test_preempts();
	test_budget();
	return tap_done();
}
