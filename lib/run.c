/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy threads, one for each shard: whoever called qumun_run(), and others that end before it
 * returns. What they touch is present and locked before they decide for the first time; afterwards
 * they make no system call but sched_yield() and the wait for the bell. They read the clock while the
 * policy has a timer or a tick.
 */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define SCHED_EXT 7
#define SETTLE_NS 1000000000ULL /* faults count from here on */
#define STACK_BYTES (64 * 1024)
#define WAIT_NS 1000000000ULL

/*
 * One address in each object whose code the policy thread runs: ours, the policy's, the C library,
 * libbpf for the bell, and the dynamic linker, which binds first calls. What the process has
 * mapped besides (libraries of a daemon's other threads) is several times as large.
 */
struct run_by_policy {
	uintptr_t in[5];
};

static bool object_has(const struct dl_phdr_info *info, uintptr_t addr)
{
	int i;

	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type == PT_LOAD &&
		    addr - info->dlpi_addr - ph->p_vaddr < ph->p_memsz)
			return true;
	}
	return false;
}

/* Map every page of every segment of these objects. */
static int populate_segments(struct dl_phdr_info *info, size_t size, void *arg)
{
	const struct run_by_policy *run = arg;
	bool wanted = false;
	uintptr_t from, to;
	unsigned int k;
	int i, write;

	for (k = 0; k < sizeof(run->in) / sizeof(run->in[0]); k++)
		wanted |= object_has(info, run->in[k]);
	for (i = 0; wanted && i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type != PT_LOAD)
			continue;
		from = (info->dlpi_addr + ph->p_vaddr) & ~4095UL;
		to = (info->dlpi_addr + ph->p_vaddr + ph->p_memsz + 4095) & ~4095UL;
		write = ph->p_flags & PF_W;
		/* best effort: what is missing shows in the fault counter */
		(void)madvise((void *)from, to - from,
			      write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
	}
	return 0;
}

static void touch_stack(void)
{
	volatile char stack[STACK_BYTES];
	size_t i;

	for (i = 0; i < sizeof(stack); i += 4096)
		stack[i] = 0;
}

void settle_code(const struct qumun_policy_ops *ops)
{
	struct run_by_policy run = { {
		(uintptr_t)settle_code,
		(uintptr_t)ops->enqueue,
		(uintptr_t)sched_yield,
		(uintptr_t)ring_buffer__consume,
		getauxval(AT_BASE),
	} };

	dl_iterate_phdr(populate_segments, &run);
}

void settle_box(struct engine_box *box)
{
	(void)madvise(box->memory, box->size, MADV_POPULATE_WRITE);
}

static void settle_memory(struct qumun *q)
{
	size_t head = q->arena->records_off +
		      (size_t)q->record_limit * sizeof(struct qumun_task);
	__u32 i;

	settle_code(q->shards[0].engine->engine.policy);
	for (i = 0; i < q->nr_shards; i++)
		settle_box(q->shards[i].engine);
	(void)madvise(q->arena, head, MADV_POPULATE_WRITE);
	/* what is mapped stays; what is not is not forced in (whole arena, thread stacks) */
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		qumun_say(
			q, QUMUN_LOG_WARN,
			"memory cannot be locked (%s): under memory pressure the policy may be "
			"late",
			strerror(errno));
}

static __u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (__u64)ts.tv_sec * 1000000000ULL + (__u64)ts.tv_nsec;
}

/* Count this thread's faults since it settled; only called when there is nothing to do. */
static void note_faults(struct shard *sh, __u64 since)
{
	struct rusage ru;

	getrusage(RUSAGE_THREAD, &ru);
	if (now_ns() - since < SETTLE_NS) {
		sh->faults_minor_base = (__u64)ru.ru_minflt;
		sh->faults_major_base = (__u64)ru.ru_majflt;
		return;
	}
	atomic_store(&sh->faults_minor, (__u64)ru.ru_minflt - sh->faults_minor_base);
	atomic_store(&sh->faults_major, (__u64)ru.ru_majflt - sh->faults_major_base);
}

/* From here on the BPF half decides; these threads are like others of the process. */
static void resign(struct qumun *q)
{
	pthread_mutex_lock(&q->control_lock);
	q->resigned = true;
	memset(q->control.policy_tid, 0, sizeof(q->control.policy_tid));
	control_write(q);
	pthread_mutex_unlock(&q->control_lock);
}

static int become_policy_thread(struct shard *sh)
{
	struct sched_param param = { 0 };
	struct qumun *q = sh->q;
	int err;

	touch_stack();
	if ((q->opt.flags & QUMUN_PARTIAL) && sched_setscheduler(0, SCHED_EXT, &param))
		return qumun_fail(q, -errno,
				  "the policy thread cannot enter SCHED_EXT: %s",
				  strerror(errno));
	pthread_mutex_lock(&q->control_lock);
	q->resigned = false;
	q->control.policy_tgid = getpid();
	q->control.policy_tid[sh->id] = (pid_t)syscall(SYS_gettid);
	err = control_write(q);
	pthread_mutex_unlock(&q->control_lock);
	if (err)
		qumun_fail(q, err, "telling the BPF half who decides: %s",
			   strerror(-err));
	return err;
}

/* The present on the BPF half's clock; 0: not known yet. */
static __u64 bpf_now_ns(const struct engine *e)
{
	__u64 ahead = shm_load(&e->shard->clock_ahead);

	return ahead ? now_ns() - ahead : 0;
}

/* Time comes in, if the policy waits for one. */
static void tell_time(struct engine *e)
{
	__u64 now;

	if (!engine_timer(e))
		return;
	now = bpf_now_ns(e);
	if (now)
		engine_clock(e, now);
}

/* How long the policy thread may sleep. */
static __u64 wait_ns(const struct engine *e)
{
	__u64 at = engine_timer(e), now;

	now = at ? bpf_now_ns(e) : 0;
	if (!now)
		return WAIT_NS;
	if (at <= now)
		return 0;
	return at - now < WAIT_NS ? at - now : WAIT_NS;
}

static bool must_leave(struct qumun *q)
{
	return atomic_load_explicit(&q->stopping, memory_order_relaxed) ||
	       atomic_load_explicit(&q->run_over, memory_order_relaxed) ||
	       takeover_lost(q);
}

static void decide_until_stopped(struct shard *sh)
{
	struct engine *e = &sh->engine->engine;
	__u64 since = now_ns();
	bool did;

	while (!must_leave(sh->q)) {
		if (atomic_load_explicit(&sh->next_engine, memory_order_relaxed)) {
			policy_switch(sh);
			e = &sh->engine->engine;
		}
		tell_time(e);
		did = engine_pass(e) > 0;
		if ((did && engine_may_park(e)) || !engine_may_sleep(e)) {
			/* more to do, but first dispatch() gets to apply the answers */
			if (did)
				sched_yield();
			continue;
		}
		note_faults(sh, since);
		bell_wait(sh, wait_ns(e));
		if (!takeover_lost(sh->q))
			engine_awake(e);
	}
	note_faults(sh, since);
}

/* It ends, and that is not the end of the policy's process, as it would look. */
static void step_down(struct shard *sh)
{
	struct qumun *q = sh->q;

	pthread_mutex_lock(&q->control_lock);
	q->control.policy_tid[sh->id] = 0;
	control_write(q);
	pthread_mutex_unlock(&q->control_lock);
}

/* The policy thread of a shard other than the first. */
static void *decide_for_shard(void *arg)
{
	struct shard *sh = arg;

	pthread_setname_np(pthread_self(), "gthulhu-shard");
	sh->started = become_policy_thread(sh);
	sem_post(&sh->q->shard_started);
	if (!sh->started) {
		decide_until_stopped(sh);
		step_down(sh);
	}
	/* the first one shall not sleep on if another process decides now */
	bell_nudge(sh->q);
	return NULL;
}

static int start_shard(struct shard *sh)
{
	int err = pthread_create(&sh->thread, NULL, decide_for_shard, sh);

	if (err)
		return qumun_fail(sh->q, -err, "starting policy thread %u: %s", sh->id,
				  strerror(err));
	while (sem_wait(&sh->q->shard_started))
		;
	if (sh->started)
		pthread_join(sh->thread, NULL);
	return sh->started;
}

/* Start the policy threads of the other shards; @nr: how many run, also on error. */
static int start_shards(struct qumun *q, __u32 *nr)
{
	sigset_t all, before;
	int err = 0;

	/* signals are for the program's own threads */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	for (*nr = 1; !err && *nr < q->nr_shards; ++*nr) {
		err = start_shard(&q->shards[*nr]);
		if (err)
			break;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

/* Decide until told to stop, or until another process does. */
static int decide(struct qumun *q)
{
	__u32 i, nr;
	int err;

	settle_memory(q);
	atomic_store(&q->run_over, false);
	err = start_shards(q, &nr);
	if (!err)
		err = become_policy_thread(&q->shards[0]);
	if (!err)
		decide_until_stopped(&q->shards[0]);
	atomic_store(&q->run_over, true);
	bell_nudge(q);
	for (i = 1; i < nr; i++)
		pthread_join(q->shards[i].thread, NULL);
	return err;
}

QUMUN_API int qumun_run(struct qumun *q)
{
	struct qumun_exit_report report;
	bool decides;
	int err = 0;

	if (!q)
		return -EINVAL;
	if (!q->attached)
		return qumun_fail(q, -EINVAL, "not attached: call qumun_attach() first");
	decides = q->shards[0].engine;
	if (decides) {
		err = decide(q);
	} else {
		while (!atomic_load(&q->stopping) && !takeover_lost(q))
			bell_wait(&q->shards[0], WAIT_NS);
	}
	/* it may be late to know: who sleeps is not woken for a handover */
	if (takeover_lost(q))
		takeover_answer(q);
	if (decides)
		resign(q);
	if (err)
		return err;
	if (q->handed_over) {
		qumun_say(q, QUMUN_LOG_INFO, "process %u took over",
			  shm_load(&q->handover->owner));
		return 0;
	}
	if (!qumun_exit_info(q, &report))
		return 0;
	return qumun_fail(q, -EIO, "the kernel ended the scheduler: %s%s%s",
			  report.reason, *report.message ? ": " : "", report.message);
}

QUMUN_API int qumun_policy_faults(struct qumun *q, __u64 *minor, __u64 *major)
{
	__u32 i;

	if (!q || !minor || !major)
		return -EINVAL;
	*minor = *major = 0;
	for (i = 0; i < q->nr_shards; i++) {
		*minor += atomic_load(&q->shards[i].faults_minor);
		*major += atomic_load(&q->shards[i].faults_major);
	}
	return 0;
}
