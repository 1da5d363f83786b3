/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <jansson.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "vmtest.h"

#define ATTACH_MS 60000 /* emulated and on a busy host the verifier needs long */
#define END_MS 20000
#define WITNESS_MS 170000
#define WATCHED 4096
#define WATCH_MS 20

/* With more CPUs than one, time is the host's, and a busy host stops them all for a while. */
#define ROUGH_NS 4000000000ULL

struct probe_shared {
	_Atomic __u64 max_ns, samples, reset;
};

unsigned int short_or_soak(unsigned int in_short, unsigned int in_soak)
{
	return soak() ? in_soak : in_short;
}

bool read_word(const char *path, char *word, size_t size)
{
	FILE *f = fopen(path, "re");
	bool ok;

	word[0] = '\0';
	if (!f)
		return false;
	ok = fgets(word, (int)size, f);
	word[strcspn(word, "\n")] = '\0';
	fclose(f);
	return ok;
}

bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

bool scx_runs(const char *ops)
{
	char state[64], name[64];

	read_word("/sys/kernel/sched_ext/state", state, sizeof(state));
	read_word("/sys/kernel/sched_ext/root/ops", name, sizeof(name));
	return !strcmp(state, "enabled") && !strcmp(name, ops);
}

bool scx_disabled(void)
{
	char state[64];

	read_word("/sys/kernel/sched_ext/state", state, sizeof(state));
	return !strcmp(state, "disabled");
}

bool wait_for_scx(const char *ops, unsigned int ms)
{
	__u64 end = now_ns() + ms * 1000000ULL;

	do {
		if (ops ? scx_runs(ops) : scx_disabled())
			return true;
		sleep_ms(5);
	} while (now_ns() < end);
	return false;
}

/*
 * When nothing moves any more, only the kernel can tell why: a real-time child, which no
 * sched_ext scheduler can keep waiting, writes its view to the console.
 */
static void start_witness(void)
{
	struct sched_param param = { .sched_priority = 50 };
	static pid_t witness;

	if (witness)
		return;
	witness = child_begin(-1, 0);
	if (witness)
		return;
	sched_setscheduler(0, SCHED_FIFO, &param);
	sleep_ms(WITNESS_MS);
	write_text("/proc/sysrq-trigger", "D");
	_exit(0);
}

bool daemon_spawn(struct daemon *d, const char *const args[])
{
	static unsigned int nr;
	char *argv[32] = { "gthulhu", "--json" };
	int i, out, err;

	start_witness();
	nr++;
	snprintf(d->out, sizeof(d->out), "/tmp/vmtest-%d-%u.out", getpid(), nr);
	snprintf(d->err, sizeof(d->err), "/tmp/vmtest-%d-%u.err", getpid(), nr);
	for (i = 0; args && args[i] && i < 28; i++)
		argv[i + 2] = (char *)args[i];
	d->pid = fork();
	if (d->pid)
		return d->pid > 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	out = open(d->out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	err = open(d->err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (out >= 0 && err >= 0 && dup2(out, 1) == 1 && dup2(err, 2) == 2 &&
	    (!d->uid || !setuid(d->uid)))
		execvp(argv[0], argv);
	_exit(127);
}

bool daemon_start(struct daemon *d, const char *const args[])
{
	__u64 end = now_ns() + ATTACH_MS * 1000000ULL;
	bool ok = daemon_spawn(d, args);

	while (ok && !scx_runs("gthulhu")) {
		sleep_ms(20);
		ok = now_ns() < end && daemon_wait(d, 0) < 0;
	}
	/* attached is not yet deciding: the policy thread settles first */
	if (ok)
		sleep_ms(300);
	if (!tap_ok(ok, "gthulhu schedules this machine"))
		daemon_diag(d);
	return ok;
}

int daemon_wait(struct daemon *d, unsigned int ms)
{
	__u64 end = now_ns() + ms * 1000000ULL;
	int status;

	if (d->pid <= 0)
		return -1;
	while (waitpid(d->pid, &status, WNOHANG) != d->pid) {
		if (now_ns() >= end)
			return -1;
		sleep_ms(5);
	}
	d->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int daemon_end(struct daemon *d, int sig)
{
	int rc;

	if (d->pid <= 0)
		return -1;
	kill(d->pid, sig);
	rc = daemon_wait(d, END_MS);
	if (rc < 0) {
		end_child(d->pid);
		d->pid = 0;
	}
	return rc;
}

void daemon_stop_and_check(struct daemon *d, const char *what, const char *may)
{
	bool ok = tap_is(daemon_end(d, SIGINT), 0, "%s: clean exit on SIGINT", what);

	ok &= tap_ok(wait_for_scx(NULL, 5000), "%s: the kernel's scheduler is back",
		     what);
	if (!ok)
		daemon_diag(d);
	check_counters(d, what, may);
}

static json_t *final_line(const struct daemon *d)
{
	char line[8192];
	json_t *last = NULL, *one;
	FILE *f = fopen(d->out, "re");

	while (f && fgets(line, sizeof(line), f)) {
		one = line[0] == '{' ? json_loads(line, 0, NULL) : NULL;
		if (one) {
			json_decref(last);
			last = one;
		}
	}
	if (f)
		fclose(f);
	return last;
}

long long daemon_counter(const struct daemon *d, const char *name)
{
	json_t *all = final_line(d), *v = json_object_get(all, name);
	long long value = json_is_integer(v) ? json_integer_value(v) : -1;

	json_decref(all);
	return value;
}

bool daemon_said(const struct daemon *d, const char *text)
{
	char line[2048];
	bool found = false;
	FILE *f = fopen(d->err, "re");

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, text);
	if (f)
		fclose(f);
	return found;
}

static void diag_file(const char *path)
{
	char line[2048];
	FILE *f = fopen(path, "re");
	int n = 0;

	while (f && n++ < 40 && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		tap_diag("gthulhu: %s", line);
	}
	if (f)
		fclose(f);
}

void daemon_diag(const struct daemon *d)
{
	diag_file(d->err);
	diag_file(d->out);
}

void check_counters(const struct daemon *d, const char *what, const char *may)
{
	static const char *const zero[] = { "lost",	     "double_dispatched",
					    "forbidden_cpu", "ring_overflow",
					    "ejections",     "policy_page_faults",
					    "bad_slot",	     "ring_broken" };
	json_t *all = final_line(d);
	long long asked, outcome;
	bool ok = true;
	size_t i;

#define C(name) json_integer_value(json_object_get(all, name))
	if (!tap_ok(all, "%s: the counters were printed", what))
		return;
	asked = C("asked");
	outcome = C("decided") + C("taken_back") + C("rescued") + C("cancelled");
	ok &= tap_is(asked, outcome, "%s: every question has one outcome", what);
	ok &= tap_is(C("tasks_gone"), C("tasks_seen"), "%s: every record was given back",
		     what);
	for (i = 0; i < sizeof(zero) / sizeof(zero[0]); i++) {
		if (may && strstr(may, zero[i]))
			continue;
		ok &= tap_is(C(zero[i]), 0, "%s: %s", what, zero[i]);
	}
#undef C
	json_decref(all);
	if (!ok)
		daemon_diag(d);
}

unsigned int nr_online(void)
{
	return (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
}

void hogs_start(pid_t *pids, unsigned int n)
{
	while (n--)
		pids[n] = start_hog(-1, 0);
}

void hogs_stop(pid_t *pids, unsigned int n)
{
	while (n--)
		end_child(pids[n]);
}

static void probe_run(struct probe_shared *s)
{
	__u64 at = now_ns(), late;
	struct timespec ts;

	for (;;) {
		at += 2000000;
		ts.tv_sec = (time_t)(at / 1000000000);
		ts.tv_nsec = (long)(at % 1000000000);
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
		late = now_ns() - at;
		if (atomic_exchange(&s->reset, 0))
			s->max_ns = 0;
		else if (late > s->max_ns)
			s->max_ns = late;
		s->samples++;
		if (late > 2000000)
			at += late;
	}
}

void probe_start(struct probe *p)
{
	p->shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			 -1, 0);
	p->pid = child_begin(-1, 0);
	if (!p->pid)
		probe_run(p->shared);
}

void probe_reset(struct probe *p)
{
	p->shared->reset = 1;
}

__u64 probe_max_ns(const struct probe *p)
{
	return p->shared->max_ns;
}

__u64 probe_samples(const struct probe *p)
{
	return p->shared->samples;
}

void probe_stop(struct probe *p)
{
	end_child(p->pid);
	munmap(p->shared, 4096);
}

void load_start(struct load *l)
{
	l->nr = 2 * nr_online();
	l->part = 4;
	if (l->nr > LOAD_HOGS)
		l->nr = LOAD_HOGS;
	hogs_start(l->hogs, l->nr);
	probe_start(&l->probe);
	sleep_ms(200);
	load_mark(l);
}

void load_mark(struct load *l)
{
	unsigned int i;

	for (i = 0; i < l->nr; i++)
		l->ran[i] = schedstat_ns(l->hogs[i]);
	l->samples = probe_samples(&l->probe);
	probe_reset(&l->probe);
	l->at = now_ns();
}

bool load_check(struct load *l, const char *what)
{
	__u64 share = (now_ns() - l->at) * nr_online() / l->nr, least = ~0ULL, ran;
	unsigned int i;
	bool ok;

	for (i = 0; i < l->nr; i++) {
		ran = schedstat_ns(l->hogs[i]) - l->ran[i];
		if (ran < least)
			least = ran;
	}
	ok = tap_ok(least > share / l->part,
		    "%s: each hog ran %llu ms or more of its share of %llu", what,
		    (unsigned long long)least / 1000000,
		    (unsigned long long)share / 1000000);
	return tap_ok(probe_samples(&l->probe) > l->samples,
		      "%s: the probe ran %llu times", what,
		      (unsigned long long)(probe_samples(&l->probe) - l->samples)) &&
	       ok;
}

void load_stop(struct load *l)
{
	hogs_stop(l->hogs, l->nr);
	probe_stop(&l->probe);
}

bool check_survived(struct load *l, const char *what)
{
	bool ok = tap_ok(scx_runs("gthulhu"), "%s: gthulhu still schedules", what);

	return load_check(l, what) && ok;
}

__u64 wait_limit_ns(__u64 exact_ns)
{
	return nr_online() == 1 ? exact_ns : exact_ns + ROUGH_NS;
}

struct qumun_arena *arena_open(size_t *size)
{
	int fd = map_by_name("arena");
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	void *at, *want;

	if (fd < 0 || bpf_map_get_info_by_fd(fd, &info, &len))
		return NULL;
	want = (void *)(uintptr_t)info.map_extra;
	*size = (size_t)info.max_entries * 4096;
	at = mmap(want, *size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE,
		  fd, 0);
	close(fd);
	if (at != want)
		return NULL;
	return at;
}

static void note_wait(struct wait_watch *w, const struct qumun_task *t, __u64 ns)
{
	if (ns <= w->max_ns)
		return;
	w->max_ns = ns;
	memcpy(w->comm, t->comm, QUMUN_COMM_LEN);
}

static void *watch_waits(void *arg)
{
	static struct {
		__u64 word, since;
	} seen[WATCHED];
	struct wait_watch *w = arg;
	const struct qumun_task *tasks =
		(const void *)((const char *)w->arena + w->arena->records_off);
	__u32 i, nr = w->arena->max_records < WATCHED ? w->arena->max_records : WATCHED;
	__u64 word, now;

	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		now = now_ns();
		for (i = 0; i < nr; i++) {
			word = shm_load(&tasks[i].state);
			note_wait(w, &tasks[i],
				  shm_load(&tasks[i].max_wait_us) * 1000ULL);
			if (word != seen[i].word) {
				seen[i].word = word;
				seen[i].since = now;
			} else if ((word & 0xff) == QUMUN_QUEUED ||
				   (word & 0xff) == QUMUN_DISPATCHED) {
				note_wait(w, &tasks[i], now - seen[i].since);
			}
		}
		sleep_ms(WATCH_MS);
	}
	return NULL;
}

bool wait_watch_start(struct wait_watch *w)
{
	memset(w, 0, sizeof(*w));
	w->arena = arena_open(&w->size);
	if (!tap_ok(w->arena && w->arena->magic == QUMUN_ARENA_MAGIC,
		    "the arena can be watched"))
		return false;
	return !pthread_create(&w->thread, NULL, watch_waits, w);
}

__u64 wait_watch_stop(struct wait_watch *w)
{
	__atomic_store_n(&w->stop, 1, __ATOMIC_RELAXED);
	pthread_join(w->thread, NULL);
	munmap(w->arena, w->size);
	return w->max_ns;
}
