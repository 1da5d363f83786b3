/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takeover: another process becomes the policy of a running scheduler.
 *
 * The links and the maps that the user half needs are pinned under the BPF file system at
 * attach, so the scheduler outlives its process; without a policy the BPF half decides, and
 * after takeover_ns it detaches by itself. A process that takes over opens the pins, maps the
 * arena at the same address and continues the rings where they stand.
 *
 * Handing over: the newcomer writes its pid to `owner` in the map `handover`. The old policy
 * thread looks at it before every pass, finishes nothing more, answers in `handed_over` and
 * leaves. A stopped or dead one cannot answer: the newcomer does not wait for it. If a stopped
 * one is continued later, its first look at `owner` ends it; a pass that it was stopped in may
 * swallow asks, which the BPF half takes back after rescue_ns.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define PIN_DIR "/sys/fs/bpf/gthulhu"
#define HANDOVER_MS 200
#define HANDOVER_BYTES 4096

/* What the user half keeps descriptors of: X(name of map, member of struct qumun) */
#define PINNED_MAPS(X)                                                                   \
	X("arena", arena_fd)                                                             \
	X("control", control_fd)                                                         \
	X("cpus", cpus_fd)                                                               \
	X("exit_report", exit_report_fd)                                                 \
	X("task_info_map", task_info_fd)                                                 \
	X("free_slots", free_slots_fd)                                                   \
	X("slots", slots_fd)                                                             \
	X("exit_events", exit_events_fd)                                                 \
	X("rule_events", rule_events_fd)                                                 \
	X("handover", handover_fd)                                                       \
	X("trace_state", trace_state_fd)                                                 \
	X("trace_events", trace_events_fd)                                               \
	X("watch", watch_fd) /* its timer ends with the last descriptor or pin */

/* Each link, and the map or program that it is made from: to attach again after an ejection. */
static const struct {
	const char *link, *source;
} link_pins[NR_LINKS] = {
	[LINK_EXIT] = { "exit_link", "exit_program" },
	[LINK_SCHEDULER] = { "link", "ops" },
	[LINK_RENAME] = { "rename_link", "rename_program" },
	[LINK_EXEC] = { "exec_link", "exec_program" },
};

static const char *pin_path(char *buf, size_t size, const char *name)
{
	snprintf(buf, size, "%s/%s", PIN_DIR, name);
	return buf;
}

static const char *bell_name(char *buf, size_t size, __u32 shard)
{
	snprintf(buf, size, "policy_bell%u", shard);
	return buf;
}

void takeover_unpin(void)
{
	char path[128], bell[32];
	int i;

#define X(name, fd) unlink(pin_path(path, sizeof(path), name));
	PINNED_MAPS(X)
#undef X
	for (i = 0; i < NR_LINKS; i++) {
		unlink(pin_path(path, sizeof(path), link_pins[i].link));
		unlink(pin_path(path, sizeof(path), link_pins[i].source));
	}
	for (i = 0; i < QUMUN_MAX_SHARDS; i++) {
		bell_name(bell, sizeof(bell), (__u32)i);
		if (unlink(pin_path(path, sizeof(path), bell)))
			break;
	}
	rmdir(PIN_DIR);
}

static int pin(int fd, const char *name)
{
	char path[128];

	return bpf_obj_pin(fd, pin_path(path, sizeof(path), name)) ? -errno : 0;
}

/* A descriptor, or -1. */
static int open_pin(const char *name)
{
	char path[128];

	return bpf_obj_get(pin_path(path, sizeof(path), name));
}

int takeover_pin(struct qumun *q)
{
	char bell[32];
	int i, err = 0;
	__u32 n;

	/* nobody is attached, or attach would have refused: what is there is stale */
	takeover_unpin();
	if (mkdir(PIN_DIR, 0700))
		err = -errno;
#define X(name, fd)                                                                      \
	if (!err)                                                                        \
		err = pin(q->fd, name);
	PINNED_MAPS(X)
#undef X
	for (n = 0; !err && n < q->nr_shards; n++)
		err = pin(q->shards[n].bell_fd, bell_name(bell, sizeof(bell), n));
	for (i = 0; !err && i < NR_LINKS; i++) {
		if (q->links[i] < 0)
			continue;
		err = pin(q->links[i], link_pins[i].link);
		if (!err)
			err = pin(link_source(q, i), link_pins[i].source);
	}
	if (!err) {
		q->pinned = true;
		return 0;
	}
	takeover_unpin();
	qumun_say(
		q, QUMUN_LOG_WARN,
		"%s: %s; nobody can take over, and the scheduler ends with this process (is the "
		"BPF file system mounted on /sys/fs/bpf?)",
		PIN_DIR, strerror(-err));
	return err;
}

static int open_pins(struct qumun *q)
{
	int i;

#define X(name, fd)                                                                      \
	q->fd = open_pin(name);                                                          \
	if (q->fd < 0)                                                                   \
		return -errno;
	PINNED_MAPS(X)
#undef X
	for (i = 0; i < NR_LINKS; i++) {
		q->links[i] = open_pin(link_pins[i].link);
		/* the others may be missing */
		if (q->links[i] < 0 && (i == LINK_SCHEDULER || i == LINK_EXIT))
			return -errno;
		q->link_sources[i] = open_pin(link_pins[i].source);
	}
	return 0;
}

/* As many policy threads as there are bells; the arena's word may have been written over. */
static int open_bells(struct qumun *q)
{
	int fds[QUMUN_MAX_SHARDS], err;
	char bell[32];
	__u32 i;

	while (q->nr_shards < QUMUN_MAX_SHARDS) {
		fds[q->nr_shards] = open_pin(bell_name(bell, sizeof(bell), q->nr_shards));
		if (fds[q->nr_shards] < 0)
			break;
		q->nr_shards++;
	}
	if (!q->nr_shards)
		return qumun_fail(q, -errno, "%s/%s: %s", PIN_DIR, bell, strerror(errno));
	err = shards_alloc(q);
	for (i = 0; i < q->nr_shards; i++) {
		if (err) {
			close(fds[i]);
			continue;
		}
		q->shards[i].bell_fd = fds[i];
	}
	for (i = 0; !err && i < q->nr_shards; i++)
		err = bell_open(&q->shards[i]);
	return err;
}

/* Map the arena where the running scheduler has it, after a look at its version. */
static int map_arena(struct qumun *q)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	void *p;

	if (bpf_map_get_info_by_fd(q->arena_fd, &info, &len))
		return qumun_fail(q, -errno, "the arena: %s", strerror(errno));
	q->arena_size = (size_t)info.max_entries * 4096;
	p = mmap((void *)(uintptr_t)info.map_extra, q->arena_size, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED_NOREPLACE, q->arena_fd, 0);
	if (p == MAP_FAILED)
		return qumun_fail(q, -errno, "the arena cannot be mapped at %#llx: %s",
				  (unsigned long long)info.map_extra, strerror(errno));
	q->arena = p;
	if (q->arena->magic != QUMUN_ARENA_MAGIC ||
	    q->arena->abi_version != QUMUN_ABI_VERSION)
		return qumun_fail(
			q, -EPROTO,
			"the running scheduler speaks arena ABI %u, this library %d: stop "
			"it and attach anew",
			q->arena->abi_version, QUMUN_ABI_VERSION);
	q->nr_cpus = q->arena->nr_cpus;
	q->record_limit = q->control.record_limit;
	/* the sizes are the running scheduler's, not ours to choose */
	q->opt.max_records = q->arena->max_records;
	memset(&info, 0, sizeof(info));
	if (bpf_map_get_info_by_fd(q->task_info_fd, &info, &len))
		return qumun_fail(q, -errno, "task_info_map: %s", strerror(errno));
	q->opt.max_tasks = info.max_entries;
	return 0;
}

/* Can the process still answer? Not if it is gone or stopped. */
static bool can_answer(pid_t pid)
{
	char path[64], line[512], *state;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	state = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	fclose(f);
	return state && !strchr("TtZX", state[2]);
}

/* Populated: the policy thread looks at it before every pass. */
int handover_open(struct qumun *q)
{
	void *p = mmap(NULL, HANDOVER_BYTES, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE, q->handover_fd, 0);

	if (p == MAP_FAILED)
		return qumun_fail(q, -errno, "mapping the map handover: %s",
				  strerror(errno));
	q->handover = p;
	return 0;
}

void handover_close(struct qumun *q)
{
	if (q->handover)
		munmap(q->handover, HANDOVER_BYTES);
	q->handover = NULL;
}

/* Asleep is as good as an answer: a policy thread looks before its next pass. */
static bool all_asleep(const struct qumun *q)
{
	__u32 i;

	for (i = 0; i < q->nr_shards; i++) {
		if (!shm_load_acquire(&arena_shards(q)[i].sleeping))
			return false;
	}
	return true;
}

static void ask_for_handover(struct qumun *q, pid_t old)
{
	struct timespec ms = { .tv_nsec = 1000000 };
	int i;

	shm_store_release(&q->handover->handed_over, 0);
	(void)shm_swap(&q->handover->owner, (__u32)getpid());
	for (i = 0; i < HANDOVER_MS && can_answer(old); i++) {
		if (shm_load_acquire(&q->handover->handed_over) || all_asleep(q))
			return;
		nanosleep(&ms, NULL);
	}
}

static int nobody_runs(struct qumun *q)
{
	return qumun_fail(q, -ENOENT,
			  "no scheduler of ours is running that could be taken over (%s)",
			  PIN_DIR);
}

QUMUN_API int qumun_takeover(const struct qumun_options *options, struct qumun **out)
{
	const char *missing;
	struct btf *kernel;
	__u32 zero = 0;
	struct qumun *q;
	int err;

	if (!out)
		return -EINVAL;
	*out = NULL;
	q = qumun_new(options);
	if (!q)
		return qumun_fail(NULL, -errno, "a new handle: %s", strerror(errno));
	err = check_options(q, options);
	if (err)
		goto fail;
	if (geteuid()) {
		err = qumun_fail(q, -EPERM, "taking a scheduler over needs root");
		goto fail;
	}
	kernel = btf__load_vmlinux_btf();
	missing = check_missing(kernel);
	if (!missing)
		trace_prepare(q, kernel);
	btf__free(kernel);
	if (missing) {
		err = qumun_fail(q, -ENOENT, "%s", missing);
		goto fail;
	}
	err = open_pins(q);
	if (!err && bpf_map_lookup_elem(q->control_fd, &zero, &q->control))
		err = -errno;
	if (err == -ENOENT) {
		err = nobody_runs(q);
	} else if (err) {
		qumun_fail(q, err, "the pins below " PIN_DIR ": %s", strerror(-err));
	} else if (scx_is_free()) {
		/* the pins of one that was ended */
		takeover_unpin();
		err = nobody_runs(q);
	} else {
		err = map_arena(q);
	}
	if (!err)
		err = exit_report_open(q);
	if (!err && exit_seen(q))
		err = nobody_runs(q);
	if (!err)
		err = handover_open(q);
	if (!err)
		err = open_bells(q);
	if (!err)
		err = rules_open(q);
	if (err)
		goto fail;
	q->pinned = true;
	*out = q;
	return 0;
fail:
	errors_keep(q);
	qumun_close(q);
	return err;
}

void takeover_close(struct qumun *q)
{
#define X(name, fd)                                                                      \
	if (q->fd > 0)                                                                   \
		close(q->fd);
	PINNED_MAPS(X)
#undef X
	if (q->arena)
		munmap(q->arena, q->arena_size);
}

int takeover_attach(struct qumun *q)
{
	ask_for_handover(q, q->control.policy_tgid);
	/* what the other policy left for tasks' next wakeups is not ours: new terms end it */
	params_renew(q);
	qumun_say(q, QUMUN_LOG_INFO, "took over from process %d", q->control.policy_tgid);
	trace_off(q); /* its reader is gone with it */
	q->control.policy_tgid = getpid();
	memset(q->control.policy_tid, 0, sizeof(q->control.policy_tid));
	q->control.mode = q->opt.mode;
	return control_write(q);
}

QUMUN_API bool qumun_handed_over(const struct qumun *q)
{
	return q && q->handed_over;
}

bool takeover_lost(const struct qumun *q)
{
	return shm_load(&q->handover->owner) != (__u32)getpid();
}

void takeover_answer(struct qumun *q)
{
	q->handed_over = true;
	shm_store_release(&q->handover->handed_over, 1);
}
