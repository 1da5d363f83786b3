/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several policy threads, on a machine with several last-level caches: each decides for its own
 * CPUs and runs there, the policy changes in all of them or in none, another process takes all of
 * them over, and when all CPUs of one are offline the others go on.
 */
#include <dirent.h>
#include <linux/capability.h>
#include <stdatomic.h>

#include "vmtest.h"

#define CPU_DIR "/sys/devices/system/cpu/cpu%u/"
#define CONFIG "/tmp/shards.yaml"

static struct qumun_policy_ops sharded;
static struct qumun *q;

static void first_set(unsigned int cpu, const char *file, char *set, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), CPU_DIR "%s", cpu, file);
	if (!read_word(path, set, size))
		*set = '\0';
}

/* CPUs share a policy thread exactly if they share the cache. */
static void check_deal(void)
{
	struct qumun_cpu_info a, b;
	unsigned int i, j, wrong = 0, n = nr_online();
	char one[64], other[64];

	for (i = 0; i < n; i++) {
		for (j = 0; j < n; j++) {
			first_set(i, "cache/index3/shared_cpu_list", one, sizeof(one));
			first_set(j, "cache/index3/shared_cpu_list", other,
				  sizeof(other));
			if (qumun_get_cpu(q, (int)i, &a) || qumun_get_cpu(q, (int)j, &b))
				wrong++;
			else
				wrong += (a.shard == b.shard) != !strcmp(one, other);
		}
	}
	tap_is(wrong, 0, "a policy thread for each last-level cache");
}

/* The CPU where the thread so called of @pid ran last, or -1. */
static int cpu_of_thread(pid_t pid, const char *comm)
{
	char path[320], word[64], line[512], *at;
	struct dirent *entry;
	int cpu = -1, i;
	FILE *f;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && (entry = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", pid, entry->d_name);
		if (!read_word(path, word, sizeof(word)) || strcmp(word, comm))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", pid, entry->d_name);
		f = fopen(path, "r");
		at = f && fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
		/* from the state, field 3, to field 39 */
		for (i = 3; at && i <= 39; i++)
			at = strchr(at + 1, ' ');
		cpu = at ? atoi(at + 1) : -1;
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return cpu;
}

/* While all CPUs are busy the second policy thread runs on those of the second cache. */
static void check_home(pid_t pid, const char *what)
{
	int at_home = 0, cpu, i;

	for (i = 0; i < 50; i++) {
		cpu = cpu_of_thread(pid, "gthulhu-shard");
		at_home += cpu >= (int)nr_online() / 2;
		sleep_ms(20);
	}
	tap_ok(at_home >= 40,
	       "%s: the second policy thread is with its cache (%d of 50 looks)", what,
	       at_home);
}

/* A policy whose second instance does not come back from its callback while @hold. */
#define INSTANCES 2

struct instance {
	unsigned int id;
};

static atomic_uint instances;
static atomic_bool hold;
static atomic_ullong asked[INSTANCES], asked_next;

static int stubborn_init(struct qumun_policy_ctx *ctx)
{
	struct instance *me = qumun_policy_state(ctx);

	me->id = atomic_fetch_add(&instances, 1) % INSTANCES;
	return 0;
}

static void stubborn_enqueue(struct qumun_policy_ctx *ctx, struct qumun_task *t,
			     __u64 now)
{
	const struct instance *me = qumun_policy_state(ctx);

	while (me->id == 1 && atomic_load(&hold))
		;
	atomic_fetch_add(&asked[me->id], 1);
	live_enqueue(ctx, t, now);
}

static void next_enqueue(struct qumun_policy_ctx *ctx, struct qumun_task *t, __u64 now)
{
	atomic_fetch_add(&asked_next, 1);
	live_enqueue(ctx, t, now);
}

static const struct qumun_policy_ops stubborn = {
	.abi_version = QUMUN_POLICY_ABI,
	.size = sizeof(struct qumun_policy_ops),
	.name = "stubborn",
	.state_size = sizeof(struct instance),
	.init = stubborn_init,
	.enqueue = stubborn_enqueue,
	.flags = QUMUN_POLICY_SHARDS,
};

/* Does each instance of it decide? */
static bool both_asked(void)
{
	unsigned long long before[INSTANCES] = { atomic_load(&asked[0]),
						 atomic_load(&asked[1]) };

	sleep_ms(500);
	return atomic_load(&asked[0]) > before[0] && atomic_load(&asked[1]) > before[1];
}

static void check_change(void)
{
	struct qumun_policy_ops next = sharded;
	unsigned long long nr;
	int i, err = 0;

	tap_is(qumun_set_policy(q, &live_policy), -EINVAL,
	       "a policy that keeps one state");
	tap_ok(strstr(qumun_strerror(q), "QUMUN_POLICY_SHARDS") != NULL, "is told why");
	for (i = 0; !err && i < 20; i++) {
		err = qumun_set_policy(q, i % 2 ? &sharded : &stubborn);
		sleep_ms(10);
	}
	tap_ok(!err, "20 changes of the policy in all threads (%s)",
	       err ? qumun_strerror(q) : "no error");

	err = qumun_set_policy(q, &stubborn);
	tap_ok(!err && both_asked(), "each thread has an instance of the policy");
	atomic_store(&hold, true);
	sleep_ms(300);
	next.enqueue = next_enqueue;
	tap_is(qumun_set_policy(q, &next), -ETIMEDOUT,
	       "one thread is in a callback: no change");
	nr = atomic_load(&asked_next);
	atomic_store(&hold, false);
	tap_ok(both_asked(), "the former policy goes on in both");
	tap_is(atomic_load(&asked_next), nr, "and the new one in none");
	tap_is(qumun_set_policy(q, &sharded), 0, "another change");
}

static void check_counts(void)
{
	struct scheduler_stats before, after;
	pid_t pids[LOAD_HOGS], sleepers[8];
	unsigned int i, n = nr_online() * 2;
	__u64 c[QUMUN_NR_COUNTERS];

	hogs_start(pids, n);
	for (i = 0; i < 8; i++)
		sleepers[i] = start_sleeper(-1, 2000);
	qumun_get_scheduler_stats(q, &before);
	sleep_ms(2000);
	check_home(getpid(), "under load");
	check_change();
	qumun_get_scheduler_stats(q, &after);
	qumun_get_counters(q, c);
	tap_ok(after.context_switches - before.context_switches > n * 10,
	       "everybody gets turns (%llu switches)",
	       (unsigned long long)(after.context_switches - before.context_switches));
	tap_ok(c[QUMUN_C_decided] > 0 && !c[QUMUN_C_doubled] && !c[QUMUN_C_bad_slot] &&
		       !c[QUMUN_C_bad_cpu],
	       "%llu decided, none twice", (unsigned long long)c[QUMUN_C_decided]);
	for (i = 0; i < 8; i++)
		end_child(sleepers[i]);
	hogs_stop(pids, n);
}

/* Load with as many policy threads as there are caches. */
static int attach(bool over)
{
	struct qumun_options options = QUMUN_OPTIONS_INIT;
	int err;

	options.timeout_ms = 30000;
	options.shards = QUMUN_MAX_SHARDS;
	options.log = live_log;
	err = over ? qumun_takeover(&options, &q) : qumun_load(NULL, &options, &q);
	if (!err)
		err = qumun_set_policy(q, &sharded);
	if (!err)
		err = qumun_attach(q);
	return err;
}

/* Another process: takes over, decides for two seconds, ends the scheduler. */
static int succeed(void)
{
	__u64 before[QUMUN_NR_COUNTERS], after[QUMUN_NR_COUNTERS];
	struct live_thread runner;
	struct qumun_run_state s;
	bool decides = false;
	int err = attach(true);

	if (!err) {
		live_start(&runner, q);
		sleep_ms(1000);
		decides = !qumun_get_state(q, &s) && !s.autopilot;
		qumun_get_counters(q, before);
		sleep_ms(1000);
		qumun_get_counters(q, after);
		decides &= after[QUMUN_C_decided] > before[QUMUN_C_decided];
		err = live_stop(&runner);
	}
	if (err || !decides)
		fprintf(stderr, "# successor: %s\n",
			err ? qumun_strerror(q) : "decides nothing");
	qumun_close(q);
	return err || !decides;
}

/*
 * This program anew, without CAP_SYS_ADMIN as the service has it, and in a fresh address space: the arena's
 * place must be free.
 */
static pid_t run_self(char **argv, const char *what)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN);
	execl("/proc/self/exe", argv[0], what, NULL);
	_exit(1);
}

/* Attached, with the policy's threads ended, it goes on without them. */
static int leave(void)
{
	struct qumun_exit_report report;
	__u64 c[QUMUN_NR_COUNTERS];
	struct live_thread runner;
	int err = attach(false);

	if (!err) {
		live_start(&runner, q);
		sleep_ms(500);
		err = live_stop(&runner);
		sleep_ms(3000);
		qumun_get_counters(q, c);
		if (qumun_exit_info(q, &report) || c[QUMUN_C_autopilot_gone])
			err = -EIO;
	}
	if (err)
		fprintf(stderr, "# %s\n", qumun_strerror(q));
	qumun_close(q);
	return err != 0;
}

static void hand_over(struct live_thread *runner, char **argv)
{
	pid_t hogs[LOAD_HOGS], pid;
	int status;

	hogs_start(hogs, nr_online() * 2);
	pid = run_self(argv, "successor");
	pthread_join(runner->thread, NULL);
	tap_is(runner->result, 0, "a successor ends the loops of all policy threads");
	tap_ok(qumun_handed_over(q), "because it took over");
	tap_is(cpu_of_thread(getpid(), "gthulhu-shard"), -1, "they are gone");
	tap_is(waitpid(pid, &status, 0), pid, "the successor");
	tap_is(status, 0, "decides in all of them, and ends well");
	hogs_stop(hogs, nr_online() * 2);
}

static void library(char **argv)
{
	struct live_thread runner;
	__u64 minor, major;
	int err, status = 1;

	waitpid(run_self(argv, "leave"), &status, 0);
	tap_is(status, 0,
	       "without CAP_SYS_ADMIN, and after the policy's threads have ended");
	err = attach(false);
	if (!tap_ok(!err, "attached (%s)", err ? qumun_strerror(q) : "no error")) {
		qumun_close(q);
		return;
	}
	check_deal();
	live_start(&runner, q);
	sleep_ms(500);
	check_counts();
	tap_ok(!qumun_policy_faults(q, &minor, &major) && !major,
	       "no major fault in them");
	hand_over(&runner, argv);
	qumun_close(q);
}

static unsigned int switch_cpus(unsigned int from, unsigned int to, const char *state)
{
	unsigned int nr = 0;
	char path[128];

	for (; from <= to; from++) {
		snprintf(path, sizeof(path), CPU_DIR "online", from);
		nr += write_text(path, state);
	}
	return nr;
}

/* All CPUs of the second cache go, under load, and come back. */
static void offline(void)
{
	const char *const args[] = { "--config", CONFIG, NULL };
	unsigned int n = nr_online(), half = n / 2;
	struct daemon d = { 0 };
	struct load l;
	FILE *f = fopen(CONFIG, "w");

	fputs("shards: 64\n", f);
	fclose(f);
	if (!daemon_start(&d, args))
		return;
	load_start(&l);
	sleep_ms(500);
	tap_is(switch_cpus(half, n - 1, "0"), n - half, "all CPUs of a cache go offline");
	load_mark(&l);
	sleep_ms(4000);
	check_survived(&l, "without them");
	tap_is(switch_cpus(half, n - 1, "1"), n - half, "and come back");
	load_mark(&l);
	sleep_ms(3000);
	check_survived(&l, "with them");
	check_home(d.pid, "with them");
	load_stop(&l);
	daemon_stop_and_check(&d, "two policy threads", "forbidden_cpu");
	unlink(CONFIG);
}

int main(int argc, char **argv)
{
	sharded = live_policy;
	sharded.name = "sharded";
	sharded.flags = QUMUN_POLICY_SHARDS;
	if (geteuid())
		return tap_skip_all("not root");
	if (argc > 1)
		return strcmp(argv[1], "leave") ? succeed() : leave();
	library(argv);
	offline();
	return tap_done();
}
