/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shards: policy threads, each for the CPUs of some last-level caches. The BPF half keeps a policy
 * thread on its CPUs; see select_cpu() and enqueue() in bpf/main.bpf.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

int shards_choose(struct qumun *q)
{
	__u32 caches;
	int err;

	q->nr_shards = 1;
	if (q->opt.shards == 1)
		return 0;
	err = topology_load(NULL, q->nr_cpus, &q->topology);
	if (err)
		return qumun_fail(q, err, "cache domains of %u CPUs: %s", q->nr_cpus,
				  strerror(-err));
	caches = topology_count(q->topology, TOPOLOGY_LLC);
	q->nr_shards = q->opt.shards < caches ? q->opt.shards : caches;
	qumun_say(q, QUMUN_LOG_INFO, "%u policy threads for %u last-level caches",
		  q->nr_shards, caches);
	return 0;
}

/* Tell the BPF half, and who reads the arena, which CPU is whose. */
int shards_deal(struct qumun *q)
{
	struct bpf_cpu_priv priv = { 0 };
	__u32 cpu;

	if (q->nr_shards == 1)
		return 0;
	topology_apply(q, q->topology);
	for (cpu = 0; cpu < q->nr_cpus; cpu++) {
		priv.shard = topology_shard(q->topology, cpu, q->nr_shards);
		if (bpf_map_update_elem(q->cpus_fd, &cpu, &priv, 0))
			return qumun_fail(q, -errno, "writing the BPF half's CPU map: %s",
					  strerror(errno));
		arena_cpus(q)[cpu].shard = (__u16)priv.shard;
	}
	return 0;
}

int shards_alloc(struct qumun *q)
{
	__u32 i;

	q->shards = calloc(q->nr_shards, sizeof(*q->shards));
	if (!q->shards)
		return qumun_fail(q, -ENOMEM, "out of memory for %u policy threads",
				  q->nr_shards);
	for (i = 0; i < q->nr_shards; i++) {
		q->shards[i].q = q;
		q->shards[i].id = i;
		q->shards[i].bell_fd = q->shards[i].wait_fd = -1;
	}
	return 0;
}

int shards_open(struct qumun *q)
{
	struct bpf_map *bells = bpf_object__find_map_by_name(q->obj, "policy_bells");
	int err = shards_alloc(q);
	__u32 i;

	for (i = 0; !err && i < q->nr_shards; i++) {
		err = bell_create(&q->shards[i], bpf_map__fd(bells));
		if (!err)
			err = bell_open(&q->shards[i]);
	}
	return err;
}

void shards_close(struct qumun *q)
{
	struct shard *sh;

	for (sh = q->shards; sh && sh < q->shards + q->nr_shards; sh++) {
		bell_close(sh);
		engine_box_free(sh->engine);
	}
	free(q->shards);
	q->shards = NULL;
}
