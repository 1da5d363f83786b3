/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The policy thread's own life.
 *
 * It is runnable for as long as the machine keeps it busy: after each pass over its rings it
 * yields, and its enqueue parks it in a queue that only dispatch() looks at. When asks are
 * pending, dispatch() serves that queue first; when a CPU has nothing else, it serves it too,
 * and a policy thread that gets a CPU and finds no asks goes to sleep properly. A sleeping one
 * is woken through its shard's bell, a ring buffer.
 *
 * No wakeup is lost:
 *
 *   parked: enqueue of a task pushes its ask, then adds to `pushed` (full barrier), then reads
 *   `parked`. park_policy() sets `parked`, swaps a scratch word (full barrier), then compares
 *   `pushed` with `taken`. Whoever comes second sees the other and kicks.
 *
 *   running: at the end of each pass the policy says in the arena's `taken` how many asks it has
 *   read in all, so an ask that a pass was too early or too full for, or that it read and was
 *   preempted before it answered, keeps the two counts apart until a pass has dealt with it.
 *
 *   asleep: the policy thread sets `sleeping` in the arena (full barrier), looks at its rings
 *   once more, and only then waits; enqueue adds to `pushed` (full barrier) before it reads
 *   `sleeping`. The bell is level-triggered: a ring between the look and the wait ends the wait.
 *   It is rung for a parked thread too: preempted between the look and the wait, that one would
 *   go to sleep with the CPU that it gets.
 *
 * An ask is in its ring a moment before it is counted, so a pass may count it first, and hide
 * another one behind it; the enqueue that counts it then finds the two counts equal and kicks.
 */
#ifndef QUMUN_BPF_POLICY_H
#define QUMUN_BPF_POLICY_H

#include "state.bpf.h"

#define POLICY_SLICE_NS                                                                  \
	5000000ULL /* of a policy thread: finite, renewed while it has work */
#define AUTOPILOT_GRANT_NS 20000000ULL /* a late policy gets a CPU this often */
#define AUTOPILOT_SLICE_NS 1000000ULL  /* and for so long */
#define LAZY_NS 1000000ULL	       /* asks without hurry are gathered for so long */
#define BELL_AGAIN_NS 5000000ULL       /* an unanswered bell is rung again after this */
#define TICK_AGAIN_NS 1000000ULL /* ticks that a parked thread waits through are one */
#define PARKED_NS 500000000ULL	 /* the longest that busy CPUs keep it from running */
#define VAIN_RUNS 4 /* runs without a new ask or answer before others come first again */

/* The shard that thread @p decides for, or -1. */
static __always_inline int policy_shard(struct bpf_control *ctl, struct task_struct *p)
{
	u32 i;

	if (!ctl || p->tgid != ctl->policy_tgid)
		return -1;
	if (ctl->policy_tid[0] == p->pid)
		return 0;
	if (nr_shards == 1)
		return -1;
	bpf_for(i, 0, nr_shards) {
		if (i < QUMUN_MAX_SHARDS && ctl->policy_tid[i] == p->pid)
			return i;
	}
	return -1;
}

/*
 * Wake the policy thread of @shard. A bell that was rung already is enough until it runs, or until
 * it completes a pass: it may have heard the bell on its way to sleep and turned round without
 * ever stopping, so running() alone does not tell.
 */
__noinline int ring_bell(u32 shard, u64 now)
{
	struct bpf_cpu_priv *cp = cpu_priv(bpf_get_smp_processor_id());
	u64 rounds = shm_load(&arena_shard(shard)->rounds), *token;
	struct shard_priv *sh = shard_priv(shard);
	void *bell = bpf_map_lookup_elem(&policy_bells, &shard);

	use_arena();
	if (!cp || !sh || !bell ||
	    (sh->wake_sent_at && sh->wake_sent_round == rounds &&
	     elapsed(now, sh->wake_sent_at) < BELL_AGAIN_NS))
		return 0;
	sh->wake_sent_at = now;
	sh->wake_sent_round = rounds;
	if (!sh->granted_at)
		sh->granted_at = now;
	token = bpf_ringbuf_reserve(bell, sizeof(*token), 0);
	if (!token)
		return 0; /* full of unread tokens: the thread has reason enough to wake */
	*token = now;
	bpf_ringbuf_submit(token, BPF_RB_FORCE_WAKEUP);
	count(cp, policy_wakes);
	return 0;
}

/* @cpu, if it serves @shard; else @other, which does. */
static __always_inline s32 cpu_in_shard(u32 shard, s32 cpu, s32 other)
{
	struct bpf_cpu_priv *cp = nr_shards > 1 ? cpu_priv(cpu) : NULL;

	return cp && cp->shard != shard ? other : cpu;
}

/*
 * Asks were pushed: make sure that the policy thread gets to see them. @cpu, of @shard, is where the
 * task would like to run; @urgent means now, not when a CPU next looks for work.
 */
static __always_inline void announce_work(struct bpf_cpu_priv *cp, struct shard_priv *sh,
					  u32 shard, s32 cpu, bool urgent, u64 now)
{
	u64 before;
	bool first;

	if (nr_shards > 1)
		shm_store(&sh->home, cpu);
	if (urgent)
		shm_store(&sh->urgent, 1);
	before = __sync_fetch_and_add(&sh->pushed, 1);

	if (shm_load(&sh->parked)) {
		first = before == shm_load(&arena_shard(shard)->taken);
		if (shm_load(&sh->policy_cpu))
			cpu = (s32)shm_load(&sh->policy_cpu) - 1;
		if (urgent || (first && shm_load(&sh->urgent))) {
			scx_bpf_kick_cpu(cpu, SCX_KICK_PREEMPT);
			count(cp, preempt_kicks);
		} else if (first) {
			scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
			count(cp, idle_kicks);
		}
	}
	if (shm_load(&arena_shard(shard)->sleeping))
		ring_bell(shard, now);
}

/*
 * The policy thread gets a CPU: is that the next run in a row that has brought neither an ask nor
 * an answer?
 */
static __always_inline void note_vain_run(struct shard_priv *sh)
{
	u64 pushed = shm_load(&sh->pushed), decided = sh->last_decision;

	if (pushed == sh->run_pushed && decided == sh->run_decision)
		sh->vain_runs++;
	else
		sh->vain_runs = 0;
	sh->run_pushed = pushed;
	sh->run_decision = decided;
}

/*
 * Are there asks that no pass of the policy has dealt with? `taken` is the policy's word: a
 * false one gets it a few vain runs, and then it waits for its turn like others.
 */
static __always_inline bool policy_wanted(struct shard_priv *sh, u32 shard)
{
	u64 pushed = shm_load(&sh->pushed);

	return pushed != shm_load(&arena_shard(shard)->taken) &&
	       shm_load(&sh->undecided) &&
	       (sh->vain_runs < VAIN_RUNS || pushed != sh->run_pushed ||
		sh->last_decision != sh->run_decision);
}

/*
 * May pending asks wait a little? While decided tasks wait for this CPU it has something to run,
 * and a policy thread that runs for several asks costs as much as one that runs for one. An ask
 * in a hurry, or one that is LAZY_NS old, ends the wait.
 */
static __always_inline bool policy_can_wait(struct shard_priv *sh, u32 cpu, u64 now)
{
	return !shm_load(&sh->urgent) && arena_cpu(cpu)->nr_queued > 0 &&
	       elapsed(now, sh->undecided_at) < LAZY_NS;
}

/*
 * Has the time come that the policy named? The autopilot grants by times of its own. One that
 * only ever names times and neither reads asks nor answers gets a few vain runs for it.
 */
static __always_inline bool timer_due(struct shard_priv *sh, u32 shard, u64 now)
{
	u64 at = shm_load(&arena_shard(shard)->timer_at);

	return at && !sh->autopilot && !vt_before(now, at) && sh->vain_runs < VAIN_RUNS;
}

/* Has it completed a pass since this was last asked? */
static __always_inline bool policy_has_passed(struct shard_priv *sh, u32 shard, u64 now)
{
	u64 rounds = shm_load(&arena_shard(shard)->rounds);

	if (rounds == sh->rounds)
		return false;
	sh->rounds = rounds;
	sh->passed_at = now;
	return true;
}

/* May the parked policy thread run on @cpu? */
static __always_inline bool parked_for(struct shard_priv *sh, s32 cpu)
{
	u64 only = shm_load(&sh->policy_cpu);

	return shm_load(&sh->parked) && (!only || only == (u64)cpu + 1);
}

/* tick() on @cpu: would a switch give it to a parked policy thread that is wanted? */
static __always_inline bool policy_waits_for(struct shard_priv *sh, u32 shard, s32 cpu,
					     u64 now)
{
	return parked_for(sh, cpu) && policy_wanted(sh, shard) &&
	       !policy_can_wait(sh, cpu, now);
}

/* The same for the time that the policy named. */
static __always_inline bool timer_waits_for(struct shard_priv *sh, u32 shard, s32 cpu,
					    u64 now)
{
	return parked_for(sh, cpu) && timer_due(sh, shard, now);
}

/*
 * The CPUs tick at about the same time and see the same parked thread wait: one of them ends its
 * task's slice for it. If nothing came of that, another tick does, a millisecond later.
 */
static __always_inline bool claim_tick(struct shard_priv *sh, u64 now)
{
	u64 at = shm_load(&sh->tick_kicked);

	return elapsed(now, at) > TICK_AGAIN_NS && shm_cas(&sh->tick_kicked, at, now);
}

/* Can a CPU of @shard take its policy thread @p, which is on @cpu? */
static __always_inline bool may_go_home(struct task_struct *p, u32 shard, s32 cpu)
{
	if (cpu_in_shard(shard, cpu, -1) >= 0)
		return true;
	return !orphaned(shard) && p->nr_cpus_allowed >= (s32)nr_cpus &&
	       !p->migration_disabled;
}

/* enqueue() of a policy thread: hold it until there is work or nothing else to run. */
__noinline int park_policy(struct task_struct *p __arg_trusted, u32 shard, u64 enq_flags,
			   u64 now)
{
	struct bpf_cpu_priv *cp = cpu_priv(bpf_get_smp_processor_id());
	struct shard_priv *sh = shard_priv(shard);
	s32 cpu = scx_bpf_task_cpu(p), idle = -1;
	bool due, wanted, pinned;

	use_arena();
	if (!cp || !sh)
		return 0;
	cpu = cpu_in_shard(shard, cpu, (s32)shm_load(&sh->home));
	pinned = migration_off(cp, p);
	if (policy_has_passed(sh, shard, now))
		sh->granted_at = 0;
	dsq_insert(p, dsq_of_policy(shard),
		   sh->autopilot ? AUTOPILOT_SLICE_NS : POLICY_SLICE_NS, enq_flags);
	shm_store(&sh->policy_cpu,
		  pinned || p->nr_cpus_allowed < (s32)nr_cpus ? cpu + 1 : 0);
	shm_store(&sh->parked, 1);
	shm_swap(&sh->parked_at, now); /* a full barrier */
	due = timer_due(sh, shard, now);
	wanted = due || (policy_wanted(sh, shard) && !sh->autopilot);
	/* an idle CPU serves it and takes nothing from anybody; and no kick reaches the CPU that
	 * a real-time task has taken */
	if (nr_cpus > 1 && !pinned && (wanted || (enq_flags & ENQ_REENQ)))
		idle = scx_bpf_pick_idle_cpu(p->cpus_ptr, 0);
	if (idle >= 0)
		idle = cpu_in_shard(shard, idle, -1);
	if (idle >= 0)
		scx_bpf_kick_cpu(idle, SCX_KICK_IDLE);
	else if (due || (wanted && !policy_can_wait(sh, cpu, now)))
		scx_bpf_kick_cpu(cpu, SCX_KICK_PREEMPT);
	if (enq_flags & ENQ_WAKEUP)
		scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
	return 0;
}

/* One thread has left the queue; after a takeover another may wait there. */
static __always_inline void note_parked(struct shard_priv *sh, u32 shard)
{
	shm_store(&sh->parked, scx_bpf_dsq_nr_queued(dsq_of_policy(shard)) > 0);
}

/* dispatch(): give the parked policy thread this CPU. True if it got it. */
__noinline bool grant_policy(u32 shard)
{
	struct shard_priv *sh = shard_priv(shard);

	use_arena();
	if (!sh || !dsq_move_to_local(dsq_of_policy(shard)))
		return false;
	note_parked(sh, shard);
	return true;
}

/* dispatch() on the CPU where @prev ran: it goes on if it is the policy thread of @shard. */
__noinline bool policy_goes_on(struct task_struct *prev __arg_trusted, u32 shard, u64 now)
{
	struct shard_priv *sh = shard_priv(shard);

	use_arena();
	if (!sh || policy_shard(control_priv(), prev) != (int)shard ||
	    elapsed(now, sh->run_at) > POLICY_SLICE_NS)
		return false;
	note_vain_run(sh);
	if (policy_has_passed(sh, shard, now)) {
		/* the next pass reads what is in a hurry; the one that was cut short may not */
		shm_store(&sh->urgent, 0);
		sh->granted_at = now;
	}
	prev->scx.slice = POLICY_SLICE_NS;
	return true;
}

/*
 * dispatch() on @cpu, where @prev ran: a policy thread that is wanted comes first; one that ran
 * here and was preempted or yielded goes on, for no longer than its slice in all. True if it got
 * the CPU.
 */
static __always_inline bool serve_policy(struct shard_priv *sh, u32 shard,
					 struct task_struct *prev, u32 cpu, u64 now)
{
	/* in kernel mode nobody ever wants it, and the kernel's watchdog looks at it too */
	if (shm_load(&sh->parked) &&
	    (elapsed(now, shm_load(&sh->parked_at)) > PARKED_NS ||
	     timer_due(sh, shard, now)))
		return grant_policy(shard);
	if (!policy_wanted(sh, shard) || policy_can_wait(sh, cpu, now))
		return false;
	if (shm_load(&sh->parked))
		return grant_policy(shard);
	return prev && (prev->scx.flags & SCX_TASK_QUEUED) &&
	       policy_goes_on(prev, shard, now);
}

__noinline int policy_running(u32 shard, u64 now)
{
	struct bpf_cpu_priv *cp = cpu_priv(bpf_get_smp_processor_id());
	struct shard_priv *sh = shard_priv(shard);

	use_arena();
	if (!cp || !sh)
		return 0;
	note_parked(sh, shard);
	shm_store(&sh->urgent, 0);
	note_vain_run(sh);
	sh->wake_sent_at = 0;
	sh->gone_at = 0;
	sh->run_at = now;
	if (!sh->granted_at)
		sh->granted_at = now;
	shm_store(&arena_shard(shard)->clock_ahead, (bpf_ktime_get_ns() - now) | 1);
	count(cp, policy_runs);
	return 0;
}

#endif
