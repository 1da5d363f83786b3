/* SPDX-License-Identifier: Apache-2.0 */
/* The event queue: a binary heap of events that know their place, and memory for one run. */
#include <stdlib.h>

#include "sim.h"

static bool before(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void put(struct event_heap *h, u32 i, struct event *e)
{
	h->v[i] = e;
	e->pos = i + 1;
}

static void sift_up(struct event_heap *h, u32 i, struct event *e)
{
	while (i && before(e, h->v[(i - 1) / 2])) {
		put(h, i, h->v[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(h, i, e);
}

static void sift_down(struct event_heap *h, u32 i, struct event *e)
{
	u32 child;

	while ((child = 2 * i + 1) < h->nr) {
		if (child + 1 < h->nr && before(h->v[child + 1], h->v[child]))
			child++;
		if (!before(h->v[child], e))
			break;
		put(h, i, h->v[child]);
		i = child;
	}
	put(h, i, e);
}

void event_init(struct event *e, enum ev_kind kind, u32 number)
{
	e->at = 0;
	e->order = (u64)kind << 32 | number;
	e->pos = 0;
}

void event_set(struct event *e, u64 at)
{
	struct event_heap *h = &sim.heap;
	u64 old = e->at;

	e->at = at;
	if (e->pos) {
		if (at < old)
			sift_up(h, e->pos - 1, e);
		else
			sift_down(h, e->pos - 1, e);
		return;
	}
	if (h->nr == h->room) {
		h->room = h->room ? h->room * 2 : 256;
		h->v = sim_grow(h->v, h->room * sizeof(*h->v));
	}
	sift_up(h, h->nr++, e);
}

void event_clear(struct event *e)
{
	struct event_heap *h = &sim.heap;
	struct event *last;
	u32 i = e->pos;

	if (!i)
		return;
	e->pos = 0;
	last = h->v[--h->nr];
	if (last == e)
		return;
	if (before(last, e))
		sift_up(h, i - 1, last);
	else
		sift_down(h, i - 1, last);
}

struct event *event_first(void)
{
	return sim.heap.nr ? sim.heap.v[0] : NULL;
}

/* Memory of one run: blocks in a list, so that the end of the run frees all of it. */
struct block {
	struct block *next, *prev;
	u64 pad[2];
};

static struct block blocks = { &blocks, &blocks, { 0 } };

static void *block_link(struct block *b)
{
	if (!b) {
		fputs("gthulhu-sim: out of memory: use fewer CPUs or tasks\n", stderr);
		exit(1);
	}
	b->next = blocks.next;
	b->prev = &blocks;
	b->next->prev = b;
	blocks.next = b;
	return b + 1;
}

void *sim_alloc(size_t size)
{
	return block_link(calloc(1, sizeof(struct block) + size));
}

void *sim_grow(void *p, size_t size)
{
	struct block *b;

	if (!p)
		return sim_alloc(size);
	b = (struct block *)p - 1;
	b->prev->next = b->next;
	b->next->prev = b->prev;
	return block_link(realloc(b, sizeof(struct block) + size));
}

void sim_free_all(void)
{
	struct block *b;

	while ((b = blocks.next) != &blocks) {
		blocks.next = b->next;
		b->next->prev = &blocks;
		free(b);
	}
}

u64 sim_random(void)
{
	u64 z = (sim.rng += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

u64 sim_random_range(u64 from, u64 to)
{
	return to > from ? from + sim_random() % (to - from + 1) : from;
}
