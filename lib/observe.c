/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a running scheduler looks like from outside: CPUs, tasks, wait times. Everything is read
 * from memory that the BPF half goes on writing, so it is a view and no snapshot.
 */
#include <errno.h>
#include <string.h>

#include "internal.h"

static const __u64 bounds[QUMUN_NR_LATENCY - 1] = QUMUN_LATENCY_BOUNDS;

static int check_cpu(struct qumun *q, int cpu, int lowest)
{
	if (cpu >= lowest && cpu < (int)q->nr_cpus)
		return 0;
	return qumun_fail(q, -EINVAL, "no CPU %d: 0 .. %u%s", cpu, q->nr_cpus - 1,
			  lowest < 0 ? ", or -1 for all" : "");
}

QUMUN_API __u64 qumun_latency_bound_ns(unsigned int i)
{
	return i < QUMUN_NR_LATENCY - 1 ? bounds[i] : ~0ULL;
}

/* Both histograms of a CPU: waits for a CPU, and the policy's answers. */
static int add_latency(struct qumun *q, __u32 cpu, bool answers,
		       struct qumun_latency *sum)
{
	struct bpf_cpu_priv priv;
	unsigned int i, cls;
	__u64 nr;
	int err;

	err = bpf_map_lookup_elem(q->cpus_fd, &cpu, &priv) ? -errno : 0;
	if (err)
		return qumun_fail(q, err, "wait times of CPU %u: %s", cpu,
				  strerror(-err));
	for (i = 0; i < QUMUN_NR_LATENCY; i++) {
		nr = answers ? priv.answers[i] : 0;
		for (cls = 0; !answers && cls < QUMUN_CLASS_SHARES; cls++)
			nr += priv.shares[cls].waits[i];
		sum->buckets[i] += nr;
		sum->count += nr;
	}
	sum->sum_ns += answers ? priv.answer_ns : priv.counters[QUMUN_C_wait_ns];
	return 0;
}

static int get_latency(struct qumun *q, int cpu, bool answers,
		       struct qumun_latency *latency)
{
	__u32 i;
	int err;

	if (!q || !latency)
		return -EINVAL;
	memset(latency, 0, sizeof(*latency));
	err = check_cpu(q, cpu, -1);
	if (!err && cpu >= 0)
		return add_latency(q, (__u32)cpu, answers, latency);
	for (i = 0; i < q->nr_cpus && !err; i++)
		err = add_latency(q, i, answers, latency);
	return err;
}

QUMUN_API int qumun_get_latency(struct qumun *q, int cpu, struct qumun_latency *latency)
{
	return get_latency(q, cpu, false, latency);
}

QUMUN_API int qumun_get_round_trip(struct qumun *q, int cpu,
				   struct qumun_latency *latency)
{
	return get_latency(q, cpu, true, latency);
}

QUMUN_API int qumun_next_task(struct qumun *q, __u32 *cursor, struct qumun_task *task)
{
	const struct qumun_task *t;
	__u32 nr, incarnation;

	if (!q || !cursor || !task)
		return -EINVAL;
	nr = sync_high_water(q);
	while (*cursor < nr) {
		t = &arena_tasks(q)[(*cursor)++];
		incarnation = shm_load_acquire(&t->incarnation);
		if (!incarnation)
			continue;
		memcpy(task, t, sizeof(*task));
		/* it went to another task while it was copied */
		if (shm_load_acquire(&t->incarnation) != incarnation || task->pid <= 0)
			continue;
		task->comm[QUMUN_COMM_LEN - 1] = '\0';
		return 1;
	}
	return 0;
}

QUMUN_API int qumun_get_task(struct qumun *q, pid_t pid, struct qumun_task *task)
{
	__u32 cursor = 0;
	int found;

	if (!q || !task)
		return -EINVAL;
	while ((found = qumun_next_task(q, &cursor, task)) == 1) {
		if (task->pid == pid)
			return 0;
	}
	return found ? found : -ENOENT;
}

/* The slot of thread @pid, or QUMUN_NO_SLOT. */
static __u32 slot_of(struct qumun *q, pid_t pid)
{
	const struct qumun_task *t = arena_tasks(q);
	__u32 i, nr = sync_high_water(q);

	for (i = 0; i < nr; i++) {
		if (shm_load(&t[i].pid) == pid && shm_load_acquire(&t[i].incarnation))
			return i;
	}
	return QUMUN_NO_SLOT;
}

QUMUN_API int qumun_get_recent_waits(struct qumun *q, pid_t pid,
				     __u32 us[QUMUN_RECENT_WAITS])
{
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info), slot, i, nr;
	struct bpf_waits waits;
	char value[512];

	if (!q || !us)
		return -EINVAL;
	slot = slot_of(q, pid);
	if (slot == QUMUN_NO_SLOT)
		return qumun_fail(q, -ENOENT, "no task record for pid %d", (int)pid);
	if (bpf_map_get_info_by_fd(q->slots_fd, &info, &size) ||
	    info.value_size > sizeof(value) || info.value_size < sizeof(waits) ||
	    bpf_map_lookup_elem(q->slots_fd, &slot, value))
		return qumun_fail(q, -EIO, "recent waits of pid %d: %s", (int)pid,
				  strerror(errno));
	memcpy(&waits, value + info.value_size - sizeof(waits), sizeof(waits));
	nr = waits.nr < QUMUN_RECENT_WAITS ? waits.nr : QUMUN_RECENT_WAITS;
	for (i = 0; i < nr; i++)
		us[i] = waits.ns[(waits.nr - 1 - i) % QUMUN_RECENT_WAITS] / 1000;
	return (int)nr;
}

/* Who is it that runs: the record may be another's by now, and then it is not told. */
static void describe_runner(struct qumun *q, __u32 slot, struct qumun_cpu_info *info)
{
	const struct qumun_task *t;

	if (slot >= q->arena->max_records || slot >= sync_high_water(q))
		return;
	t = &arena_tasks(q)[slot];
	if (!shm_load_acquire(&t->incarnation))
		return;
	info->pid = shm_load(&t->pid);
	memcpy(info->comm, t->comm, sizeof(info->comm));
	info->comm[QUMUN_COMM_LEN - 1] = '\0';
}

QUMUN_API int qumun_get_cpu(struct qumun *q, int cpu, struct qumun_cpu_info *info)
{
	const struct qumun_cpu *c;
	__s32 queued;
	int err;

	if (!q || !info)
		return -EINVAL;
	memset(info, 0, sizeof(*info));
	err = check_cpu(q, cpu, 0);
	if (err)
		return err;
	c = &arena_cpus(q)[cpu];
	queued = shm_load(&c->nr_queued);
	info->online = shm_load(&c->online);
	info->llc = shm_load(&c->llc);
	info->shard = shm_load(&c->shard);
	info->nr_queued = queued > 0 ? (__u32)queued : 0;
	info->running_since = shm_load(&c->curr_start);
	if (info->running_since)
		describe_runner(q, shm_load(&c->curr_slot), info);
	return 0;
}

QUMUN_API int qumun_get_state(struct qumun *q, struct qumun_run_state *state)
{
	__u32 i;

	if (!q || !state)
		return -EINVAL;
	memset(state, 0, sizeof(*state));
	pthread_mutex_lock(&q->control_lock);
	state->mode = (enum qumun_mode)q->control.mode;
	pthread_mutex_unlock(&q->control_lock);
	state->attached = q->attached;
	state->attached_at = q->arena->attached_at;
	state->nr_cpus = q->nr_cpus;
	for (i = 0; i < q->arena->nr_shards && i < QUMUN_MAX_SHARDS; i++)
		state->autopilot |= shm_load(&arena_shards(q)[i].autopilot) != 0;
	return 0;
}
