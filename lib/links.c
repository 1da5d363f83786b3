/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The links that make the kernel call the BPF half. They are kept as descriptors, so that one
 * that was made here and one that came from a pin (takeover.c) are the same thing, and either
 * can be made again after it was closed: from the object, or from the map and the programs that
 * the pinned links name.
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
		return bpf_link_create(q->link_sources[LINK_SCHEDULER], 0, BPF_STRUCT_OPS,
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

static int attach_program(struct qumun *q, enum link_id id)
{
	int prog = q->link_sources[id];

	if (q->obj)
		prog = bpf_program__fd(
			bpf_object__find_program_by_name(q->obj, programs[id]));
	/* not loaded: this kernel lacks its tracepoint */
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

/* What a link of another process's making was made from. */
static int source_of(int link, enum link_id id)
{
	struct bpf_link_info info = { 0 };
	__u32 size = sizeof(info);

	if (bpf_link_get_info_by_fd(link, &info, &size))
		return -1;
	return id == LINK_SCHEDULER ? bpf_map_get_fd_by_id(info.struct_ops.map_id)
				    : bpf_prog_get_fd_by_id(info.prog_id);
}

int link_adopt(struct qumun *q, enum link_id id, const char *pin)
{
	int fd = bpf_obj_get(pin);

	if (fd < 0)
		return -errno;
	q->links[id] = fd;
	q->link_sources[id] = source_of(fd, id);
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
