/* SPDX-License-Identifier: Apache-2.0 */
/* The `control` map: what user space tells the BPF half while running. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "internal.h"

int control_write(struct qumun *q)
{
	struct bpf_control now = q->control;
	__u32 zero = 0;

	/* after a handover the map is the successor's */
	if (q->attached && takeover_lost(q))
		return 0;
	if (q->resigned)
		now.mode = QUMUN_MODE_KERNEL;
	return bpf_map_update_elem(q->control_fd, &zero, &now, 0) ? -errno : 0;
}

QUMUN_API int qumun_assign_user_sched_pid(struct qumun *q, pid_t pid)
{
	int err;

	if (!q)
		return -EINVAL;
	if (pid <= 0)
		return qumun_fail(q, -EINVAL, "pid %d: a process id is greater than 0",
				  pid);
	if (kill(pid, 0) && errno == ESRCH)
		return qumun_fail(q, -ESRCH, "no process %d", pid);
	pthread_mutex_lock(&q->control_lock);
	q->control.policy_tgid = pid;
	err = control_write(q);
	pthread_mutex_unlock(&q->control_lock);
	if (err)
		qumun_fail(q, err, "telling the BPF half who decides: %s",
			   strerror(-err));
	return err;
}
