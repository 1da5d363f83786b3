/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits that the attached scheduler does not enforce. The kernel's own bandwidth control acts on
 * tasks of its fair class alone, so cpu.max of a cgroup has no effect on tasks that sched_ext
 * schedules, and nobody would tell: containers would lose their limits silently.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "rules.h"

#define MAX_DEPTH 32
#define NAMES_SIZE 512

struct walk {
	char path[4096];
	size_t prefix; /* of the mount point */
	void (*fn)(void *arg, const struct qumun_cpu_limit *l);
	void *arg;
	int nr;
};

/* cpu.max of the directory @fd: true if it limits. */
static bool read_limit(int fd, struct qumun_cpu_limit *l)
{
	unsigned long long quota, period;
	int file = openat(fd, "cpu.max", O_RDONLY | O_CLOEXEC);
	char text[64];
	ssize_t n;

	if (file < 0)
		return false; /* no cpu controller here */
	n = read(file, text, sizeof(text) - 1);
	close(file);
	if (n <= 0)
		return false;
	text[n] = '\0';
	if (sscanf(text, "%llu %llu", &quota, &period) != 2)
		return false; /* "max" */
	l->quota_us = quota;
	l->period_us = period;
	return true;
}

static void visit(struct walk *w, int fd, int depth)
{
	struct qumun_cpu_limit l = { .path = w->path + w->prefix };
	size_t len = strlen(w->path);
	struct dirent *d;
	DIR *dir;
	int sub;

	if (read_limit(fd, &l)) {
		w->nr++;
		if (w->fn)
			w->fn(w->arg, &l);
	}
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return;
	}
	while (depth < MAX_DEPTH && (d = readdir(dir))) {
		if (d->d_type != DT_DIR || !strcmp(d->d_name, ".") ||
		    !strcmp(d->d_name, ".."))
			continue;
		if ((size_t)snprintf(w->path + len, sizeof(w->path) - len, "/%s",
				     d->d_name) >= sizeof(w->path) - len)
			continue;
		sub = openat(fd, d->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (sub >= 0) /* else it was removed meanwhile */
			visit(w, sub, depth + 1);
	}
	w->path[len] = '\0';
	closedir(dir);
}

QUMUN_API int
qumun_unenforced_limits(void (*fn)(void *arg, const struct qumun_cpu_limit *l), void *arg)
{
	struct walk w = { .fn = fn, .arg = arg };
	int fd;

	if (!cgroups_mount(w.path, sizeof(w.path)))
		return 0;
	fd = open(w.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	w.prefix = strlen(w.path);
	visit(&w, fd, 0);
	return w.nr;
}

struct names {
	char text[NAMES_SIZE];
	size_t len;
	int left_out;
};

static void add_name(void *arg, const struct qumun_cpu_limit *l)
{
	struct names *n = arg;
	size_t room = sizeof(n->text) - n->len;
	int len = snprintf(n->text + n->len, room, "%s%s", n->len ? ", " : "", l->path);

	if ((size_t)len < room) {
		n->len += (size_t)len;
		return;
	}
	n->text[n->len] = '\0';
	n->left_out++;
}

void cpu_max_warn(struct qumun *q)
{
	struct names n = { .len = 0 };
	int nr;

	if (q->warned_limits)
		return;
	nr = qumun_unenforced_limits(add_name, &n);
	if (nr <= 0)
		return;
	q->warned_limits = true;
	if (n.left_out)
		qumun_say(
			q, QUMUN_LOG_WARN,
			"cpu.max is not enforced while attached: %s and %d more cgroups",
			n.text, n.left_out);
	else
		qumun_say(q, QUMUN_LOG_WARN, "cpu.max is not enforced while attached: %s",
			  n.text);
}
