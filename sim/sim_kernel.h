/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel as the BPF half sees it, for native builds: bpf/kernel.h includes this instead of
 * its own declarations when QUMUN_BPF_NATIVE is set. Types carry the fields that the BPF half
 * names, maps become arrays that hang on the map's own definition, kfuncs are functions of the
 * model (kfuncs.c).
 *
 * A map's definition is a struct of typed pointers. An array map keeps its storage in `value`
 * and its size in `max_entries` (a number in a pointer's clothes); sim/bpf.c fills both.
 */
#ifndef SIM_KERNEL_H
#define SIM_KERNEL_H

#include <errno.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SIM_MAX_CPUS 1024

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __s32 s32;
typedef __u64 u64;
typedef __s64 s64;

#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#undef __noinline
#define __noinline __attribute__((noinline))
#undef __arg_trusted
#define __arg_trusted
#undef __weak
#define __weak
#define __ksym
#define __kptr
#define SEC(name)
#define LOADER_CONST

/* maps */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
	BPF_MAP_TYPE_CGRP_STORAGE = 32,
	BPF_MAP_TYPE_ARENA = 33,
};

enum {
	BPF_F_NO_PREALLOC = 1U << 0,
	BPF_F_MMAPABLE = 1U << 10,
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1ULL << 0,
	BPF_RB_NO_WAKEUP = 1ULL << 0,
	BPF_RB_FORCE_WAKEUP = 1ULL << 1,
};

#define __uint(name, val) int(*name)[val]
#define __type(name, val) __typeof__(val) *name
/* of maps: each is told by its address */
#define __array(name, val) __typeof__(val) *value

#define bpf_map_lookup_elem(map, key)                                                    \
	({                                                                               \
		__typeof__((map)->value) ___v = NULL;                                    \
		if (*(key) < (uintptr_t)(map)->max_entries)                              \
			___v = &(map)->value[*(key)];                                    \
		___v;                                                                    \
	})
/* one task storage map: its value lies in the task */
#define bpf_task_storage_get(map, p, init, flags)                                        \
	((__typeof__((map)->value))sim_task_storage(p, sizeof(*(map)->value), flags))
/* one cgroup storage map: its value lies in the cgroup */
#define bpf_cgrp_storage_get(map, cgrp, init, flags)                                     \
	((__typeof__((map)->value))sim_cgroup_storage(cgrp, sizeof(*(map)->value), flags))
#define bpf_ringbuf_reserve(map, size, flags) sim_ringbuf_reserve(map, size)
#define bpf_ringbuf_submit(data, flags) sim_ringbuf_submit(data, flags)

#define bpf_for(i, from, to) for ((i) = (from); (i) < (to); (i)++)
#define bpf_for_each(type, cur, args...)                                                 \
	for (struct bpf_iter_##type ___it = bpf_iter_##type##_begin(args);               \
	     ((cur) = bpf_iter_##type##_next(&___it));)
#define bpf_kptr_xchg(p, v) __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define bpf_core_enum_value(type, value) (value)
#define bpf_core_field_exists(field) 1
#define bpf_get_smp_processor_id() (sim_this_cpu)
#define bpf_ktime_get_ns() (sim_now)
#define bpf_get_current_task_btf()                                                       \
	((struct task_struct *)NULL) /* tasks come from nowhere */
#define bpf_probe_read_kernel_str(dst, size, src) sim_read_str(dst, size, src)

#define SIM_READ_2(p, a) ((p)->a)
#define SIM_READ_3(p, a, b) ((p)->a->b)
#define SIM_READ_4(p, a, b, c) ((p)->a->b->c)
#define SIM_READ_5(p, a, b, c, d) ((p)->a->b->c->d)
#define SIM_READ_PICK(_1, _2, _3, _4, _5, name, ...) name
#define BPF_CORE_READ(...)                                                               \
	SIM_READ_PICK(__VA_ARGS__, SIM_READ_5, SIM_READ_4, SIM_READ_3,                   \
		      SIM_READ_2, )(__VA_ARGS__)

/* Which of the kfuncs that come and go this kernel has: it is a 7.x one. */
#define bpf_ksym_exists(sym) SIM_HAS_##sym
#define SIM_HAS_scx_bpf_dsq_insert 1
#define SIM_HAS_scx_bpf_dsq_insert_vtime 1
#define SIM_HAS_scx_bpf_dsq_move_to_local 1
#define SIM_HAS_scx_bpf_dsq_move 1
#define SIM_HAS_scx_bpf_dsq_move_vtime 1
#define SIM_HAS_scx_bpf_now 1
#define SIM_HAS_scx_bpf_reenqueue_local 1

/* types */
struct cpumask {
	unsigned long bits[SIM_MAX_CPUS / 64];
};

struct kernfs_node {
	u64 id;
};

struct cgroup {
	int level;
	struct kernfs_node *kn;
	struct cgroup *parent;
	u64 storage; /* ours: the cgroup storage map's value */
	bool has_storage;
};

/* Callbacks are atomic here. */
struct bpf_spin_lock {
	u32 val;
};

static inline void bpf_spin_lock(struct bpf_spin_lock *lock)
{
	lock->val = 1;
}

static inline void bpf_spin_unlock(struct bpf_spin_lock *lock)
{
	lock->val = 0;
}

struct css_set {
	struct cgroup *dfl_cgrp;
};

typedef struct {
	u32 val;
} kuid_t;

struct cred {
	kuid_t uid;
};

struct sched_ext_entity {
	u32 flags;
	u64 slice;
	u64 dsq_vtime;
};

#define SIM_STORAGE_WORDS 4

struct sched_entity {
	u64 sum_exec_runtime;
};

struct task_struct {
	unsigned int __state;
	unsigned int flags;
	int static_prio;
	unsigned int policy;
	int nr_cpus_allowed;
	const struct cpumask *cpus_ptr;
	unsigned short migration_disabled;
	int pid;
	int tgid;
	u64 start_boottime;
	unsigned long nvcsw;
	unsigned long nivcsw;
	char comm[16];
	struct css_set *cgroups;
	const struct cred *cred;
	struct sched_entity se;
	struct sched_ext_entity scx;
	u64 storage[SIM_STORAGE_WORDS]; /* ours: the task storage map's value */
	bool has_storage;
};

#define SCX_DSQ_ITER_REV (1ULL << 16)
#define BPF_FOR_EACH_ITER (&___it)

struct bpf_iter_scx_dsq {
	struct task_struct *next;
	bool reverse;
	bool has_vtime;
	u64 slice, vtime;
};

struct bpf_iter_scx_dsq bpf_iter_scx_dsq_begin(u64 dsq_id, u64 flags);
struct task_struct *bpf_iter_scx_dsq_next(struct bpf_iter_scx_dsq *it);
void scx_bpf_dsq_move_set_slice(struct bpf_iter_scx_dsq *it, u64 slice);
void scx_bpf_dsq_move_set_vtime(struct bpf_iter_scx_dsq *it, u64 vtime);
bool scx_bpf_dsq_move(struct bpf_iter_scx_dsq *it, struct task_struct *p, u64 dsq_id,
		      u64 enq_flags);
bool scx_bpf_dsq_move_vtime(struct bpf_iter_scx_dsq *it, struct task_struct *p,
			    u64 dsq_id, u64 enq_flags);

/* One timer in all, at the beginning of its map's value. */
struct bpf_timer {
	int (*callback)(void *map, u32 *key, void *value);
};

long bpf_timer_init(struct bpf_timer *timer, void *map, u64 clock);
long bpf_timer_set_callback(struct bpf_timer *timer,
			    int (*callback)(void *map, u32 *key, void *value));
long bpf_timer_start(struct bpf_timer *timer, u64 ns, u64 flags);

struct scx_init_task_args {
	bool fork;
	struct cgroup *cgroup;
};

struct scx_cgroup_init_args {
	u32 weight;
	bool sched_idle; /* since 7.3 */
};

struct scx_exit_task_args {
	bool cancelled;
};

struct scx_cpu_release_args {
	int reason;
};
struct scx_dump_ctx;

enum scx_exit_kind {
	SCX_EXIT_NONE = 0,
	SCX_EXIT_UNREG = 64,
	SCX_EXIT_ERROR = 1024,
	SCX_EXIT_ERROR_STALL = 1026,
};

struct scx_exit_info {
	enum scx_exit_kind kind;
	s64 exit_code;
	const char *reason;
	char *msg;
	char *dump;
};

struct sched_ext_ops {
	s32 (*select_cpu)(struct task_struct *p, s32 prev_cpu, u64 wake_flags);
	void (*enqueue)(struct task_struct *p, u64 enq_flags);
	void (*dispatch)(s32 cpu, struct task_struct *prev);
	void (*tick)(struct task_struct *p);
	void (*running)(struct task_struct *p);
	void (*stopping)(struct task_struct *p, bool runnable);
	void (*set_weight)(struct task_struct *p, u32 weight);
	void (*set_cpumask)(struct task_struct *p, const struct cpumask *mask);
	s32 (*init_task)(struct task_struct *p, struct scx_init_task_args *args);
	void (*exit_task)(struct task_struct *p, struct scx_exit_task_args *args);
	void (*enable)(struct task_struct *p);
	void (*disable)(struct task_struct *p);
	void (*cpu_online)(s32 cpu);
	void (*cpu_offline)(s32 cpu);
	void (*cpu_release)(s32 cpu, struct scx_cpu_release_args *args);
	void (*dump)(struct scx_dump_ctx *ctx);
	void (*dump_cpu)(struct scx_dump_ctx *ctx, s32 cpu, bool idle);
	void (*dump_task)(struct scx_dump_ctx *ctx, struct task_struct *p);
	s32 (*cgroup_init)(struct cgroup *cgrp, struct scx_cgroup_init_args *args);
	void (*cgroup_exit)(struct cgroup *cgrp);
	void (*cgroup_move)(struct task_struct *p, struct cgroup *from,
			    struct cgroup *to);
	void (*cgroup_set_weight)(struct cgroup *cgrp, u32 weight);
	void (*cgroup_set_idle)(struct cgroup *cgrp, bool idle);
	s32 (*init)(void);
	void (*exit)(struct scx_exit_info *info);
	u32 dispatch_max_batch;
	u64 flags;
	u32 timeout_ms;
	u32 exit_dump_len;
	char name[128];
};

#define ENQ_WAKEUP 1ULL
#define ENQ_HEAD 16ULL
#define ENQ_PREEMPT (1ULL << 32)
#define ENQ_REENQ (1ULL << 40)
#define SCX_WAKE_SYNC 16
#define CLOCK_MONOTONIC 1
#define SCX_DSQ_GLOBAL 0x8000000000000001ULL
#define SCX_DSQ_LOCAL 0x8000000000000002ULL
#define SCX_KICK_IDLE 1ULL
#define SCX_KICK_PREEMPT 2ULL
#define SCX_TASK_QUEUED 1U
#ifndef SCHED_BATCH
#define SCHED_BATCH 3
#define SCHED_IDLE 5
#endif
#define PF_EXITING 0x00000004U
#define PF_KTHREAD 0x00200000U
#define TASK_STOPPED_OR_TRACED 0x0000000cU
#define TASK_STATE_DEAD 0x00000080U

#define BPF_STRUCT_OPS(name, args...) name(args)
#define BPF_STRUCT_OPS_SLEEPABLE(name, args...) name(args)
#define BPF_PROG(name, args...) name(args)

/* the model's side */
extern s32 sim_this_cpu; /* the CPU that executes now */
extern u64 sim_now;	 /* virtual time, ns; during an op the runqueue's clock */

void *sim_task_storage(struct task_struct *p, size_t size, u64 flags);
void *sim_cgroup_storage(struct cgroup *cgrp, size_t size, u64 flags);
struct cgroup *bpf_cgroup_ancestor(struct cgroup *cgrp, int level);
void bpf_cgroup_release(struct cgroup *cgrp);
void *sim_ringbuf_reserve(void *map, size_t size);
void sim_ringbuf_submit(void *data, u64 flags);
long sim_read_str(char *dst, size_t size, const char *src);

s32 scx_bpf_create_dsq(u64 dsq_id, s32 node);
u32 scx_bpf_dispatch_nr_slots(void);
void scx_bpf_dispatch_cancel(void);
s32 scx_bpf_dsq_nr_queued(u64 dsq_id);
void scx_bpf_kick_cpu(s32 cpu, u64 flags);
s32 scx_bpf_task_cpu(const struct task_struct *p);
bool scx_bpf_task_running(const struct task_struct *p);
s32 scx_bpf_select_cpu_dfl(struct task_struct *p, s32 prev_cpu, u64 wake_flags,
			   bool *is_idle);
s32 scx_bpf_pick_idle_cpu(const struct cpumask *allowed, u64 flags);
bool scx_bpf_test_and_clear_cpu_idle(s32 cpu);
u32 scx_bpf_nr_cpu_ids(void);
const struct cpumask *scx_bpf_get_online_cpumask(void);
void scx_bpf_put_cpumask(const struct cpumask *mask);
void scx_bpf_exit_bstr(s64 exit_code, char *fmt, unsigned long long *data, u32 size);
void scx_bpf_error_bstr(char *fmt, unsigned long long *data, u32 size);
void scx_bpf_dump_bstr(char *fmt, unsigned long long *data, u32 size);
bool bpf_cpumask_test_cpu(u32 cpu, const struct cpumask *mask);
struct task_struct *bpf_task_acquire(struct task_struct *p);
void bpf_task_release(struct task_struct *p);
void scx_bpf_dsq_insert(struct task_struct *p, u64 dsq_id, u64 slice, u64 enq_flags);
void scx_bpf_dsq_insert_vtime(struct task_struct *p, u64 dsq_id, u64 slice, u64 vtime,
			      u64 enq_flags);
bool scx_bpf_dsq_move_to_local(u64 dsq_id);
u64 scx_bpf_now(void);
u32 scx_bpf_reenqueue_local(void);

static inline void bpf_rcu_read_lock(void)
{
}

static inline void bpf_rcu_read_unlock(void)
{
}

/* names of older kernels: never reached */
#define scx_bpf_dispatch___old scx_bpf_dsq_insert
#define scx_bpf_dispatch_vtime___old scx_bpf_dsq_insert_vtime
#define scx_bpf_consume___old scx_bpf_dsq_move_to_local
#define scx_bpf_dispatch_from_dsq_set_slice___old scx_bpf_dsq_move_set_slice
#define scx_bpf_dispatch_from_dsq___old scx_bpf_dsq_move
#define scx_bpf_dispatch_from_dsq_set_vtime___old scx_bpf_dsq_move_set_vtime
#define scx_bpf_dispatch_vtime_from_dsq___old scx_bpf_dsq_move_vtime

#endif
