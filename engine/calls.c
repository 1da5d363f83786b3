/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy calls: answers, kicks, standing decisions, looks, its timer. */
#include <errno.h>
#include <stddef.h>

#include <qumun/ring.h>
#include <qumun/vtime.h>

#include "context.h"

int qumun_task_waiting(const struct qumun_policy_ctx *ctx, const struct qumun_task *t)
{
	const struct engine *e = engine_of(ctx);
	const struct engine_slot *s = &e->slots[t - e->tasks];

	return s->waiting &&
	       shm_load_acquire(&t->state) == ((__u64)s->asked_gen << 8 | QUMUN_QUEUED);
}

/* May one more answer be written? A broken ring is taken to be empty where its reader stands. */
static bool down_has_room(struct engine *e)
{
	struct qumun_cursors *c = &e->shard->down;

	switch (qumun_ring_room(c, e->down_tail, QUMUN_DOWN_SLOTS)) {
	case QUMUN_RING_OK:
		return true;
	case QUMUN_RING_BROKEN:
		e->counters.broken_ring++;
		e->down_tail = shm_load_acquire(&c->head);
		qumun_ring_publish(c, e->down_tail);
		return true;
	default:
		/* whoever wrote over it: the reader must get to see what it is full of */
		if (shm_load(&c->tail) != e->down_tail)
			qumun_ring_publish(c, e->down_tail);
		return false;
	}
}

static void push_answer(struct engine *e, const struct qumun_answer *answer)
{
	e->shard->down_ring[e->down_tail & (QUMUN_DOWN_SLOTS - 1)] = *answer;
	qumun_ring_publish(&e->shard->down, ++e->down_tail);
	e->counters.answers++;
}

/* How far @c is from @from: 0 the same CPU, 1 its core, 2 its last-level cache, 3 its node, 4. */
static unsigned int distance(const struct qumun_cpu *c, const struct qumun_cpu *from)
{
	if (c == from)
		return 0;
	if (c->core == from->core)
		return 1;
	if (c->llc == from->llc)
		return 2;
	return c->node == from->node ? 3 : 4;
}

static bool is_idle(const struct qumun_cpu *c)
{
	return c->online && !shm_load(&c->curr_start) && shm_load(&c->nr_queued) <= 0;
}

/* The idle CPU nearest to @near that @t and @cpus (all ones: any) allow, or -1. */
static __s32 idle_among(const struct engine *e, const struct qumun_task *t, __s32 near,
			__u64 cpus)
{
	const struct qumun_cpu *from;
	unsigned int best_distance = 5, d;
	__s32 cpu, best = -1;

	if (near < 0 || (__u32)near >= e->nr_cpus)
		near = 0;
	from = &e->cpus[near];
	for (cpu = 0; cpu < (__s32)e->nr_cpus && best_distance; cpu++) {
		if (cpus != ~0ULL && (cpu > 63 || !(cpus >> cpu & 1)))
			continue;
		d = distance(&e->cpus[cpu], from);
		if (d < best_distance && is_idle(&e->cpus[cpu]) &&
		    qumun_task_may_use(t, cpu)) {
			best_distance = d;
			best = cpu;
		}
	}
	return best;
}

/* Of @cpus, those that @t may use: an idle one near it, else the shortest queue, else its own. */
static __s32 cpu_of_set(const struct engine *e, const struct qumun_task *t, __u64 cpus)
{
	__s32 best = idle_among(e, t, t->cpu, cpus), cpu, nr, shortest = 0;

	if (best >= 0)
		return best;
	for (cpu = 0; cpu < (__s32)e->nr_cpus && cpu < 64; cpu++) {
		if (!(cpus >> cpu & 1) || !e->cpus[cpu].online ||
		    !qumun_task_may_use(t, cpu))
			continue;
		nr = shm_load(&e->cpus[cpu].nr_queued);
		if (best < 0 || nr < shortest) {
			shortest = nr;
			best = cpu;
		}
	}
	return best;
}

static __s32 answer_cpu(struct qumun_policy_ctx *ctx, const struct qumun_task *t,
			const struct qumun_decision *d)
{
	__s32 cpu = d->cpu;

	if (cpu == QUMUN_CPU_SET)
		cpu = cpu_of_set(engine_of(ctx), t, d->cpus);
	return cpu == QUMUN_CPU_ANY ? t->cpu : cpu;
}

int qumun_dispatch(struct qumun_policy_ctx *ctx, struct qumun_task *t,
		   const struct qumun_decision *d)
{
	struct engine *e = engine_of(ctx);
	__u64 slot = (__u64)(t - e->tasks);
	struct engine_slot *s;

	if (slot >= e->max_records || !e->slots[slot].waiting) {
		e->counters.refused++;
		return -ENOENT;
	}
	if (!down_has_room(e)) {
		e->counters.full++;
		return -EAGAIN;
	}
	s = &e->slots[slot];
	push_answer(e, &(struct qumun_answer){ .slot = (__u32)slot,
					       .gen = s->asked_gen,
					       .cpu = answer_cpu(ctx, t, d),
					       .flags = d->flags,
					       .slice_ns = d->slice_ns,
					       .vtime = d->vtime });
	s->waiting = 0;
	return 0;
}

int qumun_kick(struct qumun_policy_ctx *ctx, __s32 cpu, __u32 flags)
{
	struct engine *e = engine_of(ctx);

	if (cpu < 0 || (__u32)cpu >= e->nr_cpus)
		return -EINVAL;
	if (!down_has_room(e)) {
		e->counters.full++;
		return -EAGAIN;
	}
	push_answer(e, &(struct qumun_answer){ .slot = QUMUN_NO_SLOT,
					       .cpu = cpu,
					       .flags = flags & QUMUN_PREEMPT });
	return 0;
}

int qumun_leave_standing(struct qumun_policy_ctx *ctx, struct qumun_task *t,
			 const struct qumun_terms *terms)
{
	struct engine *e = engine_of(ctx);
	__u64 slot = (__u64)(t - e->tasks);
	struct qumun_standing *d = &t->standing;
	const struct engine_slot *s;

	if (slot >= e->max_records)
		return -ENOENT;
	s = &e->slots[slot];
	if (!s->incarnation || s->incarnation != shm_load(&t->incarnation))
		return -ENOENT;
	if (!terms->wakeups || terms->wakeups > QUMUN_STANDING_WAKEUPS ||
	    terms->for_ns > QUMUN_STANDING_NS ||
	    terms->deadline_ns > QUMUN_STANDING_AHEAD_NS ||
	    terms->flags & ~(QUMUN_PREEMPT | QUMUN_LEAD))
		return -EINVAL;
	shm_store(&d->until, 0);
	shm_store_release(&d->gen, s->asked_gen);
	shm_store(&d->terms, (__u32)e->params_seq);
	shm_store(&d->deadline_ns, (__u32)terms->deadline_ns);
	shm_store(&d->slice_ns, terms->slice_ns > ~0U ? ~0U : (__u32)terms->slice_ns);
	shm_store(&d->wakeups, (__u16)terms->wakeups);
	shm_store(&d->flags, (__u8)terms->flags);
	shm_store(&d->rule_changes, s->rule_changes);
	shm_store_release(&d->until, e->now + terms->for_ns);
	return 0;
}

void qumun_drop_standing(struct qumun_policy_ctx *ctx, struct qumun_task *t)
{
	struct engine *e = engine_of(ctx);

	if ((__u64)(t - e->tasks) < e->max_records)
		shm_store(&t->standing.until, 0);
}

void *qumun_policy_state(struct qumun_policy_ctx *ctx)
{
	return engine_of(ctx)->policy_state;
}

__u32 qumun_nr_cpus(const struct qumun_policy_ctx *ctx)
{
	return engine_of(ctx)->nr_cpus;
}

const struct qumun_cpu *qumun_policy_cpu(const struct qumun_policy_ctx *ctx, __s32 cpu)
{
	const struct engine *e = engine_of(ctx);

	return cpu >= 0 && (__u32)cpu < e->nr_cpus ? &e->cpus[cpu] : NULL;
}

const struct qumun_param_block *qumun_policy_params(const struct qumun_policy_ctx *ctx)
{
	return &engine_of(ctx)->params;
}

__s32 qumun_idle_near(const struct qumun_policy_ctx *ctx, const struct qumun_task *t,
		      __s32 cpu)
{
	return idle_among(engine_of(ctx), t, cpu, ~0ULL);
}

void qumun_set_timer(struct qumun_policy_ctx *ctx, __u64 at)
{
	struct engine *e = engine_of(ctx);

	/* no clock of ours gets there: what a policy that means "never" may say */
	if (at >> 63)
		at = 0;
	if (at && vt_before(at, e->now + QUMUN_TIMER_MIN_NS))
		at = e->now + QUMUN_TIMER_MIN_NS;
	e->timer_at = at;
}

__u32 qumun_task_slot(const struct qumun_policy_ctx *ctx, const struct qumun_task *t)
{
	return (__u32)(t - engine_of(ctx)->tasks);
}

__u32 qumun_max_tasks(const struct qumun_policy_ctx *ctx)
{
	return engine_of(ctx)->max_records;
}
