/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The autopilot: when the policy is late, stopped or gone, the BPF half decides with the same
 * arithmetic, and hands back when the policy shows a sign of life.
 *
 * Late means: tasks wait for an answer, and for longer than stall_ns there was none although the
 * policy thread could have given one: it had a CPU or a wakeup (`granted_at`). A parked thread
 * that dispatch() has not served yet is not late, an idle machine has nothing waiting. A sign of
 * life is a completed pass (the arena's `rounds`) or a valid answer.
 *
 * Mute means: the policy makes its passes, tasks wait, and for twice stall_ns no answer was valid.
 * Its passes prove nothing then, so it is tried again after a while instead.
 */
#ifndef QUMUN_BPF_AUTOPILOT_H
#define QUMUN_BPF_AUTOPILOT_H

#include "custody.bpf.h"

/* so long the kernel half decides for a mute policy */
#define MUTE_AGAIN_NS 1000000000ULL

enum autopilot_cause { CAUSE_NONE, CAUSE_LATE, CAUSE_MUTE, CAUSE_BLOCKED, CAUSE_GONE };

/* Tasks wait for an answer: for how long has nobody got one? */
static __always_inline u64 silence(struct shard_priv *sh, u64 now)
{
	u64 since = sh->undecided_at, at = sh->last_decision;

	return elapsed(now, (s64)(at - since) > 0 ? at : since);
}

/* They wait, for too long. */
static __always_inline bool policy_silent(struct shard_priv *sh, u64 now)
{
	return shm_load(&sh->undecided) && silence(sh, now) > bounded_stall_ns();
}

/* Is something wrong with the policy, by the times at which it did what it should? */
static __always_inline enum autopilot_cause policy_trouble(struct shard_priv *sh, u64 now)
{
	u64 stall = bounded_stall_ns(), ns = silence(sh, now);
	u64 at = sh->granted_at;

	if (!policy_silent(sh, now))
		return CAUSE_NONE;
	if (at && elapsed(now, at) > stall)
		return CAUSE_LATE;
	if (ns > 2 * stall && (s64)(sh->passed_at - (now - ns)) > 0)
		return CAUSE_MUTE;
	return CAUSE_NONE;
}

/* All that happens seldom are global functions: the verifier looks at each once. */
__noinline int autopilot_enter(u32 shard, u32 cause, u64 now)
{
	struct bpf_cpu_priv *cp = cpu_priv(bpf_get_smp_processor_id());
	struct shard_priv *sh = shard_priv(shard);

	use_arena();
	if (!cp || !sh || shm_swap(&sh->autopilot, 1))
		return 0;
	shm_store(&arena_shard(shard)->autopilot, 1);
	sh->autopilot_at = now;
	sh->mute = cause == CAUSE_MUTE;
	sh->autopilot_rounds = shm_load(&arena_shard(shard)->rounds);
	sh->grant_at = now;
	/* if somebody wrote over it, an empty ring of answers may look full to the policy */
	qumun_ring_release(&arena_shard(shard)->down, shm_load(&sh->down_head));
	if (tracing())
		trace_emit(TRACE_AT(autopilot, bpf_get_smp_processor_id()), (s32)shard,
			   QUMUN_NO_SLOT, 1, cause);
	switch (cause) {
	case CAUSE_NONE:
		break;
	case CAUSE_LATE:
		count(cp, autopilot_late);
		break;
	case CAUSE_MUTE:
		count(cp, autopilot_mute);
		break;
	case CAUSE_BLOCKED:
		count(cp, autopilot_blocked);
		break;
	case CAUSE_GONE:
		count(cp, autopilot_gone);
		break;
	}
	return 0;
}

static __always_inline void policy_gone(struct shard_priv *sh, u32 shard, s32 tgid,
					u64 now)
{
	sh->gone_tgid = tgid;
	sh->gone_at = now;
	autopilot_enter(shard, CAUSE_GONE, now);
	/* if an episode was on already: only another policy's pass ends it from here on */
	sh->mute = 0;
	sh->autopilot_rounds = shm_load(&arena_shard(shard)->rounds);
}

/*
 * Nobody took over in time: end the scheduler, the kernel's own returns. Who took over has
 * written its process id: its policy thread may need longer, and kernel mode has none.
 */
static __always_inline void end_unless_taken_over(struct shard_priv *sh, u64 now)
{
	static char fmt[] = "the policy is gone and nobody took over within %llu ms";
	u64 patience = bounded_takeover_ns();
	unsigned long long ms = patience / 1000000;
	struct bpf_control *ctl = control_priv();

	if (ctl && ctl->policy_tgid && ctl->policy_tgid != sh->gone_tgid)
		sh->gone_at = 0;
	if (sh->gone_at && elapsed(now, sh->gone_at) > patience) {
		sh->gone_at = 0;
		scx_bpf_exit_bstr(0, fmt, &ms, sizeof(ms));
	}
}

static __always_inline void autopilot_leave(struct bpf_cpu_priv *cp,
					    struct shard_priv *sh, u32 shard, u64 now)
{
	if (!shm_swap(&sh->autopilot, 0))
		return;
	shm_store(&arena_shard(shard)->autopilot, 0);
	/* it may have a CPU and keep it */
	sh->granted_at = sh->run_at ? now : 0;
	if (sh->autopilot_at) /* 0: the wait for the first pass, not an episode */
		count_add(cp, autopilot_ns, elapsed(now, sh->autopilot_at));
	if (tracing())
		trace_emit(TRACE_AT(autopilot, bpf_get_smp_processor_id()), (s32)shard,
			   QUMUN_NO_SLOT, 0, 0);
}

/* Enter or leave as the signs say; true while the BPF half decides. */
__noinline bool autopilot_turn(u32 shard, u64 now)
{
	struct bpf_cpu_priv *cp = cpu_priv(bpf_get_smp_processor_id());
	struct shard_priv *sh = shard_priv(shard);
	enum autopilot_cause cause;

	use_arena();
	if (!cp || !sh)
		return false;
	if (!sh->autopilot) {
		cause = policy_trouble(sh, now);
		if (cause != CAUSE_NONE)
			autopilot_enter(shard, cause, now);
	} else if (sh->mute ? elapsed(now, sh->autopilot_at) > MUTE_AGAIN_NS
			    : shm_load(&arena_shard(shard)->rounds) !=
				      sh->autopilot_rounds) {
		autopilot_leave(cp, sh, shard, now);
	}
	return sh->autopilot;
}

/* The same, cheap when all is well. */
static __always_inline bool autopilot_check(struct shard_priv *sh, u32 shard, u64 now)
{
	if (!sh->autopilot && !policy_silent(sh, now))
		return false;
	return autopilot_turn(shard, now);
}

/* A sleeping policy may wake up to a sign of life; of a mute one that is no sign. */
static __always_inline void wake_late_policy(struct shard_priv *sh, u32 shard, u64 now)
{
	if (!sh->mute && shm_load(&arena_shard(shard)->sleeping))
		ring_bell(shard, now);
}

/* Is it time to look for single tasks that the policy has forgotten? */
static __always_inline bool rescue_due(struct shard_priv *sh, u64 now)
{
	u64 patience = bounded_rescue_ns();

	return elapsed(now, sh->undecided_at) > patience &&
	       elapsed(now, sh->rescue_at) > patience / 4;
}

/* dispatch() during an episode: take tasks back, and let the policy try from time to time. */
__noinline bool autopilot_dispatch(u32 shard, u64 now)
{
	struct shard_priv *sh = shard_priv(shard);

	use_arena();
	if (!sh)
		return false;
	if (sh->gone_at)
		end_unless_taken_over(sh, now);
	if (shm_load(&sh->undecided))
		take_back(shard, 0, now);
	wake_late_policy(sh, shard, now);
	if (shm_load(&sh->parked) && elapsed(now, sh->grant_at) > AUTOPILOT_GRANT_NS) {
		sh->grant_at = now;
		return grant_policy(shard);
	}
	return false;
}

#endif
