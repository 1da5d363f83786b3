/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The watch: a timer that notices a silent policy when nothing else happens on the machine. Every
 * CPU may be idle while tasks wait for answers, and then there is no dispatch() and no tick that
 * would look. A timer can't dispatch: it kicks a CPU that can.
 *
 * It fires once a second, and every stall_ns while tasks wait or are asked about. It starts
 * itself anew: enqueue(), which would know best, holds a runqueue's lock, and starting a timer
 * under that lock can deadlock on older kernels.
 */
#ifndef QUMUN_BPF_WATCH_H
#define QUMUN_BPF_WATCH_H

#include "autopilot.bpf.h"

#define WATCH_NS 1000000000ULL
#define WATCH_FLOOR_NS 5000000ULL /* whatever stall_ns says */
#define EBUSY 16

/*
 * @shard's tasks wait and nobody looks: send a CPU that serves it to dispatch(), any one if all of
 * its own are offline. Another one each time, because a real-time task may hold this one.
 */
static __always_inline void call_shard(struct shard_priv *sh, u32 shard)
{
	struct bpf_cpu_priv *cp;
	u32 i, from = sh->watch_cpu, cpu = from;

	bpf_for(i, 0, nr_cpus) {
		cpu = cpu_after(from, i);
		cp = cpu_priv(cpu);
		if (cp && cp->online && (cp->shard == shard || orphaned(shard)))
			break;
	}
	sh->watch_cpu = cpu;
	scx_bpf_kick_cpu(cpu, SCX_KICK_PREEMPT);
}

/* One look at @shard; true if it deserves another one soon. */
__noinline bool watch_shard(u32 shard, u64 now)
{
	struct shard_priv *sh = shard_priv(shard);
	bool decides, moved, lost;
	u64 pushed;

	use_arena();
	if (!sh)
		return false;
	decides = autopilot_check(sh, shard, now);
	if (sh->gone_at)
		end_unless_taken_over(sh, now);
	pushed = shm_load(&sh->pushed);
	moved = pushed != sh->watch_pushed;
	sh->watch_pushed = pushed;
	/* two threads crossed in the queue while one took over from the other, or its CPUs went */
	lost = (!shm_load(&sh->parked) || orphaned(shard)) &&
	       scx_bpf_dsq_nr_queued(dsq_of_policy(shard)) > 0;
	if (lost)
		shm_store(&sh->parked, 1);
	if (!shm_load(&sh->undecided) && !lost)
		return moved;
	if (lost || decides || rescue_due(sh, now))
		call_shard(sh, shard);
	return true;
}

static int watch_fired(void *map, u32 *key, void *value)
{
	struct watch *w = value;
	u64 now = clock_now(), next = WATCH_NS;
	bool soon = false;
	u32 i;

	if (shm_load(&w->ended))
		return 0;
	bpf_for(i, 0, nr_shards) {
		if (watch_shard(i, now))
			soon = true;
	}
	if (soon) {
		next = bounded_stall_ns();
		if (next < WATCH_FLOOR_NS)
			next = WATCH_FLOOR_NS;
		else if (next > WATCH_NS)
			next = WATCH_NS;
	}
	bpf_timer_start(&w->timer, next, 0);
	return 0;
}

/* init(): the map outlives a detach, and its timer with it. */
static __always_inline s32 watch_begin(void)
{
	u32 zero = 0;
	struct watch *w = bpf_map_lookup_elem(&watch, &zero);
	s32 err;

	if (!w)
		return -EBUSY;
	shm_store(&w->ended, 0);
	err = bpf_timer_init(&w->timer, &watch, CLOCK_MONOTONIC);
	if (err && err != -EBUSY)
		return err;
	err = bpf_timer_set_callback(&w->timer, watch_fired);
	if (err)
		return err;
	return bpf_timer_start(&w->timer, WATCH_NS, 0);
}

/* exit() */
static __always_inline void watch_end(void)
{
	u32 zero = 0;
	struct watch *w = bpf_map_lookup_elem(&watch, &zero);

	if (w)
		shm_store(&w->ended, 1);
}

#endif
