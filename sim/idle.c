/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Topology, the idle masks, and the default CPU selection.
 *
 * As in the kernel: a CPU's bit is set when it goes idle and when an idle CPU finds again that
 * it has nothing to do; it is cleared by whoever claims it and when a task begins to run. "Any"
 * CPU of a mask is spread out: each executing CPU continues behind its last choice. The default
 * selection goes: a synchronous waker's CPU, whole idle cores (previous, same cache, same node,
 * anywhere), the previous CPU, its sibling, same cache, same node, anywhere.
 */
#include "sim.h"

#define WORDS (SIM_MAX_CPUS / 64)

static bool mask_subset(const struct cpumask *a, const struct cpumask *b)
{
	u32 i;

	for (i = 0; i < WORDS; i++) {
		if (a->bits[i] & ~b->bits[i])
			return false;
	}
	return true;
}

static bool mask_empty(const struct cpumask *a)
{
	u32 i;

	for (i = 0; i < WORDS; i++) {
		if (a->bits[i])
			return false;
	}
	return true;
}

/* First CPU of a & b at or behind @from, wrapping around; NO_CPU: none. */
static s32 next_and_wrap(const struct cpumask *a, const struct cpumask *b, u32 from)
{
	u32 words = (sim.nr_cpus + 63) / 64, i, w;
	unsigned long bits;

	if (from >= sim.nr_cpus)
		from = 0;
	for (i = 0, w = from / 64; i <= words; i++, w = (w + 1) % words) {
		bits = a->bits[w] & b->bits[w];
		if (!i)
			bits &= ~0UL << (from & 63);
		if (bits)
			return (s32)(w * 64 + (u32)__builtin_ctzl(bits));
	}
	return NO_CPU;
}

static s32 any_distribute(const struct cpumask *a, const struct cpumask *b)
{
	struct sim_cpu *c = &sim.cpus[sim_this_cpu];
	s32 cpu = next_and_wrap(a, b, (u32)(c->distribute + 1));

	if (cpu >= 0)
		c->distribute = cpu;
	return cpu;
}

void idle_set(u32 cpu, bool idle)
{
	struct cpumask *smt = sim.cpus[cpu].smt;
	u32 i;

	if (idle)
		mask_set(&sim.idle, cpu);
	else
		mask_clear(&sim.idle, cpu);
	if (!sim.smt_active)
		return;
	if (idle && !mask_subset(smt, &sim.idle))
		return;
	for (i = 0; i < WORDS; i++) {
		if (idle)
			sim.idle_smt.bits[i] |= smt->bits[i];
		else
			sim.idle_smt.bits[i] &= ~smt->bits[i];
	}
}

bool idle_claim(u32 cpu)
{
	bool was = mask_test(&sim.idle, cpu);
	u32 i;

	if (sim.smt_active) {
		for (i = 0; i < WORDS; i++)
			sim.idle_smt.bits[i] &= ~sim.cpus[cpu].smt->bits[i];
		mask_clear(&sim.idle_smt, cpu);
	}
	mask_clear(&sim.idle, cpu);
	return was;
}

s32 idle_pick(const struct cpumask *allowed, bool whole_core)
{
	s32 cpu;

	for (;;) {
		cpu = NO_CPU;
		if (sim.smt_active) {
			cpu = any_distribute(&sim.idle_smt, allowed);
			if (cpu < 0 && whole_core)
				return -EBUSY;
		}
		if (cpu < 0)
			cpu = any_distribute(&sim.idle, allowed);
		if (cpu < 0)
			return -EBUSY;
		if (idle_claim((u32)cpu))
			return cpu;
	}
}

/* The part of @span that @allowed contains, in @buf; NULL if none. */
static const struct cpumask *part(const struct cpumask *span,
				  const struct cpumask *allowed, struct cpumask *buf)
{
	u32 i;

	for (i = 0; i < WORDS; i++)
		buf->bits[i] = span->bits[i] & allowed->bits[i];
	return mask_empty(buf) ? NULL : buf;
}

s32 idle_select(struct sim_task *p, s32 prev, u64 wake_flags)
{
	const struct cpumask *allowed = p->ts.cpus_ptr, *llc = NULL, *numa = NULL;
	struct sim_cpu *pc = &sim.cpus[prev], *wc = &sim.cpus[sim_this_cpu];
	bool prev_ok = mask_test(allowed, (u32)prev);
	struct cpumask llc_buf, numa_buf;
	s32 cpu;

	if (sim.topo_numa)
		numa = part(pc->numa, allowed, &numa_buf);
	if (sim.topo_llc)
		llc = part(pc->llc, allowed, &llc_buf);

	if (wake_flags & SCX_WAKE_SYNC) {
		if (prev_ok && wc->llc_id == pc->llc_id && idle_claim((u32)prev))
			return prev;
		if (!(wc->curr && wc->curr->ts.flags & PF_EXITING) && !wc->local.nr &&
		    !mask_empty(&sim.idle) && mask_test(allowed, (u32)wc->id)) {
			idle_claim((u32)wc->id);
			return wc->id;
		}
	}
	if (sim.smt_active) {
		if (prev_ok && mask_test(&sim.idle_smt, (u32)prev) &&
		    idle_claim((u32)prev))
			return prev;
		if (llc && (cpu = idle_pick(llc, true)) >= 0)
			return cpu;
		if (numa && (cpu = idle_pick(numa, true)) >= 0)
			return cpu;
		if ((cpu = idle_pick(allowed, true)) >= 0)
			return cpu;
	}
	if (prev_ok && idle_claim((u32)prev))
		return prev;
	if (sim.smt_active) {
		for (cpu = 0; cpu < (s32)sim.nr_cpus; cpu++) {
			if (cpu != prev && mask_test(pc->smt, (u32)cpu) &&
			    mask_test(allowed, (u32)cpu) && idle_claim((u32)cpu))
				return cpu;
		}
	}
	if (llc && (cpu = idle_pick(llc, false)) >= 0)
		return cpu;
	if (numa && (cpu = idle_pick(numa, false)) >= 0)
		return cpu;
	return idle_pick(allowed, false);
}

/*
 * Siblings are neighbours (0 and 1 share a core when smt is 2); cache domains and nodes are
 * equal runs of CPUs.
 */
void topology_build(const struct scenario *sc)
{
	u32 nr = sc->cpus, llc_len = (nr + sc->llcs - 1) / sc->llcs,
	    numa_len = (nr + sc->nodes - 1) / sc->nodes,
	    cores = (nr + sc->smt - 1) / sc->smt;
	struct cpumask *llcs, *numas, *smts;
	u32 i;

	sim.masks = sim_alloc((sc->llcs + sc->nodes + cores) * sizeof(*sim.masks));
	llcs = sim.masks;
	numas = llcs + sc->llcs;
	smts = numas + sc->nodes;
	for (i = 0; i < nr; i++) {
		struct sim_cpu *c = &sim.cpus[i];

		c->llc_id = (s32)(i / llc_len);
		c->numa_id = (s32)(i / numa_len);
		c->llc = &llcs[i / llc_len];
		c->numa = &numas[i / numa_len];
		c->smt = &smts[i / sc->smt];
		mask_set(c->llc, i);
		mask_set(c->numa, i);
		mask_set(c->smt, i);
		mask_set(&sim.all, i);
		c->speed = sc->little && i >= nr - sc->little ? sc->little_speed : 1024;
	}
	sim.smt_active = sc->smt > 1;
	sim.topo_llc = sc->llcs > 1;
	sim.topo_numa = sc->nodes > 1 && sc->nodes != sc->llcs;
	sim.online = sim.all;
}
