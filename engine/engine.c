/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <qumun/ring.h>
#include <qumun/vtime.h>

#include "context.h"

/* Slots that a pass looks at for tasks that are gone. */
#define EXITS_PER_PASS 16

static size_t line_up(size_t size)
{
	return (size + 63) & ~(size_t)63;
}

size_t engine_memory_size(__u32 max_records, __u32 nr_cpus, __u64 state_size)
{
	return line_up(max_records * sizeof(struct engine_slot)) +
	       line_up(nr_cpus * sizeof(__u64)) + line_up(nr_cpus * sizeof(__u32)) +
	       line_up(state_size);
}

/*
 * Take over the parameters, all of one set or none. The writer makes params_seq odd, writes, and
 * releases an even value: a value that was loaded (acquire) after the writer began makes the
 * second look at params_seq see that it began.
 */
static void read_params(struct engine *e)
{
	const struct qumun_param_block *from = &e->arena->params;
	__u64 seq = shm_load_acquire(&e->arena->params_seq);
	struct qumun_param_block set;

	/* odd: being written; the old set serves for one more pass */
	if (seq == e->params_seq || (seq & 1))
		return;
#define X(name, unit, def, min, max, doc) set.name = shm_load_acquire(&from->name);
	QUMUN_PARAMS(X)
#undef X
	if (shm_load_acquire(&e->arena->params_seq) != seq)
		return;
	e->params = set;
	e->params_seq = seq;
}

int engine_init(struct engine *e, struct qumun_arena *arena, __u32 shard,
		const struct qumun_policy_ops *policy, void *memory)
{
	char *base = (char *)arena, *mem = memory;
	__u32 cpu;

	memset(e, 0, sizeof(*e));
	e->arena = arena;
	e->shard = (struct qumun_shard *)(base + arena->shards_off) + shard;
	e->cpus = (struct qumun_cpu *)(base + arena->cpus_off);
	e->tasks = (struct qumun_task *)(base + arena->records_off);
	e->nr_cpus = arena->nr_cpus;
	e->max_records = arena->max_records;
	e->policy = policy;
	e->slots = (struct engine_slot *)mem;
	mem += line_up(e->max_records * sizeof(struct engine_slot));
	e->up_head = (__u64 *)mem;
	mem += line_up(e->nr_cpus * sizeof(__u64));
	e->served = (__u32 *)mem;
	mem += line_up(e->nr_cpus * sizeof(__u32));
	e->policy_state = mem;
	for (cpu = 0; cpu < e->nr_cpus; cpu++) {
		e->up_head[cpu] = shm_load_acquire(&e->cpus[cpu].up.head);
		if (e->cpus[cpu].shard != shard)
			continue;
		e->served[e->nr_served++] = cpu;
		e->taken += e->up_head[cpu];
	}
	e->down_tail = shm_load_acquire(&e->shard->down.tail);
	e->params_seq = ~0ULL;
	read_params(e);
	e->params = arena->params;
	return policy->init ? policy->init(ctx_of(e)) : 0;
}

/* Report the wakeups of @t that the policy's standing decision covered. */
static void tell_covered(struct engine *e, struct engine_slot *s, struct qumun_task *t)
{
	__u32 covered = shm_load(&t->standing.covered), nr = covered - s->covered;

	s->covered = covered;
	if (nr && e->policy->covered)
		e->policy->covered(ctx_of(e), t, nr);
}

/* The task that the policy knows by @slot is gone. */
static void tell_exit(struct engine *e, __u32 slot)
{
	struct engine_slot *s = &e->slots[slot];

	if (s->waiting && e->policy->cancel)
		e->policy->cancel(ctx_of(e), &e->tasks[slot], e->now);
	if (s->incarnation && e->policy->task_exit)
		e->policy->task_exit(ctx_of(e), slot, e->now);
	s->incarnation = 0;
	s->waiting = 0;
}

/* A bounded look for tasks that went without being met again. */
static void look_for_exits(struct engine *e)
{
	struct engine_slot *s;
	__u32 i;

	if (!e->policy->task_exit)
		return;
	for (i = 0; i < EXITS_PER_PASS && i < e->seen; i++) {
		if (e->exit_scan >= e->seen)
			e->exit_scan = 0;
		s = &e->slots[e->exit_scan];
		if (s->incarnation &&
		    s->incarnation !=
			    shm_load_acquire(&e->tasks[e->exit_scan].incarnation))
			tell_exit(e, e->exit_scan);
		e->exit_scan++;
	}
}

/* Hand a task to the policy, unless it no longer waits. */
static void ask_policy(struct engine *e, __u32 slot, __u32 gen)
{
	struct engine_slot *s = &e->slots[slot];
	struct qumun_task *t = &e->tasks[slot];
	__u32 incarnation;
	__u64 word, at;

	if (slot >= e->seen)
		e->seen = slot + 1;
	/* before the state: if the question stands, it is about this one, who is not gone yet */
	incarnation = shm_load_acquire(&t->incarnation);
	word = shm_load_acquire(&t->state);
	if ((__u32)(word >> 8) != gen || (word & 0xff) != QUMUN_QUEUED) {
		e->counters.stale_asks++;
		return;
	}
	at = t->enq_at;
	if (vt_before(e->now, at))
		e->now = at;
	/* before the policy looks: what it leaves is for the rule it saw */
	s->rule_changes = shm_load_acquire(&t->rule_changes);
	if (s->incarnation != incarnation) {
		tell_exit(e, slot);
		s->incarnation = incarnation;
		s->covered = shm_load(&t->standing.covered);
		/* after a takeover they are another policy's */
		memset(t->policy, 0, sizeof(t->policy));
		if (e->policy->task_init)
			e->policy->task_init(ctx_of(e), t, e->now);
	}
	s->asked_gen = gen;
	s->waiting = 1;
	tell_covered(e, s, t);
	e->policy->enqueue(ctx_of(e), t, e->now);
}

/* Take one entry of an up-ring. */
static void take_ask(struct engine *e, const struct qumun_ask *entry)
{
	struct qumun_ask ask = { shm_load(&entry->slot), shm_load(&entry->gen) };
	struct engine_slot *s;

	e->counters.asks++;
	if (ask.slot >= e->max_records) {
		e->counters.broken_asks++;
		return;
	}
	s = &e->slots[ask.slot];
	if (s->waiting && e->policy->cancel)
		e->policy->cancel(ctx_of(e), &e->tasks[ask.slot], e->now);
	s->waiting = 0;
	ask_policy(e, ask.slot, ask.gen);
}

/* What lies before @head in @cpu's up-ring was read, or is given up. */
static void release_up(struct engine *e, __u32 cpu, __u64 head)
{
	e->taken += head - e->up_head[cpu];
	e->up_head[cpu] = head;
	qumun_ring_release(&e->cpus[cpu].up, head);
}

void engine_adopt(struct engine *e, const struct engine *from)
{
	__u32 i;

	memcpy(e->up_head, from->up_head, e->nr_cpus * sizeof(*e->up_head));
	e->taken = from->taken;
	e->down_tail = from->down_tail;
	e->now = from->now;
	e->next = from->next;
	e->counters = from->counters;
	for (i = 0; i < e->max_records; i++) {
		e->slots[i].waiting = from->slots[i].waiting;
		e->slots[i].asked_gen = from->slots[i].asked_gen;
	}
}

void engine_ask_again(struct engine *e)
{
	__u32 i;

	for (i = 0; i < e->max_records; i++) {
		if (!e->slots[i].waiting)
			continue;
		e->slots[i].waiting = 0;
		ask_policy(e, i, e->slots[i].asked_gen);
	}
}

/* Read at most @budget entries of @cpu's up-ring. */
static unsigned int drain_cpu(struct engine *e, __u32 cpu, unsigned int budget)
{
	struct qumun_cpu *c = &e->cpus[cpu];
	__u64 head = e->up_head[cpu], nr, i;

	switch (qumun_ring_waiting(&c->up, head, QUMUN_UP_SLOTS, &nr)) {
	case QUMUN_RING_FULL:
		/* whoever wrote over it: the producer must not take an empty ring to be full */
		if (shm_load(&c->up.head) != head)
			qumun_ring_release(&c->up, head);
		return 0;
	case QUMUN_RING_BROKEN:
		e->counters.broken_ring++;
		release_up(e, cpu, shm_load_acquire(&c->up.tail));
		return 0;
	default:
		break;
	}
	if (nr > budget)
		nr = budget;
	for (i = 0; i < nr; i++)
		take_ask(e, &c->up_ring[(head + i) & (QUMUN_UP_SLOTS - 1)]);
	release_up(e, cpu, head + nr);
	return (unsigned int)nr;
}

void engine_clock(struct engine *e, __u64 now)
{
	if (vt_before(e->now, now))
		e->now = now;
}

static __u64 tick_period(const struct engine *e)
{
	__u64 ns = e->policy->tick_ns;

	if (ns < QUMUN_TICK_MIN_NS)
		return QUMUN_TICK_MIN_NS;
	return ns < QUMUN_TICK_MAX_NS ? ns : QUMUN_TICK_MAX_NS;
}

/* Does the shard run anything, or wait to, beside the policy thread that asks this? */
static bool machine_runs(const struct engine *e)
{
	__u32 i, running = 0;

	for (i = 0; i < e->nr_served && running < 2; i++) {
		const struct qumun_cpu *c = &e->cpus[e->served[i]];

		if (shm_load(&c->nr_queued) > 0)
			return true;
		running += shm_load(&c->curr_start) != 0;
	}
	return running > 1;
}

__u64 engine_timer(const struct engine *e)
{
	__u64 at = e->timer_at;

	if (e->tick_at && (!at || vt_before(e->tick_at, at)) && machine_runs(e))
		at = e->tick_at;
	return at;
}

/* The policy's timer and tick, if their time has come. */
static void run_timers(struct engine *e)
{
	const struct qumun_policy_ops *policy = e->policy;

	if (e->timer_at && !vt_before(e->now, e->timer_at)) {
		e->timer_at = 0;
		if (policy->timer)
			policy->timer(ctx_of(e), e->now);
	}
	if (policy->tick && !vt_before(e->now, e->tick_at)) {
		if (e->tick_at)
			policy->tick(ctx_of(e), e->now);
		e->tick_at = e->now + tick_period(e);
	}
}

unsigned int engine_pass(struct engine *e)
{
	__u64 answers = e->counters.answers, full = e->counters.full;
	unsigned int read = 0;
	__u32 i;

	read_params(e);
	for (i = 0; i < e->nr_served && read < ENGINE_BATCH; i++) {
		if (e->next >= e->nr_served)
			e->next = 0;
		read += drain_cpu(e, e->served[e->next++], ENGINE_BATCH - read);
	}
	look_for_exits(e);
	run_timers(e);
	if (e->policy->dispatch)
		e->policy->dispatch(ctx_of(e), e->now);
	/* for the BPF half, whatever callback set it; a former policy's time goes with it */
	shm_store(&e->shard->timer_at, engine_timer(e));
	e->counters.passes++;
	/* after the answers: a pass that is preempted before this is worth another look */
	shm_store_release(&e->shard->taken, e->taken);
	shm_store_release(&e->shard->rounds, e->shard->rounds + 1);
	e->held_back = e->counters.full != full;
	/* a policy that met a full ring has more to give: no reason to sleep */
	return read +
	       (unsigned int)(e->counters.answers - answers + e->counters.full - full);
}

bool engine_may_park(const struct engine *e)
{
	return !e->timer_at || e->held_back;
}

bool engine_may_sleep(struct engine *e)
{
	__u32 i;

	/* a full barrier: the BPF half adds to `pushed` and then reads this; see policy.bpf.h */
	(void)shm_swap(&e->shard->sleeping, 1);
	for (i = 0; i < e->nr_served; i++) {
		__u32 cpu = e->served[i];

		if (shm_load_acquire(&e->cpus[cpu].up.tail) != e->up_head[cpu]) {
			engine_awake(e);
			return false;
		}
	}
	return true;
}

void engine_awake(struct engine *e)
{
	/* a full barrier: whoever takes over swaps `owner` and then reads this */
	(void)shm_swap(&e->shard->sleeping, 0);
}
