/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tasks that wait at one CPU and run on another. A CPU takes a task from another's queue
 *
 *   when it would go idle (steal): of the longest queue in its cache domain; from another domain
 *   only a task that would otherwise wait there for longer than migration_cost_ns;
 *
 *   while it is busy, from time to time (balance): one whose turn comes before all that it has
 *   itself, by more than migration_cost_ns. What a queue's times mean elsewhere tells its base
 *   (vtime.h), so tasks of a crowded CPU, whose virtual time is slow, are served where it is
 *   fast, and three hogs on two CPUs get two thirds each; out of another cache domain only if it
 *   has to wait there for longer than that, or comes before all here by a whole slice;
 *
 *   when the other CPU is held by a real-time task (relieve) or offline (sweep_offline).
 *
 * Only keys that are virtual deadlines are compared between queues, which is what the gthulhu
 * policy and the BPF half itself hand out: a policy with keys of its own keeps its tasks where it
 * put them, unless a CPU would be idle.
 */
#ifndef QUMUN_BPF_BALANCE_H
#define QUMUN_BPF_BALANCE_H

#include "account.bpf.h"

#define STEAL_TRIES 32
#define SWEEP_NS 5000000ULL   /* offline CPUs' queues are looked at this often */
#define RELIEF_NS 10000000ULL /* between looks for CPUs that a real-time task has taken */
#define BALANCE_NS 2000000ULL /* between looks for tasks that come before one's own */
#define BALANCE_QUEUES 8      /* queues looked into at one time */
#define BALANCE_LOOKS 16      /* and tasks of each, for one that may run here */

/* May a task be taken from @victim's queue to @cpu, seen from what it has to wait there? */
static __always_inline bool worth_moving(struct qumun_cpu QUMUN_ARENA *victim,
					 struct qumun_cpu QUMUN_ARENA *here, u64 now)
{
	u64 start = shm_load(&victim->curr_start);

	return victim->llc == here->llc || !start ||
	       vt_rest(start, victim->curr_slice_ns, now) >
		       arena_header()->params.migration_cost_ns;
}

static __always_inline bool steal_from(struct bpf_cpu_priv *cp, u32 victim)
{
	if (!dsq_move_to_local(dsq_of_cpu(victim)))
		return false;
	count(cp, steals);
	return true;
}

/* This CPU has nothing to run: true if it got a task from another CPU's queue. */
__noinline bool steal(u32 cpu, u64 now)
{
	struct qumun_cpu QUMUN_ARENA *cc = arena_cpu(cpu), *vc;
	struct bpf_cpu_priv *cp = cpu_priv(cpu);
	s32 nr, longest = 0;
	u32 i, victim, best = cpu;

	use_arena();
	if (!cp)
		return false;
	/* whoever woke this CPU may have said why */
	victim = shm_swap(&cp->steal_hint, 0);
	if (victim && victim <= nr_cpus && victim - 1 != cpu &&
	    arena_cpu(victim - 1)->nr_queued > 0 && steal_from(cp, victim - 1))
		return true;
	bpf_for(i, 0, STEAL_TRIES) {
		if (i + 1 >= nr_cpus)
			break;
		victim = cpu_after(cpu, i);
		vc = arena_cpu(victim);
		nr = vc->nr_queued;
		if (nr <= 0 || !worth_moving(vc, cc, now))
			continue;
		/* any queue of the own cache domain before any other */
		if (vc->llc == cc->llc)
			nr += 1 << 20;
		if (nr > longest) {
			longest = nr;
			best = victim;
		}
	}
	if (!longest)
		return false;
	if (steal_from(cp, best))
		return true;
	/* who waits there may not come here: somebody else's task, then */
	bpf_for(i, 0, STEAL_TRIES) {
		if (i + 1 >= nr_cpus)
			break;
		victim = cpu_after(cpu, i);
		vc = arena_cpu(victim);
		if (victim != best && vc->nr_queued > 0 && worth_moving(vc, cc, now) &&
		    steal_from(cp, victim))
			return true;
	}
	return false;
}

/*
 * A real-time task may hold a CPU for seconds, and with it the queue of that CPU: the busy ones
 * take a task off it now and then.
 */
__noinline bool relieve(u32 cpu, u64 now)
{
	struct bpf_cpu_priv *cp = cpu_priv(cpu);
	u32 i, victim;

	use_arena();
	if (!cp)
		return false;
	cp->relief_at = now;
	bpf_for(i, 0, STEAL_TRIES) {
		if (i + 1 >= nr_cpus)
			break;
		victim = cpu_after(cpu, i);
		if (!shm_load(&arena_cpu(victim)->curr_start) &&
		    arena_cpu(victim)->nr_queued > 0 && steal_from(cp, victim))
			return true;
	}
	return false;
}

/*
 * What is left in @dsq may run only on CPUs that go offline, and the kernel waits until it has pushed
 * it off: it must run there once more. Such a CPU no longer calls dispatch(), but it still looks
 * into the kernel's own queue.
 */
__noinline bool release_bound(u64 dsq)
{
	u64 slice = bounded_slice(arena_header()->params.min_slice_ns);
	struct task_struct *p;
	bool moved = false;

	use_arena();
	bpf_for_each(scx_dsq, p, dsq, 0) {
		s32 cpu = scx_bpf_task_cpu(p);

		dsq_move(BPF_FOR_EACH_ITER, p, SCX_DSQ_GLOBAL, slice);
		scx_bpf_kick_cpu(cpu, SCX_KICK_PREEMPT);
		moved = true;
	}
	return moved;
}

/*
 * Shards without CPUs: what waited for their policy when the last one went is taken back, and the
 * policy thread that waited for a CPU gets this one. True if it did.
 */
static __always_inline bool serve_orphans(u64 now)
{
	struct shard_priv *sh;
	u32 i;

	bpf_for(i, 0, nr_shards) {
		sh = shard_priv(i);
		if (!sh || shm_load(&sh->nr_online))
			continue;
		if (shm_load(&sh->undecided))
			take_back(i, 0, now);
		if (grant_policy(i))
			return true;
	}
	return false;
}

/*
 * What a CPU's queue held when it went offline, or got just then: older kernels leave it there,
 * newer ones queue it anew. A CPU that looks for work takes one of them from time to time,
 * however busy it is, and gives the others back.
 */
__noinline bool sweep_offline(u32 shard, u64 now)
{
	struct shard_priv *sh = shard_priv(shard);
	struct bpf_cpu_priv *cp;
	u32 i, cpu;

	use_arena();
	if (!sh)
		return false;
	sh->sweep_at = now;
	if (nr_shards > 1 && serve_orphans(now))
		return true;
	bpf_for(i, 0, STEAL_TRIES) {
		cpu = sh->sweep_cpu;
		if (cpu >= nr_cpus)
			cpu = 0;
		sh->sweep_cpu = cpu + 1;
		cp = cpu_priv(cpu);
		if (!cp || cp->online)
			continue;
		if (dsq_move_to_local(dsq_of_cpu(cpu))) {
			sh->sweep_at = 0; /* there may be more */
			return true;
		}
		release_bound(dsq_of_cpu(cpu));
	}
	return false;
}

/* The key that the running task in @slot would get if it were requeued on @cpu now. */
static __always_inline u64 prev_key(u32 slot, u32 cpu, u64 now)
{
	struct qumun_task QUMUN_ARENA *rec = arena_task(slot);
	struct vt_request r =
		VT_REQUEST(rec, &arena_header()->params, arena_cpu(cpu), 0, 0);
	u64 ran = elapsed(now, rec->exec_start);

	if (r.cls == QUMUN_CLASS_LATENCY) {
		note_latency(cpu, rec->exec_start, now);
		r.latency_left_ns = arena_cpu(cpu)->latency_left_ns;
	}
	return vt_request_deadline(&r, rec->vruntime + vt_charge(ran, r.weight),
				   rec->slice_ns);
}

/* Would the running task in @slot, requeued now, come before the first of @cpu's queue? */
__noinline bool prev_comes_first(u32 slot, u32 cpu, u64 now)
{
	struct bpf_cpu_priv *cp = cpu_priv(cpu);
	struct qumun_task QUMUN_ARENA *rec;
	struct task_struct *first;
	bool before = false;
	u64 key;

	use_arena();
	if (slot >= max_records || !cp)
		return false;
	key = prev_key(slot, cpu, now);
	bpf_for_each(scx_dsq, first, dsq_of_cpu(cpu), 0) {
		before = vt_before(key, first->scx.dsq_vtime);
		/* it waits on: an idle CPU that found the wait too short may look again */
		if (before)
			call_idle_cpu(cp, first, cpu);
		break;
	}
	if (!before)
		return false;
	rec = arena_task(slot);
	arena_cpu(cpu)->curr_deadline = rec->deadline = key;
	if (VT_CLASS(rec) == QUMUN_CLASS_LATENCY)
		rec->slice_ns = within_budget(rec->slice_ns, cpu);
	return true;
}

/*
 * Take the first task of @victim's queue that may run on @cpu, if its turn comes before @key by
 * more than migration_cost_ns, and by a slice more if it would leave its cache domain although it
 * is about to run there. Whether or not it does: two queues that can exchange a task are kept
 * within one largest slice of each other.
 */
__noinline bool pull(u32 victim, u32 cpu, u64 key, u64 now)
{
	struct qumun_param_block QUMUN_ARENA *par = &arena_header()->params;
	struct qumun_cpu QUMUN_ARENA *cc = arena_cpu(cpu), *vc = arena_cpu(victim);
	u64 margin = par->migration_cost_ns;
	u32 looked = 0, weight = cc->curr_weight, other = vc->curr_weight;
	struct qumun_task QUMUN_ARENA *rec;
	struct task_struct *p;
	struct task_ctx *ctx;
	bool pulled = false;

	use_arena();
	if (!weight || (other && other < weight))
		weight = other;
	if (!worth_moving(vc, cc, now))
		margin += par->base_slice_ns;
	bpf_for_each(scx_dsq, p, dsq_of_cpu(victim), 0) {
		if (++looked > BALANCE_LOOKS)
			break;
		if (!may_run_here(p, cpu))
			continue;
		ctx = task_ctx(p);
		if (!ctx || ctx->slot >= max_records)
			continue;
		rec = arena_task(ctx->slot);
		if (p->scx.dsq_vtime != rec->deadline)
			break;
		/* it leads there, and has nothing to lead with here */
		if (VT_CLASS(rec) == QUMUN_CLASS_LATENCY && !cc->latency_left_ns)
			continue;
		cc->base = vt_rebase(cc->base, cc->front, vc->front - vc->base,
				     vt_charge(par->max_slice_ns, weight));
		if (vt_before(vt_renormalize(rec->deadline, vc->base, cc->base) + margin,
			      key))
			pulled = dsq_move(BPF_FOR_EACH_ITER, p, SCX_DSQ_LOCAL,
					  bounded_slice(rec->slice_ns));
		break;
	}
	return pulled;
}

/* The first key of @cpu's own queue, or @key if that comes before. */
__noinline u64 first_key(u32 cpu, u64 key, bool have_key)
{
	struct task_struct *p;

	use_arena();
	bpf_for_each(scx_dsq, p, dsq_of_cpu(cpu), 0) {
		if (!have_key || vt_before(p->scx.dsq_vtime, key))
			key = p->scx.dsq_vtime;
		break;
	}
	return key;
}

/*
 * @cpu has something to run, the task in @slot (QUMUN_NO_SLOT: none) or others in its queue. The
 * counter lives in a map, because one on the stack makes each turn of the loop a new state for the
 * verifier: on 8 CPUs these are too many.
 */
__noinline bool balance_busy(u32 cpu, u32 slot, u64 now)
{
	struct bpf_cpu_priv *cp = cpu_priv(cpu);
	u32 i, victim, from;
	u64 key = 0;

	use_arena();
	if (!cp)
		return false;
	if (slot < max_records)
		key = prev_key(slot, cpu, now);
	key = first_key(cpu, key, slot < max_records);
	from = cp->balance_cpu;
	cp->balance_queues = 0;
	bpf_for(i, 0, STEAL_TRIES) {
		if (i >= nr_cpus || cp->balance_queues >= BALANCE_QUEUES)
			break;
		victim = cpu_after(from, i);
		if (victim == cpu || arena_cpu(victim)->nr_queued <= 0)
			continue;
		cp->balance_queues++;
		cp->balance_cpu = victim;
		if (pull(victim, cpu, key, now)) {
			count(cp, pulls);
			return true;
		}
	}
	return false;
}

/*
 * @cpu goes on with the task that it had, and while the policy thinks about others there may be
 * nothing to see in any queue: the first of them whose slice ended and who is answered for brings
 * @cpu back to look (end_of_thought()). One CPU, the one that is ahead of the others.
 */
static __always_inline void look_again(struct bpf_cpu_priv *cp, struct shard_priv *sh,
				       u32 cpu, u64 now)
{
	struct qumun_cpu QUMUN_ARENA *cc = arena_cpu(cpu), *oc;
	u32 other = shm_load(&sh->look_cpu);

	oc = arena_cpu(other ? other - 1 : cpu);
	if (elapsed(now, cp->look_at) < BALANCE_NS ||
	    (other && vt_before(cc->front - cc->base, oc->front - oc->base)))
		return;
	cp->look_at = now;
	cp->balance_at = 0;
	shm_store(&sh->look_cpu, cpu + 1);
}

/*
 * Class latency's tasks that wait on @cpu get the keys and slices that they would get now: those
 * who lead trail when its budget is used up, those who trail, at the far end of the queue, lead
 * when there is some again (@flags: SCX_DSQ_ITER_REV), and no slice is longer than what is left.
 */
__noinline int requeue_latency(u32 cpu, u64 flags, u64 looks)
{
	struct bpf_cpu_priv *cp = cpu_priv(cpu);
	struct qumun_task QUMUN_ARENA *rec;
	struct task_struct *p;
	struct task_ctx *ctx;
	u64 was, key, slice;

	use_arena();
	if (!cp)
		return 0;
	cp->looked = 0;
	cp->latency_turned = 0;
	bpf_for_each(scx_dsq, p, dsq_of_cpu(cpu), flags) {
		if (++cp->looked > looks)
			break;
		ctx = task_ctx(p);
		if (!ctx || ctx->slot >= max_records)
			continue;
		rec = arena_task(ctx->slot);
		was = p->scx.dsq_vtime;
		if (!latency_waits(rec, cpu, was))
			continue;
		key = latency_key(ctx->slot, cpu);
		slice = bounded_slice(rec->slice_ns);
		if (key != was || p->scx.slice > slice)
			dsq_move_vtime(BPF_FOR_EACH_ITER, p, dsq_of_cpu(cpu), slice, key);
	}
	return 0;
}

/* Since when has the task in @slot, which runs, used class latency's budget? 0: it does not. */
static __always_inline u64 latency_since(u32 slot)
{
	struct qumun_task QUMUN_ARENA *rec;

	if (slot >= max_records)
		return 0;
	rec = arena_task(slot);
	return VT_CLASS(rec) == QUMUN_CLASS_LATENCY ? rec->exec_start : 0;
}

/*
 * dispatch() on @cpu after the task in @slot, which may go on (QUMUN_NO_SLOT: none): what is left
 * of class latency's budget counts for who waits.
 */
__noinline int settle_latency(u32 cpu, u32 slot, u64 now)
{
	struct bpf_cpu_priv *cp = cpu_priv(cpu);
	u32 left;

	use_arena();
	if (!cp)
		return 0;
	note_latency(cpu, latency_since(slot), now);
	left = arena_cpu(cpu)->latency_left_ns;
	if (cp->latency_turned)
		requeue_latency(cpu, left ? SCX_DSQ_ITER_REV : 0, FLOOR_LOOKS);
	else if (left && left < arena_header()->params.base_slice_ns)
		requeue_latency(cpu, 0, BALANCE_LOOKS);
	return 0;
}

/* The slot of @prev, after which dispatch() is called, if it may go on. */
static __always_inline u32 going_on(struct task_struct *prev)
{
	struct task_ctx *tc = NULL;

	if (prev && (prev->scx.flags & SCX_TASK_QUEUED))
		tc = task_ctx(prev);
	return tc ? tc->slot : QUMUN_NO_SLOT;
}

/* dispatch() of a busy CPU, with @prev that may go on: true if a task was moved to it. */
static __always_inline bool balance(struct bpf_cpu_priv *cp, struct task_struct *prev,
				    u32 cpu, u64 now)
{
	struct bpf_control *ctl = control_priv();
	u32 slot = QUMUN_NO_SLOT;

	if (nr_cpus == 1 || elapsed(now, cp->balance_at) < BALANCE_NS || !ctl)
		return false;
	if (prev && prev->tgid != ctl->policy_tgid)
		slot = going_on(prev);
	if (slot >= max_records && arena_cpu(cpu)->nr_queued <= 0)
		return false;
	cp->balance_at = now;
	return balance_busy(cpu, slot, now);
}

#endif
