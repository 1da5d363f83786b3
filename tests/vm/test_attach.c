/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaching and detaching, again and again under a light load: by signal, by --for, and 20 times
 * through the library with one loaded object. Nothing is left behind in the kernel.
 */
#include <dirent.h>

#include "vmtest.h"

/* How many BPF maps and programs the kernel holds. */
static unsigned int nr_objects(void)
{
	unsigned int n = 0;
	__u32 id = 0;

	while (!bpf_map_get_next_id(id, &id))
		n++;
	id = 0;
	while (!bpf_prog_get_next_id(id, &id))
		n++;
	return n;
}

/* The kernel frees them after grace periods. */
static unsigned int nr_objects_settled(unsigned int want)
{
	__u64 end = now_ns() + 15000000000ULL;

	while (nr_objects() > want && now_ns() < end)
		sleep_ms(100);
	return nr_objects();
}

/* Lines of all threads' /proc/PID/task/TID/status that begin with @name; of them, with @value. */
static unsigned int count_status(pid_t pid, const char *name, const char *value,
				 unsigned int *with)
{
	char path[64], line[256], *v;
	unsigned int n = 0;
	struct dirent *e;
	FILE *f;
	DIR *dir;

	*with = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/status", pid,
			 e->d_name);
		f = e->d_name[0] == '.' ? NULL : fopen(path, "re");
		while (f && fgets(line, sizeof(line), f)) {
			if (strncmp(line, name, strlen(name)))
				continue;
			v = line + strlen(name);
			v += strspn(v, ":\t ");
			v[strcspn(v, "\n")] = '\0';
			n++;
			*with += !strcmp(v, value);
		}
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return n;
}

static void without_privileges(const struct daemon *d)
{
	static const char *const lines[][2] = {
		{ "NoNewPrivs", "1" },
		{ "CapInh", "0000000000000000" },
		{ "CapPrm", "0000000000000000" },
		{ "CapEff", "0000000000000000" },
		{ "CapAmb", "0000000000000000" },
	};
	unsigned int i, n, with;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		n = count_status(d->pid, lines[i][0], lines[i][1], &with);
		tap_ok(n >= 4 && with == n, "%s is %s in all of %u threads", lines[i][0],
		       lines[i][1], n);
	}
}

static void ends_cleanly(int sig, const char *name)
{
	struct daemon d = { 0 };

	if (!daemon_start(&d, NULL))
		return;
	without_privileges(&d);
	tap_is(daemon_end(&d, sig), 0, "%s: exit code 0", name);
	tap_ok(scx_disabled(), "%s: the kernel's scheduler is back when it has ended",
	       name);
	tap_ok(daemon_said(&d, "detached"), "%s: it says so", name);
	check_counters(&d, name, NULL);
}

static void ends_by_itself(void)
{
	const char *const args[] = { "--for", "1s", NULL };
	struct daemon d = { 0 };
	__u64 start;

	if (!daemon_start(&d, args))
		return;
	start = now_ns();
	tap_is(daemon_wait(&d, 10000), 0, "--for 1s: exit code 0");
	tap_ok(now_ns() - start < 5000000000ULL, "--for 1s: it took %llu ms",
	       (unsigned long long)(now_ns() - start) / 1000000);
	tap_ok(scx_disabled(), "--for 1s: the kernel's scheduler is back");
	check_counters(&d, "--for 1s", NULL);
}

static __u64 nr_asked(struct qumun *q)
{
	__u64 c[QUMUN_NR_COUNTERS];

	return qumun_get_counters(q, c) ? 0 : c[QUMUN_C_asked];
}

/* Kernel memory that cannot be taken back, bytes. */
static long long slab_bytes(void)
{
	long long kb = -1;
	char line[128];
	FILE *f;

	write_text("/proc/sys/vm/drop_caches", "3");
	sleep_ms(1000); /* what waits for grace periods */
	f = fopen("/proc/meminfo", "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "SUnreclaim:", 11))
			kb = atoll(line + 11);
	}
	if (f)
		fclose(f);
	return kb * 1024;
}

static void no_pins(void)
{
	DIR *dir = opendir("/sys/fs/bpf");
	struct dirent *e;
	unsigned int n = 0;

	while (dir && (e = readdir(dir)))
		n += e->d_name[0] != '.';
	if (dir)
		closedir(dir);
	tap_is(n, 0, "no pins are left");
}

/* Fewer than a page for each time: less than the smallest map. */
static void no_slab(long long before, unsigned int times)
{
	long long grown = slab_bytes() - before;

	tap_ok(grown < 4096LL * times, "kernel memory grew by %lld bytes in %u times",
	       grown, times);
}

static void again_and_again(unsigned int times)
{
	struct qumun *q = live_attach(QUMUN_MODE_USER, 0);
	unsigned int i, attached = 0, detached = 0, clean = 0, waited = 0;
	struct live_thread t;
	__u64 asked;

	for (i = 0; q && i < times; i++) {
		if (i && qumun_attach(q))
			break;
		live_start(&t, q);
		attached += wait_for_scx("gthulhu", 5000);
		asked = nr_asked(q);
		for (waited = 50; waited > 0; waited--) {
			sleep_ms(50);
			/* the last time, until the policy is asked as it was the first time */
			if (i + 1 < times || nr_asked(q) > asked)
				break;
		}
		clean += !live_stop(&t);
		qumun_detach(q);
		detached += wait_for_scx(NULL, 5000);
	}
	if (i < times)
		tap_diag("attach %u: %s", i + 1, q ? qumun_strerror(q) : "not loaded");
	tap_is(attached, times, "attached %u times", times);
	tap_ok(waited > 0, "the policy decides the last time too");
	tap_is(clean, times, "the policy ended without an error each time");
	tap_is(detached, times, "the kernel's scheduler was back each time");
	qumun_close(q);
}

int main(void)
{
	unsigned int before = nr_objects(), after, i, times = short_or_soak(20, 200);
	long long slab = 0;
	pid_t load[4];

	for (i = 0; i < 4; i++)
		load[i] = start_sleeper(-1, 1000 + 700 * i);
	ends_cleanly(SIGINT, "SIGINT");
	ends_cleanly(SIGTERM, "SIGTERM");
	ends_by_itself();
	if (soak()) {
		/* what the first times leave in caches is no leak */
		again_and_again(20);
		slab = slab_bytes();
	}
	again_and_again(times);
	if (soak())
		no_slab(slab, times);
	no_pins();
	for (i = 0; i < 4; i++)
		end_child(load[i]);
	after = nr_objects_settled(before);
	tap_is(after, before, "as many BPF maps and programs as before");
	return tap_done();
}
