/* SPDX-License-Identifier: Apache-2.0 */
/* Open, size, load and free the BPF half. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "internal.h"

#define FIRST_RECORDS                                                                    \
	4096 /* touched at load; the housekeeper adds more when they run short */
#define VERIFIER_LOG (1U << 20)
#define VERIFIER_LINES 20
#define MAX_OPTIONS 4096 /* bytes; no release's are larger, so that one is garbage */

/* libbpf's own messages: debug output for us, errors come with our sentence. */
static _Thread_local struct qumun *loading;

static int libbpf_message(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char text[1024];
	size_t len;

	if (!loading || level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(text, sizeof(text), fmt, ap);
	len = strlen(text);
	while (len && text[len - 1] == '\n')
		text[--len] = '\0';
	if (!strncmp(text, "libbpf: prog '", 14) &&
	    strstr(text, "BPF program load failed"))
		return 0;
	qumun_say(loading, QUMUN_LOG_DEBUG, "%s", text);
	return 0;
}

/* The end of a verifier log, where it says what is wrong: @lines lines, and no empty ones behind. */
static const char *last_lines(char *log, int lines)
{
	char *p = log + strlen(log);

	while (p > log && p[-1] == '\n')
		*--p = '\0';
	lines--;
	while (p > log && lines >= 0) {
		p--;
		if (*p == '\n')
			lines--;
	}
	return *p == '\n' ? p + 1 : p;
}

/* What the caller knows and this library does not must be left out, so that nothing is ignored. */
static int check_size(struct qumun *q, const struct qumun_options *options)
{
	const char *rest = (const char *)options + sizeof(q->opt);
	size_t i;

	if (options->size < sizeof(q->opt) || options->size > MAX_OPTIONS)
		return qumun_fail(
			q, -EINVAL,
			"the options' size is %zu: start from QUMUN_OPTIONS_INIT",
			options->size);
	for (i = 0; i < options->size - sizeof(q->opt); i++) {
		if (rest[i])
			return qumun_fail(
				q, -EINVAL,
				"an option is set that libqumun " QUMUN_VERSION
				" does not know: use the library that the program was "
				"compiled for");
	}
	return 0;
}

int check_options(struct qumun *q, const struct qumun_options *options)
{
	struct qumun_options *o = &q->opt;
	int err = options ? check_size(q, options) : 0;

	if (err)
		return err;
	if (o->flags & ~QUMUN_PARTIAL)
		return qumun_fail(q, -EINVAL,
				  "flags are %#x: QUMUN_PARTIAL (%#x) is accepted",
				  o->flags, QUMUN_PARTIAL);
	if (!o->max_records)
		o->max_records = QUMUN_DEFAULT_RECORDS;
	if (!o->max_tasks)
		o->max_tasks = 4096;
	if (!o->timeout_ms)
		o->timeout_ms = 10000;
	if (o->max_records < 64 || o->max_records > QUMUN_MAX_RECORDS)
		return qumun_fail(q, -EINVAL, "max_records is %u: 64 to %d are accepted",
				  o->max_records, QUMUN_MAX_RECORDS);
	if (o->max_tasks > 1000000)
		return qumun_fail(q, -EINVAL,
				  "max_tasks is %u: 1 to 1000000 are accepted",
				  o->max_tasks);
	if (o->timeout_ms < 1000 || o->timeout_ms > 30000)
		return qumun_fail(q, -EINVAL,
				  "timeout_ms is %u: 1000 to 30000 are accepted",
				  o->timeout_ms);
	if (!o->shards)
		o->shards = 1;
	if (o->shards > QUMUN_MAX_SHARDS)
		return qumun_fail(q, -EINVAL, "shards is %u: 1 to %d are accepted",
				  o->shards, QUMUN_MAX_SHARDS);
	if (o->mode != QUMUN_MODE_USER && o->mode != QUMUN_MODE_KERNEL)
		return qumun_fail(q, -EINVAL,
				  "mode is %d: QUMUN_MODE_USER or QUMUN_MODE_KERNEL",
				  o->mode);
	return 0;
}

static int open_object(struct qumun *q, const char *path)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "gthulhu");
	const void *mem;
	size_t size;

	if (path) {
		if (access(path, R_OK))
			return qumun_fail(
				q, -ENOENT,
				"BPF object %s: %s; give the path of main.bpf.o or none "
				"for the one inside the library",
				path, strerror(errno));
		q->obj = bpf_object__open_file(path, NULL);
	} else {
		mem = embedded_bpf(&size);
		q->obj = bpf_object__open_mem(mem, size, &opts);
	}
	if (!q->obj)
		return qumun_fail(
			q, -EINVAL,
			"BPF object %s is broken or cut short: build it again or use the "
			"one inside the library",
			path ? path : "(embedded)");
	return 0;
}

static int set_entries(struct qumun *q, const char *name, __u32 entries,
		       size_t value_size)
{
	struct bpf_map *map = bpf_object__find_map_by_name(q->obj, name);

	if (!map || (value_size && bpf_map__value_size(map) != value_size))
		return qumun_fail(
			q, -EINVAL,
			"BPF object: map %s is %s: the object is not of this build", name,
			map ? "of another size" : "missing");
	if (entries && bpf_map__set_max_entries(map, entries))
		return qumun_fail(q, -EINVAL, "BPF object: map %s refuses %u entries",
				  name, entries);
	return 0;
}

/* Fit the object to this machine: sizes, addresses, constants. */
static int prepare_object(struct qumun *q, struct qumun_arena *layout)
{
	struct bpf_config *config;
	struct bpf_map *map, *ops_map;
	void *addr;
	size_t size;
	int err;

	q->nr_cpus = topology_cpu_ids(NULL);
	if (!q->nr_cpus || q->nr_cpus > QUMUN_MAX_CPUS)
		return qumun_fail(
			q, -EINVAL,
			"%u possible CPUs in /sys/devices/system/cpu/possible: 1 to %d are "
			"supported",
			q->nr_cpus, QUMUN_MAX_CPUS);
	err = shards_choose(q);
	if (err)
		return err;
	q->arena_size =
		arena_layout(layout, q->nr_cpus, q->nr_shards, q->opt.max_records);

	err = set_entries(q, "slots", q->opt.max_records, 0);
	if (!err)
		err = set_entries(q, "queued_bits", (q->opt.max_records + 63) / 64, 0);
	if (!err)
		err = set_entries(q, "cpus", q->nr_cpus, sizeof(struct bpf_cpu_priv));
	if (!err)
		err = set_entries(q, "task_info_map", q->opt.max_tasks,
				  sizeof(struct task_info));
	if (!err)
		err = set_entries(q, "control", 0, sizeof(struct bpf_control));
	if (!err)
		err = set_entries(q, "exit_report", 0, sizeof(struct bpf_exit_report));
	if (!err)
		err = set_entries(q, "free_slots", 0, sizeof(struct bpf_slot_list));
	if (!err)
		err = set_entries(q, "arena", (__u32)(q->arena_size / 4096), 0);
	if (err)
		return err;

	err = arena_reserve(q, q->arena_size, &addr);
	if (err)
		return err;
	q->reserved = addr;
	map = bpf_object__find_map_by_name(q->obj, "arena");
	bpf_map__set_map_extra(map, (__u64)(uintptr_t)addr);

	map = bpf_object__find_map_by_name(q->obj, ".rodata.config");
	config = map ? bpf_map__initial_value(map, &size) : NULL;
	ops_map = bpf_object__find_map_by_name(q->obj, "gthulhu_ops");
	if (!config || size < sizeof(*config) || !ops_map)
		return qumun_fail(
			q, -EINVAL,
			"BPF object lacks gthulhu_ops or .rodata.config: it is not of "
			"this build");
	config->arena_base = (__u64)(uintptr_t)addr;
	config->shards_off = layout->shards_off;
	config->cpus_off = layout->cpus_off;
	config->records_off = layout->records_off;
	config->nr_cpus = q->nr_cpus;
	config->nr_shards = q->nr_shards;
	config->max_records = q->opt.max_records;
	config->debug = q->opt.debug;
	rules_prepare(q);
	return ops_configure(q, ops_map, config);
}

static int load_object(struct qumun *q)
{
	struct bpf_program *prog;
	char *log = calloc(1, VERIFIER_LOG);
	int err;

	bpf_object__for_each_program(prog, q->obj)
	{
		if (log)
			bpf_program__set_log_buf(prog, log, VERIFIER_LOG);
	}
	err = bpf_object__load(q->obj);
	if (err == -EPERM && !(log && *log))
		qumun_fail(
			q, -EPERM,
			"the kernel refuses to load BPF programs (%s): run as root; check "
			"kernel lockdown",
			strerror(-err));
	else if (err == -ENOMEM)
		qumun_fail(q, err,
			   "out of memory while loading the BPF half: lower max_records");
	else if (err)
		err = qumun_fail(q, -EINVAL,
				 "the kernel's verifier refused the BPF half (%s)%s%s",
				 strerror(-err), log && *log ? ":\n" : "",
				 log ? last_lines(log, VERIFIER_LINES) : "");
	free(log);
	return err;
}

static int map_fd(struct qumun *q, const char *name)
{
	return bpf_map__fd(bpf_object__find_map_by_name(q->obj, name));
}

/* After load: shared memory, descriptors, first contents of the private maps. */
static int populate(struct qumun *q, const struct qumun_arena *layout)
{
	struct bpf_slot_list free_slots = { .head = QUMUN_NO_SLOT };
	bool online[QUMUN_MAX_CPUS] = { false };
	__u32 zero = 0, cpu;
	size_t size;

	q->arena = bpf_map__initial_value(bpf_object__find_map_by_name(q->obj, "arena"),
					  &size);
	if (!q->arena || (void *)q->arena != q->reserved)
		return qumun_fail(q, -ENOMEM,
				  "the arena was not mapped where it was asked for");
	arena_fill(q, layout);
	q->record_limit =
		q->opt.max_records < FIRST_RECORDS ? q->opt.max_records : FIRST_RECORDS;
	arena_touch_records(q, 0, q->record_limit);
	q->control.mode = q->opt.mode;
	q->control.record_limit = q->record_limit;

	q->control_fd = map_fd(q, "control");
	q->cpus_fd = map_fd(q, "cpus");
	q->exit_report_fd = map_fd(q, "exit_report");
	q->task_info_fd = map_fd(q, "task_info_map");
	q->free_slots_fd = map_fd(q, "free_slots");
	q->arena_fd = map_fd(q, "arena");
	q->exit_events_fd = map_fd(q, "exit_events");
	q->rule_events_fd = map_fd(q, "rule_events");
	q->watch_fd = map_fd(q, "watch");
	q->handover_fd = map_fd(q, "handover");
	q->slots_fd = map_fd(q, "slots");
	q->trace_state_fd = map_fd(q, ".data.trace");
	q->trace_events_fd = map_fd(q, "trace_events");
	if (control_write(q) ||
	    bpf_map_update_elem(q->free_slots_fd, &zero, &free_slots, 0))
		return qumun_fail(q, -errno, "writing the BPF half's private maps: %s",
				  strerror(errno));
	/* for who asks before the BPF half knows */
	topology_read_online(NULL, online, q->nr_cpus);
	for (cpu = 0; cpu < q->nr_cpus; cpu++)
		arena_cpus(q)[cpu].online = online[cpu];
	return shards_deal(q);
}

struct qumun *qumun_new(const struct qumun_options *options)
{
	struct rlimit forever = { RLIM_INFINITY, RLIM_INFINITY };
	struct qumun *q = calloc(1, sizeof(*q));
	static atomic_ullong nr_handles;

	if (!q)
		return NULL;
	q->id = ++nr_handles;
	links_init(q);
	q->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	q->nudge_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->stop_fd < 0 || q->nudge_fd < 0) {
		if (q->stop_fd >= 0)
			close(q->stop_fd);
		if (q->nudge_fd >= 0)
			close(q->nudge_fd);
		free(q);
		return NULL;
	}
	pthread_mutex_init(&q->control_lock, NULL);
	sem_init(&q->shard_started, 0, 0);
	pthread_mutex_init(&q->trace_lock, NULL);
	/* for qumun_run(), which may come when the privilege for it is gone; refused: it says so */
	setrlimit(RLIMIT_MEMLOCK, &forever);
	if (options)
		memcpy(&q->opt, options,
		       options->size < sizeof(q->opt) ? options->size : sizeof(q->opt));
	return q;
}

QUMUN_API int qumun_load(const char *path, const struct qumun_options *options,
			 struct qumun **out)
{
	struct qumun_arena layout;
	const char *missing;
	struct qumun *q;
	int err = 0;

	if (!out)
		return -EINVAL;
	*out = NULL;
	q = qumun_new(options);
	if (!q)
		return qumun_fail(NULL, -errno, "a new handle: %s", strerror(errno));
	err = check_options(q, options);
	if (err)
		goto fail;
	if (path && access(path, R_OK)) {
		err = open_object(q, path);
		goto fail;
	}
	if (geteuid()) {
		err = qumun_fail(
			q, -EPERM,
			"loading a scheduler needs root: run with sudo, or try `./dev run` "
			"for a virtual machine");
		goto fail;
	}
	q->kernel_btf = btf__load_vmlinux_btf();
	missing = check_missing(q->kernel_btf);
	if (missing) {
		err = qumun_fail(q, -ENOENT, "%s", missing);
		goto fail;
	}
	trace_prepare(q, q->kernel_btf);
	loading = q;
	libbpf_set_print(libbpf_message);
	err = open_object(q, path);
	if (!err)
		err = prepare_object(q, &layout);
	if (!err)
		err = load_object(q);
	if (!err)
		err = populate(q, &layout);
	if (!err)
		err = exit_report_open(q);
	if (!err)
		err = handover_open(q);
	if (!err)
		err = shards_open(q);
	if (!err)
		err = rules_open(q);
	loading = NULL;
	/* ten megabytes that nobody needs from here on */
	btf__free(q->kernel_btf);
	q->kernel_btf = NULL;
	if (err)
		goto fail;
	err = qumun_assign_user_sched_pid(q, getpid());
	if (err)
		goto fail;
	*out = q;
	return 0;
fail:
	errors_keep(q);
	qumun_close(q);
	return err;
}

QUMUN_API void qumun_close(struct qumun *q)
{
	if (!q)
		return;
	qumun_detach(q);
	rules_close(q);
	trace_close(q);
	exit_events_close(q);
	shards_close(q);
	plugin_close(q);
	sync_free(q);
	exit_report_close(q);
	handover_close(q);
	links_forget(q);
	q->topology = topology_free(q->topology);
	if (q->obj)
		bpf_object__close(q->obj);
	else
		takeover_close(q);
	/* libbpf unmaps the arena; a reservation that it never used is ours */
	if (q->reserved && !q->arena)
		munmap(q->reserved, q->arena_size);
	btf__free(q->kernel_btf);
	pthread_mutex_destroy(&q->trace_lock);
	pthread_mutex_destroy(&q->control_lock);
	sem_destroy(&q->shard_started);
	if (q->stop_fd >= 0)
		close(q->stop_fd);
	if (q->nudge_fd >= 0)
		close(q->nudge_fd);
	free(q);
}
