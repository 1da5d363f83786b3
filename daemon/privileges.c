/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving up what only the start needs. Loading the BPF half (CAP_BPF, CAP_PERFMON, CAP_SYS_RESOURCE
 * for RLIMIT_MEMLOCK), oom_score_adj (CAP_SYS_RESOURCE) and the socket's group (CAP_CHOWN) come before.
 * Afterwards a descriptor or user id 0 is enough for everything:
 *
 *   attach, also again   links are made from descriptors of maps and programs
 *   pins                 /sys/fs/bpf belongs to user 0
 *   locked memory        RLIMIT_MEMLOCK was raised
 *   cgroups, /proc, sys  world-readable, or owned by user 0 (cgroups are found by walking, not by
 *                        their handle, which would take CAP_DAC_READ_SEARCH)
 *   SIGHUP               the configuration must be readable for user 0 by owner or mode
 *   takeover             the newcomer brings its own
 *
 * Both settings are the thread's, so this comes before the first thread is started.
 */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon.h"

int privileges_drop(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };
	int err = 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_capset, &head, none))
		err = -errno;
	if (err)
		say(QUMUN_LOG_ERROR, "giving up capabilities: %s", strerror(-err));
	return err;
}
