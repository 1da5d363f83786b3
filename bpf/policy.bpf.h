/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The policy thread's own life.
 *
 * It is runnable for as long as the machine keeps it busy: after each pass over its rings it
 * yields, and its enqueue parks it in a queue that only dispatch() looks at. When asks are
 * pending, dispatch() serves that queue first; when a CPU has nothing else, it serves it too,
 * and a policy thread that gets a CPU and finds no asks goes to sleep properly. A sleeping one
 * is woken through the `policy_bell` ring buffer.
 *
 * No wakeup is lost:
 *
 *   parked: enqueue of a task pushes its ask, then swaps work to 1 (full barrier), then reads
 *   `parked`. park_policy() sets `parked`, swaps a scratch word (full barrier), then reads
 *   `work`. Whoever comes second sees the other and kicks.
 *
 *   granted: running() of the policy thread clears `work` with a swap before the pass that
 *   follows reads the rings, so a push whose flag it cleared away is visible to that pass.
 *
 *   asleep: the policy thread sets `sleeping` in the arena (full barrier), looks at its rings
 *   once more, and only then waits; enqueue swaps `work` (full barrier) before it reads
 *   `sleeping`. The bell is level-triggered: a ring between the look and the wait ends the wait.
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

/* The shard that thread @p decides for, or -1. */
static __always_inline int policy_shard(struct bpf_control *ctl, struct task_struct *p)
{
	u32 i;

	if (!ctl || p->tgid != ctl->policy_tgid)
		return -1;
	bpf_for(i, 0, nr_shards) {
		if (i < QUMUN_MAX_SHARDS && ctl->policy_tid[i] == p->pid)
			return i;
	}
	return -1;
}

/*
 * Wake the policy thread of this CPU's shard. A bell that was rung already is enough until it
 * runs, or until it completes a pass: it may have heard the bell on its way to sleep and turned
 * round without ever stopping, so running() alone does not tell.
 */
static __always_inline void ring_bell(struct bpf_cpu_priv *cp, struct shard_priv *sh,
				      u64 now)
{
	u64 rounds = shm_load(&arena_shard(cp->shard)->rounds), *token;

	if (sh->wake_sent_at && sh->wake_sent_round == rounds &&
	    elapsed(now, sh->wake_sent_at) < BELL_AGAIN_NS)
		return;
	sh->wake_sent_at = now;
	sh->wake_sent_round = rounds;
	if (!sh->granted_at)
		sh->granted_at = now;
	token = bpf_ringbuf_reserve(&policy_bell, sizeof(*token), 0);
	if (!token)
		return; /* full of unread tokens: the thread has reason enough to wake */
	*token = now;
	bpf_ringbuf_submit(token, BPF_RB_FORCE_WAKEUP);
	count(cp, policy_wakes);
}

/*
 * Asks were pushed: make sure that the policy thread gets to see them. @cpu is where the task
 * would like to run; @urgent means now, not when a CPU next looks for work.
 */
static __always_inline void announce_work(struct bpf_cpu_priv *cp, struct shard_priv *sh,
					  u32 shard, s32 cpu, bool urgent, u64 now)
{
	u64 before;

	if (urgent)
		shm_store(&sh->urgent, 1);
	before = shm_swap(&sh->work, 1);

	if (shm_load(&sh->parked)) {
		if (urgent) {
			scx_bpf_kick_cpu(cpu, SCX_KICK_PREEMPT);
			count(cp, preempt_kicks);
		} else if (!before) {
			scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
			count(cp, idle_kicks);
		}
	} else if (shm_load(&arena_shard(shard)->sleeping)) {
		ring_bell(cp, sh, now);
	}
}

/*
 * Are there asks that the policy thread has not had a chance to see? `work` alone says so too
 * often: it stays up when a pass reads an ask that was pushed while it ran.
 */
static __always_inline bool policy_wanted(struct shard_priv *sh)
{
	return shm_load(&sh->work) && shm_load(&sh->undecided);
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

/* enqueue() of a policy thread: hold it until there is work or nothing else to run. */
static __always_inline void park_policy(struct bpf_cpu_priv *cp, struct task_struct *p,
					u32 shard, u64 enq_flags, u64 now)
{
	struct shard_priv *sh = shard_priv(shard);
	s32 cpu = scx_bpf_task_cpu(p);
	u64 rounds;

	if (!sh)
		return;
	rounds = shm_load(&arena_shard(shard)->rounds);
	if (rounds != sh->rounds) {
		sh->rounds = rounds;
		sh->granted_at = 0;
	}
	dsq_insert(p, dsq_of_policy(shard),
		   sh->autopilot ? AUTOPILOT_SLICE_NS : POLICY_SLICE_NS, enq_flags);
	shm_store(&sh->parked, 1);
	shm_swap(&sh->pad0[0], now);
	if (policy_wanted(sh) && !sh->autopilot && !policy_can_wait(sh, cpu, now))
		scx_bpf_kick_cpu(cpu, SCX_KICK_PREEMPT);
	else if (enq_flags & ENQ_WAKEUP)
		scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
	/* a real-time task took its CPU, which no kick reaches: an idle one serves it */
	if (enq_flags & ENQ_REENQ) {
		cpu = scx_bpf_pick_idle_cpu(p->cpus_ptr, 0);
		if (cpu >= 0)
			scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
	}
}

/* dispatch(): give the parked policy thread this CPU. True if it got it. */
static __always_inline bool grant_policy(struct shard_priv *sh, u32 shard)
{
	if (!dsq_move_to_local(dsq_of_policy(shard)))
		return false;
	shm_store(&sh->parked, 0);
	return true;
}

static __always_inline void policy_running(struct bpf_cpu_priv *cp, u32 shard, u64 now)
{
	struct shard_priv *sh = shard_priv(shard);

	if (!sh)
		return;
	shm_store(&sh->parked, 0);
	shm_store(&sh->urgent, 0);
	shm_swap(&sh->work, 0);
	sh->wake_sent_at = 0;
	sh->gone_at = 0;
	sh->run_at = now;
	if (!sh->granted_at)
		sh->granted_at = now;
	count(cp, policy_runs);
}

#endif
