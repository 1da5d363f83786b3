/* SPDX-License-Identifier: Apache-2.0 */
/* gthulhuctl: see and steer a running gthulhu. */
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

static const struct command commands[] = {
	{ "status", "", "what runs and how it fares", cmd_status },
	{ "stats", "[--watch [SECONDS]]", "every counter, or what changes each second",
	  cmd_stats },
	{ "latency", "[--cpu N|--class NAME|--rule ID] [--for SECONDS]",
	  "how long tasks wait before they run", cmd_latency },
	{ "shares", "", "what classes and rules had of the CPUs, and their waits",
	  cmd_shares },
	{ "task", "PID", "one task's record", cmd_task },
	{ "tasks", "[--sort WHAT] [--limit N]",
	  "many tasks: recent, runtime, wait, max_wait, runs", cmd_tasks },
	{ "params", "get | set NAME=VALUE...", "run-time parameters", cmd_params },
	{ "rules", "list|add|remove|load|save ...", "which tasks matter, and how",
	  cmd_rules },
	{ "explain", "--pid|--cgroup|--comm WHICH [--rule RULE] [--without ID]",
	  "which rule counts, why, and what a change would do", cmd_explain },
	{ "mode", "user | kernel", "who decides: the policy, or the BPF half", cmd_mode },
	{ "policy", "list | set NAME|FILE", "what decides, and let another decide",
	  cmd_policy },
	{ "top", "[--interval SECONDS]", "live view", cmd_top },
	{ "trace", "[--seconds N] [-o FILE] [-i RECORD]",
	  "what the scheduler does, for ui.perfetto.dev", cmd_trace },
	{ "record", "[--seconds N] [-o FILE]", "the same as text, for gthulhu-sim replay",
	  cmd_record },
	{ "dump", "", "status, stats, latency and tasks as JSON", cmd_dump },
	{ "bugreport", "[-o FILE]", "all that a bug report needs, in one file",
	  cmd_bugreport },
	{ "schema", "", "every request that the daemon answers", cmd_schema },
	{ 0 }
};

static const struct option long_options[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static void help(FILE *out)
{
	const struct command *c;
	char left[96];

	fputs("usage: gthulhuctl [options] COMMAND [ARGUMENT...]\n\ncommands:\n", out);
	for (c = commands; c->name; c++) {
		snprintf(left, sizeof(left), "%s %s", c->name, c->args);
		if (strlen(left) > 34)
			fprintf(out, "  %s\n  %34s %s\n", left, "", c->doc);
		else
			fprintf(out, "  %-34s %s\n", left, c->doc);
	}
	fputs("\noptions:\n"
	      "  -s, --socket PATH   the daemon's socket (default " CONTROL_SOCKET ",\n"
	      "                      or GTHULHU_SOCKET)\n"
	      "  -j, --json          print the result as one line of JSON\n"
	      "  -V, --version       version\n"
	      "  -h, --help          this text\n"
	      "\n"
	      "exit codes: 0 done, 1 it failed, 2 usage, 3 no daemon, 4 denied, 5 not found\n",
	      out);
}

int usage_error(const char *fmt, ...)
{
	va_list ap;

	fputs("gthulhuctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("\nTry 'gthulhuctl --help'.\n", stderr);
	return CTL_USAGE;
}

static const struct command *find(const char *name)
{
	const struct command *c;

	for (c = commands; c->name; c++) {
		if (!strcmp(c->name, name))
			return c;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct ctl ctl = { .socket = getenv("GTHULHU_SOCKET"), .fd = -1 };
	const struct command *c;
	int opt, code;

	signal(SIGPIPE, SIG_IGN);
	if (!ctl.socket || !*ctl.socket)
		ctl.socket = CONTROL_SOCKET;
	/* "+": options after the command are the command's */
	while ((opt = getopt_long(argc, argv, "+s:jVh", long_options, NULL)) != -1) {
		switch (opt) {
		case 's':
			ctl.socket = optarg;
			break;
		case 'j':
			ctl.json = true;
			break;
		case 'V':
			printf("gthulhuctl %s, control protocol %d\n", CTL_VERSION,
			       CONTROL_VERSION);
			return CTL_OK;
		case 'h':
			help(stdout);
			return CTL_OK;
		default:
			return usage_error("that option is not known");
		}
	}
	if (optind == argc) {
		help(stderr);
		return CTL_USAGE;
	}
	c = find(argv[optind]);
	if (!c)
		return usage_error("no command \"%s\"", argv[optind]);
	argc -= optind;
	argv += optind;
	/* --json is welcome after the command too */
	if (argc > 1 && !strcmp(argv[argc - 1], "--json")) {
		ctl.json = true;
		argv[--argc] = NULL;
	}
	optind = 0;
	code = c->run(&ctl, argc, argv);
	ctl_close(&ctl);
	if (fflush(stdout) && code == CTL_OK) {
		perror("gthulhuctl: standard output");
		code = CTL_FAILED;
	}
	return code;
}
