/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Custody: asking the policy, applying its answers, taking tasks back. The table of transitions
 * is in abi.h.
 */
#ifndef QUMUN_BPF_CUSTODY_H
#define QUMUN_BPF_CUSTODY_H

#include "decide.bpf.h"
#include "policy.bpf.h"

#define ANSWERS_PER_DISPATCH 64
#define TAKE_BACK_PER_DISPATCH 32
#define SCAN_WORDS 128

/*
 * Global functions: the verifier looks at each once and not again for every way that leads to
 * it, so that loading takes a tenth of the time. Arguments are numbers for that reason, or tasks
 * that the kernel vouches for (__arg_trusted). A call costs a dozen instructions: what each decision
 * passes through is inline.
 */
int apply_answer(u32 shard, u64 head, s32 this_cpu, u64 now);
int take_back_one(u32 shard, u32 slot, u64 min_age, u64 now);
u32 take_back(u32 shard, u64 min_age, u64 now);

static __always_inline void set_state(struct slot_priv *s,
				      struct qumun_task QUMUN_ARENA *rec, u64 word)
{
	shm_store(&s->q, word);
	shm_store(&rec->state, word);
}

static __always_inline void mark_queued(u32 slot)
{
	u32 word = slot / 64;
	u64 *bits = bpf_map_lookup_elem(&queued_bits, &word);

	if (bits)
		__sync_fetch_and_or(bits, 1ULL << (slot & 63));
}

static __always_inline void unmark_queued(u32 slot)
{
	u32 word = slot / 64;
	u64 *bits = bpf_map_lookup_elem(&queued_bits, &word);

	if (bits)
		__sync_fetch_and_and(bits, ~(1ULL << (slot & 63)));
}

/*
 * The task in @s no longer waits for an answer of @sh, which was asked. It may have been queued
 * anew on another CPU meanwhile, and its bit just cleared would be the new one: whoever clears
 * looks at the word again, whoever queues sets the bit after the word.
 */
static __always_inline void end_asking(struct shard_priv *sh, struct slot_priv *s,
				       u32 slot)
{
	unmark_queued(slot);
	if (state_of(shm_load(&s->q)) == QUMUN_QUEUED)
		mark_queued(slot);
	shm_add(&sh->undecided, -1);
}

/*
 * @s was asked about and the question became moot; unless an answer or a take-back, on another
 * CPU, claims it first: one of the two ends the asking. True if it was this one.
 */
__noinline bool cancel_asking(u32 slot)
{
	struct bpf_cpu_priv *cp = cpu_priv(bpf_get_smp_processor_id());
	struct slot_priv *s = slot_priv(slot);
	struct shard_priv *sh;
	u64 word;

	if (!cp || !s || !(sh = shard_priv(s->shard)))
		return false;
	word = shm_load(&s->q);
	if (state_of(word) != QUMUN_QUEUED ||
	    !shm_cas(&s->q, word, state_word(word >> 8, QUMUN_NONE)))
		return false;
	end_asking(sh, s, slot);
	count(cp, cancelled);
	return true;
}

static __always_inline bool asking(struct slot_priv *s)
{
	return state_of(shm_load(&s->q)) == QUMUN_QUEUED;
}

/*
 * Queue @slot, which has waited since @since, to the policy of this CPU's shard. False if its
 * up-ring is full or broken. Runs with interrupts off on the CPU that owns @cp: the ring's only
 * producer.
 */
static __always_inline bool ask_policy(struct bpf_cpu_priv *cp, u32 this_cpu,
				       struct shard_priv *sh, struct slot_priv *s,
				       struct qumun_task QUMUN_ARENA *rec, u32 slot,
				       u64 since)
{
	struct qumun_cpu QUMUN_ARENA *cc = arena_cpu(this_cpu);
	struct qumun_ask QUMUN_ARENA *ask;
	u64 gen, tail = cp->up_tail;

	switch (qumun_ring_room(&cc->up, tail, QUMUN_UP_SLOTS)) {
	case QUMUN_RING_OK:
		break;
	case QUMUN_RING_BROKEN:
		count(cp, ring_broken);
		cp->up_tail = shm_load(&cc->up.head);
		shm_add(&sh->pushed, cp->up_tail - tail);
		qumun_ring_publish(&cc->up, cp->up_tail);
		return false;
	default:
		return false;
	}

	gen = (s->q >> 8) + 1;
	s->enq_at = since;
	s->shard = cp->shard;
	set_state(s, rec, state_word(gen, QUMUN_QUEUED));
	mark_queued(slot);
	if (__sync_fetch_and_add(&sh->undecided, 1) == 0)
		sh->undecided_at = since;

	ask = &cc->up_ring[tail & (QUMUN_UP_SLOTS - 1)];
	ask->slot = slot;
	ask->gen = (u32)gen;
	cp->up_tail = tail + 1;
	qumun_ring_publish(&cc->up, tail + 1);
	count(cp, asked);
	return true;
}

/*
 * A decision goes to @at instead of the CPU that the policy chose: a key that is a virtual
 * deadline (the policy left it in the record) is in terms of the other queue.
 */
static __always_inline u64 key_at_home(u32 slot, u64 vtime, s32 at)
{
	struct qumun_task QUMUN_ARENA *rec = arena_task(slot);

	if (vtime != rec->deadline)
		return vtime;
	return vt_renormalize(vtime, arena_cpu(rec->vcpu)->base, arena_cpu(at)->base);
}

/*
 * Under a new affinity the kernel takes a waiting task off one CPU and queues it at another; until
 * then the old question seems to stand.
 */
static __always_inline bool on_its_way(struct task_struct *p, struct slot_priv *s,
				       u64 word)
{
	return !(p->scx.flags & SCX_TASK_QUEUED) || shm_load(&s->q) != word;
}

/* A task that stays runnable is in a queue again: see look_again() in balance.bpf.h. */
static __always_inline void end_of_thought(struct shard_priv *sh, u32 this_cpu)
{
	u32 cpu = shm_swap(&sh->look_cpu, 0);

	if (cpu && cpu <= nr_cpus && cpu - 1 != this_cpu)
		scx_bpf_kick_cpu(cpu - 1, SCX_KICK_PREEMPT);
}

/*
 * The policy's word is enough to wake a CPU, but not to take one away over and over: whoever runs
 * there has had its minimum. While this half decides, nobody runs for the policy's sake.
 */
static __always_inline void kick_for_policy(struct bpf_cpu_priv *cp,
					    struct shard_priv *sh, s32 cpu, u32 flags,
					    u64 now)
{
	struct bpf_cpu_priv *target = cpu >= 0 && cpu < nr_cpus ? cpu_priv(cpu) : NULL;
	struct bpf_control *ctl = control_priv();
	u64 start, kick = SCX_KICK_IDLE;

	if (sh->autopilot || !ctl || ctl->mode == MODE_KERNEL)
		return;
	if (!target || !target->online) {
		count(cp, bad_cpu);
		return;
	}
	start = shm_load(&arena_cpu(cpu)->curr_start);
	if (flags & QUMUN_PREEMPT && start && elapsed(now, start) >= bounded_min_run_ns())
		kick = SCX_KICK_PREEMPT;
	scx_bpf_kick_cpu(cpu, kick);
	count(cp, policy_kicks);
}

/* The policy's round trip: how long after it was asked is the answer applied? */
static __always_inline void answered_after(struct bpf_cpu_priv *cp, u64 ns)
{
	u32 bucket = qumun_latency_bucket(ns);

	if (bucket >= QUMUN_NR_LATENCY)
		return;
	cp->answers[bucket]++;
	cp->answer_ns += ns;
}

/*
 * Apply one answer. The order matters: identity and generation are compared, then one
 * compare-and-swap decides who dispatches, then the task is inserted, then the word is read
 * again: the kernel stamps a task at the insert call, so a task that was requeued between swap
 * and insert would be accepted with the old answer.
 */
static __always_inline void apply_one(struct bpf_cpu_priv *cp, u32 shard,
				      struct shard_priv *sh,
				      struct qumun_answer QUMUN_ARENA *a, s32 this_cpu,
				      u64 now)
{
	u32 slot = a->slot, gen = a->gen, flags = a->flags;
	u64 slice = a->slice_ns, vtime = a->vtime, word, enq_flags = 0;
	s32 cpu = a->cpu, at;
	struct slot_priv *s;
	struct qumun_task QUMUN_ARENA *rec;
	struct bpf_cpu_priv *target;
	struct task_struct *p;

	if (slot == QUMUN_NO_SLOT) {
		kick_for_policy(cp, sh, cpu, flags, now);
		return;
	}
	if (slot >= max_records) {
		count(cp, bad_slot);
		return;
	}
	s = slot_priv(slot);
	if (!s)
		return;
	word = shm_load(&s->q);
	if (gen_of(word) != gen || state_of(word) != QUMUN_QUEUED || s->shard != shard) {
		if (gen_of(word) == gen && state_of(word) == QUMUN_DISPATCHED)
			count(cp, doubled);
		else
			count(cp, stale);
		return;
	}
	p = s->task;
	if (!p) {
		count(cp, stale);
		return;
	}

	at = scx_bpf_task_cpu(p);
	target = cpu >= 0 && cpu < nr_cpus ? cpu_priv(cpu) : NULL;
	if (!target || !target->online) {
		count(cp, bad_cpu);
		at = serving_cpu(p, s, at, this_cpu);
		vtime = key_at_home(slot, vtime, at);
		cpu = at;
	} else if (!may_use(p, s, cpu, at)) {
		if (on_its_way(p, s, word)) {
			count(cp, stale);
			return;
		}
		count(cp, forbidden_cpu);
		vtime = key_at_home(slot, vtime, at);
		cpu = at;
	}
	if (!shm_cas(&s->q, word, state_word(word >> 8, QUMUN_DISPATCHED))) {
		count(cp, stale);
		return;
	}
	end_asking(sh, s, slot);
	count(cp, decided);
	answered_after(cp, elapsed(now, s->enq_at));
	sh->last_decision = now;
	note_queued(&s->on_dsq, cpu);
	/* class latency's budget may have gone, or come back, while the policy thought */
	rec = arena_task(slot);
	if (latency_waits(rec, cpu, vtime)) {
		vtime = latency_key(slot, cpu);
		slice = within_budget(slice, cpu);
	}
	if (flags & QUMUN_HEAD)
		vtime = arena_cpu(cpu)->front - (1ULL << 40);
	dsq_insert_vtime(p, dsq_of_cpu(cpu), bounded_slice(slice), vtime, enq_flags);
	if (shm_load(&s->q) != state_word(word >> 8, QUMUN_DISPATCHED)) {
		scx_bpf_dispatch_cancel();
		return;
	}
	trace_decision(TRACE_AT(answer, 0), p, slot, cpu, bounded_slice(slice));
	/* its slice ended: one that is idle, or one that asked to look again, may have it */
	if (!(arena_task(slot)->flags & QUMUN_TASK_WAKEUP)) {
		if (shm_load(&sh->look_cpu))
			end_of_thought(sh, this_cpu);
		if (!s->pinned && shm_load(&arena_cpu(cpu)->curr_start))
			call_idle_cpu(cp, p, cpu);
	}
	if (cpu == this_cpu)
		return;
	if (flags & QUMUN_PREEMPT) {
		scx_bpf_kick_cpu(cpu, SCX_KICK_PREEMPT);
		count(cp, preempt_kicks);
	} else {
		scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
	}
}

/* The answer at @head of @shard's down-ring. */
__noinline int apply_answer(u32 shard, u64 head, s32 this_cpu, u64 now)
{
	struct bpf_cpu_priv *cp = cpu_priv(this_cpu);
	struct shard_priv *sh = shard_priv(shard);

	use_arena();
	if (cp && sh)
		apply_one(cp, shard, sh,
			  &arena_shard(shard)->down_ring[head & (QUMUN_DOWN_SLOTS - 1)],
			  this_cpu, now);
	return 0;
}

/*
 * Apply the shard's waiting answers. One CPU at a time: a try-lock, and whoever holds it looks
 * again after letting go, so an answer pushed while others failed the try-lock is not left.
 */
__noinline int drain(u32 shard, s32 cpu, u64 now)
{
	struct qumun_shard QUMUN_ARENA *as = arena_shard(shard);
	struct bpf_cpu_priv *cp = cpu_priv(cpu);
	struct shard_priv *sh = shard_priv(shard);
	u64 nr, head;
	u32 i, again;

	use_arena();
	if (!cp || !sh)
		return 0;
	bpf_for(again, 0, 2) {
		if (shm_load(&as->down.tail) == shm_load(&sh->down_head))
			return 0;
		if (!shm_cas(&sh->drain_lock, 0, 1))
			return 0;
		head = sh->down_head;
		if (qumun_ring_waiting(&as->down, head, QUMUN_DOWN_SLOTS, &nr) ==
		    QUMUN_RING_BROKEN) {
			count(cp, ring_broken);
			sh->down_head = head = shm_load(&as->down.tail);
			qumun_ring_release(&as->down, head);
		}
		if (nr > ANSWERS_PER_DISPATCH)
			nr = ANSWERS_PER_DISPATCH;
		bpf_for(i, 0, nr) {
			if (!scx_bpf_dispatch_nr_slots())
				break;
			apply_answer(shard, head, cpu, now);
			head++;
		}
		sh->down_head = head;
		qumun_ring_release(&as->down, head);
		shm_swap(&sh->drain_lock, 0);
	}
	/* what is left goes with the next look; make sure there is one */
	if (shm_load(&as->down.tail) != shm_load(&sh->down_head))
		scx_bpf_kick_cpu(cpu, SCX_KICK_PREEMPT);
	return 0;
}

/* Mostly there are none. */
static __always_inline void drain_answers(struct shard_priv *sh, u32 shard, s32 cpu,
					  u64 now)
{
	if (shm_load(&arena_shard(shard)->down.tail) != shm_load(&sh->down_head))
		drain(shard, cpu, now);
}

/* Take one waiting task from the policy and decide for it; 1 if it still waited. */
__noinline int take_back_one(u32 shard, u32 slot, u64 min_age, u64 now)
{
	struct bpf_cpu_priv *cp = cpu_priv(bpf_get_smp_processor_id());
	struct shard_priv *sh = shard_priv(shard);
	struct qumun_task QUMUN_ARENA *rec;
	struct slot_priv *s;
	struct task_struct *p;
	u64 word, taken;
	s32 at;

	use_arena();
	if (!cp || !sh || slot >= max_records)
		return 0;
	s = slot_priv(slot);
	if (!s)
		return 0;
	word = shm_load(&s->q);
	if (state_of(word) != QUMUN_QUEUED || s->shard != shard ||
	    elapsed(now, s->enq_at) < min_age)
		return 0;
	p = s->task;
	if (!p)
		return 0;
	/* the next generation: what the policy may still answer is late, not a second answer */
	taken = state_word((word >> 8) + 1, QUMUN_DISPATCHED);
	if (!shm_cas(&s->q, word, taken))
		return 0;
	end_asking(sh, s, slot);
	rec = arena_task(slot);
	/* unless it was queued anew on another CPU meanwhile: that question stands */
	(void)shm_cas(&rec->state, word, taken);
	if (min_age)
		count(cp, rescued);
	else
		count(cp, taken_back);
	at = serving_cpu(p, s, scx_bpf_task_cpu(p), bpf_get_smp_processor_id());
	decide_here(cp, p, s, rec, at, 0, now);
	if (shm_load(&s->q) != taken)
		scx_bpf_dispatch_cancel();
	else
		trace_decision(TRACE_AT(kernel, 0), p, slot, at, rec->slice_ns);
	return 1;
}

/*
 * Take back tasks that have waited for at least @min_age, a bounded number per call; the scan
 * goes on where the last one ended.
 */
__noinline u32 take_back(u32 shard, u64 min_age, u64 now)
{
	struct shard_priv *sh = shard_priv(shard);
	u32 nr_words = (max_records + 63) / 64, taken = 0, i, bit, word, zero = 0;
	struct bpf_slot_list *list = bpf_map_lookup_elem(&free_slots, &zero);
	u64 *bits, mask;

	if (!sh || !list)
		return 0;
	/* slots behind `fresh` were never used */
	if (list->fresh < max_records)
		nr_words = (list->fresh + 63) / 64;
	bpf_for(i, 0, SCAN_WORDS) {
		if (i >= nr_words)
			break;
		word = sh->scan;
		if (word >= nr_words)
			word = 0;
		sh->scan = word + 1;
		bits = bpf_map_lookup_elem(&queued_bits, &word);
		if (!bits)
			break;
		mask = shm_load(bits);
		if (!mask)
			continue;
		bpf_for(bit, 0, 64) {
			if (!(mask >> bit & 1))
				continue;
			if (taken >= TAKE_BACK_PER_DISPATCH ||
			    !scx_bpf_dispatch_nr_slots()) {
				sh->scan = word;
				return taken;
			}
			if (take_back_one(shard, word * 64 + bit, min_age, now))
				taken++;
		}
	}
	/* more than one scan can see: a CPU that would go idle now has to come back */
	if (!min_age && nr_words > SCAN_WORDS && shm_load(&sh->undecided))
		scx_bpf_kick_cpu(bpf_get_smp_processor_id(), SCX_KICK_IDLE);
	return taken;
}

#endif
