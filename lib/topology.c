// SPDX-License-Identifier: Apache-2.0
/*
 * Cache domains: which CPUs share a core, an L2, a last-level cache, a NUMA node.
 *
 * sysfs is read once. Nothing in it is taken for granted: an offline CPU has neither topology
 * nor cache directory, a virtual machine may have no cache directory at all, hybrid processors
 * have cores with and without siblings, L2 sets of different size and cores outside the L3, and
 * CPU numbers may have holes. Where a file is missing or makes no sense, the next wider thing
 * that is known stands in for it: core for L2, package for last-level cache, node for package,
 * and the whole machine for all of them. A wrong guess costs some locality, never correctness.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

/* How deep caches may be nested, and how many index directories a CPU may have. */
#define MAX_CACHES 16
#define NOT_KNOWN UINT32_MAX

/* A level's value for a CPU: any number that its members share; dense indexes at the end. */
struct topology {
	__u32 nr_cpus;
	__u32 nr_domains[TOPOLOGY_NR_LEVELS];
	__u32 *domain[TOPOLOGY_NR_LEVELS];
	bool *online;
	bool *possible;
};

/* Read one line of @root/devices/system/@path. False if there is none. */
static bool read_line(char *line, size_t size, const char *root, const char *path)
{
	char name[4096];
	ssize_t n = -1;
	int fd;

	if ((size_t)snprintf(name, sizeof(name), "%s/devices/system/%s", root, path) >=
	    sizeof(name))
		return false;
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, line, size - 1);
		close(fd);
	}
	if (n <= 0)
		return false;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return true;
}

static bool parse_number(const char **text, __u32 *number)
{
	unsigned long value;
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	value = strtoul(*text, &end, 10);
	if (errno || value >= NOT_KNOWN)
		return false;
	*number = (__u32)value;
	*text = end;
	return true;
}

/*
 * Mark in @set (of @nr) the CPUs of a list like "0-3,8"; the lowest one goes into *@first. False
 * if it is not such a list; CPUs past @nr are not ours and are passed over.
 */
static bool parse_list(const char *text, bool *set, __u32 nr, __u32 *first)
{
	__u32 from, to, i;

	*first = NOT_KNOWN;
	if (!*text)
		return false;
	for (;;) {
		if (!parse_number(&text, &from))
			return false;
		to = from;
		if (*text == '-') {
			text++;
			if (!parse_number(&text, &to) || to < from)
				return false;
		}
		if (from < *first)
			*first = from;
		for (i = from; set && i <= to && i < nr; i++)
			set[i] = true;
		if (!*text)
			return true;
		if (*text++ != ',')
			return false;
	}
}

static bool read_number(const char *root, const char *path, __u32 *number)
{
	const char *at;
	char line[64];

	if (!read_line(line, sizeof(line), root, path))
		return false;
	at = line;
	return parse_number(&at, number) && !*at;
}

/* The lowest CPU of the list in that file names the set. */
static bool read_first(const char *root, const char *path, __u32 *first)
{
	char line[4096];

	return read_line(line, sizeof(line), root, path) &&
	       parse_list(line, NULL, 0, first);
}

/* Mark the CPUs of the list in @path, or all of them if it can't be read. */
static void read_set(const char *root, const char *path, bool *set, __u32 nr)
{
	char line[4096];
	__u32 first;

	if (read_line(line, sizeof(line), root, path) &&
	    parse_list(line, set, nr, &first))
		return;
	memset(set, true, nr);
}

/* L2 and the outermost cache of @cpu; NOT_KNOWN where there is none. */
static void read_caches(const char *root, __u32 cpu, __u32 *l2, __u32 *llc)
{
	char path[96], type[32];
	__u32 i, level, first, outermost = 1;

	*l2 = *llc = NOT_KNOWN;
	for (i = 0; i < MAX_CACHES; i++) {
		snprintf(path, sizeof(path), "cpu/cpu%u/cache/index%u/level", cpu, i);
		if (!read_number(root, path, &level))
			continue;
		snprintf(path, sizeof(path), "cpu/cpu%u/cache/index%u/type", cpu, i);
		if (read_line(type, sizeof(type), root, path) &&
		    !strcmp(type, "Instruction"))
			continue;
		snprintf(path, sizeof(path), "cpu/cpu%u/cache/index%u/shared_cpu_list",
			 cpu, i);
		if (!read_first(root, path, &first))
			continue;
		if (level == 2)
			*l2 = first;
		if (level > outermost) {
			outermost = level;
			*llc = first;
		}
	}
}

static void read_core(const char *root, __u32 cpu, __u32 *core)
{
	char path[96];

	*core = cpu;
	snprintf(path, sizeof(path), "cpu/cpu%u/topology/core_cpus_list", cpu);
	if (read_first(root, path, core))
		return;
	/* its name before Linux 5.10 */
	snprintf(path, sizeof(path), "cpu/cpu%u/topology/thread_siblings_list", cpu);
	if (!read_first(root, path, core))
		*core = cpu;
}

/* Which node each CPU is on; a machine without NUMA is one node. */
static bool read_nodes(const char *root, __u32 nr_cpus, __u32 *node_of)
{
	char path[96], line[4096];
	bool *nodes, *members;
	__u32 n, cpu, first;

	nodes = calloc(2 * (size_t)QUMUN_MAX_CPUS, sizeof(*nodes));
	if (!nodes)
		return false;
	members = nodes + QUMUN_MAX_CPUS;
	for (cpu = 0; cpu < nr_cpus; cpu++)
		node_of[cpu] = NOT_KNOWN;
	if (read_line(line, sizeof(line), root, "node/online"))
		parse_list(line, nodes, QUMUN_MAX_CPUS, &first);
	for (n = 0; n < QUMUN_MAX_CPUS; n++) {
		if (!nodes[n])
			continue;
		snprintf(path, sizeof(path), "node/node%u/cpulist", n);
		memset(members, 0, QUMUN_MAX_CPUS * sizeof(*members));
		if (!read_line(line, sizeof(line), root, path) ||
		    !parse_list(line, members, nr_cpus, &first))
			continue;
		for (cpu = 0; cpu < nr_cpus; cpu++) {
			if (members[cpu])
				node_of[cpu] = n;
		}
	}
	for (cpu = 0; cpu < nr_cpus; cpu++) {
		if (node_of[cpu] == NOT_KNOWN)
			node_of[cpu] = 0;
	}
	free(nodes);
	return true;
}

/*
 * Package of @cpu as a number that can't be taken for a CPU's, which names a cache: packages
 * and caches stand side by side in the same array.
 */
static __u32 read_package(const char *root, __u32 cpu, __u32 node)
{
	char path[96];
	__u32 package;

	snprintf(path, sizeof(path), "cpu/cpu%u/topology/physical_package_id", cpu);
	if (!read_number(root, path, &package) || package >= 1U << 24)
		return 1U << 30 | node;
	return 1U << 29 | package;
}

/*
 * A CPU without cache directory (offline, usually) joins the last-level cache of its package, or
 * of its node, if somebody there has one: once online it will most probably share it.
 */
static void adopt_cache(struct topology *t, __u32 cpu, const __u32 *package)
{
	__u32 *llc = t->domain[TOPOLOGY_LLC];
	__u32 i, same_node = NOT_KNOWN;

	for (i = 0; i < t->nr_cpus; i++) {
		if (llc[i] >= 1U << 29)
			continue;
		if (package[i] == package[cpu])
			break;
		if (same_node == NOT_KNOWN && package[cpu] >> 30 &&
		    t->domain[TOPOLOGY_NODE][i] == t->domain[TOPOLOGY_NODE][cpu])
			same_node = llc[i];
	}
	llc[cpu] = i < t->nr_cpus	    ? llc[i]
		   : same_node != NOT_KNOWN ? same_node
					    : package[cpu];
}

/* Replace the numbers that name sets by 0 .. n-1, in the order of each set's first CPU. */
static void make_dense(struct topology *t, enum topology_level level)
{
	__u32 *set = t->domain[level];
	__u32 cpu, i, name, next = 0;

	/* names that are done are marked by the top bit, which no name has */
	for (cpu = 0; cpu < t->nr_cpus; cpu++) {
		if (set[cpu] >> 31)
			continue;
		name = set[cpu];
		for (i = cpu; i < t->nr_cpus; i++) {
			if (set[i] == name)
				set[i] = 1U << 31 | next;
		}
		next++;
	}
	for (cpu = 0; cpu < t->nr_cpus; cpu++)
		set[cpu] &= ~(1U << 31);
	t->nr_domains[level] = next;
}

static int read_all(struct topology *t, const char *root)
{
	__u32 *package = calloc(t->nr_cpus, sizeof(*package));
	__u32 cpu, *smt = t->domain[TOPOLOGY_SMT], *l2 = t->domain[TOPOLOGY_L2];
	__u32 *llc = t->domain[TOPOLOGY_LLC], *node = t->domain[TOPOLOGY_NODE];
	int err = 0, level;

	if (!package || !read_nodes(root, t->nr_cpus, node)) {
		err = -ENOMEM;
		goto out;
	}
	read_set(root, "cpu/possible", t->possible, t->nr_cpus);
	read_set(root, "cpu/online", t->online, t->nr_cpus);
	for (cpu = 0; cpu < t->nr_cpus; cpu++) {
		read_core(root, cpu, &smt[cpu]);
		read_caches(root, cpu, &l2[cpu], &llc[cpu]);
		package[cpu] = read_package(root, cpu, node[cpu]);
		if (l2[cpu] == NOT_KNOWN)
			l2[cpu] = smt[cpu];
	}
	for (cpu = 0; cpu < t->nr_cpus; cpu++) {
		if (llc[cpu] == NOT_KNOWN)
			adopt_cache(t, cpu, package);
	}
	for (level = 0; level < TOPOLOGY_NR_LEVELS; level++)
		make_dense(t, level);
out:
	free(package);
	return err;
}

int topology_load(const char *root, __u32 nr_cpus, struct topology **out)
{
	struct topology *t;
	int err = -ENOMEM, level;

	*out = NULL;
	if (!nr_cpus || nr_cpus > QUMUN_MAX_CPUS)
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->nr_cpus = nr_cpus;
	t->online = calloc(nr_cpus, sizeof(*t->online));
	t->possible = calloc(nr_cpus, sizeof(*t->possible));
	for (level = 0; level < TOPOLOGY_NR_LEVELS; level++) {
		t->domain[level] = calloc(nr_cpus, sizeof(*t->domain[level]));
		if (!t->domain[level])
			goto out;
	}
	if (!t->online || !t->possible)
		goto out;
	err = read_all(t, root ? root : "/sys");
out:
	if (err)
		t = topology_free(t);
	*out = t;
	return err;
}

struct topology *topology_free(struct topology *t)
{
	int level;

	if (!t)
		return NULL;
	for (level = 0; level < TOPOLOGY_NR_LEVELS; level++)
		free(t->domain[level]);
	free(t->online);
	free(t->possible);
	free(t);
	return NULL;
}

__u32 topology_count(const struct topology *t, enum topology_level level)
{
	return t->nr_domains[level];
}

int topology_domain(const struct topology *t, enum topology_level level, __u32 cpu)
{
	return cpu < t->nr_cpus ? (int)t->domain[level][cpu] : -1;
}

bool topology_online(const struct topology *t, __u32 cpu)
{
	return cpu < t->nr_cpus && t->online[cpu];
}

bool topology_possible(const struct topology *t, __u32 cpu)
{
	return cpu < t->nr_cpus && t->possible[cpu];
}

__u32 topology_cpu_ids(const char *root)
{
	const char *at;
	char line[4096];
	__u32 first, last;

	if (!read_line(line, sizeof(line), root ? root : "/sys", "cpu/possible") ||
	    !parse_list(line, NULL, 0, &first))
		return 0;
	/* the kernel's lists ascend */
	at = line + strlen(line);
	while (at > line && at[-1] >= '0' && at[-1] <= '9')
		at--;
	return parse_number(&at, &last) ? last + 1 : 0;
}

void topology_read_online(const char *root, bool *online, __u32 nr_cpus)
{
	read_set(root ? root : "/sys", "cpu/online", online, nr_cpus);
}

/*
 * A shard is a set of last-level caches: with as many shards as caches one each, with fewer they
 * are dealt out in turn.
 */
__u32 topology_shard(const struct topology *t, __u32 cpu, __u32 nr_shards)
{
	return cpu < t->nr_cpus ? t->domain[TOPOLOGY_LLC][cpu] % nr_shards : 0;
}

void topology_apply(struct qumun *q, const struct topology *t)
{
	struct qumun_cpu *cpus = arena_cpus(q);
	__u32 cpu;

	for (cpu = 0; cpu < q->nr_cpus && cpu < t->nr_cpus; cpu++) {
		cpus[cpu].core = t->domain[TOPOLOGY_SMT][cpu];
		cpus[cpu].llc = t->domain[TOPOLOGY_LLC][cpu];
		cpus[cpu].node = t->domain[TOPOLOGY_NODE][cpu];
	}
}

QUMUN_API int qumun_init_cache_domains(struct qumun *q)
{
	struct topology *t;
	int err;

	if (!q)
		return -EINVAL;
	err = topology_load(NULL, q->nr_cpus, &t);
	if (err)
		return qumun_fail(q, err, "cache domains of %u CPUs: %s", q->nr_cpus,
				  strerror(-err));
	q->topology = topology_free(q->topology);
	q->topology = t;
	topology_apply(q, t);
	qumun_say(q, QUMUN_LOG_INFO,
		  "cache domains: %u cores, %u L2 caches, %u last-level caches, %u nodes",
		  topology_count(t, TOPOLOGY_SMT), topology_count(t, TOPOLOGY_L2),
		  topology_count(t, TOPOLOGY_LLC), topology_count(t, TOPOLOGY_NODE));
	return 0;
}
