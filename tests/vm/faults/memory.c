/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory runs out until the OOM killer comes: the policy thread takes no fault, and it is not the
 * one who is killed.
 */
#include <sys/mman.h>

#include "../vmtest.h"

#define STEP (8UL << 20)

static pid_t start_eater(void)
{
	pid_t pid = child_begin(-1, 0);
	char *p;

	if (pid)
		return pid;
	write_text("/proc/self/oom_score_adj", "1000");
	for (;;) {
		p = mmap(NULL, STEP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
		if (p == MAP_FAILED)
			sleep_ms(10);
		else
			memset(p, 0x5a, STEP);
	}
}

int main(void)
{
	unsigned int times = short_or_soak(1, 5), i;
	struct daemon d = { 0 };
	struct load l;
	int status;
	pid_t eater;

	if (!daemon_start(&d, NULL))
		return tap_done();
	sleep_ms(1200); /* faults count once it has settled */
	load_start(&l);
	for (i = 0; i < times; i++) {
		eater = start_eater();
		tap_ok(waitpid(eater, &status, 0) == eater && WIFSIGNALED(status) &&
			       WTERMSIG(status) == SIGKILL,
		       "the OOM killer took the eater");
	}
	tap_ok(!kill(d.pid, 0), "the policy lives");
	check_survived(&l, "memory pressure");
	load_stop(&l);
	daemon_stop_and_check(&d, "memory pressure", NULL);
	return tap_done();
}
