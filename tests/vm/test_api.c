/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every function of qumun.h on a real kernel, in the order of a scheduler's life. What has a
 * test of its own (task_info_map, exit events, parameters) is only touched.
 */
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>

#include "live.h"

static char logged[4096];
static char plugin[512], refused[512], object[512];

static void keep_error(void *arg, enum qumun_log_level level, const char *message)
{
	if (level == QUMUN_LOG_ERROR)
		snprintf(logged, sizeof(logged), "%s", message);
}

static void load_fails(const char *path, struct qumun_options *options, int want,
		       const char *words)
{
	struct qumun *q = (void *)1;
	int err = qumun_load(path, options, &q);

	tap_is(err, want, "load fails: %s", words);
	tap_ok(!q, "without a handle");
	if (!tap_ok(strstr(qumun_strerror(NULL), words) != NULL, "and says why"))
		tap_diag("%s", qumun_strerror(NULL));
	tap_ok(!strcmp(logged, qumun_strerror(NULL)), "to the log as well");
	if (!err)
		qumun_close(q);
}

static void bad_loads(void)
{
	struct qumun_options good = QUMUN_OPTIONS_INIT, o;
	int fd;

	good.log = keep_error;
	o = good;
	o.max_records = 63;
	load_fails(NULL, &o, -EINVAL, "max_records");
	load_fails("/no/such/main.bpf.o", &good, -ENOENT, "/no/such/main.bpf.o");
	fd = open("/tmp/broken.bpf.o", O_CREAT | O_TRUNC | O_WRONLY, 0600);
	if (write(fd, "\177ELF broken", 11) != 11)
		tap_diag("cannot write");
	close(fd);
	load_fails("/tmp/broken.bpf.o", &good, -EINVAL, "broken");
	unlink("/tmp/broken.bpf.o");
}

/* The object in a file is as good as the one inside the library. */
static void load_from_file(void)
{
	struct qumun *q;

	if (tap_is(qumun_load(object, NULL, &q), 0, "an object file"))
		qumun_close(q);
	else
		tap_diag("%s", qumun_strerror(NULL));
}

/* What the verifier says is told, the last 20 lines of it, and it is no lack of privilege. */
static void refused_load(void)
{
	struct qumun_options good = QUMUN_OPTIONS_INIT;
	const char *at;
	int lines = 0;

	good.log = keep_error;
	load_fails(refused, &good, -EINVAL, "the kernel's verifier refused the BPF half");
	at = qumun_strerror(NULL);
	/* 7.3's report names the error first and ends, within these lines, with how R1 got so */
	if (!tap_ok(strstr(at, "invalid mem access") || strstr(at, "R1 changed from"),
		    "with the verifier's reason"))
		tap_diag("%s", at);
	for (at = strchr(at, '\n'); at && at[1]; at = strchr(at + 1, '\n'))
		lines++;
	if (!tap_ok(lines >= 3 && lines <= 20, "%d lines of its log", lines))
		tap_diag("%s", qumun_strerror(NULL));
}

/* A child without privileges; its exit code is the number of what went wrong. */
static void load_without_root(void)
{
	struct qumun *q;
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(1);
		if (qumun_load(NULL, NULL, &q) != -EPERM)
			_exit(2);
		_exit(strstr(qumun_strerror(NULL), "root") ? 0 : 3);
	}
	waitpid(pid, &status, 0);
	tap_is(WEXITSTATUS(status), 0, "without root: -EPERM, and the message says root");
}

struct checked {
	unsigned int nr, required, present;
};

static void count_feature(void *arg, const struct qumun_feature *f)
{
	struct checked *c = arg;

	tap_diag("%s: %s (%s)", f->name, f->present ? "yes" : "no", f->detail);
	c->nr++;
	c->required += f->required;
	c->present += f->present && f->required;
}

static void without_handle(void)
{
	struct checked c = { 0 };
	unsigned int i;

	tap_ok(!strcmp(qumun_version(), QUMUN_VERSION), "version %s", qumun_version());
	for (i = 0; i < QUMUN_NR_COUNTERS; i++) {
		if (!qumun_counter_name(i) || !qumun_counter_doc(i))
			break;
	}
	tap_is(i, QUMUN_NR_COUNTERS, "every counter has a name and a meaning");
	tap_ok(!qumun_counter_name(i) && !qumun_counter_doc(i), "and there are no more");
	tap_is(qumun_check(count_feature, &c), 0, "this kernel has what is needed");
	tap_ok(c.required && c.required == c.present, "%u features, %u required", c.nr,
	       c.required);
	tap_is(qumun_check(NULL, NULL), 0, "the check works without a listener");
	qumun_close(NULL);
	tap_ok(true, "close(NULL)");
}

static void before_attach(struct qumun *q)
{
	struct qumun_policy_ops other = live_policy;
	struct qumun_exit_report report;
	struct scheduler_stats stats;
	struct perf_counters perf;

	tap_is(qumun_attach(q), -EINVAL, "attach without a policy");
	other.abi_version = 99;
	tap_is(qumun_set_policy(q, &other), -EINVAL, "a policy of another ABI");
	tap_is(qumun_load_policy(q, "/no/policy.so"), -ENOENT, "no policy file");
	chmod(plugin, 0666);
	tap_is(qumun_load_policy(q, plugin), -EPERM, "a policy file that all can write");
	chmod(plugin, 0755);
	if (!tap_is(qumun_load_policy(q, plugin), 0, "a policy from a file"))
		tap_diag("%s", qumun_strerror(q));
	tap_is(qumun_assign_user_sched_pid(q, 4194000), -ESRCH, "no such process");
	tap_is(qumun_assign_user_sched_pid(q, -1), -EINVAL, "no process id");
	tap_is(qumun_assign_user_sched_pid(q, getpid()), 0, "this process");
	tap_is(qumun_init_cache_domains(q), 0, "cache domains");
	tap_is(qumun_run(q), -EINVAL, "run before attach");
	tap_is(qumun_exit_info(q, &report), 0, "not ended");
	tap_is(qumun_get_scheduler_stats(q, &stats), 0, "statistics before attach");
	tap_is(qumun_get_perf_counters(q, -1, &perf), 0, "counters before attach");
	tap_ok(!perf.context_switch_count && !perf.idle_time && !stats.total_tasks,
	       "are all zero");
	tap_is(qumun_get_perf_counters(q, 5000, &perf), -EINVAL, "no CPU 5000");
	tap_is(qumun_get_perf_counters(q, -2, &perf), -EINVAL, "no CPU -2");
	tap_is(qumun_delete_pid_from_task_info(q, 1), -ENOENT, "no rows yet");
	tap_is(qumun_detach(q), 0, "detach before attach");
}

static void perf_adds_up(struct qumun *q)
{
	struct perf_counters before, sum, cpu, per_cpu = { 0 };
	struct scheduler_stats stats;
	int i, nr = (int)sysconf(_SC_NPROCESSORS_CONF);

	qumun_get_perf_counters(q, -1, &before);
	for (i = 0; i < nr; i++) {
		tap_is(qumun_get_perf_counters(q, i, &cpu), 0, "counters of CPU %d", i);
		per_cpu.dispatch_count += cpu.dispatch_count;
		per_cpu.enqueue_count += cpu.enqueue_count;
		per_cpu.context_switch_count += cpu.context_switch_count;
		per_cpu.total_runtime += cpu.total_runtime;
		per_cpu.idle_time += cpu.idle_time;
	}
	qumun_get_perf_counters(q, -1, &sum);
#define BETWEEN(f) (before.f <= per_cpu.f && per_cpu.f <= sum.f)
	tap_ok(BETWEEN(dispatch_count) && BETWEEN(enqueue_count) &&
		       BETWEEN(context_switch_count) && BETWEEN(total_runtime) &&
		       BETWEEN(idle_time),
	       "they add up to the sum, which never goes back");
#undef BETWEEN
	tap_ok(sum.dispatch_count && sum.enqueue_count >= sum.dispatch_count,
	       "%llu enqueued, %llu dispatched", sum.enqueue_count, sum.dispatch_count);
	qumun_get_scheduler_stats(q, &stats);
	tap_ok(stats.context_switches >= sum.context_switch_count &&
		       stats.context_switches - sum.context_switch_count < 1000,
	       "the statistics say the same: %llu and %llu switches",
	       stats.context_switches, sum.context_switch_count);
}

/* Keeps every task that it is asked about. */
static void keep_enqueue(struct qumun_policy_ctx *ctx, struct qumun_task *t, __u64 now)
{
}

static int refuse_init(struct qumun_policy_ctx *ctx)
{
	return -ERANGE;
}

static __u64 counter(struct qumun *q, unsigned int i)
{
	__u64 c[QUMUN_NR_COUNTERS] = { 0 };

	qumun_get_counters(q, c);
	return c[i];
}

/* Beside three hogs: every change takes, and a task that one policy kept the next one decides. */
static void change_policy(struct qumun *q)
{
	static const struct qumun_policy_ops keeper = {
		.abi_version = QUMUN_POLICY_ABI,
		.size = sizeof(struct qumun_policy_ops),
		.name = "keeper",
		.enqueue = keep_enqueue,
	};
	struct qumun_policy_ops broken = live_policy;
	__u64 rescued, decided;
	struct qumun_param_block params, patient;
	int i, failed = 0;

	qumun_get_params(q, &params);
	patient = params;
	/* nobody but the next policy comes to the rescue */
	patient.rescue_ns = patient.stall_ns = 10000000000ULL;
	tap_is(qumun_set_params(q, &patient), 0, "no rescue");
	rescued = counter(q, QUMUN_C_rescued) + counter(q, QUMUN_C_taken_back);
	for (i = 0; i < 20; i++) {
		failed += qumun_set_policy(q, &keeper) != 0;
		sleep_ms(20);
		failed += qumun_set_policy(q, &live_policy) != 0;
		sleep_ms(20);
	}
	if (!tap_is(failed, 0, "forty changes of the policy while it decides"))
		tap_diag("%s", qumun_strerror(q));
	tap_is(counter(q, QUMUN_C_rescued) + counter(q, QUMUN_C_taken_back) - rescued, 0,
	       "the next policy is asked about tasks that one kept: none is rescued");
	qumun_set_params(q, &params);
	broken.init = refuse_init;
	tap_is(qumun_set_policy(q, &broken), -ERANGE, "a policy that does not start");
	decided = counter(q, QUMUN_C_decided);
	sleep_ms(500);
	tap_ok(counter(q, QUMUN_C_decided) > decided, "and the old one goes on");
	tap_is(qumun_load_policy(q, plugin), 0, "one from a file");
	tap_is(qumun_set_policy(q, &live_policy), 0, "and back");
}

static void while_attached(struct qumun *q)
{
	struct scheduling_params params;
	struct qumun_exit_report report;
	struct qumun *second;
	__u64 minor, major;
	pid_t hogs[3];
	int err, i;

	tap_is(qumun_attach(q), -EALREADY, "attach twice");
	err = qumun_load(NULL, NULL, &second);
	tap_is(err, 0, "a second handle");
	if (!err) {
		qumun_set_policy(second, &live_policy);
		tap_is(qumun_attach(second), -EBUSY, "only one is attached");
		tap_ok(strstr(qumun_strerror(second), "gthulhu") != NULL, "named: %s",
		       qumun_strerror(second));
		qumun_close(second);
	}
	tap_is(qumun_assign_user_sched_pid(q, getpid()), 0, "the decider after attach");
	tap_is(qumun_init_cache_domains(q), 0, "cache domains after attach");
	tap_is(qumun_get_scheduling_params(q, &params), 0, "parameters");
	tap_is(qumun_update_scheduling_params(q, &params), 0, "and back");
	for (i = 0; i < 3; i++)
		hogs[i] = start_hog(-1, 0);
	sleep_ms(1000);
	perf_adds_up(q);
	change_policy(q);
	for (i = 0; i < 3; i++)
		end_child(hogs[i]);
	tap_is(qumun_policy_faults(q, &minor, &major), 0, "faults of the policy");
	tap_is(major, 0, "no major fault (minor: %llu)", minor);
	tap_is(qumun_exit_info(q, &report), 0, "not ended");
}

static void after_detach(struct qumun *q)
{
	struct qumun_exit_report report;
	struct perf_counters a, b;

	tap_is(qumun_detach(q), 0, "detach");
	tap_is(qumun_exit_info(q, &report), 1, "ended");
	tap_ok(report.kind && report.kind < 1024 && report.reason && report.message,
	       "on request: %d, %s", report.kind, report.reason);
	qumun_get_perf_counters(q, -1, &a);
	sleep_ms(200);
	tap_is(qumun_get_perf_counters(q, -1, &b), 0, "counters can still be read");
	tap_ok(!memcmp(&a, &b, sizeof(a)) && a.total_runtime, "and stand still");
	tap_is(qumun_detach(q), 0, "detach twice");
}

static unsigned int nr_started, nr_asked;

static int second_init(struct qumun_policy_ctx *ctx)
{
	nr_started++;
	return 0;
}

static void second_enqueue(struct qumun_policy_ctx *ctx, struct qumun_task *task,
			   __u64 now)
{
	nr_asked++;
	live_enqueue(ctx, task, now);
}

/* Attached again, twice, with a policy of our own instead of the one from a file. */
static void another_policy(struct qumun *q)
{
	static const struct qumun_policy_ops second = {
		.abi_version = QUMUN_POLICY_ABI,
		.size = sizeof(struct qumun_policy_ops),
		.name = "second",
		.init = second_init,
		.enqueue = second_enqueue,
	};
	struct live_thread runner;
	unsigned int i, before;
	pid_t hogs[3];

	tap_is(qumun_set_policy(q, &second), 0, "another policy after detach");
	for (i = 1; i <= 2; i++) {
		before = nr_asked;
		if (!tap_is(qumun_attach(q), 0, "attach again"))
			return;
		tap_is(nr_started, i, "the other policy begins anew");
		live_start(&runner, q);
		hogs[0] = start_hog(-1, 0);
		hogs[1] = start_hog(-1, 0);
		hogs[2] = start_hog(-1, 0);
		sleep_ms(500);
		end_child(hogs[0]);
		end_child(hogs[1]);
		end_child(hogs[2]);
		tap_is(live_stop(&runner), 0, "run ended by stop");
		qumun_detach(q);
		tap_ok(nr_asked > before, "it was asked %u times", nr_asked - before);
	}
	qumun_stop(q);
}

int main(int argc, char **argv)
{
	struct qumun_options options = QUMUN_OPTIONS_INIT;
	struct live_thread runner;
	const char *here;
	struct qumun *q;

	if (geteuid())
		return tap_skip_all("not root");
	here = dirname(argv[0]);
	snprintf(plugin, sizeof(plugin), "%s/plugin_policy.so", here);
	snprintf(refused, sizeof(refused), "%s/refused.bpf.o", here);
	snprintf(object, sizeof(object), "%s/../../bpf/main.bpf.o", here);
	without_handle();
	bad_loads();
	refused_load();
	load_from_file();
	load_without_root();
	options.log = live_log;
	options.timeout_ms = 30000;
	if (!tap_is(qumun_load(NULL, &options, &q), 0, "load"))
		return tap_done();
	before_attach(q);
	if (tap_is(qumun_attach(q), 0, "attach")) {
		live_start(&runner, q);
		while_attached(q);
		tap_is(live_stop(&runner), 0, "run ended by stop");
		after_detach(q);
		another_policy(q);
	}
	qumun_close(q);
	return tap_done();
}
