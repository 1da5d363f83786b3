/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of vtime.h, function by function. What it adds up to is in test_lag.c. */
#include <qumun/vtime.h>

#include "tap.h"

#define MS 1000000ULL
#define TOP (~0ULL)

static const struct {
	const char *name;
	__u64 a, b;
	int before;
} before_cases[] = {
	{ "equal", 5, 5, 0 },
	{ "earlier", 4, 5, 1 },
	{ "later", 5, 4, 0 },
	{ "across the wrap", TOP, 0, 1 },
	{ "across the wrap, other way", 0, TOP, 0 },
	{ "far across the wrap", TOP - 1000 * MS, 1000 * MS, 1 },
	{ "just under half the circle", 0, (1ULL << 63) - 1, 1 },
	{ "just over half the circle", 0, (1ULL << 63) + 1, 0 },
};

static void test_before(void)
{
	size_t i;

	for (i = 0; i < sizeof(before_cases) / sizeof(before_cases[0]); i++)
		tap_is(vt_before(before_cases[i].a, before_cases[i].b),
		       before_cases[i].before, "vt_before: %s", before_cases[i].name);
}

static const struct {
	const char *name;
	__u64 weight;
	__u32 want;
} weight_cases[] = {
	{ "zero", 0, WEIGHT_MIN },
	{ "below the table", WEIGHT_MIN - 1, WEIGHT_MIN },
	{ "lightest", WEIGHT_MIN, WEIGHT_MIN },
	{ "nice 0", 1024, 1024 },
	{ "heaviest", WEIGHT_MAX, WEIGHT_MAX },
	{ "above the table", WEIGHT_MAX + 1, WEIGHT_MAX },
	{ "more than 32 bits", (1ULL << 32) + 100, WEIGHT_MAX },
	{ "all ones", TOP, WEIGHT_MAX },
};

static void test_weight(void)
{
	size_t i;

	for (i = 0; i < sizeof(weight_cases) / sizeof(weight_cases[0]); i++)
		tap_is(vt_weight(weight_cases[i].weight), weight_cases[i].want,
		       "vt_weight: %s", weight_cases[i].name);
}

static const struct {
	const char *name;
	int prio;
	__u32 want;
} prio_cases[] = {
	{ "nice -20", 100, 88761 },
	{ "nice 0", 120, 1024 },
	{ "nice 5", 125, 335 },
	{ "nice 19", 139, 15 },
	{ "a real-time priority", 99, 88761 },
	{ "negative", -1, 88761 },
	{ "beyond nice 19", 140, 15 },
	{ "nonsense", 0x7fffffff, 15 },
};

static void test_weight_of_prio(void)
{
	bool falls = true;
	size_t i;
	int prio;

	for (i = 0; i < sizeof(prio_cases) / sizeof(prio_cases[0]); i++)
		tap_is(vt_weight_of_prio(prio_cases[i].prio), prio_cases[i].want,
		       "vt_weight_of_prio: %s", prio_cases[i].name);
	for (prio = 101; prio < 140; prio++)
		falls &= vt_weight_of_prio(prio) < vt_weight_of_prio(prio - 1);
	tap_ok(falls,
	       "vt_weight_of_prio: each nice level is lighter than the one before");
	tap_ok(vt_weight_of_prio(100) == WEIGHT_MAX &&
		       vt_weight_of_prio(139) == WEIGHT_MIN,
	       "vt_weight_of_prio: the table's ends are WEIGHT_MAX and WEIGHT_MIN");
}

static const struct {
	const char *name;
	__u64 ns;
	__u32 weight;
	__u64 want;
} charge_cases[] = {
	{ "nice 0 pays what it gets", 5 * MS, 1024, 5 * MS },
	{ "nice 0, any length", TOP, 1024, TOP },
	{ "nothing", 0, 15, 0 },
	{ "nice 19", 15, 15, 1024 },
	{ "nice 19, a slice", 5 * MS, 15, 5 * MS * 1024 / 15 },
	{ "nice -20, a slice", 5 * MS, 88761, 5 * MS * 1024 / 88761 },
	{ "heavier than the run is long: rounds down", 1, 88761, 0 },
	{ "weight 0 counts as 1", 3, 0, 3 * 1024 },
	{ "longest exact run: 208 days", TOP / 1024, 15, TOP / 1024 * 1024 / 15 },
};

static void test_charge(void)
{
	size_t i;

	for (i = 0; i < sizeof(charge_cases) / sizeof(charge_cases[0]); i++)
		tap_is(vt_charge(charge_cases[i].ns, charge_cases[i].weight),
		       charge_cases[i].want, "vt_charge: %s", charge_cases[i].name);
}

static const struct {
	const char *name;
	int woke;
	__u64 slice;
	__u32 weight;
	__u64 want;
} credit_cases[] = {
	{ "nice 0 sleeper: a slice", 1, 5 * MS, 1024, 5 * MS },
	{ "nice -20 sleeper: a slice of service", 1, 5 * MS, 88761,
	  5 * MS * 1024 / 88761 },
	{ "nice 1 sleeper: no more than nice 0", 1, 5 * MS, 820, 5 * MS },
	{ "nice 19 sleeper: no more than nice 0", 1, 5 * MS, 15, 5 * MS },
	{ "weight 0", 1, 5 * MS, 0, 5 * MS },
	{ "nice 0 stayed runnable: the largest slice", 0, 5 * MS, 1024, 20 * MS },
	{ "nice 19 stayed runnable", 0, 5 * MS, 15, 20 * MS * 1024 / 15 },
	{ "nice -20 stayed runnable", 0, 5 * MS, 88761, 20 * MS * 1024 / 88761 },
};

static void test_credit(void)
{
	size_t i;

	for (i = 0; i < sizeof(credit_cases) / sizeof(credit_cases[0]); i++)
		tap_is(vt_credit(credit_cases[i].woke, credit_cases[i].slice, 20 * MS,
				 credit_cases[i].weight),
		       credit_cases[i].want, "vt_credit: %s", credit_cases[i].name);
}

static const struct {
	const char *name;
	__u64 vruntime, front, credit, max_lag, want;
} place_cases[] = {
	{ "at the front", 100, 100, 10, 30, 100 },
	{ "a little behind keeps its place", 95, 100, 10, 30, 95 },
	{ "as far behind as its credit", 90, 100, 10, 30, 90 },
	{ "further behind: the credit", 89, 100, 10, 30, 90 },
	{ "slept for ever: the credit", 100 - (1ULL << 62), 100, 10, 30, 90 },
	{ "a little ahead keeps its place", 129, 100, 10, 30, 129 },
	{ "as far ahead as allowed", 130, 100, 10, 30, 130 },
	{ "further ahead: forgiven", 131, 100, 10, 30, 130 },
	{ "far ahead: forgiven", 100 + (1ULL << 62), 100, 10, 30, 130 },
	{ "front just after the wrap, task before it", TOP - 4, 5, 10, 30, TOP - 4 },
	{ "front just after the wrap, task too far behind", TOP - 5, 5, 10, 30, TOP - 4 },
	{ "front just before the wrap, task after it", 20, TOP - 9, 10, 30, 20 },
	{ "front just before the wrap, task too far ahead", 21, TOP - 9, 10, 30, 20 },
	{ "no credit", 99, 100, 0, 0, 100 },
	{ "no lag", 101, 100, 0, 0, 100 },
};

static void test_place(void)
{
	size_t i;
	__u64 v;

	for (i = 0; i < sizeof(place_cases) / sizeof(place_cases[0]); i++) {
		v = vt_place(place_cases[i].vruntime, place_cases[i].front,
			     place_cases[i].credit, place_cases[i].max_lag);
		tap_is(v, place_cases[i].want, "vt_place: %s", place_cases[i].name);
		tap_is(vt_place(v, place_cases[i].front, place_cases[i].credit,
				place_cases[i].max_lag),
		       v, "vt_place: placing twice changes nothing: %s",
		       place_cases[i].name);
	}
}

static const struct {
	const char *name;
	__u64 v, from, to, want;
} renormalize_cases[] = {
	{ "same queue", 7, 5, 5, 7 },
	{ "ahead stays ahead", 7, 5, 100, 102 },
	{ "behind stays behind", 3, 5, 100, 98 },
	{ "over the wrap", 3, 5, 1, TOP },
	{ "back over the wrap", TOP, 1, 5, 3 },
	{ "fronts at both ends", 10, 0, TOP, 9 },
};

static void test_renormalize(void)
{
	size_t i;

	for (i = 0; i < sizeof(renormalize_cases) / sizeof(renormalize_cases[0]); i++)
		tap_is(vt_renormalize(renormalize_cases[i].v, renormalize_cases[i].from,
				      renormalize_cases[i].to),
		       renormalize_cases[i].want, "vt_renormalize: %s",
		       renormalize_cases[i].name);
}

static const struct {
	const char *name;
	__u64 base, front, other, bound, want; /* want: front minus base afterwards */
} rebase_cases[] = {
	{ "together", 0, 100, 100, 10, 100 },
	{ "a little behind: stays", 0, 90, 100, 10, 90 },
	{ "a little ahead: stays", 0, 110, 100, 10, 110 },
	{ "too far behind: as far as allowed", 0, 89, 100, 10, 90 },
	{ "too far ahead: as far as allowed", 0, 111, 100, 10, 110 },
	{ "stood still for ever", 7, 7, 1ULL << 62, 10, (1ULL << 62) - 10 },
	{ "over the wrap, behind", 5, TOP - 20, 4, 10, TOP - 5 },
	{ "over the wrap, ahead", 5, 50, TOP, 10, 9 },
};

static void test_rebase(void)
{
	size_t i;
	__u64 base;

	for (i = 0; i < sizeof(rebase_cases) / sizeof(rebase_cases[0]); i++) {
		base = vt_rebase(rebase_cases[i].base, rebase_cases[i].front,
				 rebase_cases[i].other, rebase_cases[i].bound);
		tap_is(rebase_cases[i].front - base, rebase_cases[i].want,
		       "vt_rebase: %s", rebase_cases[i].name);
	}
}

static const struct {
	const char *name;
	__u64 start, slice, now, want;
} rest_cases[] = {
	{ "just began", 100, 50, 100, 50 },
	{ "half way", 100, 50, 125, 25 },
	{ "over", 100, 50, 150, 0 },
	{ "long over", 100, 50, 1000, 0 },
	{ "nobody runs", 0, 50, 100, 0 },
	{ "clocks disagree: it began in the future", 100, 50, 99, 50 },
};

static void test_rest(void)
{
	size_t i;

	for (i = 0; i < sizeof(rest_cases) / sizeof(rest_cases[0]); i++)
		tap_is(vt_rest(rest_cases[i].start, rest_cases[i].slice,
			       rest_cases[i].now),
		       rest_cases[i].want, "vt_rest: %s", rest_cases[i].name);
}

static const struct {
	const char *name;
	__u64 base, min, max;
	__u32 nr_waiting;
	__u64 want;
} slice_cases[] = {
	{ "alone", 5 * MS, MS, 20 * MS, 0, 5 * MS },
	{ "three wait", 5 * MS, MS, 20 * MS, 3, 5 * MS },
	{ "four wait: four bases shared by five", 5 * MS, MS, 20 * MS, 4, 4 * MS },
	{ "nine wait", 5 * MS, MS, 20 * MS, 9, 2 * MS },
	{ "nineteen wait: the minimum", 5 * MS, MS, 20 * MS, 19, MS },
	{ "a thousand wait: the minimum", 5 * MS, MS, 20 * MS, 1000, MS },
	{ "as many as a counter holds", 5 * MS, MS, 20 * MS, 0xffffffffU, MS },
	{ "base above the maximum", 50 * MS, MS, 20 * MS, 0, 20 * MS },
	{ "base below the minimum", MS / 2, MS, 20 * MS, 0, MS },
	{ "limits that cross: the maximum holds", 5 * MS, 30 * MS, 20 * MS, 0, 20 * MS },
};

static void test_slice(void)
{
	bool falls = true;
	size_t i;
	__u32 nr;

	for (i = 0; i < sizeof(slice_cases) / sizeof(slice_cases[0]); i++)
		tap_is(vt_slice(slice_cases[i].base, slice_cases[i].min,
				slice_cases[i].max, slice_cases[i].nr_waiting),
		       slice_cases[i].want, "vt_slice: %s", slice_cases[i].name);
	for (nr = 0; nr < 100; nr++)
		falls &= vt_slice(5 * MS, MS, 20 * MS, nr + 1) <=
			 vt_slice(5 * MS, MS, 20 * MS, nr);
	tap_ok(falls, "vt_slice: never grows with the number of waiting tasks");
}

static const struct {
	const char *name;
	__u64 v, slice;
	__u32 weight;
	__u64 latency, want;
} deadline_cases[] = {
	{ "nice 0", 100, 5 * MS, 1024, 1024, 100 + 5 * MS },
	{ "nice 19 comes later", 0, 5 * MS, 15, 1024, 5 * MS * 1024 / 15 },
	{ "nice -20 comes earlier", 0, 5 * MS, 88761, 1024, 5 * MS * 1024 / 88761 },
	{ "half the latency factor", 100, 4 * MS, 1024, 512, 100 + 2 * MS },
	{ "largest latency factor", 0, 5 * MS, 1024, 10240, 50 * MS },
	{ "over the wrap", TOP, 5 * MS, 1024, 1024, 5 * MS - 1 },
	{ "all factors at their worst", 0, 100 * MS, 15, 10240,
	  100 * MS * 1024 / 15 * 10 },
};

static void test_deadline(void)
{
	size_t i;

	for (i = 0; i < sizeof(deadline_cases) / sizeof(deadline_cases[0]); i++)
		tap_is(vt_deadline(deadline_cases[i].v, deadline_cases[i].slice,
				   deadline_cases[i].weight, deadline_cases[i].latency),
		       deadline_cases[i].want, "vt_deadline: %s", deadline_cases[i].name);
}

static const struct {
	const char *name;
	__u64 deadline, curr, ran, min_run;
	int want;
} preempt_cases[] = {
	{ "earlier deadline, ran enough", 10, 20, 20000, 20000, 1 },
	{ "earlier deadline, ran too little", 10, 20, 19999, 20000, 0 },
	{ "same deadline", 20, 20, 20000, 20000, 0 },
	{ "later deadline", 21, 20, 20000, 20000, 0 },
	{ "no minimum run", 10, 20, 0, 0, 1 },
	{ "earlier across the wrap", TOP, 3, 20000, 0, 1 },
	{ "later across the wrap", 3, TOP, 20000, 0, 0 },
};

static void test_preempts(void)
{
	size_t i;

	for (i = 0; i < sizeof(preempt_cases) / sizeof(preempt_cases[0]); i++)
		tap_is(vt_preempts(preempt_cases[i].deadline, preempt_cases[i].curr,
				   preempt_cases[i].ran, preempt_cases[i].min_run),
		       preempt_cases[i].want, "vt_preempts: %s", preempt_cases[i].name);
}

int main(void)
{
	test_before();
	test_weight();
	test_weight_of_prio();
	test_charge();
	test_credit();
	test_place();
	test_renormalize();
	test_rebase();
	test_rest();
	test_slice();
	test_deadline();
	test_preempts();
	return tap_done();
}
