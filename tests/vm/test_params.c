/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters of a running scheduler: a refused set changes nothing, an accepted one is effective
 * at once, and doubling a field moves a measured figure the right way. Both in kernel mode and
 * with a policy that reads them.
 */
#include <math.h>
#include <sys/resource.h>

#include "live.h"

#define MS 1000000ULL

static struct scheduling_params defaults = { BASE_SLICE_NS, MIN_SLICE_NS, MAX_SLICE_NS, 1,
					     1 };

/* How often hogs were made to give way in a second: by the kernel's own count. */
static unsigned long switches(const pid_t *hogs, int nr)
{
	unsigned long sum = 0, n;
	char path[64], line[256];
	FILE *f;
	int i;

	for (i = 0; i < nr; i++) {
		snprintf(path, sizeof(path), "/proc/%d/status", hogs[i]);
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f)) {
			if (sscanf(line, "nonvoluntary_ctxt_switches: %lu", &n) == 1)
				sum += n;
		}
		if (f)
			fclose(f);
	}
	return sum;
}

static unsigned long switches_in_1_s(const pid_t *hogs, int nr)
{
	unsigned long before = switches(hogs, nr);

	sleep_ms(1000);
	return switches(hogs, nr) - before;
}

static void use(struct qumun *q, __u64 base, __u64 min, __u64 max)
{
	struct scheduling_params p = defaults;

	p.base_slice_ns = base;
	p.min_slice_ns = min;
	p.max_slice_ns = max;
	tap_is(qumun_update_scheduling_params(q, &p), 0,
	       "base %llu, min %llu, max %llu us", base / 1000, min / 1000, max / 1000);
}

/*
 * Two hogs on one CPU take turns of the base slice. A slice ends with a tick, and a tick may be
 * 10 ms, so the slices are long ones.
 */
static void base_slice(struct qumun *q, const char *mode)
{
	pid_t hogs[2] = { start_hog(0, 0), start_hog(0, 0) };
	unsigned long slow, fast;

	sleep_ms(200);
	use(q, 20 * MS, 1 * MS, 80 * MS);
	fast = switches_in_1_s(hogs, 2);
	use(q, 40 * MS, 1 * MS, 80 * MS);
	slow = switches_in_1_s(hogs, 2);
	tap_ok(slow * 4 < fast * 3, "%s: base slice doubled: %lu switches/s, before %lu",
	       mode, slow, fast);
	use(q, 10 * MS, 1 * MS, 40 * MS);
	fast = switches_in_1_s(hogs, 2);
	tap_ok(fast * 2 > slow * 3, "%s: a quarter of it: %lu switches/s", mode, fast);
	end_child(hogs[0]);
	end_child(hogs[1]);
}

/* With many waiting the slice shrinks until it is the smallest. */
static void min_slice(struct qumun *q)
{
	unsigned long slow, fast;
	pid_t hogs[10];
	int i;

	for (i = 0; i < 10; i++)
		hogs[i] = start_hog(0, 0);
	use(q, 50 * MS, 20 * MS, 80 * MS);
	sleep_ms(600);
	fast = switches_in_1_s(hogs, 10);
	use(q, 50 * MS, 40 * MS, 80 * MS);
	sleep_ms(600);
	slow = switches_in_1_s(hogs, 10);
	tap_ok(slow * 4 < fast * 3, "smallest slice doubled: %lu switches/s, before %lu",
	       slow, fast);
	for (i = 0; i < 10; i++)
		end_child(hogs[i]);
}

/* Batch tasks get four base slices, up to the largest slice. */
static void max_slice(struct qumun *q)
{
	pid_t hogs[2] = { start_hog(0, 0), start_hog(0, 0) };
	struct qumun_rule rule = QUMUN_RULE_INIT;
	unsigned long slow, fast;
	unsigned int ids[2], i;

	rule.match = 1U << QUMUN_RULE_TGID;
	rule.cls = QUMUN_CLASS_BATCH;
	for (i = 0; i < 2; i++) {
		rule.tgid = hogs[i];
		tap_is(qumun_add_rule(q, &rule, &ids[i]), 0, "a batch task");
	}
	use(q, 20 * MS, 1 * MS, 20 * MS);
	sleep_ms(200);
	fast = switches_in_1_s(hogs, 2);
	use(q, 20 * MS, 1 * MS, 40 * MS);
	sleep_ms(200);
	slow = switches_in_1_s(hogs, 2);
	tap_ok(slow * 4 < fast * 3, "largest slice doubled: %lu switches/s, before %lu",
	       slow, fast);
	for (i = 0; i < 2; i++) {
		qumun_remove_rule(q, ids[i]);
		end_child(hogs[i]);
	}
}

/* Of two equal hogs a rule names one: the multiplier is its share against the other's. */
static void weight_multiplier(struct qumun *q)
{
	pid_t named = start_hog(0, 0), other = start_hog(0, 0);
	struct scheduling_params p = defaults;
	struct qumun_rule rule = QUMUN_RULE_INIT;
	double share[2];
	unsigned int id;
	__u64 a, b;
	int i;

	rule.match = 1U << QUMUN_RULE_TGID;
	rule.tgid = named;
	rule.weight = WEIGHT_NICE_0;
	tap_is(qumun_add_rule(q, &rule, &id), 0, "a rule names one of two hogs");
	for (i = 0; i < 2; i++) {
		p.weight_multiplier = i + 1;
		tap_is(qumun_update_scheduling_params(q, &p), 0, "weight_multiplier %d",
		       i + 1);
		sleep_ms(200);
		a = schedstat_ns(named);
		b = schedstat_ns(other);
		sleep_ms(1500);
		share[i] = (double)(schedstat_ns(named) - a) /
			   (double)(schedstat_ns(other) - b);
	}
	tap_ok(share[0] > 0.8 && share[0] < 1.25,
	       "multiplier 1: it gets %.2f times as much", share[0]);
	tap_ok(share[1] > 1.6 && share[1] < 2.5, "doubled: %.2f times as much", share[1]);
	qumun_remove_rule(q, id);
	qumun_update_scheduling_params(q, &defaults);
	end_child(named);
	end_child(other);
}

/* Mean wait of @pid in the second that follows, us, by /proc. */
static unsigned long long mean_wait_us(pid_t pid)
{
	unsigned long long wait[2] = { 0 }, runs[2] = { 0 };
	char path[64];
	FILE *f;
	int i;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	for (i = 0; i < 2; i++) {
		if (i)
			sleep_ms(2000);
		f = fopen(path, "r");
		if (f && fscanf(f, "%*u %llu %llu", &wait[i], &runs[i]) != 2)
			wait[i] = runs[i] = 0;
		if (f)
			fclose(f);
	}
	return runs[1] > runs[0] ? (wait[1] - wait[0]) / (runs[1] - runs[0]) / 1000 : 0;
}

/*
 * A light task asks for a long time in its own virtual time: the more that counts in deadlines,
 * the longer it waits behind a heavy one.
 */
static void latency_factor(struct qumun *q)
{
	pid_t hog = start_hog(0, 0), light = start_sleeper(0, 10000);
	struct scheduling_params p = defaults;
	unsigned long long wait[2];
	int i;

	setpriority(PRIO_PROCESS, (id_t)light, 10);
	for (i = 0; i < 2; i++) {
		p.latency_factor = i ? 4 : 2;
		tap_is(qumun_update_scheduling_params(q, &p), 0, "latency_factor %g",
		       p.latency_factor);
		sleep_ms(300);
		wait[i] = mean_wait_us(light);
	}
	tap_ok(wait[1] * 2 > wait[0] * 3,
	       "latency factor doubled: waits %llu us, before %llu", wait[1], wait[0]);
	qumun_update_scheduling_params(q, &defaults);
	end_child(hog);
	end_child(light);
}

static void refused(struct qumun *q)
{
	struct scheduling_params p, after;

	use(q, 5 * MS, 1 * MS, 20 * MS);
	p = defaults;
	p.min_slice_ns = 6 * MS;
	tap_is(qumun_update_scheduling_params(q, &p), -EINVAL, "min above base");
	p = defaults;
	p.latency_factor = NAN;
	tap_is(qumun_update_scheduling_params(q, &p), -EINVAL, "latency_factor NaN");
	p = defaults;
	p.weight_multiplier = 10.5;
	tap_is(qumun_update_scheduling_params(q, &p), -EINVAL, "weight_multiplier 10.5");
	tap_is(qumun_get_scheduling_params(q, &after), 0, "read back");
	tap_ok(after.base_slice_ns == defaults.base_slice_ns &&
		       after.min_slice_ns == defaults.min_slice_ns &&
		       after.max_slice_ns == defaults.max_slice_ns &&
		       after.latency_factor == 1.0 && after.weight_multiplier == 1.0,
	       "nothing changed");
}

static void set_mode(struct qumun *q)
{
	__u64 a[QUMUN_NR_COUNTERS], b[QUMUN_NR_COUNTERS];
	pid_t x = start_hog(0, 0), y = start_hog(0, 0);

	tap_is(qumun_set_mode(q, QUMUN_MODE_USER), 0, "user mode");
	sleep_ms(200);
	qumun_get_counters(q, a);
	sleep_ms(700);
	qumun_get_counters(q, b);
	tap_ok(b[QUMUN_C_decided] > a[QUMUN_C_decided], "the policy decides: %llu times",
	       b[QUMUN_C_decided] - a[QUMUN_C_decided]);
	tap_is(b[QUMUN_C_kernel_mode], a[QUMUN_C_kernel_mode],
	       "and the BPF half does not");
	tap_is(qumun_set_mode(q, QUMUN_MODE_KERNEL), 0, "kernel mode");
	sleep_ms(200);
	qumun_get_counters(q, a);
	sleep_ms(700);
	qumun_get_counters(q, b);
	tap_ok(b[QUMUN_C_kernel_mode] > a[QUMUN_C_kernel_mode],
	       "the BPF half decides: %llu times",
	       b[QUMUN_C_kernel_mode] - a[QUMUN_C_kernel_mode]);
	tap_is(b[QUMUN_C_asked], a[QUMUN_C_asked], "and nobody is asked");
	tap_is(qumun_set_mode(q, (enum qumun_mode)2), -EINVAL, "no third mode");
	end_child(x);
	end_child(y);
}

/* Two hogs in slices of 2 ms: when do they get 3 ms? The set counts from the next decision on. */
static void soon(struct qumun *q)
{
	pid_t hogs[2] = { start_hog(0, 0), start_hog(0, 0) };
	struct scheduling_params p = defaults;
	struct qumun_task t[2];
	__u64 began, took;
	int round;

	for (round = 0; round < 5; round++) {
		p.base_slice_ns = 2000000 + (__u64)(round % 2) * 1000000;
		tap_is(qumun_update_scheduling_params(q, &p), 0, "slices of %llu ns",
		       p.base_slice_ns);
		began = now_ns();
		do {
			sleep_ms(1);
			took = now_ns() - began;
			qumun_get_task(q, hogs[0], &t[0]);
			qumun_get_task(q, hogs[1], &t[1]);
		} while (t[0].slice_ns != p.base_slice_ns &&
			 t[1].slice_ns != p.base_slice_ns && took < 1000000000ULL);
		tap_ok(took <= 10000000, "are given after %llu us", took / 1000);
		sleep_ms(50);
	}
	qumun_update_scheduling_params(q, &defaults);
	end_child(hogs[0]);
	end_child(hogs[1]);
}

int main(void)
{
	struct live_thread runner;
	struct qumun *q;

	if (geteuid())
		return tap_skip_all("not root");
	q = live_attach(QUMUN_MODE_KERNEL, 0);
	if (!q)
		return tap_done();
	live_start(&runner, q);
	sleep_ms(300);
	refused(q);
	soon(q);
	base_slice(q, "kernel mode");
	min_slice(q);
	max_slice(q);
	weight_multiplier(q);
	latency_factor(q);
	set_mode(q);
	qumun_set_mode(q, QUMUN_MODE_USER);
	base_slice(q, "user mode");
	tap_is(live_stop(&runner), 0, "the policy ran through it");
	qumun_close(q);
	return tap_done();
}
