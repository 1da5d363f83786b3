/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standing decisions: a policy leaves one with a sleeper that shares the CPU with a hog. Its next
 * wakeups are decided so and reported; it ends by count, by time and by every change that makes it
 * wrong (affinity: tests/sim/test_sim.c); and what a policy writes into the record itself is
 * worth no more.
 */
#include <stdatomic.h>
#include <sys/resource.h>

#include <qumun/vtime.h>

#include "live.h"

enum trick { HONEST, MANY, NEVER_ENDS, NOT_YET_ASKED, LEADS };

static struct qumun_terms terms;
static enum trick trick;
static atomic_int target;
static atomic_ullong asked, reported;

static void cheat(struct qumun_task *t)
{
	struct qumun_standing *d = &t->standing;

	if (trick == MANY || trick == NEVER_ENDS) {
		d->wakeups = 0xffff;
		d->until = 1ULL << 62;
		d->slice_ns = trick == MANY ? 0 : ~0U;
		d->flags &= ~QUMUN_LEAD;
	} else if (trick == NOT_YET_ASKED) {
		d->gen += 1000;
	} else if (trick == LEADS) {
		d->flags |= QUMUN_LEAD;
	}
}

static void stand_enqueue(struct qumun_policy_ctx *ctx, struct qumun_task *t, __u64 now)
{
	const struct qumun_param_block *par = qumun_policy_params(ctx);
	const struct qumun_cpu *cpu = qumun_policy_cpu(ctx, t->cpu);
	struct qumun_decision d = { .cpu = QUMUN_CPU_ANY };
	struct vt_placement p;

	if (!cpu)
		return;
	struct vt_request r =
		VT_REQUEST(t, par, cpu, cpu->base, !!(t->flags & QUMUN_TASK_WAKEUP));

	vt_decide(&r, &p);
	t->vruntime = p.vruntime;
	t->deadline = d.vtime = p.deadline;
	t->slice_ns = (__u32)(d.slice_ns = p.slice_ns);
	if (t->tgid == atomic_load(&target)) {
		atomic_fetch_add(&asked, 1);
		if (!terms.wakeups)
			qumun_drop_standing(ctx, t);
		else if (!qumun_leave_standing(ctx, t, &terms))
			cheat(t);
	}
	qumun_dispatch(ctx, t, &d);
}

static void stand_covered(struct qumun_policy_ctx *ctx, struct qumun_task *t, __u32 nr)
{
	if (t->tgid == atomic_load(&target))
		atomic_fetch_add(&reported, nr);
}

static const struct qumun_policy_ops stander = {
	.abi_version = QUMUN_POLICY_ABI,
	.size = sizeof(struct qumun_policy_ops),
	.name = "stander",
	.description = "leaves standing decisions",
	.enqueue = stand_enqueue,
	.covered = stand_covered,
};

/* What happened in a span of time. */
struct span {
	__u64 asked, reported, standing, expired, dropped, wait_us;
};

static void wait_of(pid_t pid, __u64 *ns, __u64 *runs)
{
	unsigned long long w = 0, r = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	f = fopen(path, "r");
	if (f && fscanf(f, "%*u %llu %llu", &w, &r) != 2)
		w = r = 0;
	if (f)
		fclose(f);
	*ns = w;
	*runs = r;
}

static void begin_span(struct qumun *q, struct span *s)
{
	__u64 c[QUMUN_NR_COUNTERS] = { 0 };

	qumun_get_counters(q, c);
	s->asked = atomic_load(&asked);
	s->reported = atomic_load(&reported);
	s->standing = c[QUMUN_C_standing];
	s->expired = c[QUMUN_C_standing_expired];
	s->dropped = c[QUMUN_C_standing_dropped];
}

static void end_span(struct qumun *q, struct span *s)
{
	struct span now;

	begin_span(q, &now);
	s->asked = now.asked - s->asked;
	s->reported = now.reported - s->reported;
	s->standing = now.standing - s->standing;
	s->expired = now.expired - s->expired;
	s->dropped = now.dropped - s->dropped;
}

/* Use @t, let what stood before run out, and look for @ms. */
static void watch(struct qumun *q, const struct qumun_terms *t, enum trick how,
		  unsigned int ms, struct span *s)
{
	__u64 wait[2], runs[2];

	terms = (struct qumun_terms){ 0 };
	trick = HONEST;
	sleep_ms(20);
	setpriority(PRIO_PROCESS, (id_t)atomic_load(&target), 1);
	setpriority(PRIO_PROCESS, (id_t)atomic_load(&target), 0);
	sleep_ms(20);
	trick = how;
	terms = *t;
	sleep_ms(20);
	begin_span(q, s);
	wait_of(atomic_load(&target), &wait[0], &runs[0]);
	sleep_ms(ms);
	wait_of(atomic_load(&target), &wait[1], &runs[1]);
	end_span(q, s);
	s->wait_us =
		runs[1] > runs[0] ? (wait[1] - wait[0]) / (runs[1] - runs[0]) / 1000 : 0;
}

static const struct qumun_terms quick = { .deadline_ns = 0,
					  .slice_ns = 1000000,
					  .flags = QUMUN_PREEMPT,
					  .wakeups = QUMUN_STANDING_WAKEUPS,
					  .for_ns = QUMUN_STANDING_NS };

static void applied(struct qumun *q)
{
	struct qumun_terms t = quick;
	struct span s;

	watch(q, &t, HONEST, 200, &s);
	tap_ok(s.standing > 50 && s.asked <= 1, "covered: %llu wakeups, asked about %llu",
	       s.standing, s.asked);
	tap_ok(s.wait_us < 500, "it may preempt: waits %llu us", s.wait_us);
	t.flags = 0;
	t.deadline_ns = 3000000;
	watch(q, &t, HONEST, 200, &s);
	tap_ok(s.standing > 20 && s.wait_us > 1000,
	       "it may not: waits %llu us, %llu times", s.wait_us, s.standing);
}

static void ends(struct qumun *q)
{
	struct qumun_terms t = quick;
	struct span s;

	t.wakeups = 10;
	watch(q, &t, HONEST, 250, &s);
	tap_ok(s.asked > 5 && s.standing >= s.asked * 10 - 10 &&
		       s.standing <= s.asked * 10 + 10,
	       "10 wakeups: asked about %llu times, %llu covered", s.asked, s.standing);
	tap_ok(s.expired >= s.asked - 1 && s.expired <= s.asked + 1,
	       "by count it ended %llu times", s.expired);
	tap_ok(s.reported >= s.standing - 10 && s.reported <= s.standing + 10,
	       "and %llu were reported", s.reported);
	t = quick;
	t.for_ns = 10000000;
	watch(q, &t, HONEST, 250, &s);
	tap_ok(s.asked >= 15 && s.asked <= 26 && s.expired + 1 >= s.asked,
	       "10 ms: asked about %llu times, ended %llu times", s.asked, s.expired);
}

/*
 * One change, and what it does: asked about anew, once, at its next wakeup. In class batch it may
 * wait long for the turn that it sleeps after.
 */
static void ended_by(struct qumun *q, struct span *s, const char *what)
{
	__u64 before = s->asked;
	int i;

	for (i = 0; i < 1000 && atomic_load(&asked) == before; i++)
		sleep_ms(1);
	/* not so long that the new one ends by count */
	sleep_ms(100);
	end_span(q, s);
	tap_ok(s->dropped == 1 && s->asked >= 1 && s->asked <= 2,
	       "%s: dropped %llu time, asked about %llu", what, s->dropped, s->asked);
	begin_span(q, s);
}

static void dropped(struct qumun *q, pid_t pid)
{
	struct qumun_rule rule = QUMUN_RULE_INIT;
	struct scheduling_params p;
	unsigned int id;
	struct span s;

	watch(q, &quick, HONEST, 20, &s);
	begin_span(q, &s);
	setpriority(PRIO_PROCESS, (id_t)pid, 2);
	ended_by(q, &s, "weight");
	rule.match = 1U << QUMUN_RULE_TGID;
	rule.tgid = pid;
	rule.cls = QUMUN_CLASS_BATCH;
	tap_is(qumun_add_rule(q, &rule, &id), 0, "a rule for it");
	ended_by(q, &s, "rule");
	qumun_get_scheduling_params(q, &p);
	p.base_slice_ns += 1000;
	tap_is(qumun_update_scheduling_params(q, &p), 0, "a base slice longer by 1 us");
	ended_by(q, &s, "parameters");
	tap_is(qumun_remove_rule(q, id), 0, "no rule again");
	ended_by(q, &s, "no rule");
	setpriority(PRIO_PROCESS, (id_t)pid, 0);
}

static void distrusted(struct qumun *q)
{
	struct span s;

	watch(q, &quick, MANY, 700, &s);
	tap_ok(s.asked >= 1 && s.standing <= (s.asked + 1) * QUMUN_STANDING_WAKEUPS,
	       "65,535 wakeups in the record: %llu covered, asked about %llu times",
	       s.standing, s.asked);
	watch(q, &quick, NOT_YET_ASKED, 100, &s);
	tap_ok(s.standing == 0 && s.asked > 20,
	       "for a question to come: none covered, asked about %llu times", s.asked);
	watch(q, &quick, LEADS, 100, &s);
	tap_ok(s.standing == 0 && s.asked > 20,
	       "it leads without the class: none covered, asked about %llu times",
	       s.asked);
}

static void in_time(struct qumun *q)
{
	pid_t slow = start_sleeper(0, 20000), quick_one = atomic_load(&target);
	struct span s;

	atomic_store(&target, slow);
	watch(q, &quick, NEVER_ENDS, 1300, &s);
	tap_ok(s.asked >= 1 && s.asked <= 2 && s.expired >= 1 && s.standing > 20,
	       "for ever by the record: asked about %llu times in 1.3 s", s.asked);
	atomic_store(&target, quick_one);
	end_child(slow);
}

int main(void)
{
	struct qumun_options options = QUMUN_OPTIONS_INIT;
	pid_t hog, sleeper;
	struct live_thread runner;
	struct qumun *q;
	struct span s;
	int err;

	if (geteuid())
		return tap_skip_all("not root");
	options.log = live_log;
	err = qumun_load(NULL, &options, &q);
	if (!err)
		err = qumun_set_policy(q, &stander);
	if (!err)
		err = qumun_attach(q);
	tap_ok(!err, "attached (%s)", err ? qumun_strerror(q) : "no error");
	if (err)
		return tap_done();
	live_start(&runner, q);
	hog = start_hog(0, 0);
	sleeper = start_sleeper(0, 1000);
	atomic_store(&target, sleeper);
	sleep_ms(100);
	applied(q);
	ends(q);
	dropped(q, sleeper);
	distrusted(q);
	in_time(q);
	watch(q, &quick, HONEST, 20, &s);
	tap_is(qumun_set_mode(q, QUMUN_MODE_KERNEL), 0, "kernel mode");
	sleep_ms(20);
	begin_span(q, &s);
	sleep_ms(100);
	end_span(q, &s);
	tap_ok(s.standing == 0 && s.asked == 0, "nothing stands in kernel mode");
	end_child(hog);
	end_child(sleeper);
	tap_is(live_stop(&runner), 0, "the policy ran through it");
	qumun_close(q);
	return tap_done();
}
