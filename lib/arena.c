/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arena's address and layout.
 *
 * The address is fixed before load (map_extra), because a second process that takes over must
 * map the same one, and because the kernel wants an arena not to cross a 4 GiB line: candidates
 * are multiples of 4 GiB, above anything that mmap hands out by itself and outside the shadow
 * memory of the sanitizers. libbpf maps with MAP_FIXED, so the range is reserved first.
 *
 * Pages are populated by user space touching them; the BPF half never reaches past
 * control.record_limit, which is raised only after the touch.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

#define FIRST_CANDIDATE 0x7e9000000000UL
#define CANDIDATE_STEP (1UL << 32)
#define CANDIDATES 64

static __u64 page_up(__u64 size)
{
	return (size + 4095) & ~4095ULL;
}

size_t arena_layout(struct qumun_arena *a, __u32 nr_cpus, __u32 nr_shards,
		    __u32 max_records)
{
#define X(name, unit, def, min, max, doc) .name = def,
	static const struct qumun_param_block defaults = { QUMUN_PARAMS(X) };
#undef X

	memset(a, 0, sizeof(*a));
	a->magic = QUMUN_ARENA_MAGIC;
	a->abi_version = QUMUN_ABI_VERSION;
	a->nr_cpus = nr_cpus;
	a->nr_shards = nr_shards;
	a->max_records = max_records;
	a->params = defaults;
	a->shards_off = page_up(sizeof(*a));
	a->cpus_off =
		page_up(a->shards_off + (__u64)nr_shards * sizeof(struct qumun_shard));
	a->records_off = page_up(a->cpus_off + (__u64)nr_cpus * sizeof(struct qumun_cpu));
	a->size =
		page_up(a->records_off + (__u64)max_records * sizeof(struct qumun_task));
	return a->size;
}

int arena_reserve(struct qumun *q, size_t size, void **addr)
{
	unsigned long at = FIRST_CANDIDATE;
	void *p;
	int i;

	for (i = 0; i < CANDIDATES; i++, at += CANDIDATE_STEP) {
		p = mmap((void *)at, size, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE |
				 MAP_NORESERVE,
			 -1, 0);
		if (p == (void *)at) {
			*addr = p;
			return 0;
		}
		if (p != MAP_FAILED)
			munmap(p, size);
	}
	return qumun_fail(
		q, -ENOMEM,
		"no free address range of %zu bytes for the arena: raise the limit on "
		"address space (ulimit -v) or lower max_records",
		size);
}

void arena_touch_records(struct qumun *q, __u32 from, __u32 to)
{
	struct qumun_task *tasks =
		(struct qumun_task *)((char *)q->arena + q->arena->records_off);
	__u32 i;

	/* one store for each page is enough; a record never crosses one */
	for (i = from; i < to; i += 4096 / sizeof(*tasks))
		shm_store(&tasks[i].state, 0);
}

void arena_fill(struct qumun *q, const struct qumun_arena *layout)
{
	char *base = (char *)q->arena;
	struct qumun_cpu *cpus = (struct qumun_cpu *)(base + layout->cpus_off);
	__u32 i;

	memcpy(q->arena, layout, sizeof(*layout));
	memset(base + layout->shards_off, 0, layout->records_off - layout->shards_off);
	for (i = 0; i < layout->nr_cpus; i++)
		cpus[i].curr_slot = QUMUN_NO_SLOT;
}
