/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cgroups. Those that the scenario declares (`group`) have the cpu controller: the scheduler is
 * told of them at attach, parents first, and of every task that moves between them. A task in
 * any other cgroup belongs, to the controller, to the root.
 */
#include "sim.h"

struct sim_cgroup {
	struct cgroup cg; /* first: the BPF half's pointers are ours */
	struct kernfs_node kn;
	struct css_set set; /* of the tasks in it */
	bool cpu;	    /* it has the cpu controller */
	struct sim_cgroup *next;
};

#define ROOT_ID 1

static struct sim_cgroup *cgroups;

static struct sim_cgroup *find(u64 id)
{
	struct sim_cgroup *c;

	for (c = cgroups; c && c->kn.id != id; c = c->next)
		;
	return c;
}

static struct sim_cgroup *create(u64 id, struct sim_cgroup *parent, bool cpu)
{
	struct sim_cgroup *c = sim_alloc(sizeof(*c));

	c->kn.id = id;
	c->cg.kn = &c->kn;
	c->cg.parent = parent ? &parent->cg : NULL;
	c->cg.level = parent ? parent->cg.level + 1 : 0;
	c->set.dfl_cgrp = &c->cg;
	c->cpu = cpu;
	c->next = cgroups;
	cgroups = c;
	return c;
}

struct css_set *cgroup_set(u64 id)
{
	struct sim_cgroup *c = find(id ? id : ROOT_ID);

	return c ? &c->set : &create(id, find(ROOT_ID), false)->set;
}

struct cgroup *cgroup_of(const struct sim_task *p)
{
	struct sim_cgroup *c = (struct sim_cgroup *)p->ts.cgroups->dfl_cgrp;

	return c->cpu ? &c->cg : &find(ROOT_ID)->cg;
}

void cgroups_reset(const struct scenario *sc)
{
	struct scx_cgroup_init_args args = { 0 };
	struct sim_cgroup *c, *parent;
	u32 i;

	cgroups = NULL;
	args.weight = 100;
	c = create(ROOT_ID, NULL, true);
	if (sim_ops->cgroup_init(&c->cg, &args))
		sim_error("ops.cgroup_init() failed");
	for (i = 0; i < sc->nr_groups; i++) {
		parent = find(sc->groups[i].parent ? sc->groups[i].parent : ROOT_ID);
		c = create(sc->groups[i].id, parent, true);
		args.weight = sc->groups[i].weight;
		if (sim_ops->cgroup_init(&c->cg, &args))
			sim_error("ops.cgroup_init() failed");
	}
}

void cgroup_set_cpu_weight(u64 id, u32 weight)
{
	struct sim_cgroup *c = find(id);

	if (c && c->cpu)
		sim_ops->cgroup_set_weight(&c->cg, weight);
}

void *sim_cgroup_storage(struct cgroup *cgrp, size_t size, u64 flags)
{
	if (size > sizeof(cgrp->storage))
		sim_error("cgroup storage of %zu bytes: a word is there", size);
	if (!cgrp->has_storage && !(flags & BPF_LOCAL_STORAGE_GET_F_CREATE))
		return NULL;
	cgrp->has_storage = true;
	return &cgrp->storage;
}

struct cgroup *bpf_cgroup_ancestor(struct cgroup *cgrp, int level)
{
	while (cgrp && cgrp->level > level)
		cgrp = cgrp->parent;
	return cgrp;
}

void bpf_cgroup_release(struct cgroup *cgrp)
{
}
