/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SCHED_FIFO hog takes each CPU in turn: tasks that may run elsewhere do, the policy thread
 * included, and nothing is ejected.
 */
#include "../vmtest.h"

/*
 * Tasks that the kernel queued itself, at the CPU where they were, without enqueue(): there a
 * real-time hog holds them up, however idle the others are. Kernels before 6.15 do not count them.
 */
static void check_all_asked(void)
{
	static const char *const skips[] = { "SCX_EV_ENQ_SKIP_MIGRATION_DISABLED",
					     "SCX_EV_ENQ_SKIP_EXITING" };
	FILE *f = fopen("/sys/kernel/sched_ext/root/events", "re");
	char name[64];
	long long n;
	size_t i;

	while (f && fscanf(f, "%63s %lld", name, &n) == 2) {
		for (i = 0; i < sizeof(skips) / sizeof(skips[0]); i++) {
			if (!strcmp(name, skips[i]))
				tap_is(n, 0, "%s: none was queued without us", name);
		}
	}
	if (f)
		fclose(f);
	else
		tap_skip("no sched_ext/root/events in this kernel");
}

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
	unsigned int turns = nr_online() * short_or_soak(1, 8), i, cpu;
	struct daemon d = { 0 };
	char what[32];
	struct load l;
	pid_t hog;

	if (nr_online() < 2)
		return tap_skip_all("needs two CPUs");
	if (!daemon_start(&d, NULL))
		return tap_done();
	load_start(&l);
	for (i = 0; i < turns; i++) {
		cpu = i % nr_online();
		snprintf(what, sizeof(what), "CPU %u taken", cpu);
		hog = start_fifo_hog((int)cpu);
		load_mark(&l);
		sleep_ms(3000);
		l.part =
			8; /* they share what is left, half of the machine: a quarter of that */
		check_survived(&l, what);
		end_child(hog);
	}
	load_stop(&l);
	check_all_asked();
	daemon_stop_and_check(&d, "real-time hogs", NULL);
	return tap_done();
}
