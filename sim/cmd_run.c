/* SPDX-License-Identifier: Apache-2.0 */
/* gthulhu-sim run SCENARIO */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "../base/record.h"
#include "cmd.h"
#include "policies.h"
#include "sim.h"

struct run_options {
	const char *seed, *cpus, *topology, *policy, *mode, *compare, *trace, *duration;
	bool timeline, json, check;
};

static void help(void)
{
	fputs("usage: gthulhu-sim run SCENARIO [OPTIONS]\n\n"
	      "SCENARIO is a file in the language of docs/simulator.md, rt-app JSON (*.json),\n"
	      "or a record of a live machine (gthulhuctl record).\n\n"
	      "  --seed N          another seed: same seed, same run\n"
	      "  --cpus N          1 to 1024 CPUs\n"
	      "  --topology WORDS  smt=2,llcs=2,nodes=1,shards=2,hz=250,...\n"
	      "  --policy NAME     or the path of a policy built as a shared object\n"
	      "  --mode MODE       user or kernel: who decides\n"
	      "  --duration TIME   2s, 500ms, ...\n"
	      "  --compare A,B     one run for each policy (or the word kernel), figures side by side\n"
	      "  --trace FILE      write a trace for ui.perfetto.dev\n"
	      "  --timeline        print every event as text\n"
	      "  --json            figures as JSON\n"
	      "  --check           stop at the first broken invariant\n\n"
	      "policies:\n",
	      stdout);
	sim_policy_list();
}

static int usage_error(const char *what, const char *value)
{
	fprintf(stderr, "gthulhu-sim run: %s: %s; try --help\n", value, what);
	return 2;
}

static int parse_options(int argc, char **argv, struct run_options *o)
{
	static const struct option longs[] = {
		{ "seed", required_argument, 0, 's' },
		{ "cpus", required_argument, 0, 'c' },
		{ "topology", required_argument, 0, 't' },
		{ "policy", required_argument, 0, 'p' },
		{ "mode", required_argument, 0, 'm' },
		{ "compare", required_argument, 0, 'C' },
		{ "trace", required_argument, 0, 'T' },
		{ "timeline", no_argument, 0, 'l' },
		{ "duration", required_argument, 0, 'd' },
		{ "json", no_argument, 0, 'j' },
		{ "check", no_argument, 0, 'k' },
		{ "help", no_argument, 0, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			o->seed = optarg;
			break;
		case 'c':
			o->cpus = optarg;
			break;
		case 't':
			o->topology = optarg;
			break;
		case 'p':
			o->policy = optarg;
			break;
		case 'm':
			o->mode = optarg;
			break;
		case 'C':
			o->compare = optarg;
			break;
		case 'T':
			o->trace = optarg;
			break;
		case 'd':
			o->duration = optarg;
			break;
		case 'l':
			o->timeline = true;
			break;
		case 'j':
			o->json = true;
			break;
		case 'k':
			o->check = true;
			break;
		case 'h':
			help();
			return 1;
		default:
			return 2;
		}
	}
	return 0;
}

static int apply(struct scenario *sc, const struct run_options *o)
{
	char err[256];

	if (o->seed)
		sc->seed = strtoull(o->seed, NULL, 0);
	if (o->cpus)
		sc->cpus = (__u32)strtoul(o->cpus, NULL, 10);
	if (o->topology && scenario_topology(sc, o->topology))
		return usage_error("no such topology", o->topology);
	if (o->duration && parse_time(o->duration, &sc->duration_ns))
		return usage_error("no such time", o->duration);
	if (o->mode && strcmp(o->mode, "user") && strcmp(o->mode, "kernel"))
		return usage_error("the mode is user or kernel", o->mode);
	if (o->mode)
		sc->kernel_mode = !strcmp(o->mode, "kernel");
	if (o->policy) {
		snprintf(sc->policy, sizeof(sc->policy), "%s", o->policy);
		sc->kernel_mode = false;
	}
	if (o->check && !sc->check) {
		sc->check = true;
		sc->starve_ns = 2 * NSEC_PER_SEC;
		sc->idle_ns = 20000000;
	}
	if (scenario_check(sc, err, sizeof(err))) {
		fprintf(stderr, "gthulhu-sim: %s\n", err);
		return 2;
	}
	if (!sc->kernel_mode && !sim_policy_find(sc->policy))
		return usage_error("no such policy", sc->policy);
	return 0;
}

static int write_trace(const char *path)
{
	FILE *f = fopen(path, "we");
	int err = f ? trace_print_chrome(f) : -errno;

	if (f && fclose(f) && !err)
		err = -errno;
	if (err)
		fprintf(stderr, "gthulhu-sim: %s: %s\n", path, strerror(-err));
	return err ? 2 : 0;
}

static int one_run(const struct scenario *sc, const struct run_options *o)
{
	int rc = 0;

	trace_keep(o->timeline || o->trace);
	if (sim_run(sc) != SIM_OK)
		rc = 1;
	if (o->timeline)
		trace_print_timeline(stdout);
	if (o->trace && write_trace(o->trace))
		rc = 2;
	if (o->json)
		stats_json(stdout);
	else
		stats_report(stdout);
	sim_finish();
	return rc;
}

/* What --compare shows of each run. */
struct figures {
	char name[32];
	double share[64], p50[64], p99[64], max[64];
	double idle, waiting, policy;
	__u64 switches, migrations;
};

static void collect(struct figures *fig)
{
	__u64 run;
	u32 i, j;

	for (i = 0; i < sim.sc->nr_tasks && i < 64; i++) {
		const struct histogram *h = &sim.groups[i].latency;

		for (j = 0, run = 0; j < sim.nr_tasks; j++)
			run += sim.tasks[j]->prog == &sim.sc->tasks[i]
				       ? sim.tasks[j]->run_ns
				       : 0;
		fig->share[i] = 100.0 * (double)run / (double)sim.ended_at;
		fig->p50[i] = (double)hist_percentile(h, 0.5) / 1000;
		fig->p99[i] = (double)hist_percentile(h, 0.99) / 1000;
		fig->max[i] = (double)h->max / 1000;
	}
	for (i = 0; i < sim.nr_cpus; i++)
		fig->idle += 100.0 * (double)sim.cpus[i].idle_ns / (double)sim.ended_at /
			     sim.nr_cpus;
	fig->waiting = 100.0 * (double)sim.both_ns / (double)sim.ended_at;
	fig->policy = 100.0 * (double)policy_run_ns() / (double)sim.ended_at;
	fig->switches = sim.nr_switches;
	fig->migrations = sim.nr_migrations;
}

static void print_row(const char *task, const char *what, const struct figures *figs,
		      int nr, size_t off)
{
	int i;

	printf("%-12s %-10s", task, what);
	for (i = 0; i < nr; i++)
		printf(" %12.2f", *(const double *)((const char *)&figs[i] + off));
	putchar('\n');
}

static int compare(struct scenario *sc, const struct run_options *o)
{
	static struct figures figs[8];
	char list[256], *save, *w;
	int nr = 0, rc = 0, i;
	u32 t;

	snprintf(list, sizeof(list), "%s", o->compare);
	for (w = strtok_r(list, ",", &save); w && nr < 8;
	     w = strtok_r(NULL, ",", &save)) {
		sc->kernel_mode = !strcmp(w, "kernel");
		if (!sc->kernel_mode) {
			snprintf(sc->policy, sizeof(sc->policy), "%s", w);
			if (!sim_policy_find(w))
				return usage_error("no such policy", w);
		}
		snprintf(figs[nr].name, sizeof(figs[nr].name), "%s", w);
		if (sim_run(sc) != SIM_OK) {
			printf("%s: %s\n", w, sim.reason);
			rc = 1;
		}
		collect(&figs[nr++]);
		sim_finish();
	}
	printf("%-23s", "");
	for (i = 0; i < nr; i++)
		printf(" %12s", figs[i].name);
	putchar('\n');
	for (t = 0; t < sc->nr_tasks && t < 64; t++) {
		const char *name = sc->tasks[t].name;

		print_row(name, "share %", figs, nr, offsetof(struct figures, share[t]));
		print_row(name, "p50 us", figs, nr, offsetof(struct figures, p50[t]));
		print_row(name, "p99 us", figs, nr, offsetof(struct figures, p99[t]));
		print_row(name, "max us", figs, nr, offsetof(struct figures, max[t]));
	}
	print_row("machine", "idle %", figs, nr, offsetof(struct figures, idle));
	print_row("", "idle+wait %", figs, nr, offsetof(struct figures, waiting));
	print_row("", "policy %", figs, nr, offsetof(struct figures, policy));
	printf("%-12s %-10s", "", "switches");
	for (i = 0; i < nr; i++)
		printf(" %12llu", figs[i].switches);
	printf("\n%-12s %-10s", "", "migrations");
	for (i = 0; i < nr; i++)
		printf(" %12llu", figs[i].migrations);
	putchar('\n');
	return rc;
}

static bool is_record(const char *path)
{
	char line[sizeof(RECORD_MAGIC)] = "";
	FILE *f = fopen(path, "re");

	if (f) {
		(void)!fgets(line, sizeof(line), f);
		fclose(f);
	}
	return !strcmp(line, RECORD_MAGIC);
}

int cmd_read(struct scenario *sc, const char *path)
{
	char err[512] = "";
	size_t len = strlen(path);
	int failed;

	scenario_init(sc);
	if (len > 5 && !strcmp(path + len - 5, ".json"))
		failed = scenario_read_rtapp(sc, path, err, sizeof(err));
	else if (is_record(path))
		failed = scenario_read_record(sc, path, err, sizeof(err));
	else
		failed = scenario_read(sc, path, err, sizeof(err));
	if (failed) {
		fprintf(stderr, "gthulhu-sim: %s\n", err);
		scenario_free(sc);
		return 2;
	}
	if (sc->cut_short)
		fprintf(stderr,
			"gthulhu-sim: %s: it has no end: replayed up to the last event\n",
			path);
	return 0;
}

int cmd_run(int argc, char **argv)
{
	struct run_options o = { 0 };
	struct scenario sc;
	int rc = parse_options(argc, argv, &o);

	if (rc)
		return rc == 1 ? 0 : rc;
	if (optind != argc - 1) {
		fputs("gthulhu-sim run: one scenario file is needed; try --help\n",
		      stderr);
		return 2;
	}
	rc = cmd_read(&sc, argv[optind]);
	if (rc)
		return rc;
	rc = apply(&sc, &o);
	if (!rc)
		rc = o.compare ? compare(&sc, &o) : one_run(&sc, &o);
	scenario_free(&sc);
	return rc;
}
