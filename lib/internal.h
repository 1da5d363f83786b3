/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of libqumun share. */
#ifndef QUMUN_INTERNAL_H
#define QUMUN_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <qumun.h>
#include <qumun/abi.h>
#include <qumun/private.h>

#include "../engine/engine.h"

struct qumun {
	struct qumun_options opt;
	struct bpf_object *obj;
	struct bpf_link *link;
	bool attached;

	/* descriptors of the maps that are used while running */
	int control_fd;
	int cpus_fd;
	int exit_report_fd;
	int task_info_fd;

	struct qumun_arena *arena;
	size_t arena_size;
	__u32 nr_cpus;

	const struct qumun_policy_ops *policy;
	void *plugin;		  /* dlopen handle */
	struct engine *engine;
	void *engine_memory;
	size_t engine_memory_size;

	struct ring_buffer *bell;
	struct ring_buffer *exit_rb;
	int *exit_pids;		  /* drained from exit_rb, not yet handed out */
	unsigned int nr_exit_pids, next_exit_pid, max_exit_pids;

	pthread_t housekeeper;
	bool housekeeper_runs;
	int stop_fd;		  /* eventfd: qumun_stop() and detach */
	atomic_bool stopping;

	struct topology *topology;
	struct task_info_sync *sync;

	__u64 faults_minor_base, faults_major_base;
	atomic_ullong faults_minor, faults_major;

	/* qumun_get_scheduler_stats(): what the previous call saw */
	__u64 stats_wait_ns, stats_runs, stats_run_ns, stats_at;

	struct bpf_exit_report *exit_report;
	char error[4096];
};

/* errors.c: remember and log a sentence, return @err (a negative errno). @q may be NULL. */
int qumun_fail(struct qumun *q, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void qumun_say(struct qumun *q, enum qumun_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* arena.c: reserve address space, lay the arena out, touch what will be used. */
size_t arena_layout(struct qumun_arena *a, __u32 nr_cpus, __u32 nr_shards, __u32 max_records);
int arena_reserve(struct qumun *q, size_t size, void **addr);
void arena_fill(struct qumun *q, const struct qumun_arena *layout);

/* sync.c: keep task_info_map fresh; called by the housekeeper every 100 ms. */
int sync_start(struct qumun *q);
void sync_tick(struct qumun *q);
void sync_stop(struct qumun *q);

/* exit_events.c */
int exit_events_open(struct qumun *q);
void exit_events_close(struct qumun *q);

/* topology.c: read sysfs under @root (NULL: /sys), write cpu->llc, cpu->shard into the arena. */
int topology_load(const char *root, __u32 nr_cpus, struct topology **t);
void topology_apply(struct qumun *q, const struct topology *t);
struct topology *topology_free(struct topology *t);

/* check.c: a sentence about the first thing this kernel lacks, or NULL. */
const char *check_missing(void);

#endif
