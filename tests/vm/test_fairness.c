/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two hogs on one CPU, nice 0 and nice 5: they share it as 1024 : 335, within 5 %, and leave a turn
 * to the policy thread that nobody asks. Virtual time.
 */
#include "vmtest.h"

#define WEIGHT_0 1024.0
#define WEIGHT_5 335.0
/* it gets a turn after half a second, and the hog that runs then keeps its slice */
#define PARKED_LIMIT_NS 600000000ULL

static void one_mode(const char *mode)
{
	const char *const args[] = { "--mode", mode, NULL };
	double want = WEIGHT_0 / WEIGHT_5, got;
	struct daemon d = { 0 };
	pid_t a, b;
	__u64 ran_a, ran_b;

	if (!daemon_start(&d, args))
		return;
	a = start_hog(0, 0);
	b = start_hog(0, 5);
	sleep_ms(200);
	ran_a = schedstat_ns(a);
	ran_b = schedstat_ns(b);
	sleep_ms(short_or_soak(3000, 10000));
	ran_a = schedstat_ns(a) - ran_a;
	ran_b = schedstat_ns(b) - ran_b;
	end_child(a);
	end_child(b);
	got = ran_b ? (double)ran_a / (double)ran_b : 0;
	tap_ok(got > want * 0.95 && got < want * 1.05,
	       "%s mode: nice 0 ran %.3f times as long as nice 5 (%llu : %llu ms); want %.3f",
	       mode, got, (unsigned long long)ran_a / 1000000,
	       (unsigned long long)ran_b / 1000000, want);
	daemon_stop_and_check(&d, mode, NULL);
}

static char state_of(pid_t pid)
{
	char path[64], state = '?';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (f) {
		if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			state = '?';
		fclose(f);
	}
	return state;
}

/*
 * In kernel mode nobody asks the policy, and its parked thread is the kernel's runnable task all the
 * same: hogs that were there first may not keep it waiting until the watchdog strikes.
 */
static void parked_thread_runs(void)
{
	const char *const args[] = { "--mode", "kernel", NULL };
	pid_t a = start_hog(0, 0), b = start_hog(0, 0);
	__u64 ran, was = 0, since, worst = 0, end;
	struct daemon d = { 0 };

	if (!daemon_start(&d, args))
		return;
	since = now_ns();
	end = since + short_or_soak(3, 15) * 1000000000ULL;
	while (now_ns() < end) {
		sleep_ms(50);
		ran = schedstat_ns(d.pid);
		if (ran != was || state_of(d.pid) != 'R')
			since = now_ns();
		was = ran;
		if (now_ns() - since > worst)
			worst = now_ns() - since;
	}
	tap_ok(worst < PARKED_LIMIT_NS,
	       "kernel mode: the policy thread waited for %llu ms at most",
	       (unsigned long long)worst / 1000000);
	end_child(a);
	end_child(b);
	daemon_stop_and_check(&d, "kernel mode, hogs first", NULL);
}

int main(void)
{
	one_mode("user");
	one_mode("kernel");
	parked_thread_runs();
	return tap_done();
}
