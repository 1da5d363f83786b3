/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of libqumun share. */
#ifndef QUMUN_INTERNAL_H
#define QUMUN_INTERNAL_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <qumun.h>
#include <qumun/abi.h>
#include <qumun/atomic.h>
#include <qumun/private.h>

#include "../engine/engine.h"

#define ERROR_TEXT 4096

enum link_id {
	LINK_EXIT,	/* tracepoint: a process exits */
	LINK_SCHEDULER, /* the struct_ops */
	LINK_RENAME,	/* tracepoints that a kernel may lack */
	LINK_EXEC,
	NR_LINKS,
};

/* An engine with its memory. */
struct engine_box {
	struct engine engine;
	void *memory;
	size_t size;
};

/* A policy thread: what it decides with, and what it waits for. */
struct shard {
	struct qumun *q;
	__u32 id;
	pthread_t thread; /* of the others than shard 0, which is qumun_run()'s */
	int started;	  /* how that went: 0 or a negative errno */
	struct engine_box *engine; /* who decides; the policy thread's while it runs */
	struct engine_box *_Atomic next_engine, *_Atomic old_engine; /* policy.c */
	struct ring_buffer *bell;
	int bell_fd;
	int wait_fd; /* epoll: the bell, stop_fd and nudge_fd */
	__u64 faults_minor_base, faults_major_base;
	atomic_ullong faults_minor, faults_major;
};

struct qumun {
	struct qumun_options opt;
	struct bpf_object *obj;	    /* NULL: taken over, everything comes from the pins */
	struct btf *kernel_btf;	    /* of the running kernel; only while loading */
	int links[NR_LINKS];	    /* links.c; -1: not attached */
	int link_sources[NR_LINKS]; /* opened from pins; link_source() */
	atomic_bool attached;

	/* what the `control` map holds; written through control_write() */
	struct bpf_control control;
	pthread_mutex_t control_lock;
	bool resigned; /* qumun_run() is over: the BPF half decides, whatever the mode */
	__u32 record_limit;

	/* descriptors of the maps that are used while running */
	int control_fd;
	int cpus_fd;
	int exit_report_fd;
	int task_info_fd;
	int free_slots_fd;
	int slots_fd;
	int arena_fd;
	int exit_events_fd;
	int rule_events_fd;
	int watch_fd;
	int handover_fd;
	int trace_state_fd;
	int trace_events_fd;

	/* takeover.c */
	bool pinned; /* links and maps outlive this process */
	struct bpf_handover *handover;
	bool handed_over;   /* another process decides now */
	bool warned_limits; /* cpu_max_warn() did */

	void *reserved; /* the arena's address range */
	struct qumun_arena *arena;
	size_t arena_size;
	__u32 nr_cpus;

	const struct qumun_policy_ops *policy;
	void *plugin;	 /* dlopen handle of the policy, or NULL */
	bool plugin_odd; /* see open_plugin() */

	struct shard *shards;
	__u32 nr_shards;
	sem_t shard_started;
	atomic_bool run_over; /* qumun_run() ends: the other policy threads do too */
	int nudge_fd;	      /* eventfd: bell_nudge() */
	struct ring_buffer *exit_rb;
	__s32 exit_pid; /* the event that was just taken from exit_rb */

	pthread_t housekeeper;
	bool housekeeper_runs;
	int stop_fd; /* eventfd: qumun_stop() and detach */
	atomic_bool stopping;

	struct ring_buffer *trace_rb; /* trace.c; or NULL */
	__u32 interrupt_bits;	      /* of the kernel's preemption count */
	pthread_mutex_t trace_lock;
	enum trace_phase {
		TRACE_NEVER,
		TRACE_ON,
		TRACE_STOPPED, /* by qumun_trace_stop() */
		TRACE_ENDED,   /* with the scheduler */
	} trace;
	struct trace_reading *trace_reading; /* during qumun_trace_read() */

	struct rules *rules; /* rule_thread.c */

	struct topology *topology;
	struct task_info_sync *sync;

	/* qumun_get_scheduler_stats(): what the previous call saw */
	__u64 stats_wait_ns, stats_runs, stats_run_ns, stats_at;
	__u64 idle_floor
		[QUMUN_MAX_CPUS]; /* idle time as last reported; never goes back */

	const struct bpf_exit_report *exit_report; /* the map's own memory, or NULL */
	unsigned long long id;	/* never used twice in a process; not 0 */
	char error[ERROR_TEXT]; /* errors.c */
};

#define QUMUN_API __attribute__((visibility("default")))

static inline struct qumun_cpu *arena_cpus(const struct qumun *q)
{
	return (struct qumun_cpu *)((char *)q->arena + q->arena->cpus_off);
}

static inline struct qumun_shard *arena_shards(const struct qumun *q)
{
	return (struct qumun_shard *)((char *)q->arena + q->arena->shards_off);
}

static inline struct qumun_task *arena_tasks(const struct qumun *q)
{
	return (struct qumun_task *)((char *)q->arena + q->arena->records_off);
}

/* errors.c: remember and log a sentence, return @err (a negative errno). @q may be NULL. */
int qumun_fail(struct qumun *q, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void qumun_say(struct qumun *q, enum qumun_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

void errors_keep(const struct qumun *q);

/* embedded.c: the BPF object inside the library. */
const void *embedded_bpf(size_t *size);

/* ops.c: the struct_ops map before load: flags, watchdog, ops that this kernel lacks. */
int ops_configure(struct qumun *q, struct bpf_map *ops, struct bpf_config *config);
bool ops_member(const struct btf *kernel, const char *name); /* of sched_ext_ops */

/* control.c: write q->control to the BPF half. */
int control_write(struct qumun *q);

/* load.c: a handle, or NULL; what is wrong with its options, whose defaults are filled in. */
struct qumun *qumun_new(const struct qumun_options *options);
int check_options(struct qumun *q, const struct qumun_options *options);

/* takeover.c */
int takeover_pin(struct qumun *q);
void takeover_unpin(void);
int takeover_attach(struct qumun *q);
/* params.c: the same values as a new set; what depends on the former one ends. */
void params_renew(struct qumun *q);
void takeover_close(struct qumun *q);
int handover_open(struct qumun *q);
void handover_close(struct qumun *q);
bool takeover_lost(const struct qumun *q);
void takeover_answer(struct qumun *q);

/*
 * shards.c: how many, before load; after it which CPU is whose, and q->shards with their bells, for
 * which takeover.c has descriptors of its own.
 */
int shards_choose(struct qumun *q);
int shards_deal(struct qumun *q);
int shards_alloc(struct qumun *q);
int shards_open(struct qumun *q);
void shards_close(struct qumun *q);

/* bell.c: what policy threads with nothing to do wait for. */
int bell_create(struct shard *sh, int bells_fd);
int bell_open(struct shard *sh);
void bell_close(struct shard *sh);
void bell_wait(struct shard *sh, __u64 timeout_ns);
void bell_nudge(struct qumun *q); /* end all waits */

/* policy.c; policy_prepare() is called with the lock held, which keeps the policy as it is. */
void policy_lock(void);
void policy_unlock(void);
int policy_prepare(struct qumun *q);
int policy_use(struct qumun *q, const struct qumun_policy_ops *ops); /* @ops is checked */
/* A policy thread, between two passes: take over what qumun_set_policy() left. */
void policy_switch(struct shard *sh);
struct engine_box *engine_box_free(struct engine_box *box); /* returns NULL */

/* run.c: make present what a policy thread will touch of @box, and the code that it will run. */
void settle_box(struct engine_box *box);
void settle_code(const struct qumun_policy_ops *ops);

/* attach.c: it is certain that no sched_ext scheduler is attached, ours or another. */
bool scx_is_free(void);

/* cpu_max.c: say once which cgroups lose their limit by this attach */
void cpu_max_warn(struct qumun *q);

/*
 * links.c. link_attach(): -ENOENT if this kernel lacks the tracepoint. link_source(): the descriptor
 * of the map or program that a link is made from, or negative. links_close() detaches what is not
 * pinned; links_forget() is for the end of the handle.
 */
void links_init(struct qumun *q);
int link_attach(struct qumun *q, enum link_id id);
int link_source(const struct qumun *q, enum link_id id);
void links_close(struct qumun *q);
void links_forget(struct qumun *q);

/* exit_report.c: the map that says why the kernel ended the scheduler, mapped. */
int exit_report_open(struct qumun *q);
void exit_report_close(struct qumun *q);
bool exit_seen(const struct qumun *q);
int exit_report_clear(struct qumun *q);

/* housekeeper.c: the thread beside the policy: slab growth, task_info_map, ejection. */
int housekeeper_start(struct qumun *q);
void housekeeper_stop(struct qumun *q);

/* plugin.c */
void plugin_close(struct qumun *q);

/* arena.c: reserve address space, lay the arena out, touch what will be used. */
size_t arena_layout(struct qumun_arena *a, __u32 nr_cpus, __u32 nr_shards,
		    __u32 max_records);
int arena_reserve(struct qumun *q, size_t size, void **addr);
void arena_fill(struct qumun *q, const struct qumun_arena *layout);
void arena_touch_records(struct qumun *q, __u32 from, __u32 to);

/* sync.c: keep task_info_map fresh; called by the housekeeper every 100 ms. */
int sync_start(struct qumun *q);
void sync_tick(struct qumun *q);
void sync_free(struct qumun *q);
__u32 sync_high_water(struct qumun *q);	  /* records from here on were never used */
__u64 sync_rows_refused(struct qumun *q); /* tasks without a row: max_tasks reached */

/* exit_events.c */
void exit_events_close(struct qumun *q);

/* trace.c */
void trace_prepare(struct qumun *q, const struct btf *kernel);
void trace_off(struct qumun *q);
void trace_detached(struct qumun *q);
void trace_close(struct qumun *q);

/* rule_thread.c: which rule counts for whom, kept up to date. */
void rules_prepare(struct qumun *q); /* before load */
void rules_attach(struct qumun *q);
int rules_open(struct qumun *q);
int rules_start(struct qumun *q);
void rules_stop(struct qumun *q);
void rules_close(struct qumun *q);

/* topology.c: read sysfs under @root (NULL: /sys), write what struct qumun_cpu says of it. */
int topology_load(const char *root, __u32 nr_cpus, struct topology **t);
void topology_apply(struct qumun *q, const struct topology *t);
/* The shard that decides for @cpu, of @nr_shards: set once, at load. */
__u32 topology_shard(const struct topology *t, __u32 cpu, __u32 nr_shards);
struct topology *topology_free(struct topology *t);

/* Domains of a level are numbered 0 .. topology_count() - 1, in the order of their first CPU. */
enum topology_level {
	TOPOLOGY_SMT,
	TOPOLOGY_L2,
	TOPOLOGY_LLC,
	TOPOLOGY_NODE,
	TOPOLOGY_NR_LEVELS,
};

__u32 topology_count(const struct topology *t, enum topology_level level);
int topology_domain(const struct topology *t, enum topology_level level, __u32 cpu);
bool topology_online(const struct topology *t, __u32 cpu);
bool topology_possible(const struct topology *t, __u32 cpu);
/* CPUs are numbered below this, with holes on some machines; 0: sysfs does not tell. */
__u32 topology_cpu_ids(const char *root);
/* Set those that are online, all if sysfs does not tell. */
void topology_read_online(const char *root, bool *online, __u32 nr_cpus);

/*
 * check.c: a sentence about the first thing that is missing here, where @kernel describes the running
 * kernel, or NULL.
 */
const char *check_missing(const struct btf *kernel);
/* The same of any kernel that @btf describes; NULL: one without type information. */
const char *check_missing_in(const struct btf *btf);

#endif
