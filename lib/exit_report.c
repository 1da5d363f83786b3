/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why the kernel ended the scheduler. The BPF half writes one element of the map `exit_report`, its
 * `kind` last; the map is mapped here, so that looking whether the end has come costs a load.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

#define REPORT_BYTES ((sizeof(struct bpf_exit_report) + 4095) & ~(size_t)4095)

int exit_report_open(struct qumun *q)
{
	void *p = mmap(NULL, REPORT_BYTES, PROT_READ, MAP_SHARED, q->exit_report_fd, 0);

	if (p == MAP_FAILED)
		return qumun_fail(q, -errno, "mapping the exit report: %s",
				  strerror(errno));
	q->exit_report = p;
	return 0;
}

void exit_report_close(struct qumun *q)
{
	if (q->exit_report)
		munmap((void *)q->exit_report, REPORT_BYTES);
	q->exit_report = NULL;
}

bool exit_seen(const struct qumun *q)
{
	/* pairs with gthulhu_exit(): who sees the kind sees the rest */
	return q->exit_report && shm_load_acquire(&q->exit_report->kind) != 0;
}

int exit_report_clear(struct qumun *q)
{
	struct bpf_exit_report *none = calloc(1, sizeof(*none));
	__u32 zero = 0;
	int err = -ENOMEM;

	if (none)
		err = bpf_map_update_elem(q->exit_report_fd, &zero, none, 0) ? -errno : 0;
	free(none);
	return err ? qumun_fail(q, err, "clearing the former exit report: %s",
				strerror(-err))
		   : 0;
}

QUMUN_API int qumun_exit_info(struct qumun *q, struct qumun_exit_report *report)
{
	if (!q || !report)
		return -EINVAL;
	if (!exit_seen(q))
		return 0;
	report->kind = q->exit_report->kind;
	report->code = q->exit_report->exit_code;
	report->reason = q->exit_report->reason;
	report->message = q->exit_report->msg;
	report->dump = q->exit_report->dump;
	return 1;
}
