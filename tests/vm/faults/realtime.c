/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SCHED_FIFO hog takes each CPU in turn: tasks that may run elsewhere do, the policy thread
 * included, and nothing is ejected.
 */
#include "../vmtest.h"

static pid_t start_fifo_hog(int cpu)
{
	struct sched_param param = { .sched_priority = 10 };
	pid_t pid = start_hog(cpu, 0);

	if (sched_setscheduler(pid, SCHED_FIFO, &param))
		tap_ok(false, "SCHED_FIFO: %s", strerror(errno));
	return pid;
}

int main(void)
{
	unsigned int ms = short_or_soak(3000, 3000), cpu;
	struct daemon d = { 0 };
	char what[32];
	struct load l;
	pid_t hog;

	if (nr_online() < 2)
		return tap_skip_all("needs two CPUs");
	if (!daemon_start(&d, NULL))
		return tap_done();
	load_start(&l);
	for (cpu = 0; cpu < nr_online(); cpu++) {
		snprintf(what, sizeof(what), "CPU %u taken", cpu);
		hog = start_fifo_hog((int)cpu);
		load_mark(&l);
		sleep_ms(ms);
		l.part =
			8; /* they share what is left, half of the machine: a quarter of that */
		check_survived(&l, what);
		end_child(hog);
	}
	load_stop(&l);
	daemon_stop_and_check(&d, "real-time hogs", NULL);
	return tap_done();
}
