/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives an engine with a stream of bytes: writes anywhere in the arena, asks, entries made up,
 * cursors moved, passes. Whatever comes, the engine stays inside its memory, and when the arena
 * makes sense again it works again. The fuzz target feeds what libFuzzer finds, test_garbage what
 * a generator makes.
 */
#ifndef FEED_ENGINE_H
#define FEED_ENGINE_H

#include "../unit/world.h"

struct feed {
	const __u8 *at, *end;
};

static inline __u64 feed_take(struct feed *f, unsigned int bytes)
{
	__u64 v = 0;

	while (bytes-- && f->at < f->end)
		v = v << 8 | *f->at++;
	return v;
}

/* A policy that keeps what it gets and answers for it, and for strangers, a pass later. */
struct keeper {
	__u32 nr;
	__u32 slots[64];
};

static inline void keeper_enqueue(struct qumun_policy_ctx *ctx, struct qumun_task *t,
				  __u64 now)
{
	struct keeper *k = qumun_policy_state(ctx);

	k->slots[k->nr++ % 64] = (__u32)(t - ((struct engine *)ctx)->tasks);
}

static inline void keeper_dispatch(struct qumun_policy_ctx *ctx, __u64 now)
{
	struct qumun_decision d = { .cpu = QUMUN_CPU_ANY, .slice_ns = 1, .vtime = now };
	struct qumun_task *tasks = ((struct engine *)ctx)->tasks;
	struct keeper *k = qumun_policy_state(ctx);
	__u32 i;

	for (i = 0; i < 64; i++) {
		if (qumun_task_waiting(ctx, &tasks[k->slots[i]]))
			qumun_dispatch(ctx, &tasks[k->slots[i]], &d);
	}
	qumun_dispatch(ctx, &tasks[k->nr % WORLD_RECORDS], &d);
}

static const struct qumun_policy_ops feed_keeper = {
	.abi_version = QUMUN_POLICY_ABI,
	.size = sizeof(struct qumun_policy_ops),
	.name = "keeper",
	.state_size = sizeof(struct keeper),
	.enqueue = keeper_enqueue,
	.dispatch = keeper_dispatch,
};

static inline void feed_noise(struct world *w, __u64 seed, size_t from, size_t len)
{
	__u64 x = seed | 1, i;
	__u8 *p = (__u8 *)w->arena;

	for (i = 0; i < len && from + i < w->size; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[from + i] = (__u8)(x >> 32);
	}
}

static inline void feed_cursor(struct world *w, struct feed *f)
{
	__u64 which = feed_take(f, 1), delta = (__u64)(__s64)(__s16)feed_take(f, 2);
	struct qumun_cpu *c = &w->cpus[which / 4 % WORLD_CPUS];

	switch (which % 4) {
	case 0:
		c->up.tail = w->up_tail[which / 4 % WORLD_CPUS] + delta;
		break;
	case 1:
		c->up.head = w->up_tail[which / 4 % WORLD_CPUS] + delta;
		break;
	case 2:
		w->shards[0].down.tail = w->down_head + delta;
		break;
	default:
		w->shards[0].down.head = w->down_head + delta;
	}
}

static inline void feed_step(struct world *w, struct feed *f)
{
	__u64 op = feed_take(f, 1), a, b, c;
	struct qumun_answer answer;

	switch (op % 10) {
	case 0:
		a = feed_take(f, 4) % w->size;
		for (b = feed_take(f, 1) % 32; b && a < w->size && f->at < f->end; b--)
			((__u8 *)w->arena)[a++] = *f->at++;
		break;
	case 1:
	case 2:
		a = feed_take(f, 1);
		world_ask(w, a % WORLD_CPUS, (__u32)feed_take(f, 1) % WORLD_RECORDS);
		break;
	case 3:
		a = feed_take(f, 4);
		world_push(w, op / 10 % WORLD_CPUS, (__u32)a, (__u32)feed_take(f, 1));
		break;
	case 4:
	case 5:
		engine_pass(&w->e);
		break;
	case 6:
		for (a = feed_take(f, 1); a && world_answer(w, &answer) != NO_ANSWER; a--)
			;
		break;
	case 7:
		feed_cursor(w, f);
		break;
	case 8:
		if (engine_may_sleep(&w->e))
			engine_awake(&w->e);
		break;
	default:
		a = feed_take(f, 3) % w->size;
		b = feed_take(f, 2);
		c = feed_take(f, 2);
		feed_noise(w, b, a, c);
	}
}

/* The arena makes sense again, but for its cursors. True if five asks in a row are answered. */
static inline bool feed_recovers(struct world *w)
{
	struct qumun_answer a;
	int round, in_a_row = 0;

	memset(w->tasks, 0, WORLD_RECORDS * sizeof(struct qumun_task));
	world_tasks(w);
	world_params(w);
	w->arena->params_seq = (w->arena->params_seq | 1) + 1;
	for (round = 0; round < 4 * QUMUN_DOWN_SLOTS / ENGINE_BATCH && in_a_row < 5;
	     round++) {
		bool answered = false;

		world_ask(w, 0, 5);
		engine_pass(&w->e);
		engine_pass(&w->e);
		while (world_answer(w, &a) != NO_ANSWER)
			answered |= (w->q[5] & 0xff) == QUMUN_DISPATCHED;
		in_a_row = answered ? in_a_row + 1 : 0;
		if (!answered)
			world_autopilot(w);
	}
	return in_a_row == 5;
}

/* True if all held. */
static inline bool feed_engine(const __u8 *data, size_t size)
{
	const struct qumun_policy_ops *policies[] = { &qumun_policy_fifo,
						      &qumun_policy_gthulhu,
						      &feed_keeper };
	struct feed f = { data, data + size };
	struct world w;
	bool good;

	world_begin(&w, policies[feed_take(&f, 1) % 3]);
	while (f.at < f.end)
		feed_step(&w, &f);
	good = feed_recovers(&w);
	world_end(&w);
	return good;
}

#endif
