/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cgroups by id. The id is the file handle that the kernel gives out for the cgroup's directory
 * (cgroup v2, since 5.5), so a path is one open_by_handle_at() away. A kernel without CONFIG_FHANDLE
 * has no such call, and a process without CAP_DAC_READ_SEARCH, such as the daemon, may not use it:
 * there the hierarchy is walked once for each new id. It cannot be renamed and ids are not used
 * twice, so what was found stays true.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rules.h"

#define BUCKETS 1024
#define CACHE_MAX 8192
#define FILEID_KERNFS 0xfe

struct node {
	struct node *next;
	struct rule_cgroup cg;
};

struct cgroup_cache {
	int mount_fd;
	char mount[256];
	unsigned int nr;
	struct node *buckets[BUCKETS];
	struct node gone; /* the answer for a cgroup that cannot be found */
};

bool cgroups_mount(char *path, size_t size)
{
	struct mntent *m;
	bool found = false;
	FILE *f = setmntent("/proc/self/mounts", "re");

	if (!f)
		return false;
	while (!found && (m = getmntent(f))) {
		if (strcmp(m->mnt_type, "cgroup2"))
			continue;
		found = (size_t)snprintf(path, size, "%s", m->mnt_dir) < size;
	}
	endmntent(f);
	return found;
}

struct cgroup_cache *cgroups_open(const char *mount)
{
	struct cgroup_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->mount_fd = -1;
	if (mount)
		snprintf(c->mount, sizeof(c->mount), "%s", mount);
	else if (!cgroups_mount(c->mount, sizeof(c->mount)))
		return c;
	c->mount_fd = open(c->mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return c;
}

static struct node *node_free(struct node *n)
{
	if (n) {
		free(n->cg.ids);
		free(n->cg.path);
		free(n);
	}
	return NULL;
}

static void forget_all(struct cgroup_cache *c)
{
	struct node *n;
	int i;

	for (i = 0; i < BUCKETS; i++) {
		while ((n = c->buckets[i])) {
			c->buckets[i] = n->next;
			node_free(n);
		}
	}
	c->nr = 0;
}

struct cgroup_cache *cgroups_close(struct cgroup_cache *c)
{
	if (!c)
		return NULL;
	forget_all(c);
	if (c->mount_fd >= 0)
		close(c->mount_fd);
	free(c);
	return NULL;
}

/* Find @id below @path, which holds it on success. */
static bool walk(char *path, size_t size, uint64_t id)
{
	size_t len = strlen(path);
	struct dirent *d;
	bool found = false;
	DIR *dir = opendir(path);

	if (!dir)
		return false;
	while (!found && (d = readdir(dir))) {
		if (d->d_type != DT_DIR || d->d_name[0] == '.' ||
		    (size_t)snprintf(path + len, size - len, "/%s", d->d_name) >=
			    size - len)
			continue;
		found = d->d_ino == id || walk(path, size, id);
	}
	closedir(dir);
	if (!found)
		path[len] = '\0';
	return found;
}

static bool walk_path(struct cgroup_cache *c, uint64_t id, char *path, size_t size)
{
	char full[4096];
	struct stat st;

	snprintf(full, sizeof(full), "%s", c->mount);
	if (!fstat(c->mount_fd, &st) && (uint64_t)st.st_ino == id)
		return snprintf(path, size, "/") == 1;
	if (!walk(full, sizeof(full), id))
		return false;
	return (size_t)snprintf(path, size, "%s", full + strlen(c->mount)) < size;
}

/* The directory's path below the mount point, "/" for the root itself; false: it is gone. */
static bool read_path(struct cgroup_cache *c, uint64_t id, char *path, size_t size)
{
	union {
		struct file_handle h;
		char room[sizeof(struct file_handle) + sizeof(uint64_t)];
	} u = { .h = { .handle_bytes = sizeof(uint64_t), .handle_type = FILEID_KERNFS } };
	size_t prefix = strlen(c->mount);
	char link[64], full[4096];
	ssize_t len;
	int fd;

	memcpy(u.h.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(c->mount_fd, &u.h, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return (errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM) &&
		       walk_path(c, id, path, size);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, full, sizeof(full) - 1);
	close(fd);
	if (len < (ssize_t)prefix)
		return false;
	full[len] = '\0';
	if (strncmp(full, c->mount, prefix) || strstr(full, " (deleted)") ||
	    (size_t)(len + 1) - prefix > size)
		return false;
	strcpy(path, len > (ssize_t)prefix ? full + prefix : "/");
	return true;
}

static uint64_t id_of(struct cgroup_cache *c, const char *path)
{
	struct stat st;

	return fstatat(c->mount_fd, *path ? path : ".", &st, 0) ? 0 : (uint64_t)st.st_ino;
}

/* Fill in the ids of all that lie above @path. */
static bool read_ids(struct cgroup_cache *c, struct rule_cgroup *cg)
{
	char part[4096];
	unsigned int n = 1;
	const char *p;

	for (p = cg->path; p[1] && *p; p++)
		n += *p == '/';
	cg->ids = calloc(n, sizeof(*cg->ids));
	if (!cg->ids)
		return false;
	cg->ids[cg->depth++] = id_of(c, "");
	for (p = cg->path + 1; cg->depth < n; p++) {
		if (*p && *p != '/')
			continue;
		memcpy(part, cg->path + 1, (size_t)(p - cg->path - 1));
		part[p - cg->path - 1] = '\0';
		cg->ids[cg->depth++] = *p ? id_of(c, part) : cg->id;
	}
	return true;
}

static struct node *look_up(struct cgroup_cache *c, uint64_t id)
{
	struct node *n = calloc(1, sizeof(*n));
	char path[4096];

	if (!n)
		return NULL;
	n->cg.id = id;
	if (!read_path(c, id, path, sizeof(path)))
		return node_free(n);
	n->cg.path = strdup(path);
	if (!n->cg.path || !read_ids(c, &n->cg))
		return node_free(n);
	return n;
}

const struct rule_cgroup *cgroups_get(struct cgroup_cache *c, uint64_t id)
{
	struct node **bucket = &c->buckets[id % BUCKETS], *n;

	for (n = *bucket; n; n = n->next) {
		if (n->cg.id == id)
			return &n->cg;
	}
	n = c->mount_fd >= 0 ? look_up(c, id) : NULL;
	if (!n) {
		/* not remembered: it costs one failed system call for a dying task */
		c->gone.cg = (struct rule_cgroup){ .id = id, .depth = 1, .path = "" };
		c->gone.cg.ids = &c->gone.cg.id;
		return &c->gone.cg;
	}
	if (c->nr >= CACHE_MAX)
		forget_all(c);
	n->next = *bucket;
	*bucket = n;
	c->nr++;
	return &n->cg;
}
