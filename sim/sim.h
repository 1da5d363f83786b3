/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The deterministic simulator: the real BPF half, engine and policies in virtual time.
 *
 * One run at a time: the BPF half's state is global, so is the model's (`sim`). sim_run() resets
 * everything first; the same scenario and seed give the same trace, byte for byte.
 *
 * Time. Everything happens at an event's instant. Code that runs inside the kernel on a CPU adds
 * to that CPU's `cost`; when the event ends, the CPU is busy with it until `free_at`, and what
 * arrives for it earlier waits until then (interrupts are off). Callbacks see the runqueue's
 * clock, which stands still during an event, as scx_bpf_now() does.
 *
 * Tie-breaks. Of two events at the same instant the smaller kind goes first (enum ev_kind), then
 * the smaller number (CPU or task). Nothing else orders them.
 *
 * Atomicity. A callback of the BPF half, a pass of the engine, and each step of the policy
 * thread's loop are atomic; every interleaving of these that the event times allow is one that
 * a real machine can produce. Races inside a callback are out of the simulator's sight.
 *
 * Layers: queue.c, idle.c, kfuncs.c, core.c, switch.c and change.c are the kernel; bpf.c holds the BPF
 * half; policy.c drives the engine; workload.c and scenario.c say what tasks do; stats.c,
 * trace.c and check.c watch; the rest is the command line.
 */
#ifndef SIM_H
#define SIM_H

#include <stdarg.h>
#include <stdio.h>

#include "sim_kernel.h"

#include "scenario.h"

#define NSEC_PER_SEC 1000000000ULL
#define NO_CPU (-1)
#define SIM_EPOCH NSEC_PER_SEC /* the clock at the start: to the BPF half 0 means never */
#define SIM_ENQ_PRIQ (1ULL << 57) /* internal to the kernel: ordered by vtime */
#define SIM_DSQ_INVALID 0x8000000000000000ULL
#define SIM_DSQ_GLOBAL 0x8000000000000001ULL
#define SIM_DSQ_LOCAL_ON 0xc000000000000000ULL

/* Which of two simultaneous events goes first. */
enum ev_kind {
	EV_SCRIPT, /* the scenario intervenes */
	EV_TIMER,  /* a sleeper's timer */
	EV_BPF_TIMER,
	EV_RESCHED, /* a reschedule request reaches a CPU */
	EV_TICK,
	EV_RUN, /* the running task has used up its piece of work */
	EV_WATCHDOG,
	EV_END,
};

/* An event lies in the object it concerns; `pos` is its place in the heap + 1. */
struct event {
	u64 at;
	u64 order; /* kind << 32 | number */
	u32 pos;
};

struct event_heap {
	struct event **v;
	u32 nr, room;
};

struct sim_task;

/* A dispatch queue: FIFO list, and for vtime queues a treap beside it (queue.c). */
struct sim_dsq {
	u64 id;
	struct sim_task *first, *last, *root;
	u32 nr;
	u32 seed;
};

enum ops_state { OPSS_NONE, OPSS_QUEUEING, OPSS_QUEUED, OPSS_DISPATCHING };

/* What a task does next, beyond burning CPU. */
enum task_life { TASK_NEW, TASK_RUNNABLE, TASK_SLEEPING, TASK_DEAD };

struct sim_task {
	struct task_struct ts; /* first: the BPF half's pointers are ours */
	struct cpumask mask;
	u32 id;
	enum task_life life;
	s32 cpu; /* task_cpu(): the runqueue it belongs to */
	bool on_cpu;
	bool blocking; /* it goes to sleep at the next schedule() */
	bool dying;
	bool pushed; /* the stopper takes it off its CPU at the next schedule() */
	u8 signal;   /* enum task_signal, pending */

	/* sched_ext core */
	enum ops_state ops_state;
	u64 ops_qseq;
	u64 ddsp_dsq, ddsp_slice, ddsp_vtime, ddsp_flags;
	struct sim_dsq *dsq;
	struct sim_task *next, *prev;  /* in the queue's list */
	struct sim_task *left, *right; /* in the queue's treap */
	u32 heap_prio;
	bool on_priq;
	u64 dsq_key_seq;

	/* time */
	u64 exec_start;	 /* update_curr()'s stamp */
	u64 runnable_at; /* the watchdog's stamp */
	bool reset_runnable_at;
	u64 wake_at;   /* woken and not yet run since; 0: none */
	u64 wait_from; /* runnable, not running since; 0: running or asleep */
	struct event timer;
	s32 timer_cpu;
	u64 timer_due;

	/* workload */
	const struct scen_task *prog;
	struct sim_task *group_next;
	u32 instance;
	u32 pc;
	u64 work;      /* ns of CPU work left in the current piece */
	u64 period_at; /* a periodic timer's last expiry */
	u32 loops[SCEN_LOOPS];
	struct sim_task *chan_next;
	struct shard_thread *policy; /* this is a policy thread */

	/* statistics */
	u64 run_ns, wait_ns, max_wait_ns;
	u64 runs, wakeups, migrations, preempted;
	u64 run_at_reset;
	s32 last_cpu;
	u64 born_at, dead_at;
};

enum task_signal { SIGNAL_NONE, SIGNAL_STOP, SIGNAL_KILL };

struct dsp_entry {
	struct sim_task *p;
	u64 qseq, dsq_id, slice, vtime, flags;
};

struct sim_cpu {
	s32 id;
	struct sim_task *curr; /* NULL: idle */
	struct sim_dsq local;
	bool online, active;
	bool need_resched;
	bool in_dispatch;
	u64 free_at;   /* kernel code occupies it until then */
	u64 seg_start; /* the running task's own code goes on from here */
	u64 idle_since;
	u64 idle_ns, kernel_ns;
	s32 distribute; /* where "any CPU, spread out" looks next */
	u32 speed;	/* 1024: a full CPU; less: a small one */
	struct event ev_resched, ev_tick, ev_run;
	struct cpumask *llc, *numa, *smt;
	s32 llc_id, numa_id;
	/* irq_work of this CPU, in order */
	struct irq_work {
		u8 kind; /* enum irq_work_kind */
		s32 cpu;
		u64 flags;
	} *works;
	u32 nr_works, room_works;
};

enum irq_work_kind { WORK_KICK, WORK_BELL };

/*
 * Costs in ns: one table. The defaults are what the virtual machine of the tests pays, where one
 * instruction is one nanosecond; docs/simulator.md compares the two.
 */
#define SIM_COSTS(X)                                                                     \
	X(switch_ns, 2400, "context switch, without callbacks")                          \
	X(irq_ns, 1000, "interrupt in and out")                                          \
	X(tick_ns, 1500, "the tick's own work")                                          \
	X(ipi_ns, 1500, "from a kick to the other CPU's interrupt")                      \
	X(idle_exit_ns, 1500, "a halted CPU resumes")                                    \
	X(wake_ns, 1400, "try_to_wake_up(), without callbacks")                          \
	X(syscall_ns, 500, "system call in and out")                                     \
	X(op_ns, 400, "a callback of the BPF half: trampoline and body")                 \
	X(kfunc_ns, 150, "a kfunc that moves a task")                                    \
	X(kick_ns, 250, "scx_bpf_kick_cpu() and its share of the irq_work")              \
	X(migrate_ns, 900, "moving a task to another runqueue")                          \
	X(pass_ns, 600, "engine_pass() with nothing to do")                              \
	X(pass_cpu_ns, 5, "looking at one CPU's ring")                                   \
	X(pass_ask_ns, 300, "reading an ask, deciding, answering")                       \
	X(yield_ns, 100, "from the last answer into sched_yield()")                      \
	X(sleep_check_ns, 250, "engine_may_sleep()")                                     \
	X(bell_wait_ns, 2200, "epoll_wait() until asleep, and back")                     \
	X(bell_ring_ns, 700, "reserving and submitting a token")                         \
	X(timer_slack_ns, 50000,                                                         \
	  "a sleeper's timer may be so late (prctl PR_SET_TIMERSLACK)")                  \
	X(cold_ns, 0, "refilling caches after a move to another cache domain")

struct sim_costs {
#define X(name, def, doc) u64 name;
	SIM_COSTS(X)
#undef X
};

/* Why a run ended. */
enum sim_verdict { SIM_OK, SIM_EJECTED, SIM_BROKEN_INVARIANT };

struct shard_thread;
struct group_stats;

struct sim {
	const struct scenario *sc;
	struct sim_costs costs;
	struct event_heap heap;
	u64 rng;
	u64 cost; /* of the event that is being handled, on sim_this_cpu */
	u32 nr_cpus;
	struct sim_cpu *cpus;
	struct cpumask *masks; /* backing of the topology masks */
	bool smt_active, topo_llc, topo_numa;
	struct cpumask idle, idle_smt, online, all;
	u32 nr_idle;
	struct sim_dsq **dsqs;
	u32 nr_dsqs, room_dsqs;
	struct sim_dsq global;
	struct sim_dsq *cpu_dsqs; /* ids 0..nr-1, found without a search */
	/* the op in progress */
	struct sim_task *ddsp_task; /* direct dispatch is allowed for it */
	bool ddsp_done;
	struct sim_cpu *dispatching;
	struct dsp_entry *buf;
	u32 buf_nr, buf_room, nr_moved;
	/* tasks */
	struct sim_task **tasks;
	u32 nr_tasks, room_tasks;
	s32 next_pid;
	u32 nr_alive;
	/* scenario */
	u32 next_script;
	struct event ev_script, ev_watchdog, ev_end;
	struct event ev_bpf_timer;
	struct bpf_timer *bpf_timer;
	s32 bpf_timer_cpu;
	struct channel *chans;
	/* policy */
	struct shard_thread *shards;
	u32 nr_shards;
	/* verdict */
	bool ended;
	enum sim_verdict verdict;
	char reason[256];
	u64 ended_at;
	/* figures */
	u64 nr_events, nr_switches, nr_wakeups, nr_enqueues, nr_dispatches, nr_migrations;
	u64 nr_ticks, nr_kicks, nr_inserts, nr_dropped_inserts, nr_keep_last;
	/* work conservation */
	u32 nr_waiting; /* tasks that wait and may go anywhere */
	u64 both_from;	/* since when a CPU idles while one waits; 0: not now */
	u64 both_ns, both_max;
	struct group_stats *groups;
	/* trace */
	u64 trace_hash, trace_nr;
	struct trace *trace;
};

extern struct sim sim;
extern u64 sim_event_limit; /* ends a run early, as if it were over; 0: none */

static inline struct sim_task *task_of(const struct task_struct *p)
{
	return (struct sim_task *)p;
}

static inline bool mask_test(const struct cpumask *m, u32 cpu)
{
	return m->bits[cpu / 64] >> (cpu & 63) & 1;
}

static inline void mask_set(struct cpumask *m, u32 cpu)
{
	m->bits[cpu / 64] |= 1UL << (cpu & 63);
}

static inline void mask_clear(struct cpumask *m, u32 cpu)
{
	m->bits[cpu / 64] &= ~(1UL << (cpu & 63));
}

/* memory that is given back at the end of the run, zeroed; never fails (exits with a message) */
void *sim_alloc(size_t size);
void *sim_grow(void *p, size_t size);
void sim_free_all(void);

/* random numbers: splitmix64 over sim.rng */
u64 sim_random(void);
u64 sim_random_range(u64 from, u64 to); /* both included */

/* heap.c */
void event_set(struct event *e, u64 at);
void event_clear(struct event *e);
struct event *event_first(void);
void event_init(struct event *e, enum ev_kind kind, u32 number);

/* queue.c */
void dsq_init(struct sim_dsq *q, u64 id);
void dsq_add_tail(struct sim_dsq *q, struct sim_task *p);
void dsq_add_head(struct sim_dsq *q, struct sim_task *p);
void dsq_add_vtime(struct sim_dsq *q, struct sim_task *p);
void dsq_remove(struct sim_task *p);
struct sim_dsq *dsq_find(u64 id);
s32 dsq_create(u64 id);

/* idle.c */
void idle_set(u32 cpu, bool idle);
bool idle_claim(u32 cpu);
s32 idle_pick(const struct cpumask *allowed, bool whole_core);
s32 idle_select(struct sim_task *p, s32 prev, u64 wake_flags);
void topology_build(const struct scenario *sc);

/* core.c: wakeup, enqueue, dispatch */
#define SLICE_DFL 20000000ULL

static inline bool queued(const struct sim_task *p)
{
	return p->ts.scx.flags & SCX_TASK_QUEUED;
}

enum dsp_verdict { DSP_NONE, DSP_PREV, DSP_LOCAL };
enum dsp_verdict dispatch_one(struct sim_cpu *c, struct sim_task *prev);
void add_to_local(struct sim_cpu *c, struct sim_task *p, u64 flags);
void set_runnable(struct sim_task *p);
void count_idle(int n);

/* switch.c: a CPU's events, irq_work, schedule() */
void cpu_enter(u32 cpu); /* an event begins on @cpu, which must be free */
void cpu_exit(void);	 /* ... and ends: irq_work, schedule(), the next piece of work */
bool cpu_busy(u32 cpu, struct event *e); /* kernel code runs there: @e is put off */
void resched(u32 cpu);			 /* resched_curr() */
void wake_task(struct sim_task *p, u64 wake_flags, bool fresh);
void enqueue_task(struct sim_task *p, u64 enq_flags, s32 sticky);
void do_enqueue(struct sim_task *p, u64 flags, s32 sticky);
void dequeue_task(struct sim_task *p, bool sleep);
void flush_dispatches(void);
void apply_insert(struct sim_task *p, u64 dsq_id, u64 slice, u64 vtime, u64 flags);
bool consume_dsq(struct sim_dsq *q, struct sim_cpu *c);
void move_to_local(struct sim_task *p, struct sim_cpu *c, u64 flags);
void queue_work(u8 kind, s32 cpu, u64 flags);
void update_curr(struct sim_cpu *c);
void start_running(struct sim_cpu *c, struct sim_task *p);
void note_waiting(struct sim_task *p, bool waiting);
void handle_resched(struct sim_cpu *c);
void handle_tick(struct sim_cpu *c);
void handle_run(struct sim_cpu *c);
bool task_may_run(const struct sim_task *p, u32 cpu);
s32 fallback_cpu(struct sim_task *p);

/* change.c: attributes, life and death, hotplug; all on sim_this_cpu */
struct sim_task *task_create(const struct scen_task *prog, u32 instance, s32 tgid);
void task_start(struct sim_task *p);
void task_die(struct sim_task *p); /* do_exit() of the running task */
void task_gone(struct sim_task *p);
void task_set_mask(struct sim_task *p, const struct cpumask *mask);
void task_set_nice(struct sim_task *p, int nice);
void task_set_cgroup(struct sim_task *p, u64 id);
void cpu_set_online(u32 cpu, bool online);
void watchdog_check(void);
void stopper_push(struct sim_cpu *c);

/* cgroup.c */
void cgroups_reset(const struct scenario *sc);
struct css_set *cgroup_set(u64 id);		    /* of the tasks in it; 0: the root */
struct cgroup *cgroup_of(const struct sim_task *p); /* to the cpu controller */
void cgroup_set_cpu_weight(u64 id, u32 weight);

/* bpf.c */
void bpf_half_reset(const struct scenario *sc, u32 nr_records);
void bpf_half_free(void);
void bpf_half_set_policy(s32 tgid, u32 shard, s32 tid);
void bpf_half_process_exit(struct sim_task *p);
void bpf_half_set_mode(bool kernel);

/* What the BPF half would decide now for the task with that record, where it is. */
struct bpf_decision {
	u64 vruntime, deadline, slice_ns;
	bool preempts;
};

void bpf_half_decide(u32 slot, u64 now, struct bpf_decision *d);
void bpf_half_set_class(const struct sim_task *p, u32 cls);
void bpf_half_set_param(const char *name, u64 value);
/* the policy thread of @shard drains its bell: how many were there */
u32 bpf_half_take_tokens(u32 shard);
u64 bpf_half_asked_at(const struct sim_task *p);
const char *bpf_half_check_task(const struct sim_task *p);
const char *bpf_half_check_all(void);
u64 bpf_half_counter(u32 i);
const char *bpf_half_counter_name(u32 i);
u32 bpf_half_nr_counters(void);
struct qumun_arena *bpf_half_arena(void);
extern struct sched_ext_ops *const sim_ops;

/* policy.c */
void policy_reset(const struct scenario *sc);
void policy_free(void);
void policy_start(void);
void policy_wake(u32 shard);
void policy_step(struct sim_task *p); /* its piece of work is done */
void policy_script(const struct scen_event *e);
u64 policy_run_ns(void);
void task_signal(struct sim_task *p);
void send_signal(struct sim_task *p, u8 signal);

/* workload.c */
void workload_reset(const struct scenario *sc);
void workload_start(void);
void workload_step(struct sim_task *p); /* its piece of work is done: what next? */
void workload_timer(struct sim_task *p);
void script_step(void);

/* sim.c */
enum sim_verdict sim_run(const struct scenario *sc);
void sim_finish(void); /* frees what the last run left for the reports */
void sim_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void sim_broken(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* trace.c */
enum trace_kind {
	TR_WAKE,
	TR_ENQUEUE,
	TR_RUN,
	TR_PREEMPT,
	TR_SLEEP,
	TR_YIELD,
	TR_IDLE,
	TR_EXIT,
	TR_FORK,
	TR_TICK,
	TR_KICK,
	TR_INSERT,
	TR_MOVE,
	TR_DROP,
	TR_AFFINITY,
	TR_NICE,
	TR_HOTPLUG,
	TR_POLICY,
	TR_DIRECT,
	TR_KEEP,
};
void trace_event(enum trace_kind kind, s32 cpu, const struct sim_task *p, u64 arg);
void trace_keep(bool keep);
void trace_reset(void);
void trace_free(void);
void trace_print_timeline(FILE *f);
int trace_print_chrome(FILE *f); /* 0; -ENOMEM; -EIO: @f is broken */

/* stats.c */
struct histogram {
	u64 nr, sum, max;
	u64 counts[40 * 32];
};
void hist_add(struct histogram *h, u64 value);
u64 hist_percentile(const struct histogram *h, double p);
struct group_stats {
	const struct scen_task *prog;
	struct histogram latency; /* wakeup until first instruction */
	struct histogram wait;	  /* runnable, not running: each time */
	struct histogram run;	  /* length of each run */
};
void stats_reset(void);
void stats_report(FILE *f);
void stats_json(FILE *f);

/* check.c */
void check_end(void);
void check_event(void);

#endif
