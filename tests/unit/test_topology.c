/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cache domains from fixture trees. A machine is a text, one file of /sys/devices/system a line
 * ("path=content"), and what it must yield: for each level a digit for each CPU, the number of
 * its domain.
 */
#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../lib/internal.h"

#include "tap.h"

#define CPU(n, package, core, l2, l3)                                                    \
	"cpu/cpu" #n "/topology/physical_package_id=" #package "\n"                      \
	"cpu/cpu" #n "/topology/core_cpus_list=" core "\n" CACHE(n, 0, 1, "Data", core)  \
		CACHE(n, 1, 1, "Instruction", core) CACHE(n, 2, 2, "Unified", l2)        \
			CACHE(n, 3, 3, "Unified", l3)
#define CPU_NO_L3(n, package, core, l2)                                                  \
	"cpu/cpu" #n "/topology/physical_package_id=" #package "\n"                      \
	"cpu/cpu" #n "/topology/core_cpus_list=" core "\n" CACHE(n, 0, 1, "Data", core)  \
		CACHE(n, 1, 2, "Unified", l2)
#define CPU_BARE(n, package) "cpu/cpu" #n "/topology/physical_package_id=" #package "\n"
#define CACHE(n, i, level, type, shared)                                                 \
	"cpu/cpu" #n "/cache/index" #i "/level=" #level "\n"                             \
	"cpu/cpu" #n "/cache/index" #i "/type=" type "\n"                                \
	"cpu/cpu" #n "/cache/index" #i "/shared_cpu_list=" shared "\n"

static const struct machine {
	const char *name;
	__u32 nr_cpus;
	const char *files;
	const char *smt, *l2, *llc, *node;
	const char *online; /* NULL: all */
} machines[] = {
	{
		.name = "two sockets, two cores, two threads, two nodes",
		.nr_cpus = 8,
		.files = "cpu/possible=0-7\ncpu/online=0-7\nnode/online=0-1\n"
			 "node/node0/cpulist=0-3\nnode/node1/cpulist=4-7\n" CPU(
				 0, 0, "0-1", "0-1", "0-3") CPU(1, 0, "0-1", "0-1", "0-3")
				 CPU(2, 0, "2-3", "2-3", "0-3") CPU(3, 0, "2-3", "2-3",
								    "0-3")
					 CPU(4, 1, "4-5", "4-5", "4-7") CPU(5, 1, "4-5",
									    "4-5", "4-7")
						 CPU(6, 1, "6-7", "6-7", "4-7")
							 CPU(7, 1, "6-7", "6-7", "4-7"),
		.smt = "00112233",
		.l2 = "00112233",
		.llc = "00001111",
		.node = "00001111",
	},
	{
		.name = "siblings numbered apart, two complexes in one package",
		.nr_cpus = 8,
		.files =
			"cpu/possible=0-7\ncpu/online=0-7\nnode/online=0\nnode/node0/cpulist=0-7\n" CPU(
				0, 0, "0,4", "0,4", "0-1,4-5") CPU(1, 0, "1,5", "1,5",
								   "0-1,4-5")
				CPU(2, 0, "2,6", "2,6", "2-3,6-7") CPU(3, 0, "3,7", "3,7",
								       "2-3,6-7")
					CPU(4, 0, "0,4", "0,4",
					    "0-1,4-5") CPU(5, 0, "1,5", "1,5", "0-1,4-5")
						CPU(6, 0, "2,6", "2,6", "2-3,6-7") CPU(
							7, 0, "3,7", "3,7", "2-3,6-7"),
		.smt = "01230123",
		.l2 = "01230123",
		.llc = "00110011",
		.node = "00000000",
	},
	{
		.name = "hybrid: a big core with siblings, four small ones on one L2, two outside the L3",
		.nr_cpus = 8,
		.files =
			"cpu/possible=0-7\ncpu/online=0-7\nnode/online=0\nnode/node0/cpulist=0-7\n" CPU(
				0, 0, "0-1", "0-1", "0-5") CPU(1, 0, "0-1", "0-1", "0-5")
				CPU(2, 0, "2", "2-5", "0-5") CPU(3, 0, "3", "2-5", "0-5")
					CPU(4, 0, "4", "2-5", "0-5") CPU(5, 0, "5", "2-5",
									 "0-5")
						CPU_NO_L3(6, 0, "6", "6-7")
							CPU_NO_L3(7, 0, "7", "6-7"),
		.smt = "00123456",
		.l2 = "00111122",
		.llc = "00000011",
		.node = "00000000",
	},
	{
		.name = "SMT off: every other CPU is offline, without topology and caches",
		.nr_cpus = 4,
		.files =
			"cpu/possible=0-3\ncpu/online=0,2\nnode/online=0\nnode/node0/cpulist=0,2\n" CPU(
				0, 0, "0", "0", "0,2")
				CPU(2, 0, "2", "2",
				    "0,2") "cpu/cpu1/online=0\ncpu/cpu3/online=0\n",
		.smt = "0123",
		.l2 = "0123",
		.llc = "0000",
		.node = "0000",
		.online = "1010",
	},
	{
		.name = "an offline CPU of the second node joins the cache there",
		.nr_cpus = 4,
		.files = "cpu/possible=0-3\ncpu/online=0-2\nnode/online=0-1\n"
			 "node/node0/cpulist=0-1\nnode/node1/cpulist=2-3\n" CPU(
				 0, 0, "0", "0", "0-1") CPU(1, 0, "1", "1", "0-1")
				 CPU(2, 1, "2", "2", "2"),
		.smt = "0123",
		.l2 = "0123",
		.llc = "0011",
		.node = "0011",
		.online = "1110",
	},
	{
		.name = "one CPU",
		.nr_cpus = 1,
		.files =
			"cpu/possible=0\ncpu/online=0\nnode/online=0\nnode/node0/cpulist=0\n" CPU(
				0, 0, "0", "0", "0"),
		.smt = "0",
		.l2 = "0",
		.llc = "0",
		.node = "0",
	},
	{
		.name = "no cache directory: the package stands in for the cache",
		.nr_cpus = 4,
		.files = "cpu/possible=0-3\ncpu/online=0-3\n" CPU_BARE(0, 0)
			CPU_BARE(1, 0) CPU_BARE(2, 1) CPU_BARE(3, 1),
		.smt = "0123",
		.l2 = "0123",
		.llc = "0011",
		.node = "0000",
	},
	{
		.name = "no cache directory and no package: the node stands in",
		.nr_cpus = 4,
		.files = "cpu/possible=0-3\ncpu/online=0-3\nnode/online=0-1\n"
			 "node/node0/cpulist=0-1\nnode/node1/cpulist=2-3\n",
		.smt = "0123",
		.l2 = "0123",
		.llc = "0011",
		.node = "0011",
	},
	{
		.name = "package unknown (-1), as some virtual machines say",
		.nr_cpus = 2,
		.files = "cpu/possible=0-1\ncpu/online=0-1\n"
			 "cpu/cpu0/topology/physical_package_id=-1\n"
			 "cpu/cpu1/topology/physical_package_id=-1\n",
		.smt = "01",
		.l2 = "01",
		.llc = "00",
		.node = "00",
	},
	{
		.name = "an empty tree: one domain, all online",
		.nr_cpus = 3,
		.files = "",
		.smt = "012",
		.l2 = "012",
		.llc = "000",
		.node = "000",
	},
	{
		.name = "kernels before 5.10: thread_siblings_list",
		.nr_cpus = 2,
		.files = "cpu/possible=0-1\ncpu/online=0-1\n"
			 "cpu/cpu0/topology/thread_siblings_list=0-1\n"
			 "cpu/cpu1/topology/thread_siblings_list=0-1\n",
		.smt = "00",
		.l2 = "00",
		.llc = "00",
		.node = "00",
	},
	{
		.name = "holes: CPUs 1 and 2 are not possible, nodes are 1 and 3",
		.nr_cpus = 4,
		.files = "cpu/possible=0,3\ncpu/online=0,3\nnode/online=1,3\n"
			 "node/node1/cpulist=0\nnode/node3/cpulist=3\n" CPU(
				 0, 0, "0", "0", "0") CPU(3, 1, "3", "3", "3"),
		.smt = "0123",
		.l2 = "0123",
		.llc = NULL,
		.node = NULL,
		.online = "1001",
	},
	{
		.name = "nonsense in the files is passed over",
		.nr_cpus = 2,
		.files = "cpu/possible=0-\ncpu/online=1-0\nnode/online=x\n"
			 "cpu/cpu0/topology/core_cpus_list=0-1,\n"
			 "cpu/cpu0/topology/physical_package_id=99999999999999999999\n"
			 "cpu/cpu0/cache/index0/level=three\n"
			 "cpu/cpu0/cache/index0/shared_cpu_list=0-1\n"
			 "cpu/cpu1/cache/index0/level=3\n"
			 "cpu/cpu1/cache/index0/shared_cpu_list=\n",
		.smt = "01",
		.l2 = "01",
		.llc = "00",
		.node = "00",
	},
	{
		.name = "lists name CPUs past ours",
		.nr_cpus = 2,
		.files = "cpu/possible=0-4000000000\ncpu/online=0-1023\nnode/online=0\n"
			 "node/node0/cpulist=0-1023\n" CPU(0, 0, "0,512", "0,512",
							   "0-1023")
				 CPU(1, 0, "1,513", "1,513", "0-1023"),
		.smt = "01",
		.l2 = "01",
		.llc = "00",
		.node = "00",
	},
};

static char root[] = "/tmp/qumun-topology-XXXXXX";

static void write_file(const char *tree, const char *path, const char *content)
{
	char name[512], *slash;
	FILE *f;

	snprintf(name, sizeof(name), "%s/devices/system/%s", tree, path);
	for (slash = strchr(name + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(name, 0755);
		*slash = '/';
	}
	f = fopen(name, "w");
	if (!f)
		return;
	fprintf(f, "%s\n", content);
	fclose(f);
}

static void write_tree(const char *tree, const char *files)
{
	char *copy = strdup(files), *at, *line, *equal;

	for (line = strtok_r(copy, "\n", &at); line; line = strtok_r(NULL, "\n", &at)) {
		equal = strchr(line, '=');
		*equal = '\0';
		write_file(tree, line, equal + 1);
	}
	free(copy);
}

static void check_level(const struct machine *m, const struct topology *t,
			enum topology_level level, const char *want, const char *what)
{
	char got[64] = "";
	__u32 cpu;

	for (cpu = 0; cpu < m->nr_cpus; cpu++)
		got[cpu] = (char)('0' + topology_domain(t, level, cpu));
	if (want && !tap_ok(!strcmp(got, want), "%s: %s %s", m->name, what, want))
		tap_diag("got %s", got);
}

static void check_machine(const struct machine *m, unsigned int i)
{
	char tree[64], online[64] = "";
	struct topology *t;
	__u32 cpu, all = 1;
	int err;

	snprintf(tree, sizeof(tree), "%s/%u", root, i);
	write_tree(tree, m->files);
	err = topology_load(tree, m->nr_cpus, &t);
	if (!tap_is(err, 0, "%s: is read", m->name))
		return;
	check_level(m, t, TOPOLOGY_SMT, m->smt, "cores");
	check_level(m, t, TOPOLOGY_L2, m->l2, "L2");
	check_level(m, t, TOPOLOGY_LLC, m->llc, "last level");
	check_level(m, t, TOPOLOGY_NODE, m->node, "nodes");
	for (cpu = 0; cpu < m->nr_cpus; cpu++) {
		online[cpu] = topology_online(t, cpu) ? '1' : '0';
		all &= topology_online(t, cpu);
	}
	tap_ok(m->online ? !strcmp(online, m->online) : all, "%s: online %s", m->name,
	       online);
	topology_free(t);
}

static void check_holes(void)
{
	struct topology *t;
	char tree[64];

	snprintf(tree, sizeof(tree), "%s/holes", root);
	write_tree(tree, machines[11].files);
	if (!tap_is(topology_load(tree, 4, &t), 0, "holes: is read"))
		return;
	tap_ok(topology_domain(t, TOPOLOGY_LLC, 0) != topology_domain(t, TOPOLOGY_LLC, 3),
	       "holes: two caches");
	tap_ok(topology_domain(t, TOPOLOGY_NODE, 0) !=
		       topology_domain(t, TOPOLOGY_NODE, 3),
	       "holes: two nodes");
	tap_ok(!topology_possible(t, 1) && topology_possible(t, 3),
	       "holes: possible CPUs");
	topology_free(t);
}

/* Numbers with a hole, as firmware with room for more sockets gives them. */
static void check_sparse(void)
{
	char tree[256];
	bool online[12];
	unsigned int i;

	snprintf(tree, sizeof(tree), "%s/sparse", root);
	tap_is(topology_cpu_ids(tree), 0, "sparse: no list, no numbers");
	write_tree(tree, "cpu/possible=0-3,8-11\ncpu/online=0-2,8\n");
	tap_is(topology_cpu_ids(tree), 12, "sparse: numbers go past the count");
	memset(online, 0, sizeof(online));
	topology_read_online(tree, online, 12);
	for (i = 0; i < 12; i++)
		tap_is(online[i], i <= 2 || i == 8, "sparse: CPU %u", i);
	snprintf(tree, sizeof(tree), "%s/single", root);
	write_tree(tree, "cpu/possible=0\n");
	tap_is(topology_cpu_ids(tree), 1, "sparse: a single CPU");
}

static void check_apply(void)
{
	size_t size = sizeof(struct qumun_arena) + 4 * sizeof(struct qumun_cpu);
	struct qumun *q = calloc(1, sizeof(*q));
	struct topology *t;
	char tree[64];
	__u32 cpu;

	q->arena = calloc(1, size);
	q->arena->cpus_off = sizeof(struct qumun_arena);
	q->nr_cpus = 4;
	snprintf(tree, sizeof(tree), "%s/6", root);
	topology_load(tree, 4, &t);
	topology_apply(q, t);
	for (cpu = 0; cpu < 4; cpu++) {
		tap_is(arena_cpus(q)[cpu].llc, cpu / 2, "its cache: CPU %u", cpu);
		tap_is(topology_shard(t, cpu, 1), 0, "one shard: CPU %u", cpu);
		tap_is(topology_shard(t, cpu, 2), cpu / 2,
		       "a shard for each cache: CPU %u", cpu);
	}
	topology_free(t);
	free(q->arena);
	free(q);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

int main(void)
{
	struct topology *t;
	unsigned int i;

	if (!mkdtemp(root))
		return tap_skip_all("no folder below /tmp");
	for (i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		check_machine(&machines[i], i);
	check_holes();
	check_apply();
	check_sparse();
	tap_is(topology_load(root, 0, &t), -EINVAL, "no CPUs");
	tap_is(topology_load(root, QUMUN_MAX_CPUS + 1, &t), -EINVAL, "too many CPUs");
	tap_ok(topology_cpu_ids(NULL) > 0, "this machine tells its numbers");
	tap_is(topology_load(NULL, 2, &t), 0, "this machine");
	tap_is(topology_domain(t, TOPOLOGY_LLC, 2), -1, "a CPU past the last");
	topology_free(t);
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return tap_done();
}
