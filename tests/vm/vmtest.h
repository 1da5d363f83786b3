/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmtest.h - for tests of the daemon on a real kernel: start and stop it, read what it printed,
 * load the machine, watch how long tasks wait.
 *
 * Everything here is for the test's main thread. Children die with the test.
 */
#ifndef VMTEST_H
#define VMTEST_H

#include "live.h"

/*
 * One run of gthulhu; its output goes to files that the reader functions look into. Set @uid to
 * start it as somebody else.
 */
struct daemon {
	pid_t pid;
	uid_t uid;
	char out[48], err[48];
};

/* A number for each form (soak()). */
unsigned int short_or_soak(unsigned int in_short, unsigned int in_soak);

/* Start `gthulhu ARGS...` (NULL ends the list; --json is added). False: it could not start. */
bool daemon_spawn(struct daemon *d, const char *const args[]);

/* The same, and wait until the kernel says that gthulhu schedules; one TAP point. */
bool daemon_start(struct daemon *d, const char *const args[]);

/* Wait for the end. Exit code; 128 + signal; -1: still there after @ms. */
int daemon_wait(struct daemon *d, unsigned int ms);

/* Send @sig and wait, at most 20 s. */
int daemon_end(struct daemon *d, int sig);

/* SIGINT, then points: clean exit, default scheduler back, counters reconcile as above. */
void daemon_stop_and_check(struct daemon *d, const char *what, const char *may);

/* A number of the final line, or -1. */
long long daemon_counter(const struct daemon *d, const char *name);

/* Did it write @text to stderr? */
bool daemon_said(const struct daemon *d, const char *text);

/* Its stderr and final line as "# " lines. */
void daemon_diag(const struct daemon *d);

/*
 * Points about the final counters: every question has one outcome, no task is left, and what
 * must be zero is, except for the names in @may (space between them; NULL: none).
 */
void check_counters(const struct daemon *d, const char *what, const char *may);

/* The kernel's view. */
bool scx_runs(const char *ops);
bool scx_disabled(void);
bool wait_for_scx(const char *ops, unsigned int ms); /* NULL: disabled */
bool read_word(const char *path, char *word, size_t size);
bool write_text(const char *path, const char *text);

/* CPUs that are online. */
unsigned int nr_online(void);

/* @n hogs at nice 0, anywhere. */
void hogs_start(pid_t *pids, unsigned int n);
void hogs_stop(pid_t *pids, unsigned int n);

/* A task that sleeps 2 ms again and again and notes how late it wakes. */
struct probe {
	pid_t pid;
	struct probe_shared *shared;
};

void probe_start(struct probe *p);
void probe_reset(struct probe *p);
__u64 probe_max_ns(const struct probe *p);
__u64 probe_samples(const struct probe *p);
void probe_stop(struct probe *p);

/*
 * The load that the faults strike: two hogs for each CPU and a probe.
 * load_check() adds points: since load_mark(), every hog got at least 1/part of its share of
 * the time and the probe ran.
 */
#define LOAD_HOGS 32

struct load {
	unsigned int nr;
	unsigned int part; /* what a hog must get at least, as a part of its share: 4 */
	pid_t hogs[LOAD_HOGS];
	__u64 ran[LOAD_HOGS], at, samples;
	struct probe probe;
};

void load_start(struct load *l);
void load_mark(struct load *l);
bool load_check(struct load *l, const char *what);
void load_stop(struct load *l);

/* Points: gthulhu still schedules, the hogs got their share, the probe ran. */
bool check_survived(struct load *l, const char *what);

/* What limits a wait: this in virtual time, more where a busy host stops the machine. */
__u64 wait_limit_ns(__u64 exact_ns);

/* Watches every task record in the arena for waits: a thread that looks each 20 ms. */
struct wait_watch {
	pthread_t thread;
	struct qumun_arena *arena;
	size_t size;
	int stop;
	__u64 max_ns; /* the longest wait, by record or by what was seen */
	char comm[QUMUN_COMM_LEN + 1];
};

bool wait_watch_start(struct wait_watch *w);
__u64 wait_watch_stop(struct wait_watch *w);

/* The running scheduler's arena, mapped where its owner has it; NULL after an error. */
struct qumun_arena *arena_open(size_t *size);

#endif
