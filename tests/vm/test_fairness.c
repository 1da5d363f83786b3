/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two hogs on one CPU, nice 0 and nice 5: they share it as 1024 : 335, within 5 %, and leave a turn
 * to the policy thread that nobody asks. One of class latency takes what it may of any 100 ms. Virtual
 * time.
 */
#include <sys/mman.h>

#include "vmtest.h"

#define WEIGHT_0 1024.0
#define WEIGHT_5 335.0
/* it gets a turn after half a second, and the hog that runs then keeps its slice */
#define PARKED_LIMIT_NS 600000000ULL

#define WINDOW_NS 100000000ULL
#define BUDGET_NS 95000000ULL
#define DUE_NS 85000000ULL /* a tick less, and what else runs */
#define AWAY_NS                                                                          \
	50000ULL /* a hog that did not look at the clock for so long did not run */
#define RUNS 4096

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

struct diary {
	unsigned int nr;
	struct {
		__u64 from, to;
	} runs[RUNS];
};

/* A hog that writes down when it ran. */
static pid_t start_diarist(struct diary *d)
{
	pid_t pid = child_begin(0, 0);
	__u64 from, last, now;

	if (pid)
		return pid;
	from = last = now_ns();
	for (;;) {
		now = now_ns();
		if (now - last > AWAY_NS && d->nr < RUNS) {
			d->runs[d->nr].from = from;
			d->runs[d->nr].to = last;
			__atomic_store_n(&d->nr, d->nr + 1, __ATOMIC_RELEASE);
			from = now;
		}
		last = now;
	}
}

/* How long it ran between @from and @to. */
static __u64 ran_between(const struct diary *d, unsigned int nr, __u64 from, __u64 to)
{
	__u64 sum = 0, a, b;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		a = d->runs[i].from > from ? d->runs[i].from : from;
		b = d->runs[i].to < to ? d->runs[i].to : to;
		sum += a < b ? b - a : 0;
	}
	return sum;
}

/* The worst window begins where a run does, or ends where one does. */
static __u64 worst_window(const struct diary *d, unsigned int nr)
{
	__u64 worst = 0, ran;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		ran = ran_between(d, nr, d->runs[i].from, d->runs[i].from + WINDOW_NS);
		worst = ran > worst ? ran : worst;
		ran = ran_between(d, nr, d->runs[i].to - WINDOW_NS, d->runs[i].to);
		worst = ran > worst ? ran : worst;
	}
	return worst;
}

static void latency_budget(const char *mode)
{
	struct diary *diary = mmap(NULL, sizeof(*diary), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char rule[64];
	const char *const args[] = { "--mode", mode, "--rule", rule, NULL };
	struct daemon d = { 0 };
	__u64 ran, worst, from;
	unsigned int nr, first;
	pid_t a, b;

	if (diary == MAP_FAILED)
		return;
	a = start_diarist(diary);
	snprintf(rule, sizeof(rule), "pid=%d,class=latency", a);
	if (!daemon_start(&d, args))
		return;
	b = start_hog(0, 0);
	sleep_ms(200);
	first = __atomic_load_n(&diary->nr, __ATOMIC_ACQUIRE);
	from = now_ns();
	ran = schedstat_ns(a);
	sleep_ms(short_or_soak(2000, 10000));
	ran = (schedstat_ns(a) - ran) * 100 / ((now_ns() - from) / 1000);
	nr = __atomic_load_n(&diary->nr, __ATOMIC_ACQUIRE) - first;
	end_child(a);
	end_child(b);
	memmove(diary->runs, diary->runs + first, nr * sizeof(diary->runs[0]));
	worst = worst_window(diary, nr);
	tap_ok(worst <= BUDGET_NS && worst >= DUE_NS,
	       "%s mode: class latency got %llu us of the worst 100 ms, in %u runs", mode,
	       worst / 1000, nr);
	tap_ok(ran >= DUE_NS / 1000 && ran <= BUDGET_NS / 1000,
	       "%s mode: and %llu.%llu %% in all", mode, ran / 1000, ran / 100 % 10);
	munmap(diary, sizeof(*diary));
	daemon_stop_and_check(&d, mode, NULL);
}

int main(void)
{
	one_mode("user");
	one_mode("kernel");
	parked_thread_runs();
	latency_budget("user");
	latency_budget("kernel");
	return tap_done();
}
