/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scripted BPF half: an arena of exact size, asks pushed as bpf/custody.bpf.h pushes them,
 * answers taken and judged as it judges them. For tests and fuzz targets of the engine.
 */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

#include <stdlib.h>
#include <string.h>

#include <qumun/ring.h>

#include "../../engine/engine.h"

#define WORLD_CPUS 4
#define WORLD_SHARDS 2
#define WORLD_RECORDS 128

extern const struct qumun_policy_ops qumun_policy_fifo, qumun_policy_gthulhu;

struct world {
	struct qumun_arena *arena;
	size_t size;
	struct qumun_shard *shards;
	struct qumun_cpu *cpus;
	struct qumun_task *tasks;
	struct engine e;
	void *memory;
	/* what user space cannot write */
	__u64 q[WORLD_RECORDS]; /* generation << 8 | state */
	__u64 up_tail[WORLD_CPUS];
	__u64 down_head;
	__u64 now;
	__u64 ring_broken;
};

static inline void world_params(struct world *w)
{
	struct qumun_arena *a = w->arena;

#define X(name, unit, def, min, max, doc) a->params.name = (def);
	QUMUN_PARAMS(X)
#undef X
}

static inline void world_tasks(struct world *w)
{
	__u32 i;

	for (i = 0; i < WORLD_CPUS; i++) {
		w->cpus[i].shard = i == WORLD_CPUS - 1; /* the last belongs to shard 1 */
		w->cpus[i].online = 1;
		w->cpus[i].curr_slot = QUMUN_NO_SLOT;
	}
	for (i = 0; i < WORLD_RECORDS; i++) {
		w->tasks[i].pid = w->tasks[i].tgid = (__s32)(1000 + i);
		w->tasks[i].incarnation = 1;
		w->tasks[i].weight = WEIGHT_NICE_0;
		w->tasks[i].flags = QUMUN_TASK_ALL_CPUS;
		w->tasks[i].nr_cpus_allowed = WORLD_CPUS;
		w->tasks[i].allowed = (1U << WORLD_CPUS) - 1;
	}
}

/* Shard 0's engine, or a second one for the same arena after world_engine(). */
static inline int world_engine(struct world *w, const struct qumun_policy_ops *policy)
{
	free(w->memory);
	w->memory = calloc(
		1, engine_memory_size(WORLD_RECORDS, WORLD_CPUS, policy->state_size));
	return engine_init(&w->e, w->arena, 0, policy, w->memory);
}

static inline int world_begin(struct world *w, const struct qumun_policy_ops *policy)
{
	struct qumun_arena *a;

	memset(w, 0, sizeof(*w));
	w->size = 4096 + WORLD_SHARDS * sizeof(struct qumun_shard) +
		  WORLD_CPUS * sizeof(struct qumun_cpu) +
		  WORLD_RECORDS * sizeof(struct qumun_task);
	a = w->arena = calloc(1, w->size);
	a->magic = QUMUN_ARENA_MAGIC;
	a->abi_version = QUMUN_ABI_VERSION;
	a->nr_cpus = WORLD_CPUS;
	a->nr_shards = WORLD_SHARDS;
	a->max_records = WORLD_RECORDS;
	a->size = w->size;
	a->shards_off = 4096;
	a->cpus_off = a->shards_off + WORLD_SHARDS * sizeof(struct qumun_shard);
	a->records_off = a->cpus_off + WORLD_CPUS * sizeof(struct qumun_cpu);
	w->shards = (struct qumun_shard *)((char *)a + a->shards_off);
	w->cpus = (struct qumun_cpu *)((char *)a + a->cpus_off);
	w->tasks = (struct qumun_task *)((char *)a + a->records_off);
	w->now = 1000000;
	world_params(w);
	world_tasks(w);
	return world_engine(w, policy);
}

static inline void world_end(struct world *w)
{
	free(w->arena);
	free(w->memory);
	w->arena = NULL;
	w->memory = NULL;
}

/* Write an entry as it is into @cpu's up-ring; false if it has no room. */
static inline bool world_push(struct world *w, __u32 cpu, __u32 slot, __u32 gen)
{
	struct qumun_cpu *c = &w->cpus[cpu];

	switch (qumun_ring_room(&c->up, w->up_tail[cpu], QUMUN_UP_SLOTS)) {
	case QUMUN_RING_OK:
		break;
	case QUMUN_RING_BROKEN:
		w->ring_broken++;
		w->up_tail[cpu] = shm_load(&c->up.head);
		qumun_ring_publish(&c->up, w->up_tail[cpu]);
		return false;
	default:
		return false;
	}
	c->up_ring[w->up_tail[cpu] & (QUMUN_UP_SLOTS - 1)] =
		(struct qumun_ask){ slot, gen };
	qumun_ring_publish(&c->up, ++w->up_tail[cpu]);
	return true;
}

static inline void world_state(struct world *w, __u32 slot, __u64 gen,
			       enum qumun_state state)
{
	w->q[slot] = gen << 8 | state;
	shm_store(&w->tasks[slot].state, w->q[slot]);
}

/* ask_policy(): queue @slot to the policy; false if the ring has no room. */
static inline bool world_ask(struct world *w, __u32 cpu, __u32 slot)
{
	__u64 gen = (w->q[slot] >> 8) + 1;

	w->tasks[slot].enq_at = w->now += 1000;
	world_state(w, slot, gen, QUMUN_QUEUED);
	return world_push(w, cpu, slot, (__u32)gen);
}

enum verdict { NO_ANSWER, APPLIED, STALE, DOUBLED, BAD_SLOT };

/* apply_answer(): take the next answer and judge it. */
static inline enum verdict world_answer(struct world *w, struct qumun_answer *a)
{
	struct qumun_cursors *c = &w->shards[0].down;
	__u64 nr, word;

	if (qumun_ring_waiting(c, w->down_head, QUMUN_DOWN_SLOTS, &nr) ==
	    QUMUN_RING_BROKEN) {
		w->ring_broken++;
		w->down_head = shm_load(&c->tail);
		qumun_ring_release(c, w->down_head);
	}
	if (!nr)
		return NO_ANSWER;
	*a = w->shards[0].down_ring[w->down_head & (QUMUN_DOWN_SLOTS - 1)];
	qumun_ring_release(c, ++w->down_head);
	if (a->slot >= WORLD_RECORDS)
		return BAD_SLOT;
	word = w->q[a->slot];
	if ((__u32)(word >> 8) != a->gen || (word & 0xff) != QUMUN_QUEUED)
		return (__u32)(word >> 8) == a->gen && (word & 0xff) == QUMUN_DISPATCHED
			       ? DOUBLED
			       : STALE;
	world_state(w, a->slot, word >> 8, QUMUN_DISPATCHED);
	return APPLIED;
}

/* autopilot_enter(): there was no answer for long. */
static inline void world_autopilot(struct world *w)
{
	qumun_ring_release(&w->shards[0].down, w->down_head);
}

#endif
