/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The links that make the kernel call the BPF half. They are kept as descriptors, so that one
 * that was made here and one that came from a pin (takeover.c) are the same thing, and either
 * can be made again after it was closed: from the object, or from the map and the programs that
 * are pinned beside the links.
 */
#include <errno.h>
#include <unistd.h>

#include "internal.h"

static const char *const programs[NR_LINKS] = {
	[LINK_EXIT] = "gthulhu_process_exit",
	[LINK_RENAME] = "gthulhu_task_rename",
	[LINK_EXEC] = "gthulhu_process_exec",
};

void links_init(struct qumun *q)
{
	int i;

	for (i = 0; i < NR_LINKS; i++)
		q->links[i] = q->link_sources[i] = -1;
}

/* libbpf gives the struct_ops map its contents; only the descriptor of its link is kept. */
static int attach_scheduler(struct qumun *q)
{
	struct bpf_link *link;
	int fd;

	if (!q->obj)
		return bpf_link_create(link_source(q, LINK_SCHEDULER), 0, BPF_STRUCT_OPS,
				       NULL);
	link = bpf_map__attach_struct_ops(
		bpf_object__find_map_by_name(q->obj, "gthulhu_ops"));
	if (!link)
		return -errno;
	fd = bpf_link__fd(link);
	bpf_link__disconnect(link);
	bpf_link__destroy(link);
	return fd;
}

int link_source(const struct qumun *q, enum link_id id)
{
	if (!q->obj)
		return q->link_sources[id];
	if (id == LINK_SCHEDULER)
		return bpf_map__fd(bpf_object__find_map_by_name(q->obj, "gthulhu_ops"));
	/* not loaded: this kernel lacks its tracepoint */
	return bpf_program__fd(bpf_object__find_program_by_name(q->obj, programs[id]));
}

static int attach_program(struct qumun *q, enum link_id id)
{
	int prog = link_source(q, id);

	return prog < 0 ? -ENOENT : bpf_raw_tracepoint_open(NULL, prog);
}

int link_attach(struct qumun *q, enum link_id id)
{
	int fd = id == LINK_SCHEDULER ? attach_scheduler(q) : attach_program(q, id);

	if (fd < 0)
		return fd;
	q->links[id] = fd;
	return 0;
}

static void close_all(int *fds)
{
	int i;

	for (i = 0; i < NR_LINKS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

void links_close(struct qumun *q)
{
	close_all(q->links);
}

void links_forget(struct qumun *q)
{
	close_all(q->links);
	close_all(q->link_sources);
}
