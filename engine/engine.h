/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: drain, decide, dispatch. One engine per shard, driven by one thread; no system
 * call, clock, allocation or I/O. libqumun drives it on a live kernel, the simulator in virtual
 * time.
 *
 * The driver's loop, and the user half of the protocol in bpf/policy.bpf.h:
 *
 *     for (;;) {
 *             if (engine_timer(e))              a timer or tick: time comes in
 *                     engine_clock(e, now);
 *             did = engine_pass(e) > 0;
 *             if ((did && engine_may_park(e)) ||
 *                 !engine_may_sleep(e)) {       raises `sleeping`, then looks again
 *                     if (did)
 *                             yield             answers are applied, the thread is parked;
 *             } else {                          it comes back with work or on an idle CPU
 *                     wait for the bell, until engine_timer() at the latest
 *                     engine_awake(e);
 *             }
 *     }
 */
#ifndef QUMUN_ENGINE_H
#define QUMUN_ENGINE_H

#include <stdbool.h>

#include <qumun/abi.h>
#include <qumun/policy.h>

/* Answers per pass: as many as one dispatch() applies. */
#define ENGINE_BATCH 64

struct engine_counters {
	__u64 passes;
	__u64 asks;	   /* entries read from up-rings */
	__u64 stale_asks;  /* of these: no longer waiting when read */
	__u64 broken_asks; /* of these: nonsense */
	__u64 broken_ring; /* a cursor of the other side that made no sense */
	__u64 answers;	   /* decisions pushed */
	__u64 refused;	   /* qumun_dispatch() on a task that did not wait */
	__u64 full;	   /* qumun_dispatch() with a full ring */
};

/* What the engine remembers of a slot, in its own memory. */
struct engine_slot {
	__u32 asked_gen; /* generation that was last handed to the policy */
	__u32 incarnation;
	__u32 covered;	   /* the record's count of covered wakeups as last told */
	__u8 waiting;	   /* 1: handed over and not answered */
	__u8 rule_changes; /* the record's when it was handed over */
};

struct engine {
	struct qumun_arena *arena;
	struct qumun_shard *shard;
	struct qumun_cpu *cpus;
	struct qumun_task *tasks;
	__u32 nr_cpus;
	__u32 max_records;
	const struct qumun_policy_ops *policy;
	void *policy_state;
	struct engine_slot *slots; /* max_records of them */
	__u64 *up_head;		   /* our cursor for each CPU's up-ring */
	__u32 *served; /* the CPUs of the shard, nr_served of them: they never change */
	__u32 nr_served;
	__u64 taken; /* their sum over the shard's CPUs */
	__u64 down_tail;
	__u64 now;
	__u64 timer_at;	 /* the policy's timer; 0: none */
	__u64 tick_at;	 /* its next tick; 0: it has none */
	bool held_back;	 /* the last pass met a full ring of answers */
	__u32 seen;	 /* slots below it were asked about */
	__u32 exit_scan; /* where the next look for tasks that are gone begins */
	__u32 next; /* in `served`: where the next pass begins, so that no ring starves */
	struct qumun_param_block params;
	__u64 params_seq;
	struct engine_counters counters;
};

/*
 * Bytes that engine_init() needs at @memory for @max_records and @nr_cpus and a policy with
 * @state_size bytes of state; zeroed by the caller, owned by the caller.
 */
size_t engine_memory_size(__u32 max_records, __u32 nr_cpus, __u64 state_size);

/*
 * Prepare @e for @shard of @arena. Cursors continue where the rings stand, so that a second
 * process can take over. 0, or what the policy's init returned.
 */
int engine_init(struct engine *e, struct qumun_arena *arena, __u32 shard,
		const struct qumun_policy_ops *policy, void *memory);

/*
 * Take over from @from, another engine of the same shard that will not be driven any more: @e,
 * fresh from engine_init() with the new policy, continues at the same cursors. No callback is
 * made, and @from is not needed afterwards.
 */
void engine_adopt(struct engine *e, const struct engine *from);

/* After engine_adopt(): ask the new policy about every task that the old one left waiting. */
void engine_ask_again(struct engine *e);

/*
 * One pass: read what waits, let the policy decide. Returns entries read plus answers pushed or
 * held back by a full ring; 0: there is nothing to do.
 */
unsigned int engine_pass(struct engine *e);

/*
 * When a pass is due although nobody asks: the policy's timer, or its tick while a CPU runs
 * something. 0: never. On the BPF half's clock, in the past if overdue.
 */
__u64 engine_timer(const struct engine *e);

/*
 * It is @now, on the BPF half's clock; callbacks of the next pass see it. Time that goes back is
 * ignored.
 */
void engine_clock(struct engine *e, __u64 now);

/*
 * After a pass that did something: may the thread be parked? With a timer it goes to sleep
 * instead, since a parked thread would wait for the kernel's tick.
 */
bool engine_may_park(const struct engine *e);

/* Before waiting: false if something came meanwhile. */
bool engine_may_sleep(struct engine *e);
void engine_awake(struct engine *e);

#endif
