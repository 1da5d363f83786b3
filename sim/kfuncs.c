/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kfuncs and BPF helpers that the BPF half calls. What ends a scheduler in the kernel ends
 * the run here: a queue that does not exist, a second direct dispatch, a task other than the one
 * being enqueued, a full dispatch buffer, an insert from a callback that may not.
 */
#include "sim.h"

void *sim_task_storage(struct task_struct *p, size_t size, u64 flags)
{
	if (size > sizeof(p->storage))
		sim_error("task storage of %zu bytes: raise SIM_STORAGE_WORDS", size);
	if (!p->has_storage) {
		if (!(flags & BPF_LOCAL_STORAGE_GET_F_CREATE))
			return NULL;
		memset(p->storage, 0, sizeof(p->storage));
		p->has_storage = true;
	}
	return p->storage;
}

long sim_read_str(char *dst, size_t size, const char *src)
{
	size_t len = src ? strnlen(src, size - 1) : 0;

	if (len)
		memcpy(dst, src, len);
	dst[len] = '\0';
	return (long)len + 1;
}

long bpf_timer_init(struct bpf_timer *timer, void *map, u64 clock)
{
	sim.bpf_timer = timer;
	return 0;
}

long bpf_timer_set_callback(struct bpf_timer *timer,
			    int (*callback)(void *map, u32 *key, void *value))
{
	timer->callback = callback;
	return 0;
}

/* It fires on the CPU that started it. */
long bpf_timer_start(struct bpf_timer *timer, u64 ns, u64 flags)
{
	sim.bpf_timer_cpu = sim_this_cpu;
	event_set(&sim.ev_bpf_timer, sim_now + ns);
	return 0;
}

u64 scx_bpf_now(void)
{
	return sim_now;
}

s32 scx_bpf_create_dsq(u64 dsq_id, s32 node)
{
	return dsq_create(dsq_id);
}

s32 scx_bpf_dsq_nr_queued(u64 dsq_id)
{
	struct sim_dsq *q = dsq_id == SCX_DSQ_LOCAL ? &sim.cpus[sim_this_cpu].local
						    : dsq_find(dsq_id);

	return q ? (s32)q->nr : -ENOENT;
}

u32 scx_bpf_dispatch_nr_slots(void)
{
	return sim_ops->dispatch_max_batch - sim.buf_nr;
}

/* Takes back the last insert of this dispatch(). */
void scx_bpf_dispatch_cancel(void)
{
	if (sim.buf_nr)
		sim.buf_nr--;
	else
		sim_error("dispatch buffer underflow");
}

/*
 * In select_cpu() and enqueue() an insert is noted on the task, which must be the one that the
 * callback is about; in dispatch() it goes to a buffer with the task's queue sequence, and is
 * dropped later if the task was requeued or dispatched in between.
 */
static void insert(struct task_struct *ts, u64 dsq_id, u64 slice, u64 vtime, u64 flags)
{
	struct sim_task *p = task_of(ts);

	if (!ts) {
		sim_error("scx_bpf_dsq_insert() called with NULL task");
		return;
	}
	sim.cost += sim.costs.kfunc_ns;
	sim.nr_inserts++;
	trace_event(TR_INSERT, sim_this_cpu, p, dsq_id);
	if (sim.ddsp_task) {
		if (sim.ddsp_done)
			sim_error("%s[%d] already direct-dispatched", ts->comm, ts->pid);
		else if (p != sim.ddsp_task)
			sim_error(
				"scheduling for %s[%d] but trying to direct-dispatch %s[%d]",
				sim.ddsp_task->ts.comm, sim.ddsp_task->ts.pid, ts->comm,
				ts->pid);
		sim.ddsp_done = true;
		p->ddsp_dsq = dsq_id;
		p->ddsp_slice = slice;
		p->ddsp_vtime = vtime;
		p->ddsp_flags = flags;
		return;
	}
	if (!sim.dispatching) {
		sim_error("scx_bpf_dsq_insert() from a callback that may not dispatch");
		return;
	}
	if (sim.buf_nr >= sim_ops->dispatch_max_batch) {
		sim_error("dispatch buffer overflow");
		return;
	}
	sim.buf[sim.buf_nr++] = (struct dsp_entry){
		.p = p,
		.qseq = p->ops_state == OPSS_QUEUED ? p->ops_qseq : 0,
		.dsq_id = dsq_id,
		.slice = slice,
		.vtime = vtime,
		.flags = flags,
	};
}

void scx_bpf_dsq_insert(struct task_struct *p, u64 dsq_id, u64 slice, u64 enq_flags)
{
	insert(p, dsq_id, slice, 0, enq_flags & ~SIM_ENQ_PRIQ);
}

void scx_bpf_dsq_insert_vtime(struct task_struct *p, u64 dsq_id, u64 slice, u64 vtime,
			      u64 enq_flags)
{
	insert(p, dsq_id, slice, vtime, enq_flags | SIM_ENQ_PRIQ);
}

/* Flushes the buffer first, then takes the first task that may run here. */
bool scx_bpf_dsq_move_to_local(u64 dsq_id)
{
	struct sim_dsq *q;

	if (!sim.dispatching) {
		sim_error("scx_bpf_dsq_move_to_local() outside dispatch()");
		return false;
	}
	sim.cost += sim.costs.kfunc_ns;
	flush_dispatches();
	q = dsq_find(dsq_id);
	if (!q) {
		sim_error("invalid DSQ ID 0x%016llx", dsq_id);
		return false;
	}
	if (!consume_dsq(q, sim.dispatching))
		return false;
	sim.nr_moved++;
	return true;
}

/* Walks a queue as it stands; tasks that are queued meanwhile may or may not be seen. */
struct bpf_iter_scx_dsq bpf_iter_scx_dsq_begin(u64 dsq_id, u64 flags)
{
	struct sim_dsq *q = dsq_find(dsq_id);
	struct bpf_iter_scx_dsq it = { .reverse = flags & SCX_DSQ_ITER_REV };
	struct sim_task *p = NULL;

	if (!q)
		sim_error("invalid DSQ ID 0x%016llx", dsq_id);
	else
		p = it.reverse ? q->last : q->first;
	it.next = p ? &p->ts : NULL;
	return it;
}

struct task_struct *bpf_iter_scx_dsq_next(struct bpf_iter_scx_dsq *it)
{
	struct task_struct *ts = it->next;
	struct sim_task *p;

	if (!ts)
		return NULL;
	p = it->reverse ? task_of(ts)->prev : task_of(ts)->next;
	it->next = p ? &p->ts : NULL;
	return ts;
}

void scx_bpf_dsq_move_set_slice(struct bpf_iter_scx_dsq *it, u64 slice)
{
	it->slice = slice;
}

void scx_bpf_dsq_move_set_vtime(struct bpf_iter_scx_dsq *it, u64 vtime)
{
	it->vtime = vtime;
	it->has_vtime = true;
}

/* Moving to a local queue whose CPU the task may not use ends the scheduler. */
static bool move(struct bpf_iter_scx_dsq *it, struct task_struct *ts, u64 dsq_id,
		 u64 enq_flags)
{
	struct sim_task *p = task_of(ts);
	u64 slice = it->slice, vtime = it->has_vtime ? it->vtime : p->ts.scx.dsq_vtime;

	it->slice = 0;
	it->has_vtime = false;
	if (!p->dsq || p->dsq->id == SCX_DSQ_LOCAL)
		return false;
	sim.cost += sim.costs.kfunc_ns;
	trace_event(TR_MOVE, sim_this_cpu, p, p->dsq->id);
	dsq_remove(p);
	apply_insert(p, dsq_id, slice ? slice : p->ts.scx.slice, vtime, enq_flags);
	return true;
}

bool scx_bpf_dsq_move(struct bpf_iter_scx_dsq *it, struct task_struct *ts, u64 dsq_id,
		      u64 enq_flags)
{
	return move(it, ts, dsq_id, enq_flags & ~SIM_ENQ_PRIQ);
}

bool scx_bpf_dsq_move_vtime(struct bpf_iter_scx_dsq *it, struct task_struct *ts,
			    u64 dsq_id, u64 enq_flags)
{
	return move(it, ts, dsq_id, enq_flags | SIM_ENQ_PRIQ);
}

/*
 * A kick is carried out by irq_work when the callback's locks are gone. An idle kick of a CPU
 * that runs something is dropped at once.
 */
void scx_bpf_kick_cpu(s32 cpu, u64 flags)
{
	struct sim_cpu *c;

	if (cpu < 0 || cpu >= (s32)sim.nr_cpus) {
		sim_error("invalid CPU %d in scx_bpf_kick_cpu()", cpu);
		return;
	}
	c = &sim.cpus[cpu];
	sim.nr_kicks++;
	sim.cost += sim.costs.kick_ns;
	trace_event(TR_KICK, cpu, NULL, flags);
	if (flags & SCX_KICK_IDLE) {
		if (flags & SCX_KICK_PREEMPT)
			sim_error("PREEMPT/WAIT cannot be used with SCX_KICK_IDLE");
		if (c->curr && !c->in_dispatch)
			return;
	}
	queue_work(WORK_KICK, cpu, flags);
}

s32 scx_bpf_task_cpu(const struct task_struct *p)
{
	return task_of(p)->cpu;
}

bool scx_bpf_task_running(const struct task_struct *p)
{
	return task_of(p)->on_cpu;
}

u32 scx_bpf_nr_cpu_ids(void)
{
	return sim.nr_cpus;
}

bool bpf_cpumask_test_cpu(u32 cpu, const struct cpumask *mask)
{
	return cpu < sim.nr_cpus && mask_test(mask, cpu);
}

struct task_struct *bpf_task_acquire(struct task_struct *p)
{
	return p;
}

void bpf_task_release(struct task_struct *p)
{
}

/* A task that is bound to one CPU gets that one if it is idle. */
s32 scx_bpf_select_cpu_dfl(struct task_struct *p, s32 prev_cpu, u64 wake_flags,
			   bool *is_idle)
{
	s32 cpu;

	*is_idle = false;
	if (prev_cpu < 0 || prev_cpu >= (s32)sim.nr_cpus) {
		sim_error("invalid CPU %d in scx_bpf_select_cpu_dfl()", prev_cpu);
		return prev_cpu;
	}
	sim.cost += sim.costs.kfunc_ns;
	if (p->nr_cpus_allowed == 1 || p->migration_disabled)
		cpu = mask_test(p->cpus_ptr, (u32)prev_cpu) && idle_claim((u32)prev_cpu)
			      ? prev_cpu
			      : -EBUSY;
	else
		cpu = idle_select(task_of(p), prev_cpu, wake_flags);
	if (cpu < 0)
		return prev_cpu;
	*is_idle = true;
	return cpu;
}

s32 scx_bpf_pick_idle_cpu(const struct cpumask *allowed, u64 flags)
{
	return idle_pick(allowed, flags & 1);
}

const struct cpumask *scx_bpf_get_online_cpumask(void)
{
	return &sim.online;
}

void scx_bpf_put_cpumask(const struct cpumask *mask)
{
	(void)mask;
}

bool scx_bpf_test_and_clear_cpu_idle(s32 cpu)
{
	if (cpu < 0 || cpu >= (s32)sim.nr_cpus) {
		sim_error("invalid CPU %d in scx_bpf_test_and_clear_cpu_idle()", cpu);
		return false;
	}
	return idle_claim((u32)cpu);
}

/* From cpu_release(): what waits in this CPU's local queue is enqueued again. */
u32 scx_bpf_reenqueue_local(void)
{
	struct sim_cpu *c = &sim.cpus[sim_this_cpu];
	struct sim_task *p, *list = NULL, **at = &list;
	u32 nr = 0;

	while ((p = c->local.first)) {
		dsq_remove(p);
		*at = p;
		at = &p->next;
	}
	while ((p = list)) {
		list = p->next;
		p->next = NULL;
		do_enqueue(p, ENQ_REENQ, NO_CPU);
		nr++;
	}
	return nr;
}

/* Only the text of the format: what our BPF half reports that way has no arguments to lose. */
void scx_bpf_error_bstr(char *fmt, unsigned long long *data, u32 size)
{
	sim_error("%s", fmt);
}

/* The BPF half ends itself: the kernel's own scheduler returns. */
void scx_bpf_exit_bstr(s64 exit_code, char *fmt, unsigned long long *data, u32 size)
{
	sim_error("%s", fmt);
}

void scx_bpf_dump_bstr(char *fmt, unsigned long long *data, u32 size)
{
}
