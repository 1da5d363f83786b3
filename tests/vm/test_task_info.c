/* SPDX-License-Identifier: Apache-2.0 */
/* task_info_map against what the kernel itself says in /proc. */
#include "live.h"

#define STALE_NS 110000000ULL /* 100 ms and the way to us */

static int map_fd;

static bool row_of(pid_t pid, struct task_info *info)
{
	return !bpf_map_lookup_elem(map_fd, &pid, info);
}

static bool switches(pid_t pid, unsigned long *voluntary, unsigned long *nonvoluntary)
{
	char path[64], line[256];
	int found = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		found += sscanf(line, "voluntary_ctxt_switches: %lu", voluntary) == 1;
		found += sscanf(line, "nonvoluntary_ctxt_switches: %lu", nonvoluntary) ==
			 1;
	}
	if (f)
		fclose(f);
	return found == 2;
}

/* @stale_ns: how old the row may be. */
static void compare_runtime(pid_t pid, __u64 stale_ns, const char *what)
{
	__u64 want = schedstat_ns(pid), diff;
	struct task_info info;

	if (!tap_ok(row_of(pid, &info), "%s has a row", what))
		return;
	diff = info.sum_exec_runtime > want ? info.sum_exec_runtime - want
					    : want - info.sum_exec_runtime;
	if (!tap_ok(diff * 50 <= want + 50 * stale_ns,
		    "%s: runtime within 2 %% of schedstat", what) ||
	    want)
		tap_diag("row %llu ns, schedstat %llu ns", info.sum_exec_runtime, want);
}

static void compare_switches(pid_t pid, const char *what)
{
	unsigned long v = 0, nv = 0;
	struct task_info info;

	if (!row_of(pid, &info) || !switches(pid, &v, &nv)) {
		tap_ok(false, "%s: can be compared", what);
		return;
	}
	tap_ok(labs((long)v - (long)info.voluntary_ctxt_switches) <= 1,
	       "%s: voluntary switches %u, /proc %lu", what, info.voluntary_ctxt_switches,
	       v);
	tap_ok(labs((long)nv - (long)info.nonvoluntary_ctxt_switches) <= 1,
	       "%s: involuntary switches %u, /proc %lu", what,
	       info.nonvoluntary_ctxt_switches, nv);
}

/* At rest: the children are stopped, and a tick has passed. */
static void at_rest(const pid_t *pids, const char *const *names, int nr)
{
	struct task_info info;
	int i;

	for (i = 0; i < nr; i++)
		kill(pids[i], SIGSTOP);
	sleep_ms(400);
	for (i = 0; i < nr; i++) {
		compare_runtime(pids[i], 0, names[i]);
		compare_switches(pids[i], names[i]);
	}
	if (row_of(pids[0], &info))
		tap_ok(info.weight == WEIGHT_NICE_0 && info.slice_ns >= 100000 &&
			       info.exec_start && info.vruntime,
		       "the other fields: weight %u, slice %u, began at %llu",
		       info.weight, info.slice_ns, info.exec_start);
	if (row_of(pids[1], &info))
		tap_is(info.weight, 335, "weight of nice 5");
	for (i = 0; i < nr; i++)
		kill(pids[i], SIGCONT);
}

/* One task alone on a CPU never stops running, and is still told about. */
static void while_running(pid_t pid)
{
	struct task_info before, after;

	sleep_ms(1500);
	compare_runtime(pid, STALE_NS, "a hog that never stops");
	row_of(pid, &before);
	sleep_ms(500);
	row_of(pid, &after);
	tap_ok(after.sum_exec_runtime - before.sum_exec_runtime > 200000000ULL,
	       "its row keeps moving: %llu ms in 500 ms",
	       (after.sum_exec_runtime - before.sum_exec_runtime) / 1000000);
}

static void deletion(struct qumun *q, pid_t hog, pid_t stopped)
{
	struct task_info before, info;
	__u64 runs_until;

	kill(stopped, SIGSTOP);
	sleep_ms(300);
	row_of(stopped, &before);
	tap_is(qumun_delete_pid_from_task_info(q, stopped), 0, "a row is deleted");
	tap_ok(!row_of(stopped, &info), "it is gone");
	tap_is(qumun_delete_pid_from_task_info(q, stopped), -ENOENT, "and unknown now");
	tap_is(qumun_delete_pid_from_task_info(q, 999999), -ENOENT,
	       "a pid that never was");
	sleep_ms(300);
	tap_ok(!row_of(stopped, &info), "a task that does not run gets no row");
	runs_until = schedstat_ns(stopped);
	kill(stopped, SIGCONT);
	sleep_ms(500);
	kill(stopped, SIGSTOP);
	sleep_ms(300);
	if (tap_ok(row_of(stopped, &info), "it returns when it runs")) {
		__u64 ran = schedstat_ns(stopped) - runs_until;

		tap_ok(info.sum_exec_runtime <= ran + ran / 20 + 1000000,
		       "counted from zero: %llu of %llu ns", info.sum_exec_runtime, ran);
		tap_ok(info.sum_exec_runtime < before.sum_exec_runtime,
		       "less than before: %llu", before.sum_exec_runtime);
	}
	kill(stopped, SIGCONT);
	tap_is(qumun_delete_pid_from_task_info(q, hog), 0, "a running task's row");
	sleep_ms(300);
	tap_ok(row_of(hog, &info), "is back at once");
}

static void gone_task(void)
{
	pid_t pid = start_hog(-1, 0);
	struct task_info info;

	sleep_ms(600);
	tap_ok(row_of(pid, &info), "a new task has a row");
	end_child(pid);
	sleep_ms(400);
	tap_ok(!row_of(pid, &info), "a dead one has none");
}

/* Room for 8 rows only. */
static void bounded(void)
{
	__u64 c[QUMUN_NR_COUNTERS] = { 0 };
	struct qumun *q = live_attach(QUMUN_MODE_KERNEL, 8);
	pid_t key, next, *last = NULL, pids[12];
	unsigned int rows = 0, i;
	int fd;

	if (!q)
		return;
	fd = map_by_name("task_info_map");
	for (i = 0; i < 12; i++)
		pids[i] = start_sleeper(-1, 20000);
	sleep_ms(1000);
	while (!bpf_map_get_next_key(fd, last, &next)) {
		rows++;
		key = next;
		last = &key;
	}
	tap_is(rows, 8, "max_tasks = 8: as many rows");
	qumun_get_counters(q, c);
	tap_ok(c[QUMUN_C_rows_refused] > 0, "and %llu tasks without",
	       c[QUMUN_C_rows_refused]);
	for (i = 0; i < 12; i++)
		end_child(pids[i]);
	close(fd);
	qumun_close(q);
}

/* As any tool sees it: the page's fields, by name and in the page's order. */
static void dumped(pid_t pid)
{
	static const char *const fields[] = { "vruntime",
					      "weight",
					      "slice_ns",
					      "exec_start",
					      "sum_exec_runtime",
					      "voluntary_ctxt_switches",
					      "nonvoluntary_ctxt_switches" };
	FILE *f = popen("bpftool map dump name task_info_map", "re");
	char line[256], key[32], field[64];
	unsigned int next = 0;
	bool ours = false;

	snprintf(key, sizeof(key), "\"key\": %d,", pid);
	while (f && next < 7 && fgets(line, sizeof(line), f)) {
		if (strstr(line, "\"key\":"))
			ours = strstr(line, key);
		snprintf(field, sizeof(field), "\"%s\":", fields[next]);
		next += ours && strstr(line, field);
	}
	tap_is(next, 7, "bpftool map dump: fields of our row, in order");
	while (f && fgets(line, sizeof(line), f))
		;
	tap_ok(f && !pclose(f), "bpftool map dump ends well");
}

int main(void)
{
	static const char *const names[] = { "a hog", "a nice hog", "a sleeper" };
	struct qumun *q;
	pid_t pids[3];

	if (geteuid())
		return tap_skip_all("not root");
	q = live_attach(QUMUN_MODE_KERNEL, 0);
	if (!q)
		return tap_done();
	map_fd = map_by_name("task_info_map");
	tap_ok(map_fd >= 0, "task_info_map is found by name");
	pids[0] = start_hog(0, 0);
	while_running(pids[0]);
	pids[1] = start_hog(0, 5);
	pids[2] = start_sleeper(0, 3000);
	sleep_ms(2000);
	at_rest(pids, names, 3);
	dumped(pids[1]);
	deletion(q, pids[0], pids[2]);
	gone_task();
	end_child(pids[0]);
	end_child(pids[1]);
	end_child(pids[2]);
	close(map_fd);
	qumun_close(q);
	bounded();
	return tap_done();
}
