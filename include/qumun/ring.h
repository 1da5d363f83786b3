/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ring algorithm, one copy for both halves: single producer, single consumer, free-running
 * 64-bit cursors, an index is cursor & (slots - 1).
 *
 * The producer owns tail, the consumer owns head, and each keeps its own cursor in memory that
 * the other side cannot write; what lies in the ring is the published copy. A cursor read from
 * the other side is compared by difference and believed only if 0 <= difference <= slots:
 * anything else is a broken or hostile peer, reported as QUMUN_RING_BROKEN. The way out: the
 * consumer goes on where the published tail is, the producer where the published head is, and
 * each publishes what it adopted; what was in the ring is lost to it. An overwritten cursor that
 * makes sense is set right by the next publication; a consumer that finds nothing publishes its own
 * again when the producer seems stuck, because to that one the ring may look full.
 *
 *     producer: room? -> write the entry -> store tail (release)   A
 *     consumer: load tail (acquire, pairs with A) -> read the entry -> store head (release)   B
 *     producer: load head (acquire, pairs with B) before it reuses a slot
 */
#ifndef QUMUN_RING_H
#define QUMUN_RING_H

#include "abi.h"
#include "atomic.h"

#ifdef __bpf__
#define QUMUN_ARENA __attribute__((address_space(1)))
#else
#define QUMUN_ARENA
#endif

enum qumun_ring_outcome {
	QUMUN_RING_OK = 0,
	QUMUN_RING_FULL = 1, /* or empty, for a consumer */
	QUMUN_RING_BROKEN = 2,
};

/*
 * May the producer, whose own cursor is @tail, write one more entry?
 */
static inline enum qumun_ring_outcome
qumun_ring_room(const struct qumun_cursors QUMUN_ARENA *c, __u64 tail, __u64 slots)
{
	__u64 used = tail - shm_load_acquire(&c->head);

	if (used > slots)
		return QUMUN_RING_BROKEN;
	return used == slots ? QUMUN_RING_FULL : QUMUN_RING_OK;
}

/* Publish the entries before @tail. */
static inline void qumun_ring_publish(struct qumun_cursors QUMUN_ARENA *c, __u64 tail)
{
	shm_store_release(&c->tail, tail);
}

/*
 * How many entries wait for the consumer whose own cursor is @head? Into *@nr, at most @slots.
 */
static inline enum qumun_ring_outcome
qumun_ring_waiting(const struct qumun_cursors QUMUN_ARENA *c, __u64 head, __u64 slots,
		   __u64 *nr)
{
	*nr = shm_load_acquire(&c->tail) - head;
	if (*nr > slots) {
		*nr = 0;
		return QUMUN_RING_BROKEN;
	}
	return *nr ? QUMUN_RING_OK : QUMUN_RING_FULL;
}

/* Give the entries before @head back to the producer. */
static inline void qumun_ring_release(struct qumun_cursors QUMUN_ARENA *c, __u64 head)
{
	shm_store_release(&c->head, head);
}

#endif
