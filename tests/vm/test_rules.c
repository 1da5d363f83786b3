/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules on a real kernel: each event after which another rule may count (fork, exec, rename, change of
 * user, change of cgroup with and without the cpu controller), and how soon a change of the rules
 * themselves is in effect.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "live.h"

#define IN_TIME_MS 10 /* in virtual time; in real time the host may take the CPUs away */
#define NR_RULES 1000
#define NR_CHILDREN 20

static struct qumun *q;
static bool strict; /* one CPU: the manifest runs that in virtual time */

static unsigned int add(const char *text)
{
	struct qumun_rule rule;
	unsigned int id = 0;
	char why[512] = "";
	int err = qumun_rule_parse(&rule, text, why, sizeof(why));

	if (!err)
		err = qumun_add_rule(q, &rule, &id);
	if (err)
		tap_ok(false, "rule %s: %s", text, *why ? why : qumun_strerror(q));
	return id;
}

static bool in_time(__u64 ns)
{
	return ns <= IN_TIME_MS * 1000000ULL || !strict;
}

static unsigned int rule_of(pid_t pid)
{
	struct qumun_task_rule r;

	return qumun_get_task_rule(q, pid, &r) ? ~0U : r.rule_id;
}

/* How long until rule @id counts for @pid, us; -1: more than a second. */
static long wait_for_rule(pid_t pid, unsigned int id)
{
	__u64 start = now_ns();
	struct timespec ts = { .tv_nsec = 100000 };

	while (rule_of(pid) != id) {
		if (now_ns() - start > 1000000000ULL) {
			tap_diag("rule of %d is %u, not %u", pid, rule_of(pid), id);
			return -1;
		}
		nanosleep(&ts, NULL);
	}
	return (long)((now_ns() - start) / 1000);
}

static void soon(pid_t pid, unsigned int id, const char *what)
{
	long us = wait_for_rule(pid, id);

	tap_ok(us >= 0 && in_time((__u64)us * 1000), "%s: after %ld us", what, us);
}

/* A child that does what the parent tells it, a letter at a time, and computes in between. */
struct puppet {
	pid_t pid;
	int commands, answers;
};

static void *sit(void *arg)
{
	prctl(PR_SET_NAME, "puppet-thread");
	for (;;)
		pause();
	return NULL;
}

static void obey(int commands, int answers)
{
	char c;
	pid_t child;
	pthread_t t;

	while (read(commands, &c, 1) == 1) {
		child = 0;
		switch (c) {
		case 'f':
			child = fork();
			if (!child) {
				prctl(PR_SET_PDEATHSIG, SIGKILL);
				for (;;)
					pause();
			}
			break;
		case 't':
			pthread_create(&t, NULL, sit, NULL);
			break;
		case 'n':
			prctl(PR_SET_NAME, "renamed");
			break;
		case 'u':
			if (setresuid(4711, 4711, 4711))
				_exit(1);
			break;
		case 'x':
			execl("/bin/busybox", "sleep", "60", (char *)NULL);
			_exit(1);
		}
		if (write(answers, &child, sizeof(child)) < 0)
			_exit(1);
	}
	_exit(0);
}

static void puppet_start(struct puppet *p)
{
	int down[2], up[2];

	if (pipe(down) || pipe(up))
		exit(1);
	p->pid = child_begin(-1, 0);
	if (!p->pid) {
		prctl(PR_SET_NAME, "puppet");
		close(down[1]);
		obey(down[0], up[1]);
	}
	close(down[0]);
	close(up[1]);
	p->commands = down[1];
	p->answers = up[0];
}

static pid_t tell(struct puppet *p, char c)
{
	pid_t child = 0;

	if (write(p->commands, &c, 1) != 1)
		return -1;
	if (c != 'x' && read(p->answers, &child, sizeof(child)) != sizeof(child))
		return -1;
	return child;
}

static void puppet_end(struct puppet *p)
{
	end_child(p->pid);
	close(p->commands);
	close(p->answers);
}

static bool write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static void test_events(void)
{
	unsigned int by_comm, by_name, by_uid, by_exec;
	char path[32], comm[32];
	struct puppet p;
	pid_t child;
	long us;

	by_comm = add("comm=puppet*,class=batch");
	by_name = add("comm=renamed,class=latency");
	puppet_start(&p);
	tell(&p, '.'); /* it is there and has its name */
	soon(p.pid, by_comm, "born and renamed");
	child = tell(&p, 'f');
	us = rule_of(child) == by_comm ? 0 : wait_for_rule(child, by_comm);
	tap_ok(!us, "a forked child has its parent's rule at once");
	tell(&p, 'n');
	soon(p.pid, by_name, "rename");
	tap_is(rule_of(child), by_comm, "rename: the child keeps its own");
	by_uid = add("uid=4711,comm=renamed,class=idle");
	tap_is(rule_of(p.pid), by_name, "user: not yet");
	tell(&p, 'u');
	soon(p.pid, by_uid, "change of user");
	tap_is(rule_of(child), by_comm, "change of user: the child keeps its own");
	end_child(child);
	by_exec = add("comm=busybox,class=interactive");
	tell(&p, 'x');
	snprintf(path, sizeof(path), "/proc/%d/comm", p.pid);
	while (read_file(path, comm, sizeof(comm)) && strcmp(comm, "busybox\n"))
		sleep_ms(1);
	soon(p.pid, by_exec, "exec");
	puppet_end(&p);
	qumun_remove_rule(q, by_comm);
	qumun_remove_rule(q, by_name);
	qumun_remove_rule(q, by_uid);
	qumun_remove_rule(q, by_exec);
}

static void test_process(void)
{
	struct qumun_task_rule r;
	unsigned int by_tgid, by_pid;
	char text[128];
	struct puppet p;

	puppet_start(&p);
	snprintf(text, sizeof(text), "tgid=%d,weight=2048,slice=700us,cpus=0", p.pid);
	by_tgid = add(text);
	tap_is(rule_of(p.pid), by_tgid, "process: in effect on return");
	tap_ok(!qumun_get_task_rule(q, p.pid, &r) && r.weight == 2048 &&
		       r.slice_ns == 700000 && r.cpus == 1 && r.cls == QUMUN_CLASS_NORMAL,
	       "process: weight, slice and CPUs");
	snprintf(text, sizeof(text), "pid=%d,class=idle", p.pid);
	by_pid = add(text);
	tap_is(rule_of(p.pid), by_pid, "thread: stronger than process");
	qumun_remove_rule(q, by_pid);
	tap_is(rule_of(p.pid), by_tgid,
	       "thread: removed, the process's rule counts again");
	qumun_remove_rule(q, by_tgid);
	tap_is(rule_of(p.pid), 0, "process: removed");
	tap_is(qumun_remove_rule(q, by_tgid), -ENOENT,
	       "process: there is nothing to remove");
	puppet_end(&p);
}

/* Rules for a path that does not exist yet, and moves two levels below the cpu controller. */
static void test_cgroups(void)
{
	unsigned int by_path, by_id;
	char text[128], pid[16];
	struct puppet p;
	struct stat st;

	if (mkdir("/sys/fs/cgroup/gth-a", 0755)) {
		tap_skip("cgroup: no cgroup v2 hierarchy to write to (%s)",
			 strerror(errno));
		return;
	}
	by_path = add("cgroup=/gth-a/b,class=batch");
	puppet_start(&p);
	snprintf(pid, sizeof(pid), "%d", p.pid);
	tap_is(wait_for_rule(p.pid, 0) < 0, 0, "cgroup: not in it yet");
	mkdir("/sys/fs/cgroup/gth-a/b", 0755);
	mkdir("/sys/fs/cgroup/gth-a/b/c", 0755);
	tap_ok(write_to("/sys/fs/cgroup/gth-a/b/c/cgroup.procs", pid), "cgroup: moved");
	tell(&p, 't'); /* it runs */
	soon(p.pid, by_path, "cgroup: two levels below the last with a cpu controller");
	stat("/sys/fs/cgroup/gth-a/b/c", &st);
	snprintf(text, sizeof(text), "cgroup_id=%llu,class=latency",
		 (unsigned long long)st.st_ino);
	by_id = add(text);
	tap_is(rule_of(p.pid), by_id, "cgroup: id before path");
	tap_ok(write_to("/sys/fs/cgroup/gth-a/cgroup.procs", pid), "cgroup: moved out");
	tell(&p, 'n');
	soon(p.pid, 0, "cgroup: out of it");
	tap_ok(write_to("/sys/fs/cgroup/gth-a/b/cgroup.procs", pid),
	       "cgroup: moved in again");
	tap_ok(tell(&p, 'f') > 0, "cgroup: and it forks there");
	soon(p.pid, by_path, "cgroup: the path");
	qumun_remove_rule(q, by_id);
	qumun_remove_rule(q, by_path);
	puppet_end(&p);
	sleep_ms(50);
	rmdir("/sys/fs/cgroup/gth-a/b/c");
	rmdir("/sys/fs/cgroup/gth-a/b");
	rmdir("/sys/fs/cgroup/gth-a");
}

struct counted {
	unsigned int rules, tasks;
};

static int count_rule(void *arg, const struct qumun_rule *rule, unsigned int nr_tasks)
{
	struct counted *c = arg;

	c->rules++;
	c->tasks += nr_tasks;
	return 0;
}

static void test_many(void)
{
	static struct qumun_rule rules[NR_RULES];
	struct puppet p[NR_CHILDREN];
	struct counted c = { 0 };
	unsigned int i, id, wrong = 0;
	char text[64];
	__u64 took;

	for (i = 0; i < NR_RULES; i++) {
		snprintf(text, sizeof(text), "comm=nobody-%u*,class=batch", i);
		qumun_rule_parse(&rules[i], text, NULL, 0);
	}
	took = now_ns();
	tap_is(qumun_load_rules(q, 7, rules, NR_RULES), 0, "1000 rules: loaded");
	tap_diag("loading them took %llu us", (now_ns() - took) / 1000);
	for (i = 0; i < NR_CHILDREN; i++)
		puppet_start(&p[i]);
	for (i = 0; i < NR_CHILDREN; i++)
		tell(&p[i], '.'); /* it is there and has its name */
	sleep_ms(20);
	took = now_ns();
	id = add("comm=puppet,class=interactive");
	took = now_ns() - took;
	for (i = 0; i < NR_CHILDREN; i++)
		wrong += rule_of(p[i].pid) != id;
	tap_is(wrong, 0, "1000 rules: one more counts for all at once");
	tap_ok(in_time(took), "1000 rules: added in %llu us", took / 1000);
	qumun_list_rules(q, count_rule, &c);
	tap_is(c.rules, NR_RULES + 1, "1000 rules: all are listed");
	tap_is(c.tasks, NR_CHILDREN, "1000 rules: with the tasks they count for");
	tell(&p[0], 'n');
	soon(p[0].pid, 0, "1000 rules: rename");
	took = now_ns();
	qumun_remove_rule(q, id);
	took = now_ns() - took;
	tap_is(rule_of(p[1].pid), 0, "1000 rules: removed");
	tap_ok(in_time(took), "1000 rules: removed in %llu us", took / 1000);
	tap_is(qumun_load_rules(q, 7, NULL, 0), 0, "1000 rules: all gone");
	for (i = 0; i < NR_CHILDREN; i++)
		puppet_end(&p[i]);
}

int main(void)
{
	struct live_thread t;

	strict = sysconf(_SC_NPROCESSORS_ONLN) == 1;
	q = live_attach(QUMUN_MODE_USER, 4096);
	if (!q)
		return tap_done();
	live_start(&t, q);
	sleep_ms(200);
	test_events();
	test_process();
	test_cgroups();
	test_many();
	tap_is(live_stop(&t), 0, "the policy ran to the end");
	qumun_close(q);
	return tap_done();
}
