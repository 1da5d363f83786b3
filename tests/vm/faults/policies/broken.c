/* SPDX-License-Identifier: Apache-2.0 */
/* Policies that no policy author should write, one for each value of FAULT; for fault_policy. */
#include <qumun/policy.h>
#include <string.h>
#include <time.h>

enum fault { SLEEPS = 1, LOOPS, FORGETS_ONE, GARBAGE, MUTE };

#define HEALTHY 200 /* it behaves for so many decisions */
#define ARENA_ALIGN (1ULL << 32)

static __u64 nr, seed = 0x9e3779b97f4a7c15ULL;

static __u64 next_random(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1dULL;
}

static void answer(struct qumun_policy_ctx *ctx, struct qumun_task *t, __u64 now)
{
	struct qumun_decision d = { .cpu = QUMUN_CPU_ANY,
				    .slice_ns = BASE_SLICE_NS,
				    .vtime = now };

	qumun_dispatch(ctx, t, &d);
}

/* Overwrite what was just put in the ring of answers: the arena's place tells where it is. */
static void scribble(struct qumun_task *t)
{
	char *base = (char *)((__u64)t & ~(ARENA_ALIGN - 1));
	struct qumun_shard *s =
		(struct qumun_shard *)(base + ((struct qumun_arena *)base)->shards_off);
	__u64 tail = shm_load(&s->down.tail);
	struct qumun_answer *a = &s->down_ring[(tail - 1) & (QUMUN_DOWN_SLOTS - 1)];

	switch (next_random() % 4) {
	case 0: /* no such record */
		a->slot = (__u32)next_random();
		break;
	case 1: /* another task's question */
		a->slot = (__u32)(next_random() % 64);
		break;
	case 2: /* of another time */
		a->gen = (__u32)next_random();
		break;
	default: /* the former answer once more */
		*a = s->down_ring[(tail - 2) & (QUMUN_DOWN_SLOTS - 1)];
		break;
	}
}

static void garbage(struct qumun_policy_ctx *ctx, struct qumun_task *t)
{
	__u64 r = next_random();
	struct qumun_decision d = {
		.cpu = (r & 1) ? (__s32)(next_random() % 4) : (__s32)next_random(),
		.flags = (__u32)next_random(),
		.slice_ns = next_random() >> (next_random() % 64),
		.vtime = next_random(),
	};

	qumun_dispatch(ctx, t, &d);
	qumun_dispatch(ctx, t, &d);
	if (r & 2)
		scribble(t);
}

static void broken_enqueue(struct qumun_policy_ctx *ctx, struct qumun_task *t, __u64 now)
{
	struct timespec second = { 1, 0 };

	if (++nr < HEALTHY) {
		answer(ctx, t, now);
		return;
	}
	switch (FAULT) {
	case SLEEPS:
		if (nr % HEALTHY == 0)
			nanosleep(&second, NULL);
		answer(ctx, t, now);
		break;
	case LOOPS:
		for (;;)
			__atomic_fetch_add(&nr, 1, __ATOMIC_RELAXED);
	case FORGETS_ONE:
		if (strncmp(t->comm, "victim", 6))
			answer(ctx, t, now);
		break;
	case GARBAGE:
		garbage(ctx, t);
		break;
	case MUTE:
		break;
	}
}

QUMUN_POLICY(broken, "does what a policy must not", .enqueue = broken_enqueue);
