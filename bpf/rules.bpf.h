/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reports for the rules: whose identity changed, so that libqumun looks again which rule counts.
 *
 * Birth is seen in init_task; rename and exec have tracepoints and no ops callback. A program at
 * a tracepoint is not run while another run of it is preempted on the same CPU, and the report
 * wakes somebody: so the name is looked at again when the task begins to run, goes on or stops
 * (it may be the old one then, if the task was preempted in the midst of its rename). Neither a
 * change of user nor a move between cgroups has one that covers every kernel and configuration
 * (the cgroup ops see only cgroups with the cpu controller), so the task's pointers to its
 * credentials and its set of cgroups are compared each time it begins to run, goes on or stops:
 * two loads. Both are replaced as a whole by the kernel on every change.
 */
#ifndef QUMUN_BPF_RULES_H
#define QUMUN_BPF_RULES_H

#include "state.bpf.h"

static __always_inline void report_task(struct bpf_cpu_priv *cp, u32 slot)
{
	struct bpf_control *ctl = control_priv();
	u64 *event;

	if (!ctl || !ctl->rules)
		return;
	event = bpf_ringbuf_reserve(&rule_events, sizeof(*event), 0);
	if (!event) {
		count(cp, rule_events_lost);
		return;
	}
	*event = slot;
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void note_comm(struct qumun_task QUMUN_ARENA *rec,
				      const char *from)
{
	char comm[QUMUN_COMM_LEN] = { 0 };
	u32 i;

	bpf_probe_read_kernel_str(comm, sizeof(comm), from);
	bpf_for(i, 0, QUMUN_COMM_LEN)
		rec->comm[i & (QUMUN_COMM_LEN - 1)] = comm[i & (QUMUN_COMM_LEN - 1)];
}

/* User and cgroup as of now. */
static __always_inline void note_owner(struct task_struct *p, struct slot_priv *s,
				       struct qumun_task QUMUN_ARENA *rec)
{
	s->cred = (u64)p->cred;
	s->css_set = (u64)p->cgroups;
	rec->uid = BPF_CORE_READ(p, cred, uid.val);
	rec->cgroup_id = BPF_CORE_READ(p, cgroups, dfl_cgrp, kn, id);
}

__noinline int identity_changed(struct task_struct *p __arg_trusted, u32 slot)
{
	struct bpf_cpu_priv *cp = cpu_priv(bpf_get_smp_processor_id());
	struct slot_priv *s = slot_priv(slot);

	use_arena();
	if (!cp || !s)
		return 0;
	note_owner(p, s, arena_task(slot));
	note_comm(arena_task(slot), p->comm);
	report_task(cp, slot);
	return 0;
}

static __always_inline bool same_name(struct task_struct *p,
				      struct qumun_task QUMUN_ARENA *rec)
{
	const u64 *now = (const u64 *)p->comm;
	const u64 QUMUN_ARENA *noted = (const u64 QUMUN_ARENA *)rec->comm;

	/* the last byte ends it, here */
	return now[0] == noted[0] && !((now[1] ^ noted[1]) << 8);
}

/* @p begins to run, goes on or stops: does it still have its name? */
static __always_inline void check_name(struct task_struct *p, u32 slot)
{
	if (!same_name(p, arena_task(slot)))
		identity_changed(p, slot);
}

/* @p begins to run, goes on or stops: has somebody moved it? */
static __always_inline void check_owner(struct task_struct *p, struct slot_priv *s,
					u32 slot)
{
	if (s->cred != (u64)p->cred || s->css_set != (u64)p->cgroups)
		identity_changed(p, slot);
}

#ifndef QUMUN_BPF_NATIVE

SEC("tp_btf/task_rename")
int BPF_PROG(gthulhu_task_rename, struct task_struct *p, const char *comm)
{
	struct bpf_cpu_priv *cp = cpu_priv(bpf_get_smp_processor_id());
	struct task_ctx *tc = task_ctx(p);

	use_arena();
	if (!cp || !tc || tc->slot >= max_records)
		return 0;
	/* the task itself still has the old name */
	note_comm(arena_task(tc->slot), comm);
	report_task(cp, tc->slot);
	return 0;
}

/* A thread that executes takes the process over, with its pid; a set-uid file changes the user. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(gthulhu_process_exec, struct task_struct *p)
{
	struct bpf_cpu_priv *cp = cpu_priv(bpf_get_smp_processor_id());
	struct task_ctx *tc = task_ctx(p);
	struct qumun_task QUMUN_ARENA *rec;
	struct slot_priv *s;

	use_arena();
	if (!cp || !tc || tc->slot >= max_records || !(s = slot_priv(tc->slot)))
		return 0;
	rec = arena_task(tc->slot);
	rec->pid = p->pid;
	rec->tgid = p->tgid;
	note_comm(rec, p->comm);
	note_owner(p, s, rec);
	report_task(cp, tc->slot);
	return 0;
}

#endif
#endif
