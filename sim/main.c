/* SPDX-License-Identifier: Apache-2.0 */
/* gthulhu-sim: the command table. One file for each command: cmd_*.c. */
#include <stdio.h>
#include <string.h>

#include "cmd.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "run", cmd_run, "run a scenario and print what happened" },
	{ "explore", cmd_explore, "search random scenarios for broken invariants" },
	{ "replay", cmd_replay, "run a case that explore has found" },
};

static void usage(FILE *f)
{
	size_t i;

	fputs("usage: gthulhu-sim COMMAND [OPTIONS]\n\n"
	      "Runs the scheduler (BPF half, engine, policy) in virtual time on virtual CPUs.\n\n",
	      f);
	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].help);
	fputs("\ngthulhu-sim COMMAND --help says more; docs/simulator.md begins at the beginning.\n",
	      f);
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
			 !strcmp(argv[1], "help"))) {
		usage(stdout);
		return 0;
	}
	for (i = 0; argc > 1 && i < sizeof(commands) / sizeof(*commands); i++) {
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	}
	usage(stderr);
	return 2;
}
