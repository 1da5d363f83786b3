// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The kernel half of Gthulhu: a sched_ext scheduler that asks user space.
 *
 * A task that becomes runnable and finds an idle CPU runs at once. Any other is put into the
 * custody of the policy: its record lies in the arena, its slot is pushed on the up-ring of the
 * CPU that executes enqueue(). The policy thread of the shard answers with CPU, slice and
 * virtual time through the shard's down-ring, and the next dispatch() in the shard inserts the
 * task into the target CPU's queue. No system call, no copy, no allocation.
 *
 * The policy is never trusted with the machine. Every answer is checked against state that user
 * space cannot write (custody.bpf.h); a policy that is late, stopped or gone is overruled with
 * the same arithmetic it would have used (autopilot.bpf.h, decide.bpf.h); kernel threads and the
 * scheduler's own process never wait for it.
 *
 * Queues: one per CPU, ordered by virtual deadline; one per shard for its parked policy thread
 * (policy.bpf.h). Remote CPUs are reached through their queue and a kick, never through
 * their local queue.
 */
#include "kernel.h"
#include "state.bpf.h"
#include "policy.bpf.h"
#include "decide.bpf.h"
#include "custody.bpf.h"
#include "standing.bpf.h"
#include "autopilot.bpf.h"
#include "rules.bpf.h"
#include "account.bpf.h"
#include "floor.bpf.h"
#include "reweigh.bpf.h"
#include "balance.bpf.h"
#include "watch.bpf.h"
#include "task.bpf.h"
#include "debug.bpf.h"
#include "dump.bpf.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* It waits from now on, or still does. */
static __always_inline void
note_wait(struct slot_priv *s, struct qumun_task QUMUN_ARENA *rec, bool woke, u64 now)
{
	note_unqueued(&s->on_dsq);
	if (woke || !rec->enq_at)
		rec->enq_at = now;
	if (woke)
		rec->nr_wakeups++;
}

/* A task goes past all queues to @cpu: everything that enqueue() would have done. */
__noinline int run_direct(struct task_struct *p __arg_trusted, u32 cpu, u64 enq_flags,
			  bool woke, u64 now)
{
	struct bpf_cpu_priv *cp = cpu_priv(bpf_get_smp_processor_id());
	struct task_ctx *tc = task_ctx(p);
	struct qumun_task QUMUN_ARENA *rec;
	struct slot_priv *s;
	u64 slice = BASE_SLICE_NS;

	use_arena();
	if (!cp)
		return 0;
	if (tc && tc->slot < max_records && (s = slot_priv(tc->slot))) {
		rec = arena_task(tc->slot);
		if (asking(s))
			cancel_asking(tc->slot);
		note_wait(s, rec, woke, now);
		if (!shm_load(&arena_cpu(cpu)->curr_start))
			follow_clock(rec->vcpu, cpu);
		weigh(s, tc->slot);
		slice = place_task(rec, cpu, woke);
		set_state(s, rec, state_word((s->q >> 8) + 1, QUMUN_DISPATCHED));
	}
	dsq_insert(p, SCX_DSQ_LOCAL, bounded_slice(slice), enq_flags);
	return 0;
}

s32 BPF_STRUCT_OPS(gthulhu_select_cpu, struct task_struct *p, s32 prev_cpu,
		   u64 wake_flags)
{
	struct bpf_cpu_priv *cp = cpu_priv(bpf_get_smp_processor_id());
	bool idle = false;
	int shard;
	s32 cpu;

	use_arena();
	cpu = scx_bpf_select_cpu_dfl(p, prev_cpu, wake_flags, &idle);
	/* the kernel calls a synchronous waker's CPU idle: others may wait there already */
	if (!idle || !cp || arena_cpu(cpu)->nr_queued > 0)
		return cpu;
	trace_wake(p);
	shard = policy_shard(control_priv(), p);
	if (shard >= 0 && cpu_in_shard(shard, cpu, -1) < 0) {
		/* not one of its own: that one goes back to sleep */
		scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
		return prev_cpu;
	}
	if (shard >= 0) {
		dsq_insert(p, SCX_DSQ_LOCAL, POLICY_SLICE_NS, 0);
	} else {
		count(cp, direct);
		run_direct(p, cpu, 0, true, clock_now());
	}
	return cpu;
}

/*
 * The policy thread resigned, or was relieved, and left questions behind. Its last switch comes
 * here, and an enqueue() that asked too late kicks its CPU: on an idle machine nothing else would.
 */
static __always_inline bool nobody_answers(struct bpf_control *ctl)
{
	return ctl && shm_load(&ctl->mode) == MODE_KERNEL;
}

void BPF_STRUCT_OPS(gthulhu_enqueue, struct task_struct *p, u64 enq_flags)
{
	u32 this_cpu = bpf_get_smp_processor_id();
	struct bpf_cpu_priv *cp = cpu_priv(this_cpu);
	struct bpf_control *ctl = control_priv();
	struct qumun_task QUMUN_ARENA *rec;
	struct shard_priv *sh;
	struct slot_priv *s;
	struct task_ctx *tc;
	s32 cpu = scx_bpf_task_cpu(p), home;
	u64 now = clock_now(), since = now;
	bool woke = enq_flags & ENQ_WAKEUP, urgent;
	int shard;
	u32 slot;

	use_arena();
	if (!cp || !ctl)
		return;
	trace_task_state(p, "ENQUEUE");
	if (woke)
		trace_wake(p);
	shard = p->flags & PF_EXITING ? -1 : policy_shard(ctl, p);
	/* where its CPUs cannot have it, it is like others of its process */
	if (shard >= 0 && nr_shards > 1 && !may_go_home(p, shard, cpu))
		shard = -1;
	/*
	 * This CPU goes offline. Its last wakeup, of who sent it off, happens when it no longer
	 * takes interrupts, and kicks and bells begin with one that a CPU sends to itself. If that
	 * is lost the kernel waits for it ever after: back online, the CPU would kick nobody, and
	 * could not even end the scheduler. So: the local queue, which needs no kick.
	 */
	if (!cp->online) {
		if (shard >= 0) {
			dsq_insert(p, SCX_DSQ_LOCAL, POLICY_SLICE_NS, enq_flags);
		} else {
			count(cp, kernel_offline);
			run_direct(p, cpu, enq_flags, woke, now);
		}
		return;
	}
	if (shard >= 0) {
		park_policy(p, shard, enq_flags, now);
		return;
	}
	/* per-CPU kernel threads hold the machine together: at once, in order, to some extent */
	if (bound_kthread(p) && kthreads_first(cpu)) {
		count(cp, kernel_kthread);
		tc = task_ctx(p);
		if (tc && tc->slot < max_records)
			arena_task(tc->slot)->enq_at = now;
		dsq_insert(p, SCX_DSQ_LOCAL, BASE_SLICE_NS, enq_flags);
		return;
	}
	/* pinned tasks skip select_cpu: an idle CPU of their own takes them directly */
	if (woke && (p->nr_cpus_allowed == 1 || p->migration_disabled) &&
	    !shm_load(&arena_cpu(cpu)->curr_start) &&
	    scx_bpf_test_and_clear_cpu_idle(cpu)) {
		count(cp, direct);
		run_direct(p, cpu, enq_flags, true, now);
		return;
	}
	tc = task_ctx(p);
	if (!tc || tc->slot >= max_records || !(s = slot_priv(tc->slot))) {
		count(cp, kernel_no_record);
		decide_bare(p, cpu, enq_flags, now);
		return;
	}
	slot = tc->slot;
	rec = arena_task(slot);
	sh = shard_priv(cp->shard);
	if (!sh)
		return;
	/* a task that is queued again and again waits all the while */
	if (asking(s) && cancel_asking(slot))
		since = s->enq_at;
	note_wait(s, rec, woke, now);
	note_cpu(cp, rec, cpu);
	note_enqueue_flags(cp, p, s, rec, woke);
	weigh(s, slot);

	if (ctl->mode == MODE_KERNEL) {
		count(cp, kernel_mode);
	} else if (p->flags & PF_EXITING) {
		count(cp, kernel_exiting);
	} else if (p->flags & PF_KTHREAD) {
		count(cp, kernel_kthread);
	} else if (p->tgid == ctl->policy_tgid) {
		count(cp, kernel_self);
	} else if (autopilot_check(sh, cp->shard, now)) {
		count(cp, kernel_autopilot);
		wake_late_policy(sh, cp->shard, now);
	} else if (woke && standing_covers(cp, s, rec, cpu, now)) {
		count(cp, standing);
		decide_standing(cp, p, s, rec, cpu, enq_flags, now);
		trace_decision(TRACE_AT(standing, 0), p, slot, cpu, rec->slice_ns);
		return;
	} else {
		/* the policy needs to know whether the waker is in a hurry, and so do we */
		if (woke)
			place_task(rec, cpu, true);
		if (ask_policy(cp, this_cpu, sh, s, rec, slot, since)) {
			urgent = woke && wakeup_preempts(rec, cpu, now);
			home = cpu_in_shard(cp->shard, cpu, this_cpu);
			announce_work(cp, sh, cp->shard, home, urgent, now);
			if (nobody_answers(ctl))
				scx_bpf_kick_cpu(home, SCX_KICK_PREEMPT);
			if (!woke && !s->pinned)
				call_idle_cpu(cp, p, cpu);
			return;
		}
		count(cp, kernel_ring_full);
	}
	set_state(s, rec, state_word((s->q >> 8) + 1, QUMUN_DISPATCHED));
	decide_here(cp, p, s, rec, cpu, enq_flags, now);
	trace_decision(TRACE_AT(kernel, 0), p, slot, cpu, rec->slice_ns);
	if (!woke && !s->pinned)
		call_idle_cpu(cp, p, cpu);
}

/* The running task is alone and goes on. */
__noinline int go_on(struct task_struct *p __arg_trusted, u32 cpu, u64 now)
{
	struct bpf_cpu_priv *cp = cpu_priv(cpu);
	struct task_ctx *tc = task_ctx(p);
	u64 slice = arena_header()->params.base_slice_ns;
	struct shard_priv *sh;
	struct slot_priv *s;

	use_arena();
	if (!cp || !(sh = shard_priv(cp->shard)))
		return 0;
	if (tc && tc->slot < max_records && (s = slot_priv(tc->slot))) {
		check_owner(p, s, tc->slot);
		check_name(p, tc->slot);
		slice = account_going_on(cp, p, s, tc->slot, cpu, now);
	}
	if (nr_cpus > 1 && shm_load(&sh->undecided))
		look_again(cp, sh, cpu, now);
	p->scx.slice = bounded_slice(slice);
	return 0;
}

/*
 * The slice of @prev ended while others wait. It is not in the queue yet: the kernel requeues it
 * after this choice, so taking the first of the queue would let a light task follow each slice
 * of a heavy one. The policy is asked about it first; without a policy thread at hand the key
 * that it would get is compared here. True if the choice is made.
 */
__noinline bool settle_prev(struct task_struct *prev __arg_trusted, u32 shard, s32 cpu,
			    u64 now)
{
	struct bpf_control *ctl = control_priv();
	struct shard_priv *sh = shard_priv(shard);
	struct task_ctx *tc;

	use_arena();
	if (!ctl || !sh || prev->tgid == ctl->policy_tgid)
		return false;
	if (ctl->mode == MODE_USER && !sh->autopilot)
		return shm_load(&sh->parked) && grant_policy(shard);
	tc = task_ctx(prev);
	if (!tc || !prev_comes_first(tc->slot, cpu, now))
		return false;
	prev->scx.slice = bounded_slice(arena_task(tc->slot)->slice_ns);
	return true;
}

/* The policy thread of another shard ran here: its answers. */
static __always_inline void drain_visitor(struct task_struct *prev, u32 shard, s32 cpu,
					  u64 now)
{
	int other = policy_shard(control_priv(), prev);
	struct shard_priv *sh;

	if (other < 0 || other == (int)shard)
		return;
	sh = shard_priv(other);
	if (sh)
		drain_answers(sh, other, cpu, now);
}

void BPF_STRUCT_OPS(gthulhu_dispatch, s32 cpu, struct task_struct *prev)
{
	struct bpf_cpu_priv *cp = cpu_priv(cpu);
	struct shard_priv *sh;
	u64 now = clock_now();
	u32 shard;

	use_arena();
	if (!cp)
		return;
	shard = cp->shard;
	sh = shard_priv(shard);
	if (!sh)
		return;

	drain_answers(sh, shard, cpu, now);
	if (nr_shards > 1 && prev)
		drain_visitor(prev, shard, cpu, now);
	if (autopilot_check(sh, shard, now)) {
		if (autopilot_dispatch(shard, now))
			return;
	} else if (serve_policy(sh, shard, prev, cpu, now)) {
		return;
	}
	if (shm_load(&sh->undecided) && nobody_answers(control_priv())) {
		take_back(shard, 0, now);
	} else if (shm_load(&sh->undecided) && rescue_due(sh, now)) {
		sh->rescue_at = now;
		take_back(shard, bounded_rescue_ns(), now);
	}

	if (sh->hotplug && elapsed(now, sh->sweep_at) > SWEEP_NS &&
	    sweep_offline(shard, now))
		return;
	if (latency_counts(cp, cpu))
		settle_latency(cpu, going_on(prev), now);
	if (floor_due(cp, cpu, now)) {
		if (config.cgroups)
			reweigh_queue(cpu);
		if (floor_serve(cpu, now))
			return;
	}
	if (nr_cpus > 1 && elapsed(now, cp->relief_at) >= RELIEF_NS && relieve(cpu, now))
		return;
	if (balance(cp, prev, cpu, now))
		return;
	if (prev && (prev->scx.flags & SCX_TASK_QUEUED) &&
	    arena_cpu(cpu)->nr_queued > 0 && settle_prev(prev, shard, cpu, now))
		return;
	if (dsq_move_to_local(dsq_of_cpu(cpu)))
		return;
	if (prev && (prev->scx.flags & SCX_TASK_QUEUED)) {
		if (!sh->autopilot && shm_load(&sh->parked) && grant_policy(shard))
			return;
		/* alone: goes on without being asked about */
		go_on(prev, cpu, now);
		return;
	}
	if (nr_cpus > 1 && steal(cpu, now))
		return;
	if (shm_load(&sh->parked))
		grant_policy(shard);
}

void BPF_STRUCT_OPS(gthulhu_tick, struct task_struct *p)
{
	s32 cpu = scx_bpf_task_cpu(p);
	struct bpf_cpu_priv *cp = cpu_priv(cpu);
	struct shard_priv *sh;
	bool due;
	u64 now;

	use_arena();
	if (!cp)
		return;
	/* class latency waits for its budget, behind all others */
	if (!arena_cpu(cpu)->latency_left_ns &&
	    note_latency(cpu, latency_since(going_on(p)), clock_now()) &&
	    arena_cpu(cpu)->nr_queued > 0) {
		scx_bpf_kick_cpu(cpu, SCX_KICK_PREEMPT);
		return;
	}
	sh = shard_priv(cp->shard);
	if (!sh)
		return;
	now = clock_now();
	due = timer_waits_for(sh, cp->shard, cpu, now);
	if (!due && !shm_load(&sh->undecided))
		return;
	if (autopilot_check(sh, cp->shard, now) ||
	    ((due || policy_waits_for(sh, cp->shard, cpu, now)) && claim_tick(sh, now)))
		scx_bpf_kick_cpu(cpu, SCX_KICK_PREEMPT);
}

void BPF_STRUCT_OPS(gthulhu_running, struct task_struct *p)
{
	struct bpf_cpu_priv *cp = cpu_priv(bpf_get_smp_processor_id());
	s32 cpu = scx_bpf_task_cpu(p);
	struct task_ctx *tc;
	struct slot_priv *s;
	u64 now = clock_now();
	int shard;

	use_arena();
	if (!cp)
		return;
	shard = policy_shard(control_priv(), p);
	if (shard >= 0)
		policy_running(shard, now);
	tc = task_ctx(p);
	if (tc && tc->slot < max_records && (s = slot_priv(tc->slot))) {
		/* in no queue of ours, as the policy thread and bound kernel threads are always */
		if (state_of(s->q) == QUMUN_NONE && shard < 0 && !bound_kthread(p))
			count(cp, resumed);
		/* a parked policy thread is runnable, but takes part in no competition */
		if (shard >= 0)
			group_leave(s, tc->slot);
		else
			weigh(s, tc->slot);
		account_running(cp, p, s, arena_task(tc->slot), tc->slot, cpu, now);
	} else {
		if (tc)
			note_unqueued(&tc->on_dsq);
		advance_front(arena_cpu(cpu), p->scx.dsq_vtime - BASE_SLICE_NS);
		arena_cpu(cpu)->curr_deadline = p->scx.dsq_vtime;
		arena_cpu(cpu)->curr_slot = QUMUN_NO_SLOT;
		shm_store(&arena_cpu(cpu)->curr_start, now);
		count(cp, runs);
		if (tracing())
			trace_emit(TRACE_AT(run, cpu), p->pid, QUMUN_NO_SLOT, 1024, 0);
	}
	trace_task_state(p, "RUNNING");
}

void BPF_STRUCT_OPS(gthulhu_stopping, struct task_struct *p, bool runnable)
{
	struct bpf_cpu_priv *cp = cpu_priv(bpf_get_smp_processor_id());
	s32 cpu = scx_bpf_task_cpu(p);
	struct task_ctx *tc;
	struct slot_priv *s;
	u64 now = clock_now();
	int shard;

	use_arena();
	if (!cp)
		return;
	shard = policy_shard(control_priv(), p);
	if (shard >= 0)
		policy_stopping(p, shard, runnable, now);
	tc = task_ctx(p);
	if (tc && tc->slot < max_records && (s = slot_priv(tc->slot))) {
		account_stopping(cp, p, s, tc->slot, cpu, runnable, now);
	} else {
		trace_stop(p, QUMUN_NO_SLOT, cpu, runnable,
			   elapsed(now, arena_cpu(cpu)->curr_start));
		shm_store(&arena_cpu(cpu)->curr_start, 0);
	}
	trace_task_state(p, "STOPPING");
}

void BPF_STRUCT_OPS(gthulhu_enable, struct task_struct *p)
{
	struct task_ctx *tc = task_ctx(p);
	u32 cpu = scx_bpf_task_cpu(p);
	u64 front;

	use_arena();
	front = arena_cpu(cpu)->front;
	p->scx.dsq_vtime = front + BASE_SLICE_NS;
	if (tc && tc->slot < max_records)
		task_enabled(p, tc->slot, cpu, front);
}

void BPF_STRUCT_OPS(gthulhu_disable, struct task_struct *p)
{
	struct task_ctx *tc = task_ctx(p);
	int shard = policy_shard(control_priv(), p);
	struct shard_priv *sh = shard >= 0 ? shard_priv(shard) : NULL;

	use_arena();
	/* made a real-time task, it is in no queue of ours: only the bell reaches it */
	if (sh)
		shm_store(&sh->parked, 0);
	if (tc && tc->slot < max_records)
		task_disabled(tc->slot);
	else if (tc)
		note_unqueued(&tc->on_dsq);
}

void BPF_STRUCT_OPS(gthulhu_set_weight, struct task_struct *p, u32 weight)
{
	struct task_ctx *tc = task_ctx(p);

	use_arena();
	if (tc && tc->slot < max_records)
		task_new_weight(p, tc->slot);
}

/* The task is dequeued, and its runqueue locked; enqueue() or running() follow if it goes on. */
void BPF_STRUCT_OPS(gthulhu_cgroup_move, struct task_struct *p, struct cgroup *from,
		    struct cgroup *to)
{
	struct task_ctx *tc = task_ctx(p);
	struct slot_priv *s;

	use_arena();
	if (!tc || tc->slot >= max_records || !(s = slot_priv(tc->slot)))
		return;
	group_leave(s, tc->slot);
	s->group = cgroup_handle(to);
	arena_task(tc->slot)->weight = flat_weight(s);
	drop_standing(s);
}

void BPF_STRUCT_OPS(gthulhu_set_cpumask, struct task_struct *p,
		    const struct cpumask *mask)
{
	struct task_ctx *tc = task_ctx(p);

	use_arena();
	if (tc && tc->slot < max_records)
		task_new_affinity(p, tc->slot, mask);
}

s32 BPF_STRUCT_OPS(gthulhu_init_task, struct task_struct *p,
		   struct scx_init_task_args *args)
{
	s32 err;

	use_arena();
	err = task_begin(p, args);
	trace_task_state(p, "INIT");
	return err;
}

void BPF_STRUCT_OPS(gthulhu_exit_task, struct task_struct *p,
		    struct scx_exit_task_args *args)
{
	use_arena();
	trace_task_state(p, "EXIT");
	task_end(p);
}

/* Attached before the scheduler, so that no exit is missed. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(gthulhu_process_exit, struct task_struct *p)
{
	task_exiting(p);
	return 0;
}

static __always_inline void note_online(u32 cpu, bool online)
{
	struct bpf_cpu_priv *cp = cpu_priv(cpu);
	struct shard_priv *sh = cp ? shard_priv(cp->shard) : NULL;

	if (!cp)
		return;
	if (sh && cp->online != online)
		shm_add(&sh->nr_online, online ? 1 : -1);
	cp->online = online;
	arena_cpu(cpu)->online = online;
}

void BPF_STRUCT_OPS(gthulhu_cpu_online, s32 cpu)
{
	use_arena();
	note_online(cpu, true);
}

void BPF_STRUCT_OPS(gthulhu_cpu_offline, s32 cpu)
{
	struct shard_priv *sh;
	u32 i;

	use_arena();
	note_online(cpu, false);
	/* whatever shard it was in: perhaps that has no other CPU */
	bpf_for(i, 0, nr_shards) {
		sh = shard_priv(i);
		if (sh)
			shm_store(&sh->hotplug, 1);
	}
}

/* A real-time task takes the CPU: what waits in its local queue goes elsewhere. */
void BPF_STRUCT_OPS(gthulhu_cpu_release, s32 cpu, struct scx_cpu_release_args *args)
{
	/* whose tasks the kernel puts back, and whose mark enqueue() reads */
	struct bpf_cpu_priv *cp = cpu_priv(bpf_get_smp_processor_id());

	if (!cp || !bpf_ksym_exists(scx_bpf_reenqueue_local))
		return;
	cp->releasing = 1;
	scx_bpf_reenqueue_local();
	cp->releasing = 0;
}

s32 BPF_STRUCT_OPS_SLEEPABLE(gthulhu_init)
{
	const struct cpumask *online;
	s32 err;
	u32 i;

	use_arena();
	/* from here on the kernel tells; nobody told of what happened since loading */
	online = scx_bpf_get_online_cpumask();
	bpf_for(i, 0, nr_cpus)
		note_online(i, bpf_cpumask_test_cpu(i, online));
	scx_bpf_put_cpumask(online);
	bpf_for(i, 0, nr_cpus) {
		err = scx_bpf_create_dsq(dsq_of_cpu(i), -1);
		if (err)
			return err;
		note_latency(i, 0, clock_now());
	}
	bpf_for(i, 0, nr_shards) {
		struct shard_priv *sh = shard_priv(i);

		err = scx_bpf_create_dsq(dsq_of_policy(i), -1);
		if (err)
			return err;
		/* until the policy's first pass the BPF half decides */
		if (sh) {
			sh->autopilot_rounds = shm_load(&arena_shard(i)->rounds);
			sh->autopilot = 1;
		}
	}
	return watch_begin();
}

void BPF_STRUCT_OPS(gthulhu_exit, struct scx_exit_info *info)
{
	struct bpf_exit_report *report;
	u32 zero = 0;

	watch_end();
	report = bpf_map_lookup_elem(&exit_report, &zero);
	if (!report)
		return;
	bpf_probe_read_kernel_str(report->reason, sizeof(report->reason), info->reason);
	bpf_probe_read_kernel_str(report->msg, sizeof(report->msg), info->msg);
	bpf_probe_read_kernel_str(report->dump, sizeof(report->dump), info->dump);
	report->exit_code = info->exit_code;
	/* pairs with exit_seen(): last, so that who sees it sees the rest */
	shm_store_release(&report->kind, info->kind);
}

SEC(".struct_ops.link")
struct sched_ext_ops gthulhu_ops = {
	.select_cpu = (void *)gthulhu_select_cpu,
	.enqueue = (void *)gthulhu_enqueue,
	.dispatch = (void *)gthulhu_dispatch,
	.tick = (void *)gthulhu_tick,
	.running = (void *)gthulhu_running,
	.stopping = (void *)gthulhu_stopping,
	.enable = (void *)gthulhu_enable,
	.disable = (void *)gthulhu_disable,
	.set_weight = (void *)gthulhu_set_weight,
	.set_cpumask = (void *)gthulhu_set_cpumask,
	.init_task = (void *)gthulhu_init_task,
	.exit_task = (void *)gthulhu_exit_task,
	.cgroup_init = (void *)gthulhu_cgroup_init,
	.cgroup_exit = (void *)gthulhu_cgroup_exit,
	.cgroup_move = (void *)gthulhu_cgroup_move,
	.cgroup_set_weight = (void *)gthulhu_cgroup_set_weight,
	.cgroup_set_idle = (void *)gthulhu_cgroup_set_idle,
	.cpu_online = (void *)gthulhu_cpu_online,
	.cpu_offline = (void *)gthulhu_cpu_offline,
	.cpu_release = (void *)gthulhu_cpu_release,
	.dump = (void *)gthulhu_dump,
	.dump_cpu = (void *)gthulhu_dump_cpu,
	.dump_task = (void *)gthulhu_dump_task,
	.init = (void *)gthulhu_init,
	.exit = (void *)gthulhu_exit,
	.dispatch_max_batch = 128,
	.timeout_ms = 10000,
	.exit_dump_len = 32768,
	.name = "gthulhu",
};
