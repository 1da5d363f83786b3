/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a running scheduler tells about itself: tasks against /proc, CPUs, wait times, shares, limits
 * that it does not keep; a rule that is changed; a successor that takes over.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "live.h"

#define CGROUP "/sys/fs/cgroup/observed"

static struct qumun *q;
static unsigned int cpus_told; /* by qumun_nr_cpus() */

static int observe_init(struct qumun_policy_ctx *ctx)
{
	cpus_told = qumun_nr_cpus(ctx);
	return 0;
}

static const struct qumun_policy_ops observe_policy = {
	.abi_version = QUMUN_POLICY_ABI,
	.size = sizeof(struct qumun_policy_ops),
	.name = "observe",
	.init = observe_init,
	.enqueue = live_enqueue,
};

static void nulls(void)
{
	struct qumun_latency latency;
	struct qumun_run_state state;
	struct qumun_cpu_info cpu;
	struct qumun_task task;
	__u32 cursor = 0;

	tap_is(qumun_get_state(NULL, &state), -EINVAL, "state: no handle");
	tap_is(qumun_get_state(q, NULL), -EINVAL, "state: nowhere to put it");
	tap_is(qumun_get_cpu(q, 0, NULL), -EINVAL, "CPU: nowhere to put it");
	tap_is(qumun_get_cpu(q, -1, &cpu), -EINVAL, "no CPU -1");
	tap_is(qumun_get_cpu(q, 5000, &cpu), -EINVAL, "no CPU 5000");
	tap_ok(strstr(qumun_strerror(q), "5000"), "%s", qumun_strerror(q));
	tap_is(qumun_get_task(q, 1, NULL), -EINVAL, "task: nowhere to put it");
	tap_is(qumun_next_task(q, NULL, &task), -EINVAL, "tasks: no cursor");
	tap_is(qumun_next_task(q, &cursor, NULL), -EINVAL, "tasks: nowhere to put it");
	tap_is(qumun_get_latency(q, -2, &latency), -EINVAL, "latency: no CPU -2");
	tap_is(qumun_get_latency(q, 0, NULL), -EINVAL, "latency: nowhere to put it");
	tap_is(qumun_get_round_trip(q, 5000, &latency), -EINVAL,
	       "round trip: no CPU 5000");
	tap_is(qumun_get_round_trip(q, 0, NULL), -EINVAL,
	       "round trip: nowhere to put it");
	tap_is(qumun_get_recent_waits(q, 1, NULL), -EINVAL, "waits: nowhere to put them");
	tap_is(qumun_list_shares(q, NULL, NULL), -EINVAL, "shares: nobody to tell");
}

static void state(void)
{
	struct qumun_run_state s;
	int i;

	tap_is(qumun_get_state(q, &s), 0, "state");
	/* on a busy host the policy may just be late */
	for (i = 0; i < 100 && s.autopilot; i++) {
		sleep_ms(100);
		qumun_get_state(q, &s);
	}
	tap_ok(s.attached && s.mode == QUMUN_MODE_USER && !s.autopilot,
	       "attached, user mode, and the policy decides");
	tap_ok(s.attached_at && s.attached_at < now_ns(), "since a while ago");
	tap_is(s.nr_cpus, sysconf(_SC_NPROCESSORS_CONF), "CPUs");
	tap_is(cpus_told, s.nr_cpus, "the policy was told the same");
}

/* @hog runs on CPU 0 most of the time. */
static void cpu(pid_t hog)
{
	struct qumun_cpu_info info;
	unsigned int i, seen = 0;

	for (i = 0; i < 100 && !seen; i++) {
		if (qumun_get_cpu(q, 0, &info))
			break;
		seen = info.pid == hog;
		sleep_ms(3);
	}
	if (!tap_ok(seen, "CPU 0 runs the hog"))
		return;
	tap_ok(info.online && info.running_since &&
		       info.running_since < now_ns() + 100000000ULL,
	       "online, running since a time that was");
	tap_ok(!strcmp(info.comm, "test_observe"), "comm %s", info.comm);
}

static void task(pid_t hog)
{
	struct qumun_task t;
	__u64 ran = schedstat_ns(hog), later;

	sleep_ms(150);
	tap_is(qumun_get_task(q, hog, &t), 0, "the hog's record");
	later = schedstat_ns(hog);
	tap_ok(t.pid == hog && t.tgid == hog && !strcmp(t.comm, "test_observe") &&
		       t.uid == 0,
	       "who it is");
	tap_ok(t.cpu == 0 && t.nr_cpus_allowed == 1 && t.allowed == 1, "where it is");
	tap_ok(t.weight == WEIGHT_NICE_0 && t.nr_runs && t.slice_ns, "what it gets");
	tap_ok(t.sum_exec + 50000000ULL >= ran && t.sum_exec <= later + 50000000ULL,
	       "it ran %llu ms, by /proc %llu to %llu", t.sum_exec / 1000000,
	       ran / 1000000, later / 1000000);
	tap_is(qumun_get_task(q, 4194000, &t), -ENOENT, "nobody's record");
}

static void walk(pid_t hog, pid_t sleeper)
{
	unsigned int nr = 0, hogs = 0, sleepers = 0, ours = 0;
	struct qumun_task t;
	__u32 cursor = 0;
	int more;

	while ((more = qumun_next_task(q, &cursor, &t)) == 1) {
		nr++;
		hogs += t.pid == hog;
		sleepers += t.pid == sleeper;
		ours += t.pid == getpid();
	}
	tap_is(more, 0, "the walk ends");
	tap_ok(hogs == 1 && sleepers == 1 && ours == 1, "%u tasks, each of ours once",
	       nr);
}

/* Of a task that sleeps 5 ms each time and shares its CPU with a hog. */
static void waits(pid_t sleeper)
{
	__u32 us[QUMUN_RECENT_WAITS], longest = 0;
	struct qumun_task t;
	int nr, i;

	nr = qumun_get_recent_waits(q, sleeper, us);
	tap_is(nr, QUMUN_RECENT_WAITS, "so many waits are remembered");
	for (i = 0; i < nr; i++)
		longest = us[i] > longest ? us[i] : longest;
	tap_is(qumun_get_task(q, sleeper, &t), 0, "its record");
	tap_ok(longest && longest <= t.max_wait_us, "at most %u us, the longest ever %u",
	       longest, t.max_wait_us);
	tap_is(qumun_get_recent_waits(q, 4194000, us), -ENOENT, "nobody's waits");
}

static void latency(void)
{
	struct qumun_latency before, sum, one, all = { 0 };
	unsigned int i, cpu, nr = (unsigned int)sysconf(_SC_NPROCESSORS_CONF);
	__u64 counted = 0;
	bool grew = true;

	tap_is(qumun_get_latency(q, -1, &before), 0, "wait times");
	for (cpu = 0; cpu < nr; cpu++) {
		tap_is(qumun_get_latency(q, (int)cpu, &one), 0, "of CPU %u", cpu);
		for (i = 0; i < QUMUN_NR_LATENCY; i++)
			all.buckets[i] += one.buckets[i];
		all.count += one.count;
		all.sum_ns += one.sum_ns;
	}
	tap_is(qumun_get_latency(q, -1, &sum), 0, "of all");
	for (i = 0; i < QUMUN_NR_LATENCY; i++) {
		counted += sum.buckets[i];
		grew &= before.buckets[i] <= all.buckets[i] &&
			all.buckets[i] <= sum.buckets[i];
	}
	tap_ok(grew && before.sum_ns <= all.sum_ns && all.sum_ns <= sum.sum_ns,
	       "the CPUs' add up, and none goes back");
	tap_is(sum.count, counted, "as many waits as the buckets hold");
	for (i = 1; i < QUMUN_NR_LATENCY; i++) {
		if (qumun_latency_bound_ns(i) <= qumun_latency_bound_ns(i - 1))
			break;
	}
	tap_is(i, QUMUN_NR_LATENCY, "bounds grow");
	tap_ok(qumun_latency_bound_ns(0) == 1000 &&
		       qumun_latency_bound_ns(i - 1) == ~0ULL,
	       "from 1 us to all there is");
}

/* As many as decisions, each shorter than what the policy is allowed. */
static void round_trip(void)
{
	struct qumun_latency before, sum, one, all = { 0 };
	unsigned int i, cpu, nr = (unsigned int)sysconf(_SC_NPROCESSORS_CONF);
	__u64 a[QUMUN_NR_COUNTERS], b[QUMUN_NR_COUNTERS], counted = 0, mean;

	qumun_get_counters(q, a);
	tap_is(qumun_get_round_trip(q, -1, &before), 0, "round trips");
	for (cpu = 0; cpu < nr; cpu++) {
		tap_is(qumun_get_round_trip(q, (int)cpu, &one), 0, "of CPU %u", cpu);
		all.count += one.count;
		all.sum_ns += one.sum_ns;
	}
	tap_is(qumun_get_round_trip(q, -1, &sum), 0, "of all");
	qumun_get_counters(q, b);
	tap_ok(before.count <= all.count && all.count <= sum.count &&
		       before.sum_ns <= all.sum_ns && all.sum_ns <= sum.sum_ns,
	       "the CPUs' add up, and none goes back");
	tap_ok(a[QUMUN_C_decided] <= sum.count && before.count <= b[QUMUN_C_decided],
	       "%llu round trips, %llu to %llu decisions", sum.count, a[QUMUN_C_decided],
	       b[QUMUN_C_decided]);
	for (i = 0; i < QUMUN_NR_LATENCY; i++)
		counted += sum.buckets[i];
	tap_is(counted, sum.count, "as many as the buckets hold");
	mean = sum.count ? sum.sum_ns / sum.count : 0;
	tap_ok(mean > 1000 && mean < 500000000, "%llu us on average", mean / 1000);
}

struct found {
	unsigned int rule_id, calls;
	struct qumun_share normal, latency, rule;
};

static int find(void *arg, const struct qumun_share *s)
{
	struct found *f = arg;

	f->calls++;
	if (s->cls == QUMUN_CLASS_NORMAL)
		f->normal = *s;
	else if (s->cls == QUMUN_CLASS_LATENCY)
		f->latency = *s;
	else if (s->cls == QUMUN_CLASS_NONE && s->rule_id == f->rule_id)
		f->rule = *s;
	return 0;
}

static int enough(void *arg, const struct qumun_share *s)
{
	return 7;
}

static void shares_and_a_rule(pid_t sleeper)
{
	struct qumun_rule rule = QUMUN_RULE_INIT;
	struct found before = { 0 }, after = { 0 };
	struct qumun_task_rule what;

	tap_is(qumun_list_shares(q, find, &before), 0, "shares");
	tap_ok(before.calls == QUMUN_NR_CLASSES - 1 && before.normal.run_ns &&
		       before.normal.latency.count && !before.latency.run_ns,
	       "of %u classes, all in normal", before.calls);
	tap_is(qumun_list_shares(q, enough, NULL), 7, "who has seen enough says so");
	rule.match = 1U << QUMUN_RULE_PID;
	rule.pid = sleeper;
	rule.cls = QUMUN_CLASS_LATENCY;
	tap_is(qumun_add_rule(q, &rule, &after.rule_id), 0, "a rule for the sleeper");
	sleep_ms(500);
	tap_is(qumun_list_shares(q, find, &after), 0, "shares with a rule");
	tap_ok(after.latency.run_ns && after.latency.latency.count, "class latency ran");
	tap_ok(after.rule.run_ns && after.rule.run_ns <= after.latency.run_ns &&
		       after.rule.latency.count,
	       "because of the rule");
	rule.id = after.rule_id;
	rule.weight = 2048;
	tap_is(qumun_change_rule(q, &rule), 0, "the rule is changed");
	tap_is(qumun_get_task_rule(q, sleeper, &what), 0, "what counts for the sleeper");
	tap_ok(what.rule_id == rule.id && what.weight == 2048 &&
		       what.cls == QUMUN_CLASS_LATENCY,
	       "rule %u, weight %u", what.rule_id, what.weight);
	rule.weight = 1;
	tap_is(qumun_change_rule(q, &rule), -EINVAL, "not to nonsense");
	rule.weight = 2048;
	rule.id = 4000000000U;
	tap_is(qumun_change_rule(q, &rule), -ENOENT, "nor one that is not there");
	tap_is(qumun_remove_rule(q, after.rule_id), 0, "it goes");
	tap_is(qumun_get_task_rule(q, sleeper, &what), 0, "what counts now");
	tap_ok(!what.rule_id && what.weight == WEIGHT_NICE_0, "no rule");
}

static void find_limit(void *arg, const struct qumun_cpu_limit *l)
{
	unsigned int *seen = arg;

	*seen += strstr(l->path, "observed") && l->quota_us == 20000 &&
		 l->period_us == 100000;
}

static void limits(void)
{
	unsigned int seen = 0;
	int before = qumun_unenforced_limits(NULL, NULL), fd;

	tap_is(before, 0, "no limit");
	if (mkdir(CGROUP, 0755) ||
	    (fd = open(CGROUP "/cpu.max", O_WRONLY | O_CLOEXEC)) < 0) {
		tap_ok(false, "a cgroup with cpu.max: %s", strerror(errno));
		return;
	}
	tap_is(write(fd, "20000 100000", 12), 12, "a limit");
	close(fd);
	tap_is(qumun_unenforced_limits(find_limit, &seen), 1, "is counted");
	tap_is(seen, 1, "and told");
	rmdir(CGROUP);
}

/* Another process: takes over, decides for half a second, ends the scheduler. */
static int succeed(void)
{
	struct live_thread runner;
	int err = qumun_takeover(NULL, &q);

	if (!err)
		err = qumun_set_policy(q, &live_policy);
	if (!err)
		err = qumun_attach(q);
	if (!err) {
		live_start(&runner, q);
		sleep_ms(500);
		err = live_stop(&runner);
	}
	if (err)
		fprintf(stderr, "# successor: %s\n", qumun_strerror(q));
	qumun_close(q);
	return err != 0;
}

static void hand_over(struct live_thread *runner, char **argv)
{
	struct qumun_run_state s;
	int status;
	pid_t pid;

	tap_ok(!qumun_handed_over(q), "nobody took over");
	pid = fork();
	if (!pid) {
		/* a fresh address space: the arena's place must be free */
		execl("/proc/self/exe", argv[0], "successor", NULL);
		_exit(1);
	}
	pthread_join(runner->thread, NULL);
	if (!tap_is(runner->result, 0, "a successor ends the policy's loop"))
		tap_diag("%s", qumun_strerror(q));
	tap_ok(qumun_handed_over(q), "because it took over");
	tap_is(qumun_detach(q), 0, "detach leaves it alone");
	tap_is(waitpid(pid, &status, 0), pid, "the successor");
	tap_is(status, 0, "ends well");
	tap_ok(!qumun_get_state(q, &s) && !s.attached, "we are no longer attached");
}

int main(int argc, char **argv)
{
	struct live_thread runner;
	pid_t hog, sleeper;
	int err;

	if (geteuid())
		return tap_skip_all("not root");
	if (argc > 1)
		return succeed();
	err = qumun_load(NULL, NULL, &q);
	if (!err)
		err = qumun_set_policy(q, &observe_policy);
	if (!err)
		err = qumun_attach(q);
	if (!tap_is(err, 0, "attached (%s)", err ? qumun_strerror(q) : "no error"))
		return tap_done();
	live_start(&runner, q);
	hog = start_hog(0, 0);
	sleeper = start_sleeper(0, 5000);
	sleep_ms(1000);
	state();
	cpu(hog);
	task(hog);
	walk(hog, sleeper);
	waits(sleeper);
	latency();
	round_trip();
	shares_and_a_rule(sleeper);
	end_child(sleeper);
	end_child(hog);
	limits();
	nulls();
	hand_over(&runner, argv);
	qumun_close(q);
	return tap_done();
}
