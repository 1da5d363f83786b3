/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machines of other shapes: the domains that the library finds are those of sysfs, and the
 * scheduler attaches and keeps every CPU busy. The manifest runs it on 1, 2, 8 and 32 CPUs and
 * on two sockets of two cores with two threads each, with one NUMA node and with two.
 */
#include "live.h"

#define MAX_SETS 64

static char domains[512];

static void keep_domains(void *arg, enum qumun_log_level level, const char *message)
{
	if (!strncmp(message, "cache domains:", 14))
		snprintf(domains, sizeof(domains), "%s", message);
	live_log(arg, level, message);
}

/* Different contents of that file over all CPUs; 0: there is none. */
static unsigned int count_sets(const char *file)
{
	char sets[MAX_SETS][128], path[256];
	unsigned int nr = 0, i;
	long cpu;
	FILE *f;

	for (cpu = 0; cpu < sysconf(_SC_NPROCESSORS_CONF); cpu++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%ld/%s", cpu,
			 file);
		f = fopen(path, "r");
		if (!f || nr == MAX_SETS)
			continue;
		if (fgets(sets[nr], sizeof(sets[nr]), f)) {
			for (i = 0; strcmp(sets[i], sets[nr]); i++)
				;
			nr += i == nr;
		}
		fclose(f);
	}
	return nr;
}

/* NUMA nodes that have CPUs; as many as the machine was started with, if that is known. */
static void check_nodes(unsigned int nodes)
{
	const char *expected = getenv("GTHULHU_NODES");
	unsigned int nr = 0, i;
	char path[64], list[64];
	FILE *f;

	for (i = 0; i < MAX_SETS; i++) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/cpulist",
			 i);
		f = fopen(path, "r");
		if (f && fgets(list, sizeof(list), f) && *list != '\n')
			nr++;
		if (f)
			fclose(f);
	}
	tap_is(nodes, nr ? nr : 1, "nodes");
	if (expected && *expected)
		tap_is(nodes, atoi(expected), "as many as the machine was given");
}

/* CPUs have the same number for their last-level cache if sysfs gives them the same one. */
static void check_members(struct qumun *q)
{
	const char *file = count_sets("cache/index3/shared_cpu_list")
				   ? "cache/index3/shared_cpu_list"
				   : "topology/package_cpus_list";
	char sets[MAX_SETS][128] = { 0 }, path[256];
	struct qumun_cpu_info info[MAX_SETS];
	int cpu, other, nr = (int)sysconf(_SC_NPROCESSORS_CONF), wrong = 0;
	FILE *f;

	if (nr > MAX_SETS)
		nr = MAX_SETS;
	for (cpu = 0; cpu < nr; cpu++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/%s", cpu,
			 file);
		f = fopen(path, "r");
		if (!f || !fgets(sets[cpu], sizeof(sets[cpu]), f) ||
		    qumun_get_cpu(q, cpu, &info[cpu]))
			wrong++;
		if (f)
			fclose(f);
		for (other = 0; other < cpu && !wrong; other++)
			wrong += (info[cpu].llc == info[other].llc) !=
				 !strcmp(sets[cpu], sets[other]);
	}
	tap_is(wrong, 0, "CPUs of one last-level cache are %s's", file);
}

static void check_domains(struct qumun *q)
{
	unsigned int cores = 0, l2 = 0, llc = 0, nodes = 0, packages;

	tap_is(sscanf(domains,
		      "cache domains: %u cores, %u L2 caches, %u last-level caches, %u nodes",
		      &cores, &l2, &llc, &nodes),
	       4, "%s", domains);
	tap_is(cores, count_sets("topology/core_cpus_list"), "cores");
	if (count_sets("cache/index2/shared_cpu_list"))
		tap_is(l2, count_sets("cache/index2/shared_cpu_list"), "L2 caches");
	packages = count_sets("topology/physical_package_id");
	if (count_sets("cache/index3/shared_cpu_list"))
		packages = count_sets("cache/index3/shared_cpu_list");
	tap_is(llc, packages, "last-level caches");
	check_nodes(nodes);
	check_members(q);
}

/* One hog more than there are CPUs: all CPUs run something. */
static void check_load(struct qumun *q)
{
	long cpu, cpus = sysconf(_SC_NPROCESSORS_ONLN), busy = 0;
	struct perf_counters before[64], after;
	pid_t pids[65];

	if (cpus > 64)
		cpus = 64;
	for (cpu = 0; cpu < cpus; cpu++)
		qumun_get_perf_counters(q, (int)cpu, &before[cpu]);
	for (cpu = 0; cpu <= cpus; cpu++)
		pids[cpu] = start_hog(-1, 0);
	sleep_ms(cpus > 8 ? 6000 : 2000);
	for (cpu = 0; cpu < cpus; cpu++) {
		qumun_get_perf_counters(q, (int)cpu, &after);
		busy += after.total_runtime > before[cpu].total_runtime;
	}
	for (cpu = 0; cpu <= cpus; cpu++)
		end_child(pids[cpu]);
	tap_is(busy, cpus, "every CPU ran something");
}

int main(void)
{
	struct qumun_options options = QUMUN_OPTIONS_INIT;
	struct live_thread runner;
	struct qumun *q;
	int err;

	if (geteuid())
		return tap_skip_all("not root");
	options.log = keep_domains;
	options.timeout_ms = 30000;
	err = qumun_load(NULL, &options, &q);
	if (!err)
		err = qumun_set_policy(q, &live_policy);
	if (!err)
		err = qumun_attach(q);
	tap_ok(!err, "attached with %ld CPUs (%s)", sysconf(_SC_NPROCESSORS_ONLN),
	       err ? qumun_strerror(q) : "no error");
	if (!err) {
		check_domains(q);
		live_start(&runner, q);
		check_load(q);
		tap_is(live_stop(&runner), 0, "the policy ran through it");
	}
	qumun_close(q);
	return tap_done();
}
