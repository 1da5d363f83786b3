/* SPDX-License-Identifier: Apache-2.0 */
/* gthulhu-sim explore, gthulhu-sim replay */
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd.h"
#include "explore.h"
#include "policies.h"

#define SHRINK_RUNS 2000

struct explore_options {
	u64 runs, seed;
	const char *out, *mode, *policy, *topology;
	u32 failures, shares;
	bool twice, quiet;
};

static void help(void)
{
	fputs("usage: gthulhu-sim explore [OPTIONS]\n\n"
	      "Runs random scenarios and checks the invariants. A case that fails is made small,\n"
	      "written to a file, and the command that replays it is printed.\n\n"
	      "  --runs N       how many scenarios (100)\n"
	      "  --seed N       the first seed; the next ones count up (1)\n"
	      "  --out DIR      where failing cases go (.)\n"
	      "  --failures N   stop after so many failing cases (1)\n"
	      "  --mode MODE    only user or only kernel mode\n"
	      "  --policy NAME  this policy only: a name, or the path of a shared object\n"
	      "  --topology WORDS  on this machine only: cpus=4,shards=2,...\n"
	      "  --shares PCT   also check shares by weight, within so many percent\n"
	      "  --twice        run each scenario twice: same seed, same trace\n"
	      "  --quiet        no line of progress\n",
	      stdout);
}

static int parse_options(int argc, char **argv, struct explore_options *o)
{
	static const struct option longs[] = {
		{ "runs", required_argument, 0, 'n' },
		{ "seed", required_argument, 0, 's' },
		{ "out", required_argument, 0, 'o' },
		{ "failures", required_argument, 0, 'f' },
		{ "mode", required_argument, 0, 'm' },
		{ "policy", required_argument, 0, 'p' },
		{ "topology", required_argument, 0, 't' },
		{ "shares", required_argument, 0, 'w' },
		{ "twice", no_argument, 0, '2' },
		{ "quiet", no_argument, 0, 'q' },
		{ "help", no_argument, 0, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 'n':
			o->runs = strtoull(optarg, NULL, 0);
			break;
		case 's':
			o->seed = strtoull(optarg, NULL, 0);
			break;
		case 'o':
			o->out = optarg;
			break;
		case 'f':
			o->failures = (u32)strtoul(optarg, NULL, 0);
			break;
		case 'm':
			o->mode = optarg;
			break;
		case 'p':
			o->policy = optarg;
			break;
		case 't':
			o->topology = optarg;
			break;
		case 'w':
			o->shares = (u32)strtoul(optarg, NULL, 0);
			break;
		case '2':
			o->twice = true;
			break;
		case 'q':
			o->quiet = true;
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

static int restrict_to(struct scenario *sc, const struct explore_options *o)
{
	u32 cpus = sc->cpus, i;

	if (o->mode)
		sc->kernel_mode = !strcmp(o->mode, "kernel");
	if (o->policy) {
		sc->kernel_mode = false;
		snprintf(sc->policy, sizeof(sc->policy), "%s", o->policy);
	}
	sc->share_pct = sc->nr_groups ? 0 : o->shares;
	if (!o->topology)
		return 0;
	if (scenario_topology(sc, o->topology)) {
		fprintf(stderr, "gthulhu-sim explore: no such topology: %s\n",
			o->topology);
		return 2;
	}
	/* lists of CPUs were made for the other machine */
	for (i = 0; i < sc->nr_tasks && sc->cpus < cpus; i++)
		*sc->tasks[i].cpus = '\0';
	return 0;
}

/* Shrink, write, tell. */
static int report_failure(struct scenario *sc, const struct explore_options *o, u64 seed)
{
	enum sim_verdict verdict = sim.verdict;
	char path[512], reason[256];
	u32 runs, before = explore_size(sc);
	FILE *f;

	snprintf(reason, sizeof(reason), "%s", sim.reason);
	sim_finish();
	printf("seed %llu: %s: %s\n", seed, verdict == SIM_EJECTED ? "ejected" : "broken",
	       reason);
	fflush(stdout);
	runs = explore_shrink(sc, verdict, reason, SHRINK_RUNS);
	snprintf(path, sizeof(path), "%s/case-%llu.scn", o->out, seed);
	f = fopen(path, "we");
	if (!f) {
		perror(path);
		return 2;
	}
	fprintf(f, "# found by explore, seed %llu: %s\n", seed, reason);
	scenario_print(sc, f);
	fclose(f);
	printf("  made small in %u runs: %u steps and events, %u before\n"
	       "  replay: gthulhu-sim replay %s\n",
	       runs, explore_size(sc), before, path);
	return 0;
}

static int run_twice(const struct scenario *sc, u64 seed)
{
	u64 first = sim.trace_hash, nr = sim.trace_nr;

	sim_finish();
	sim_run(sc);
	if (sim.trace_hash == first && sim.trace_nr == nr)
		return 0;
	printf("seed %llu: two runs differ: %llu events and %llu events\n", seed, nr,
	       sim.trace_nr);
	return 1;
}

int cmd_explore(int argc, char **argv)
{
	struct explore_options o = { .runs = 100, .seed = 1, .out = ".", .failures = 1 };
	u64 i, events = 0, virtual_ns = 0;
	struct scenario sc;
	char err[256];
	u32 failed = 0;
	int rc = parse_options(argc, argv, &o);

	if (rc)
		return rc == 1 ? 0 : rc;
	if (optind != argc) {
		fputs("gthulhu-sim explore: no file is expected; try --help\n", stderr);
		return 2;
	}
	if (o.policy && !sim_policy_find(o.policy)) {
		fprintf(stderr, "gthulhu-sim explore: no such policy: %s\n", o.policy);
		return 2;
	}
	trace_keep(false);
	for (i = 0; i < o.runs && failed < o.failures && !rc; i++) {
		explore_generate(&sc, o.seed + i);
		rc = restrict_to(&sc, &o);
		if (rc)
			break;
		if (scenario_check(&sc, err, sizeof(err))) {
			fprintf(stderr, "gthulhu-sim: %s\n", err);
			scenario_free(&sc);
			return 2;
		}
		if (sim_run(&sc) != SIM_OK) {
			failed++;
			if (report_failure(&sc, &o, o.seed + i))
				rc = 2;
		} else {
			events += sim.nr_events;
			virtual_ns += sim.ended_at;
			if (o.twice && run_twice(&sc, o.seed + i))
				failed++;
			sim_finish();
		}
		scenario_free(&sc);
		if (!o.quiet && isatty(2))
			fprintf(stderr, "\r%llu of %llu runs", i + 1, o.runs);
	}
	if (!o.quiet && isatty(2))
		fputc('\n', stderr);
	printf("%llu scenarios, %.1f s of virtual time, %llu events, %u failed\n", i,
	       (double)virtual_ns / 1e9, events, failed);
	return rc ? rc : failed > 0;
}

static void replay_help(void)
{
	fputs("usage: gthulhu-sim replay FILE [--timeline] [--trace FILE]\n\n"
	      "Runs a case of explore again, with its checks, and says what broke. It is\n"
	      "gthulhu-sim run under another name: its options work too.\n",
	      stdout);
}

int cmd_replay(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			replay_help();
			return 0;
		}
	}
	return cmd_run(argc, argv);
}
