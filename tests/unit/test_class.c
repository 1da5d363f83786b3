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
	tap_ok(!preempts(&t, late, 1000), "without budget it does not preempt");
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
 * A task that takes all that it is offered, beside one that always wants to run; slices end at
 * the next multiple of @tick. How much the first gets in the worst 100 ms, and in the long run.
 */
static __u64 worst_window(__u64 pct, __u64 tick, __u64 *sustained)
{
	enum { STEP_US = 100, STEPS = 50000 }; /* 5 s */
	static unsigned char taken[STEPS];
	const __u64 step = STEP_US * 1000, slice = 5 * MS;
	__u64 total = 0, window = 0, worst = 0, now, start = 0, want = 0;
	struct vt_window w = { 0 };
	bool leads = false;
	__u32 n, left;

	for (n = 0; n < STEPS; n++) {
		taken[n] = leads;
		now = (n + 1) * step;
		/* the class may come back at any tick; whoever runs may end at one */
		if (now % tick)
			continue;
		if (leads && now - start < want)
			continue;
		vt_window_roll(&w, now);
		vt_window_spend(&w, now, leads ? now - start : 0);
		left = vt_window_left(&w, pct);
		leads = left;
		want = left < slice ? left : slice;
		start = now;
	}
	for (n = 0; n < STEPS; n++) {
		window += taken[n];
		total += n >= STEPS / 2 ? taken[n] : 0;
		if (n >= 100000 / STEP_US)
			window -= taken[n - 100000 / STEP_US];
		if (window > worst)
			worst = window;
	}
	*sustained = total * 200 / STEPS;
	return worst * STEP_US;
}

static void test_budget(void)
{
	static const __u64 pcts[] = { 95, 90, 50, 20, 5, 1 },
			   ticks[] = { MS / 10, MS, 4 * MS };
	struct vt_window w = { 0 };
	__u64 sustained, worst, pct;
	size_t i, j;

	for (i = 0; i < sizeof(pcts) / sizeof(pcts[0]); i++) {
		for (j = 0; j < sizeof(ticks) / sizeof(ticks[0]); j++) {
			pct = pcts[i];
			/* nothing ends a slice before the next tick does */
			if (ticks[j] >= pct * MS)
				continue;
			worst = worst_window(pct, ticks[j], &sustained);
			tap_ok(worst <= pct * 1000,
			       "budget %llu %%, a tick of %llu us: %llu us of the worst 100 ms",
			       pct, ticks[j] / 1000, worst);
			/* a tick that may overrun, a slot that is only partly over */
			tap_ok(sustained >= (pct < 10 ? pct / 2 : pct - 7),
			       "budget %llu %%, a tick of %llu us: %llu %% in the long run",
			       pct, ticks[j] / 1000, sustained);
		}
	}
	tap_is(vt_window_left(&w, 100), ~0U, "100 %% is no limit");
	tap_is(vt_window_left(&w, 95), 91000000, "at first all of it, less a tick");
	vt_window_roll(&w, 500 * MS);
	vt_window_spend(&w, 500 * MS, 7 * MS);
	tap_is((long long)w.sum, 7 * (long long)MS, "a run is spread over its slots");
	vt_window_roll(&w, 400 * MS);
	tap_is((long long)w.sum, 7 * (long long)MS,
	       "a clock that goes back forgets nothing");
	vt_window_roll(&w, 592 * MS);
	tap_is((long long)w.sum, 4 * (long long)MS, "its beginning falls out first");
	vt_window_roll(&w, 5000 * MS);
	tap_is((long long)w.sum, 0, "and all of it in the end");
}

int main(void)
{
	test_weights();
	test_classes();
	test_preempts();
	test_budget();
	return tap_done();
}
