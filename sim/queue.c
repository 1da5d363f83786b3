/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dispatch queues. The kernel keeps a list in order of service and, for queues ordered by
 * virtual time, a tree beside it; equal keys keep their order of arrival. The tree here is a
 * treap whose priorities come from the queue's own generator, so that its shape is the same in
 * every run.
 */
#include "sim.h"

static bool goes_before(const struct sim_task *a, const struct sim_task *b)
{
	s64 diff = (s64)(a->ts.scx.dsq_vtime - b->ts.scx.dsq_vtime);

	return diff ? diff < 0 : a->dsq_key_seq < b->dsq_key_seq;
}

void dsq_init(struct sim_dsq *q, u64 id)
{
	memset(q, 0, sizeof(*q));
	q->id = id;
	q->seed = 0x2545f491U ^ (u32)id;
}

static u32 next_prio(struct sim_dsq *q)
{
	q->seed ^= q->seed << 13;
	q->seed ^= q->seed >> 17;
	q->seed ^= q->seed << 5;
	return q->seed;
}

/* List insertion behind @after; NULL: first. */
static void link_after(struct sim_dsq *q, struct sim_task *p, struct sim_task *after)
{
	p->prev = after;
	p->next = after ? after->next : q->first;
	if (p->prev)
		p->prev->next = p;
	else
		q->first = p;
	if (p->next)
		p->next->prev = p;
	else
		q->last = p;
	p->dsq = q;
	q->nr++;
}

void dsq_add_tail(struct sim_dsq *q, struct sim_task *p)
{
	if (q->root)
		sim_error("DSQ 0x%llx already had PRIQ-enqueued tasks", q->id);
	link_after(q, p, q->last);
}

void dsq_add_head(struct sim_dsq *q, struct sim_task *p)
{
	link_after(q, p, NULL);
}

/* Split the subtree @t into those before @p and those after it. */
static void split(struct sim_task *t, const struct sim_task *p, struct sim_task **less,
		  struct sim_task **more)
{
	while (t) {
		if (goes_before(t, p)) {
			*less = t;
			less = &t->right;
			t = t->right;
		} else {
			*more = t;
			more = &t->left;
			t = t->left;
		}
	}
	*less = *more = NULL;
}

static struct sim_task *merge(struct sim_task *a, struct sim_task *b)
{
	struct sim_task *root = NULL, **at = &root;

	while (a && b) {
		if (a->heap_prio > b->heap_prio) {
			*at = a;
			at = &a->right;
			a = a->right;
		} else {
			*at = b;
			at = &b->left;
			b = b->left;
		}
	}
	*at = a ? a : b;
	return root;
}

void dsq_add_vtime(struct sim_dsq *q, struct sim_task *p)
{
	static u64 seq;
	struct sim_task **at = &q->root, *after = NULL;

	if (!q->root && q->first)
		sim_error("DSQ 0x%llx already had FIFO-enqueued tasks", q->id);
	p->dsq_key_seq = ++seq;
	p->heap_prio = next_prio(q);
	p->on_priq = true;
	while (*at && (*at)->heap_prio >= p->heap_prio) {
		if (goes_before(*at, p)) {
			after = *at;
			at = &(*at)->right;
		} else {
			at = &(*at)->left;
		}
	}
	split(*at, p, &p->left, &p->right);
	*at = p;
	if (p->left) {
		after = p->left;
		while (after->right)
			after = after->right;
	}
	link_after(q, p, after);
}

void dsq_remove(struct sim_task *p)
{
	struct sim_dsq *q = p->dsq;
	struct sim_task **at;

	if (!q)
		return;
	if (p->on_priq) {
		at = &q->root;
		while (*at != p)
			at = goes_before(*at, p) ? &(*at)->right : &(*at)->left;
		*at = merge(p->left, p->right);
		p->left = p->right = NULL;
		p->on_priq = false;
	}
	if (p->prev)
		p->prev->next = p->next;
	else
		q->first = p->next;
	if (p->next)
		p->next->prev = p->prev;
	else
		q->last = p->prev;
	p->next = p->prev = NULL;
	p->dsq = NULL;
	q->nr--;
}

/* Queues numbered like CPUs lie in an array; the others are few. */
struct sim_dsq *dsq_find(u64 id)
{
	u32 i;

	if (id < sim.nr_cpus)
		return sim.cpu_dsqs[id].id == id ? &sim.cpu_dsqs[id] : NULL;
	for (i = 0; i < sim.nr_dsqs; i++) {
		if (sim.dsqs[i]->id == id)
			return sim.dsqs[i];
	}
	return NULL;
}

s32 dsq_create(u64 id)
{
	if (id >> 63)
		return -EINVAL;
	if (dsq_find(id))
		return -EEXIST;
	if (id < sim.nr_cpus) {
		dsq_init(&sim.cpu_dsqs[id], id);
		return 0;
	}
	if (sim.nr_dsqs == sim.room_dsqs) {
		sim.room_dsqs = sim.room_dsqs ? sim.room_dsqs * 2 : 16;
		sim.dsqs = sim_grow(sim.dsqs, sim.room_dsqs * sizeof(*sim.dsqs));
	}
	sim.dsqs[sim.nr_dsqs] = sim_alloc(sizeof(struct sim_dsq));
	dsq_init(sim.dsqs[sim.nr_dsqs++], id);
	return 0;
}
