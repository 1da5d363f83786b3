/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qumun.h - libqumun: any C program as a Linux CPU scheduler (sched_ext)
 *
 * Version 0.1, alpha: names, structs and tables may still change between 0.x releases, never
 * within one.
 *
 * A scheduler's life:
 *
 *     qumun_load()                      open and load the BPF half, map the arena
 *     qumun_assign_user_sched_pid()     say which process decides (default: this one)
 *     qumun_set_policy()                say what decides
 *     qumun_attach()                    from here on the machine is scheduled by it
 *     qumun_run()                       the policy loop: call it from the thread that decides
 *     qumun_close()                     detach: the kernel's own scheduler is back
 *
 * Errors. Every function that can fail returns 0 or a negative errno and leaves a sentence with
 * object, cause and remedy for qumun_strerror() and the log callback; -EINVAL for NULL where none
 * is allowed comes without. The library never prints, exits or aborts.
 *
 * Ownership. The handle owns what it hands out (descriptors, strings); what a caller passes in is
 * copied, save a policy's table. What a callback's arguments point to is valid during the call.
 * After an error nothing is to be read from what should have been filled in; handles are NULL.
 *
 * Threads. One handle may be used from several threads as long as load, the first attach and close
 * do not run beside other calls on it. qumun_run() needs a thread of its own; qumun_stop() may be
 * called from any thread and from a signal handler. A detached handle may be attached again, with
 * the policy that it had or another one; either begins anew. Counters go on counting.
 */
#ifndef QUMUN_H
#define QUMUN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "qumun/counters.h"
#include "qumun/latency.h"
#include "qumun/params.h"
#include "qumun/policy.h"
#include "qumun/rules.h"
#include "qumun/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

#define QUMUN_VERSION_MAJOR 0
#define QUMUN_VERSION_MINOR 1
#define QUMUN_VERSION_PATCH 0
#define QUMUN_VERSION "0.1.0"

struct qumun;

enum qumun_log_level { QUMUN_LOG_ERROR, QUMUN_LOG_WARN, QUMUN_LOG_INFO, QUMUN_LOG_DEBUG };

/* @message is one line without a newline, valid during the call. May come from any thread. */
typedef void (*qumun_log_fn)(void *arg, enum qumun_log_level level, const char *message);

enum qumun_mode {
	QUMUN_MODE_USER = 0,   /* the policy decides */
	QUMUN_MODE_KERNEL = 1, /* the BPF half decides with the same arithmetic */
};

/*
 * struct qumun_options - how to load; zero means the default everywhere
 * @size:        sizeof(struct qumun_options), set by QUMUN_OPTIONS_INIT
 * @flags:       QUMUN_PARTIAL: only tasks that ask for SCHED_EXT are scheduled. Others are refused.
 * @mode:        who decides at first
 * @max_records: task records, 64 .. 262144; default 16384. Tasks beyond it are decided by the BPF
 *               half and counted (kernel_no_record).
 * @max_tasks:   rows of task_info_map, 1 .. 1,000,000; default 4096
 * @timeout_ms:  the kernel's watchdog, 1000 .. 30000; default 10000
 * @debug:       compile the BPF half's debug lines in
 * @log, @log_arg: where messages go; NULL: nowhere
 * @shards:      policy threads, 1 .. QUMUN_MAX_SHARDS; default 1. Each decides, with a state of its
 *               own, for the CPUs of some last-level caches; no more than there are caches. More
 *               than one only for a policy that says QUMUN_POLICY_SHARDS. Ignored by
 *               qumun_takeover(). Since 0.1.
 */
struct qumun_options {
	size_t size;
	unsigned int flags;
	enum qumun_mode mode;
	unsigned int max_records;
	unsigned int max_tasks;
	unsigned int timeout_ms;
	bool debug;
	qumun_log_fn log;
	void *log_arg;
	unsigned int shards;
};

#define QUMUN_PARTIAL 0x1U
#ifdef __cplusplus
/* What QUMUN_OPTIONS_INIT is in C++. Since 0.1. */
static inline struct qumun_options qumun_options_init(void)
{
	struct qumun_options fresh = {};

	fresh.size = sizeof(fresh);
	return fresh;
}
#define QUMUN_OPTIONS_INIT qumun_options_init()
#else
#define QUMUN_OPTIONS_INIT { .size = sizeof(struct qumun_options) }
#endif

/*
 * Load the BPF half from @path, or the copy inside the library if @path is NULL. On success the
 * handle is in *@q and belongs to the caller. @options may be NULL.
 *   -EPERM   not root, or BPF is locked down
 *   -ENOENT  no such object file, a kernel without sched_ext (needs 6.12 or newer), or a pid
 *            namespace other than the initial one
 *   -EINVAL  a bad option, a broken object file, or the kernel's verifier refused it; the last
 *            20 lines of its log are in the message
 *   -ENOMEM  out of memory
 * On failure *@q is NULL and qumun_strerror(NULL) tells why, in the calling thread. Raises the
 * process's RLIMIT_MEMLOCK and takes over libbpf's print callback. No other function needs a
 * capability, so a program may give them up between load and attach. Since 0.1.
 */
int qumun_load(const char *path, const struct qumun_options *options, struct qumun **q);

/*
 * Name the process that decides: its threads are scheduled without ever waiting for the policy.
 * qumun_load() and qumun_run() name the calling process; the thread in qumun_run() is the policy
 * thread, or the first of them. Works before and after attach. -ESRCH: no such process; -EINVAL:
 * not above 0. Since 0.1.
 */
int qumun_assign_user_sched_pid(struct qumun *q, pid_t pid);

/*
 * Choose the policy, before attach or while qumun_run() decides: then the new one takes over
 * between two passes of the old one, is asked about every task that the old one kept waiting,
 * and on failure the old one goes on. @ops must live as long as it is the policy. Its init runs
 * in the calling thread. With several policy threads all change or none: on failure those that had
 * changed get the old policy back, with a fresh state, so its init may run once more for each; if the
 * new one does not return from a callback meanwhile, this waits for it.
 *   -EINVAL    another ABI version, no enqueue, or several policy threads and no QUMUN_POLICY_SHARDS
 *   -EBUSY     attached, but no thread is in qumun_run() with a policy
 *   -ETIMEDOUT the old policy did not return from a callback, or got no CPU, for 2 s
 *   -ENOMEM    out of memory; or what the policy's init returned
 * Since 0.1.
 */
int qumun_set_policy(struct qumun *q, const struct qumun_policy_ops *ops);

/*
 * Load a policy from a shared object. -ENOENT: no such file; -EPERM: not root's, or writable by
 * others; -EINVAL: not a policy, or of another ABI version; or as qumun_set_policy(). Closed when
 * the next one is loaded, or with the handle. Since 0.1.
 */
int qumun_load_policy(struct qumun *q, const char *path);

/*
 * Take over scheduling; until the policy's first pass the BPF half decides. -EBUSY: another
 * sched_ext scheduler is attached (the message names it); -EALREADY: this one is; -EINVAL: user
 * mode without a policy; or what the policy's init or the kernel returned. Since 0.1.
 */
int qumun_attach(struct qumun *q);

/*
 * The policy loop. Locks the process's memory (mlockall, as it is touched), enters SCHED_EXT if
 * partial, then decides until qumun_stop() (returns 0) or until the kernel ejects the scheduler
 * (returns -EIO; qumun_exit_info() tells why). From its return to detach the BPF half decides.
 * Without a policy, in kernel mode, it only waits. -EINVAL: not attached. Call it from one
 * thread; with several shards it starts the others, which end before it returns, and until then the
 * caller stays on the CPUs of the first. Since 0.1.
 */
int qumun_run(struct qumun *q);

/*
 * Instead of qumun_load(): become the policy of a scheduler of this library that is running
 * already, with its process alive, stopped or dead. The BPF half stays attached all the time and
 * decides while nobody else does. Then as usual: qumun_set_policy(), qumun_attach(), which asks
 * the former process to let go (at most 200 ms), and qumun_run(). The former qumun_run() returns
 * 0 and its qumun_detach() leaves the scheduler alone. Options that size the scheduler are
 * checked, but the running one's count. After the policy's death nobody has to hurry for
 * takeover_ns (2 s); then the BPF half detaches by itself.
 *   -EPERM   not root
 *   -EINVAL  a bad option
 *   -ENOENT  no scheduler of this library is running, or as qumun_load()
 *   -EPROTO  it speaks another arena ABI: stop it and attach anew
 * Since 0.1.
 */
int qumun_takeover(const struct qumun_options *options, struct qumun **q);

/* Did another process take this scheduler over? Since 0.1. */
bool qumun_handed_over(const struct qumun *q);

/* End qumun_run(), also one that is called later. Async-signal-safe. Since 0.1. */
void qumun_stop(struct qumun *q);

/*
 * Detach and free. NULL is fine, and so is every state, but a thread in qumun_run() must have
 * returned. Since 0.1.
 */
void qumun_close(struct qumun *q);

/*
 * Detach, but keep the handle so that counters and the exit report can still be read. Ends
 * qumun_run(). 0, also if it is not attached. Since 0.1.
 */
int qumun_detach(struct qumun *q);

/*
 * The next exited task's pid (a thread id, as in task_info_map), or -1 if there is no event, and
 * nothing else. One event per task with a record that ever ran under this scheduler, after its
 * last accounting; 65,536 wait, what is more is counted (exit_events_lost). One reader at a
 * time; the first call, of this or the next, maps the buffer. Since 0.1.
 */
int qumun_receive_proc_exit_evt(struct qumun *q);

/*
 * A descriptor that polls readable while exit events wait; the handle owns it. -ENOMEM and the like
 * if the buffer cannot be mapped. For the reader, as above. Since 0.1.
 */
int qumun_proc_exit_fd(struct qumun *q);

/*
 * Remove @pid's row from task_info_map. 0, or -ENOENT. A task that still lives gets a new row,
 * counted from zero, after its next run; its scheduling is not touched. Since 0.1.
 */
int qumun_delete_pid_from_task_info(struct qumun *q, pid_t pid);

/*
 * Read cache domains (SMT, L2, LLC, NUMA) from sysfs and write each CPU's LLC and shard where
 * policies see them (struct qumun_cpu). qumun_attach() does it if the caller did not. The choice
 * of an idle CPU is the kernel's own, and 0.1 has one shard. Since 0.1.
 */
int qumun_init_cache_domains(struct qumun *q);

/*
 * struct scheduler_stats - qumun_get_scheduler_stats()
 * @total_tasks:        tasks that have a record now
 * @active_tasks:       of these: runnable or running
 * @context_switches:   times a task began to run since attach
 * @average_latency_ns: mean time from runnable to running since the previous call; 0: none ran
 * @cpu_utilization:    0.0 .. 1.0 of the online CPUs since the previous call, spent on tasks
 *                      under this scheduler; a run is booked when it or its slice ends
 * The previous call on this handle, or attach.
 */
struct scheduler_stats {
	__u64 total_tasks;
	__u64 active_tasks;
	__u64 context_switches;
	__u64 average_latency_ns;
	double cpu_utilization;
};

/*
 * Fill *@stats in, from load to close, without stopping anything. Callers share the "previous
 * call". -EINVAL for NULL. Since 0.1.
 */
int qumun_get_scheduler_stats(struct qumun *q, struct scheduler_stats *stats);

/*
 * Counters of @cpu, or the sum of all if @cpu is -1, from load to close. An event counts for the
 * CPU that handled it. None ever goes back. -EINVAL: no such CPU. Since 0.1.
 */
int qumun_get_perf_counters(struct qumun *q, int cpu, struct perf_counters *counters);

/* Every counter of counters.h, summed over the CPUs, indexed by enum qumun_counter. Since 0.1. */
int qumun_get_counters(struct qumun *q, __u64 counters[QUMUN_NR_COUNTERS]);

/* Name and meaning of counter @i, for whoever prints them. NULL past the last. Since 0.1. */
const char *qumun_counter_name(unsigned int i);
const char *qumun_counter_doc(unsigned int i);

/*
 * struct qumun_latency - times that something took, since load
 * @buckets: those up to qumun_latency_bound_ns(i) and above the bound before
 * @count:   all of them
 * @sum_ns:  their sum
 */
struct qumun_latency {
	__u64 buckets[QUMUN_NR_LATENCY];
	__u64 count;
	__u64 sum_ns;
};

/*
 * Wait times of tasks that began to run on @cpu, or of all if @cpu is -1. Every bucket only
 * grows. -EINVAL: no such CPU. Since 0.1.
 */
int qumun_get_latency(struct qumun *q, int cpu, struct qumun_latency *latency);

/*
 * The policy's round trip: from the question about a task to its answer applied, on @cpu (which
 * may be another than the task's), or on all if @cpu is -1. As many as the counter `decided`; what
 * was taken back, or decided ahead, is not among them. Every bucket only grows. -EINVAL: no such
 * CPU. Since 0.1.
 */
int qumun_get_round_trip(struct qumun *q, int cpu, struct qumun_latency *latency);

/* The upper bound of bucket @i in ns, included; ~0 for the last. Since 0.1. */
__u64 qumun_latency_bound_ns(unsigned int i);

/*
 * struct qumun_share - what tasks of one kind had since attach, or since the rule came
 * @cls:     of a class: which; QUMUN_CLASS_NONE: of a rule
 * @rule_id: of a rule: which; 0: of a class
 * @run_ns:  time that they ran
 * @latency: their waits, runnable to running
 */
struct qumun_share {
	enum qumun_class cls;
	unsigned int rule_id;
	__u64 run_ns;
	struct qumun_latency latency;
};

/*
 * Call @fn for each class, and for each of the QUMUN_RULE_SHARES oldest rules: a younger rule is
 * counted apart when one of these goes. A task counts for its class and, if it has one, for its
 * rule. Figures of one class or rule only grow. @fn may not call back; the walk ends when it
 * returns other than 0, which is then returned. 0, or negative errno. Since 0.1.
 */
int qumun_list_shares(struct qumun *q,
		      int (*fn)(void *arg, const struct qumun_share *share), void *arg);

/*
 * Walk over the records of all tasks: start with *@cursor 0, call until it returns 0. 1: *@task
 * is a copy of the next one. Tasks that come and go meanwhile may or may not be among them.
 * Takes tens of nanoseconds for each record ever used, and no lock that a policy thread takes.
 * Since 0.1.
 */
int qumun_next_task(struct qumun *q, __u32 *cursor, struct qumun_task *task);

/* A copy of the record of thread @pid. -ENOENT: there is none. Since 0.1. */
int qumun_get_task(struct qumun *q, pid_t pid, struct qumun_task *task);

/*
 * The last waits of thread @pid, the latest first, us, 4.29 s at most. Returns how many, at most
 * QUMUN_RECENT_WAITS. -ENOENT: it has no record. Since 0.1.
 */
int qumun_get_recent_waits(struct qumun *q, pid_t pid, __u32 us[QUMUN_RECENT_WAITS]);

/*
 * struct qumun_cpu_info - qumun_get_cpu(): hints, a switch old at most
 * @online:        it is online
 * @llc, @shard:   numbers of its last-level cache and of the policy thread that serves it
 * @nr_queued:     tasks in its queue
 * @pid, @comm:    who runs there; 0 and "" if idle or not known
 * @running_since: when that began, CLOCK_MONOTONIC ns; 0 if idle
 */
struct qumun_cpu_info {
	bool online;
	__u32 llc, shard;
	__u32 nr_queued;
	pid_t pid;
	char comm[QUMUN_COMM_LEN];
	__u64 running_since;
};

/* What is known of @cpu. -EINVAL: no such CPU. Since 0.1. */
int qumun_get_cpu(struct qumun *q, int cpu, struct qumun_cpu_info *info);

/*
 * struct qumun_run_state - qumun_get_state()
 * @mode:        who decides, as asked for
 * @attached:    between attach and detach
 * @autopilot:   the BPF half stands in for a late policy now
 * @attached_at: CLOCK_MONOTONIC ns
 * @nr_cpus:     CPUs are numbered 0 .. nr_cpus - 1
 */
struct qumun_run_state {
	enum qumun_mode mode;
	bool attached, autopilot;
	__u64 attached_at;
	__u32 nr_cpus;
};

/* Fill *@state in, from load to close; a view, as all of these. -EINVAL for NULL. Since 0.1. */
int qumun_get_state(struct qumun *q, struct qumun_run_state *state);

/*
 * Trace what the BPF half does (qumun/trace.h) into a ring of 1 MiB. An event takes 56 bytes of it;
 * what does not fit is dropped and counted (trace_events_lost). What nobody read of an earlier
 * trace is gone. The ring is mapped for the first trace, twice 1 MiB of resident memory. One trace
 * at a time, one thread for all three calls. A trace ends with the scheduler: qumun_attach() does
 * not go on with it.
 *   -ENOTCONN the scheduler is not attached, or the kernel has ended it
 *   -EBUSY    this handle traces already
 *   -EPERM    another process took the scheduler over
 *   -ENOMEM   the ring could not be mapped
 *   -EINVAL   @q is NULL
 * Since 0.1.
 */
int qumun_trace_start(struct qumun *q);

/*
 * Hand at most @max waiting events to @fn, oldest first (a few may be out of order by what
 * happened on other CPUs meanwhile). @fn makes none of the three calls. The number handed over; it
 * never waits for events. Also after qumun_trace_stop(), until it returns 0.
 *   -ENOTCONN none is left of a trace that ended with the scheduler: there will be no more
 *   -EBADF    no trace was ever begun
 *   -EPERM    another process took the scheduler over; what was not read is gone
 *   -EINVAL   @q or @fn is NULL
 * Since 0.1.
 */
int qumun_trace_read(struct qumun *q, unsigned int max,
		     void (*fn)(void *arg, const struct qumun_trace_event *event),
		     void *arg);

/*
 * No further events. What waits can still be read until the next start. 0, also when nothing is
 * traced; -EINVAL: @q is NULL. Since 0.1.
 */
int qumun_trace_stop(struct qumun *q);

/*
 * struct scheduling_params - qumun_update_scheduling_params()
 * @base_slice_ns, @min_slice_ns, @max_slice_ns: 100,000 .. 100,000,000; min <= base <= max
 * @latency_factor:    0.1 .. 10, scales the requested slice in deadlines; default 1.0
 * @weight_multiplier: 0.1 .. 10, scales the weight of tasks that a rule names; default 1.0
 */
struct scheduling_params {
	__u64 base_slice_ns;
	__u64 min_slice_ns;
	__u64 max_slice_ns;
	double latency_factor;
	double weight_multiplier;
};

/*
 * Change the parameters of a running scheduler, as one set, from load to close: the BPF half uses
 * them from its next decision on, the policy from its next pass on. -EINVAL: out of range or order,
 * or NaN; nothing was changed and the message names the field. Since 0.1.
 */
int qumun_update_scheduling_params(struct qumun *q,
				   const struct scheduling_params *params);

/* Read them, as one set; factors as rounded to 1/1024. Since 0.1. */
int qumun_get_scheduling_params(struct qumun *q, struct scheduling_params *params);

/*
 * The same for every parameter of the table in qumun/params.h, as one set: fill a block in with
 * qumun_get_params(), change it, set it. Errors as above. Since 0.1.
 */
int qumun_set_params(struct qumun *q, const struct qumun_param_block *params);
int qumun_get_params(struct qumun *q, struct qumun_param_block *params);

/*
 * Who decides, before or after attach. -EINVAL: no such mode, or user mode although no policy
 * was set before attach. Since 0.1.
 */
int qumun_set_mode(struct qumun *q, enum qumun_mode mode);

/*
 * struct qumun_exit_report - why the kernel ended the scheduler
 * @kind: 0: it did not; below 1024: asked for (by detach, or from the console); else an error
 * Strings belong to the handle, until it is attached again or closed.
 */
struct qumun_exit_report {
	int kind;
	__s64 code;
	const char *reason;
	const char *message;
	const char *dump;
};

/* 1 if the scheduler was ended, also by qumun_detach(); 0 if not (yet). Since 0.1. */
int qumun_exit_info(struct qumun *q, struct qumun_exit_report *report);

/*
 * struct qumun_feature - one thing that a kernel has or lacks
 * @name:     what it is called, such as "sched_ext"
 * @present:  it is there
 * @required: nothing works without it
 * @detail:   what it is for; of a required one that is absent: what to do
 */
struct qumun_feature {
	const char *name;
	bool present;
	bool required;
	const char *detail;
};

/*
 * Probe the running kernel without loading anything. Calls @fn for each feature. 0 if everything
 * required is there, else -ENOENT. Since 0.1.
 */
int qumun_check(void (*fn)(void *arg, const struct qumun_feature *f), void *arg);

/*
 * struct qumun_cpu_limit - a cgroup with a limit in cpu.max
 * @path:     from the root of the cgroup v2 hierarchy; "" is the root
 * @quota_us: what it may run in
 * @period_us
 */
struct qumun_cpu_limit {
	const char *path;
	__u64 quota_us;
	__u64 period_us;
};

/*
 * Limits that have no effect on the tasks of an attached scheduler: calls @fn (unless it is NULL)
 * for each cgroup of the v2 hierarchy that has one in cpu.max now. What it points to is valid
 * during the call. Reads every directory of the hierarchy; needs no handle; any thread. How many
 * there are, or -errno. qumun_attach() warns once, naming them. Since 0.1.
 */
int qumun_unenforced_limits(void (*fn)(void *arg, const struct qumun_cpu_limit *l),
			    void *arg);

/*
 * Page faults of the policy thread since one second after qumun_run() began; must stay 0. Read
 * by that thread when it has nothing to do and when it ends. Since 0.1.
 */
int qumun_policy_faults(struct qumun *q, __u64 *minor, __u64 *major);

/* The version of the library that runs, e.g. "0.1.0". Since 0.1. */
const char *qumun_version(void);

/*
 * The sentence of the last error that this thread met on @q, or any thread if it met none; NULL: of
 * this thread's last qumun_load() or qumun_takeover() that failed. Valid until the thread's next
 * call of this library. Since 0.1.
 */
const char *qumun_strerror(const struct qumun *q);

#ifdef __cplusplus
}
#endif
#endif
