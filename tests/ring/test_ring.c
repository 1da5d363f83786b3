/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring of ring.h: its cases one by one, then a circle of threads that pass tokens through a
 * circle of rings and check owner and order of each; meant for TSan too.
 *
 * QUMUN_RING_LAPS: how often each token goes round (default 2,000).
 */
#include <pthread.h>
#include <sched.h>

#include <qumun/ring.h>

#include "tap.h"

#define SLOTS 8

static const struct {
	const char *name;
	__u64 tail, head;
	enum qumun_ring_outcome want;
} room_cases[] = {
	{ "empty", 0, 0, QUMUN_RING_OK },
	{ "one entry", 1, 0, QUMUN_RING_OK },
	{ "one slot left", 7, 0, QUMUN_RING_OK },
	{ "full", 8, 0, QUMUN_RING_FULL },
	{ "full, later", 1008, 1000, QUMUN_RING_FULL },
	{ "more than full", 9, 0, QUMUN_RING_BROKEN },
	{ "head beyond tail", 5, 6, QUMUN_RING_BROKEN },
	{ "head all ones", 5, ~0ULL, QUMUN_RING_OK },
	{ "tail wrapped, head not: empty but for one", 0, ~0ULL, QUMUN_RING_OK },
	{ "tail wrapped, head not: full", 3, -5ULL, QUMUN_RING_FULL },
	{ "tail wrapped, head not: more than full", 4, -5ULL, QUMUN_RING_BROKEN },
	{ "head half the circle away", 0, 1ULL << 63, QUMUN_RING_BROKEN },
};

static void test_room(void)
{
	struct qumun_cursors c = { 0 };
	size_t i;

	for (i = 0; i < sizeof(room_cases) / sizeof(room_cases[0]); i++) {
		c.head = room_cases[i].head;
		c.tail = ~room_cases[i].tail; /* the producer does not look at it */
		tap_is(qumun_ring_room(&c, room_cases[i].tail, SLOTS), room_cases[i].want,
		       "room: %s", room_cases[i].name);
	}
}

static const struct {
	const char *name;
	__u64 tail, head;
	enum qumun_ring_outcome want;
	__u64 nr;
} waiting_cases[] = {
	{ "empty", 0, 0, QUMUN_RING_FULL, 0 },
	{ "empty, later", 77, 77, QUMUN_RING_FULL, 0 },
	{ "one", 1, 0, QUMUN_RING_OK, 1 },
	{ "full", 8, 0, QUMUN_RING_OK, 8 },
	{ "more than full", 9, 0, QUMUN_RING_BROKEN, 0 },
	{ "tail behind head", 5, 6, QUMUN_RING_BROKEN, 0 },
	{ "tail wrapped", 2, -3ULL, QUMUN_RING_OK, 5 },
	{ "tail wrapped: full", 5, -3ULL, QUMUN_RING_OK, 8 },
	{ "tail wrapped: more than full", 6, -3ULL, QUMUN_RING_BROKEN, 0 },
	{ "empty at the wrap", 0, 0, QUMUN_RING_FULL, 0 },
	{ "tail half the circle away", 1ULL << 63, 0, QUMUN_RING_BROKEN, 0 },
};

static void test_waiting(void)
{
	struct qumun_cursors c = { 0 };
	size_t i;
	__u64 nr;

	for (i = 0; i < sizeof(waiting_cases) / sizeof(waiting_cases[0]); i++) {
		c.tail = waiting_cases[i].tail;
		c.head = ~waiting_cases[i].head;
		nr = 12345;
		tap_is(qumun_ring_waiting(&c, waiting_cases[i].head, SLOTS, &nr),
		       waiting_cases[i].want, "waiting: %s", waiting_cases[i].name);
		tap_is(nr, waiting_cases[i].nr, "waiting: how many: %s",
		       waiting_cases[i].name);
	}
}

/* A ring, and the two cursors that its two sides keep to themselves. */
struct ring {
	struct qumun_cursors c;
	struct qumun_ask entries[SLOTS];
	__u64 tail __attribute__((aligned(64)));
	__u64 head __attribute__((aligned(64)));
};

static void ring_begin(struct ring *r, __u64 at)
{
	memset(r, 0, sizeof(*r));
	r->c.tail = r->c.head = r->tail = r->head = at;
}

static bool push(struct ring *r, struct qumun_ask e)
{
	if (qumun_ring_room(&r->c, r->tail, SLOTS) != QUMUN_RING_OK)
		return false;
	r->entries[r->tail & (SLOTS - 1)] = e;
	qumun_ring_publish(&r->c, ++r->tail);
	return true;
}

static bool pop(struct ring *r, struct qumun_ask *e)
{
	__u64 nr;

	if (qumun_ring_waiting(&r->c, r->head, SLOTS, &nr) != QUMUN_RING_OK)
		return false;
	*e = r->entries[r->head & (SLOTS - 1)];
	qumun_ring_release(&r->c, ++r->head);
	return true;
}

static void test_one_thread(void)
{
	static const __u64 starts[] = { 0, -1ULL, -4ULL, -8ULL, -9ULL, (1ULL << 63) - 4 };
	struct qumun_ask e;
	struct ring r;
	bool ok;
	size_t i;
	__u32 n;

	for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		ring_begin(&r, starts[i]);
		for (n = 0; push(&r, (struct qumun_ask){ n, ~n }); n++)
			;
		tap_is(n, SLOTS, "cursors from %lld: takes %d entries",
		       (long long)starts[i], SLOTS);
		for (n = 0, ok = true; pop(&r, &e); n++)
			ok &= e.slot == n && e.gen == ~n;
		tap_ok(ok && n == SLOTS, "cursors from %lld: gives them back in order",
		       (long long)starts[i]);
		for (n = 0, ok = true; n < 5 * SLOTS; n++)
			ok &= push(&r, (struct qumun_ask){ n, n }) && pop(&r, &e) &&
			      e.slot == n;
		tap_ok(ok && !pop(&r, &e),
		       "cursors from %lld: one in, one out, round and round",
		       (long long)starts[i]);
	}
}

#define STUCK 500000ULL /* looks in vain, each with a sched_yield(): seconds */

/* The circle. Thread i takes from ring i and gives to ring i + 1. */
#define THREADS 4
#define TOKENS (2 * SLOTS) /* more than a ring holds, fewer than all rings hold */

struct circle {
	struct ring rings[THREADS];
	__u64 laps;
	__u64 wrong[THREADS]; /* tokens out of order or from the wrong owner */
	__u64 was_full[THREADS];
	int broken;
};

struct station {
	struct circle *circle;
	unsigned int nr;
};

/* A token: slot is its number, gen the hops it has made. */
static void check_token(struct station *st, const struct qumun_ask *e, __u64 seen)
{
	__u32 hops = (__u32)(seen / TOKENS * THREADS + st->nr);

	if (e->slot != seen % TOKENS || e->gen != hops)
		st->circle->wrong[st->nr]++;
}

static void *station_main(void *arg)
{
	struct station *st = arg;
	struct circle *c = st->circle;
	struct ring *in = &c->rings[st->nr], *out = &c->rings[(st->nr + 1) % THREADS];
	__u64 seen, idle;
	struct qumun_ask e;

	for (seen = 0; seen < c->laps * TOKENS; seen++) {
		idle = 0;
		while (!pop(in, &e)) {
			sched_yield();
			if (++idle > 100000000ULL ||
			    __atomic_load_n(&c->broken, __ATOMIC_RELAXED))
				goto stuck;
		}
		check_token(st, &e, seen);
		/* the last station of the last lap keeps the token */
		if (st->nr == THREADS - 1 && seen >= (c->laps - 1) * TOKENS)
			continue;
		e.gen++;
		for (; !push(out, e); sched_yield()) {
			c->was_full[st->nr]++;
			if (++idle > 100000000ULL ||
			    __atomic_load_n(&c->broken, __ATOMIC_RELAXED))
				goto stuck;
		}
	}
	return NULL;
stuck:
	__atomic_store_n(&c->broken, 1, __ATOMIC_RELAXED);
	return NULL;
}

/*
 * Tokens go in at station 0. The first SLOTS lie in its ring before the start, the others in the
 * ring before it, from where the last station would have passed them on.
 */
static void circle_begin(struct circle *c, __u64 laps)
{
	__u32 i;

	memset(c, 0, sizeof(*c));
	c->laps = laps;
	for (i = 0; i < THREADS; i++)
		ring_begin(&c->rings[i], -(__u64)(i * 5 + 3));
	for (i = 0; i < SLOTS; i++)
		push(&c->rings[0], (struct qumun_ask){ i, 0 });
}

/* Puts the tokens beyond the first ring's capacity in as room appears: station 0's first lap. */
static void *feeder_main(void *arg)
{
	struct circle *c = arg;
	__u32 i;

	for (i = SLOTS; i < TOKENS; i++) {
		while (!push(&c->rings[0], (struct qumun_ask){ i, 0 })) {
			sched_yield();
			if (__atomic_load_n(&c->broken, __ATOMIC_RELAXED))
				return NULL;
		}
	}
	return NULL;
}

static void test_circle(void)
{
	static struct circle c;
	struct station st[THREADS];
	pthread_t threads[THREADS], feeder;
	__u64 laps = tap_env("QUMUN_RING_LAPS", 2000), wrong = 0, full = 0;
	unsigned int i;

	circle_begin(&c, laps);
	/* the last station must not push into ring 0 before the feeder is done with it */
	for (i = 0; i < THREADS - 1; i++) {
		st[i] = (struct station){ &c, i };
		pthread_create(&threads[i], NULL, station_main, &st[i]);
	}
	pthread_create(&feeder, NULL, feeder_main, &c);
	pthread_join(feeder, NULL);
	st[i] = (struct station){ &c, i };
	pthread_create(&threads[i], NULL, station_main, &st[i]);
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		wrong += c.wrong[i];
		full += c.was_full[i];
	}
	tap_ok(!c.broken, "circle: %llu laps of %d tokens through %d rings end",
	       (unsigned long long)laps, TOKENS, THREADS);
	tap_is(wrong, 0, "circle: owner and order of every token");
	tap_diag("a ring was found full %llu times", (unsigned long long)full);
}

int main(void)
{
	test_room();
	test_waiting();
	test_one_thread();
	test_circle();
	return tap_done();
}
