/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The BPF half, compiled natively as one translation unit, and what the loader does for it:
 * sizes of maps, the arena, the configuration. Its maps are global, so a run resets all of them.
 */
#include <stdlib.h>

#include "sim.h"

#define QUMUN_BPF_NATIVE
#include "../bpf/main.bpf.c"

/* the BPF half's short names for its configuration */
#undef nr_cpus
#undef nr_shards
#undef max_records

#define SLACK 64

struct sched_ext_ops *const sim_ops = &gthulhu_ops;

static struct qumun_arena *the_arena;
static u32 nr_tokens[QUMUN_MAX_SHARDS]; /* in each bell */

#define map_size(map, n)                                                                 \
	do {                                                                             \
		(map).value = sim_alloc((n) * sizeof(*(map).value));                     \
		(map).max_entries = (void *)(uintptr_t)(n);                              \
	} while (0)

static u64 page_up(u64 size)
{
	return (size + 4095) & ~4095ULL;
}

static void set_params(struct qumun_param_block *par, const struct scenario *sc)
{
#define X(name, unit, def, min, max, doc) par->name = def;
	QUMUN_PARAMS(X)
#undef X
	for (u32 i = 0; i < sc->nr_params; i++) {
#define X(field, unit, def, min, max, doc)                                               \
	if (!strcmp(sc->params[i].name, #field))                                         \
		par->field = sc->params[i].value;
		QUMUN_PARAMS(X)
#undef X
	}
}

void bpf_half_reset(const struct scenario *sc, u32 records)
{
	struct qumun_arena *a;
	struct qumun_cpu *ac;
	u64 at = page_up(sizeof(*a));
	u32 i;

	config.nr_cpus = sc->cpus;
	config.nr_shards = sc->shards;
	config.max_records = records;
	config.shards_off = at;
	at = page_up(at + sc->shards * sizeof(struct qumun_shard));
	config.cpus_off = at;
	at = page_up(at + sc->cpus * sizeof(struct qumun_cpu));
	config.records_off = at;
	at = page_up(at + records * sizeof(struct qumun_task));
	a = aligned_alloc(4096, at + SLACK * 64);
	if (!a) {
		fputs("gthulhu-sim: out of memory: use fewer CPUs or records\n", stderr);
		exit(1);
	}
	memset(a, 0, at);
	a->magic = QUMUN_ARENA_MAGIC;
	a->abi_version = QUMUN_ABI_VERSION;
	a->nr_cpus = sc->cpus;
	a->nr_shards = sc->shards;
	a->max_records = records;
	a->size = at;
	a->shards_off = config.shards_off;
	a->cpus_off = config.cpus_off;
	a->records_off = config.records_off;
	a->attached_at = sim_now;
	set_params(&a->params, sc);
	the_arena = a;
	config.arena_base = (u64)(uintptr_t)a;

	map_size(slots, records);
	map_size(queued_bits, (records + 63) / 64);
	map_size(cpus, sc->cpus);
	map_size(shards, QUMUN_MAX_SHARDS);
	map_size(policy_bells, QUMUN_MAX_SHARDS);
	map_size(control, 1);
	map_size(free_slots, 1);
	map_size(exit_report, 1);
	map_size(watch, 1);
	map_size(groups, MAX_GROUPS);
	map_size(group_tree, 1);
	config.cgroups = 1;
	free_slots.value->head = QUMUN_NO_SLOT;
	control.value->mode = sc->kernel_mode ? MODE_KERNEL : MODE_USER;
	control.value->record_limit = records;
	for (i = 0; i < sc->cpus; i++) {
		cpus.value[i].shard = (u32)((u64)i * sc->shards / sc->cpus);
		ac = (struct qumun_cpu *)((char *)a + a->cpus_off) + i;
		ac->shard = cpus.value[i].shard;
		ac->core = i / sc->smt;
		ac->llc = (u32)sim.cpus[i].llc_id;
		ac->node = (u32)sim.cpus[i].numa_id;
		ac->curr_slot = QUMUN_NO_SLOT;
	}
	memset(nr_tokens, 0, sizeof(nr_tokens));
	if (gthulhu_ops.init && gthulhu_ops.init())
		sim_error("ops.init() failed");
}

void bpf_half_free(void)
{
	free(the_arena);
	the_arena = NULL;
}

void bpf_half_set_policy(s32 tgid, u32 shard, s32 tid)
{
	control.value->policy_tgid = tgid;
	control.value->policy_tid[shard] = tid;
}

/* do_exit() begins for @p. */
void bpf_half_process_exit(struct sim_task *p)
{
	gthulhu_process_exit(&p->ts);
}

void bpf_half_set_mode(bool kernel)
{
	control.value->mode = kernel ? MODE_KERNEL : MODE_USER;
}

void bpf_half_decide(u32 slot, u64 now, struct bpf_decision *d)
{
	struct qumun_task *rec = arena_task(slot), was = *rec;
	bool woke = rec->flags & QUMUN_TASK_WAKEUP;

	d->slice_ns = place_task(rec, (u32)rec->cpu, woke);
	d->vruntime = rec->vruntime;
	d->deadline = rec->deadline;
	d->preempts = woke && arena_cpu((u32)rec->cpu)->curr_start &&
		      wakeup_preempts(rec, (u32)rec->cpu, now);
	*rec = was;
}

/* What libqumun does when a rule that gives a class begins to count for @p. */
void bpf_half_set_class(const struct sim_task *p, u32 cls)
{
	const struct task_ctx *tc = (const struct task_ctx *)p->ts.storage;
	struct qumun_task *rec;

	if (!p->ts.has_storage || tc->slot >= config.max_records)
		return;
	rec = arena_task(tc->slot);
	rec->rule_class = (u8)cls;
	rec->rule_id = 1;
}

void bpf_half_set_param(const char *name, u64 value)
{
	struct qumun_param_block *par = &the_arena->params;

	the_arena->params_seq++;
#define X(field, unit, def, min, max, doc)                                               \
	if (!strcmp(name, #field))                                                       \
		par->field = value;
	QUMUN_PARAMS(X)
#undef X
	the_arena->params_seq++;
}

struct qumun_arena *bpf_half_arena(void)
{
	return the_arena;
}

u64 bpf_half_counter(u32 i)
{
	u64 sum = 0;
	u32 cpu;

	for (cpu = 0; cpu < config.nr_cpus; cpu++)
		sum += cpus.value[cpu].counters[i];
	return sum;
}

const char *bpf_half_counter_name(u32 i)
{
	static const char *const names[] = {
#define X(name, doc) #name,
		QUMUN_COUNTERS(X)
#undef X
	};

	return names[i];
}

u32 bpf_half_nr_counters(void)
{
	return QUMUN_NR_COUNTERS;
}

/* Ring buffers: tokens for the bells, which user space drains at once; exit events are dropped. */
static u64 ring_space[4];
static void *ring_map;

/* The shard whose bell @map is, or -1. */
static s32 bell_of(const void *map)
{
	u32 i;

	for (i = 0; i < QUMUN_MAX_SHARDS; i++) {
		if (map == &policy_bells.value[i])
			return (s32)i;
	}
	return -1;
}

void *sim_ringbuf_reserve(void *map, size_t size)
{
	s32 shard = bell_of(map);

	ring_map = map;
	if (shard >= 0) {
		sim.cost += sim.costs.bell_ring_ns;
		if (nr_tokens[shard] >= 4096 / 16 - 1)
			return NULL;
	}
	return ring_space;
}

void sim_ringbuf_submit(void *data, u64 flags)
{
	s32 shard = bell_of(ring_map);

	if (shard < 0)
		return;
	nr_tokens[shard]++;
	if (!(flags & BPF_RB_NO_WAKEUP))
		queue_work(WORK_BELL, shard, 0);
}

u32 bpf_half_take_tokens(u32 shard)
{
	u32 nr = nr_tokens[shard];

	nr_tokens[shard] = 0;
	return nr;
}

/* Does the BPF half's idea of @p fit the kernel's? NULL: yes. */
const char *bpf_half_check_task(const struct sim_task *p)
{
	const struct task_ctx *tc = (const struct task_ctx *)p->ts.storage;
	const struct slot_priv *s;
	u32 state;

	if (!p->ts.has_storage || p->policy || tc->slot >= config.max_records)
		return NULL;
	s = &slots.value[tc->slot];
	if (s->task != &p->ts)
		return "its record belongs to another task";
	state = state_of(s->q);
	if (p->life == TASK_SLEEPING && state == QUMUN_RUNNING)
		return "sleeps, but its record says RUNNING";
	if (p->on_cpu && !p->blocking && p->ts.scx.flags & SCX_TASK_QUEUED &&
	    state != QUMUN_RUNNING)
		return "runs, but its record does not say so";
	if (!p->on_cpu && p->life == TASK_RUNNABLE && p->ops_state == OPSS_QUEUED &&
	    state != QUMUN_QUEUED)
		return "is in the scheduler's custody, but nobody will decide about it";
	if (!p->on_cpu && p->dsq && state == QUMUN_QUEUED)
		return "is in a dispatch queue, but its record says QUEUED";
	return NULL;
}

/* Since when @p has waited for the policy's answer; 0: it does not. */
u64 bpf_half_asked_at(const struct sim_task *p)
{
	const struct task_ctx *tc = (const struct task_ctx *)p->ts.storage;
	const struct slot_priv *s;

	if (!p->ts.has_storage || tc->slot >= config.max_records)
		return 0;
	s = &slots.value[tc->slot];
	return state_of(s->q) == QUMUN_QUEUED ? s->enq_at : 0;
}

/* Is what each group counts what there is? */
static bool groups_agree(void)
{
	static u64 sum[MAX_GROUPS];
	static s32 nr[MAX_GROUPS];
	const struct slot_priv *s;
	const struct group *g;
	u32 i, last = group_tree.value->last;

	memset(sum, 0, (last + 1) * sizeof(*sum));
	memset(nr, 0, (last + 1) * sizeof(*nr));
	for (i = 0; i < config.max_records && i < free_slots.value->fresh; i++) {
		s = &slots.value[i];
		if (!s->task || !s->active)
			continue;
		sum[s->group & (MAX_GROUPS - 1)] += s->active;
		nr[s->group & (MAX_GROUPS - 1)]++;
	}
	for (i = 1; i <= last; i++) {
		g = &groups.value[i];
		if (g->counted != (active_nr(g->active) > 0 ? g->weight : 0))
			return false;
		sum[g->parent] += g->counted;
		nr[g->parent] += g->counted != 0;
	}
	for (i = 1; i <= last; i++) {
		g = &groups.value[i];
		if (active_sum(g->active) != (s64)sum[i] || active_nr(g->active) != nr[i])
			return false;
	}
	return true;
}

/* Sums that must agree at rest; NULL: they do. */
const char *bpf_half_check_all(void)
{
	static char why[80];
	u64 undecided = 0, waiting = 0;
	s64 nr;
	u32 i;

	for (i = 0; i < config.nr_shards; i++)
		undecided += shards.value[i].undecided;
	for (i = 0; i < config.max_records && i < free_slots.value->fresh; i++)
		waiting +=
			slots.value[i].task && state_of(slots.value[i].q) == QUMUN_QUEUED;
	if (undecided != waiting) {
		snprintf(why, sizeof(why), "`undecided` is %lld, QUEUED records are %llu",
			 (s64)undecided, waiting);
		return why;
	}
	if (!groups_agree())
		return "a group's sum is not that of its runnable tasks and groups";
	for (i = 0; i < config.nr_cpus; i++) {
		nr = arena_cpu(i)->nr_queued;
		if (nr < 0)
			return "a CPU's nr_queued is negative";
	}
	return NULL;
}
