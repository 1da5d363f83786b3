/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line and the environment: option > environment > file > default. A bad value is an error
 * that names where it came from and what is accepted.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon.h"

enum {
	OPT_BPF = 256,
	OPT_FOR,
	OPT_JSON,
	OPT_PARTIAL,
	OPT_CHECK,
	OPT_LOG_LEVEL,
	OPT_SOCKET,
	OPT_READ_GROUP,
	OPT_CHANGE_GROUP,
	OPT_METRICS,
	OPT_TAKEOVER,
	OPT_CONFIG,
	OPT_CHECK_CONFIG,
	OPT_PRINT_CONFIG,
	OPT_RULE,
	OPT_REATTACH
};

static const struct option long_options[] = {
	{ "policy", required_argument, NULL, 'p' },
	{ "mode", required_argument, NULL, 'm' },
	{ "partial", no_argument, NULL, OPT_PARTIAL },
	{ "for", required_argument, NULL, OPT_FOR },
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "takeover", no_argument, NULL, OPT_TAKEOVER },
	{ "bpf-object", required_argument, NULL, OPT_BPF },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "log-level", required_argument, NULL, OPT_LOG_LEVEL },
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "read-group", required_argument, NULL, OPT_READ_GROUP },
	{ "change-group", required_argument, NULL, OPT_CHANGE_GROUP },
	{ "metrics", optional_argument, NULL, OPT_METRICS },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "check-config", no_argument, NULL, OPT_CHECK_CONFIG },
	{ "print-config", no_argument, NULL, OPT_PRINT_CONFIG },
	{ "rule", required_argument, NULL, OPT_RULE },
	{ "reattach", required_argument, NULL, OPT_REATTACH },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

void options_help(FILE *out)
{
	fputs("usage: gthulhu [options]\n"
	      "\n"
	      "Schedules this machine until SIGINT or SIGTERM, then gives it back to the kernel.\n"
	      "\n"
	      "  -p, --policy NAME|FILE.so  what decides (default gthulhu)\n"
	      "  -m, --mode user|kernel     who decides: the policy, or the BPF half with the\n"
	      "                             same arithmetic (default user)\n"
	      "      --partial              schedule only tasks that ask for SCHED_EXT\n"
	      "      --config FILE          read FILE; SIGHUP reads it again\n"
	      "      --check-config         only say whether FILE is right\n"
	      "      --print-config         print the defaults as a file\n"
	      "      --rule RULE            who matters: comm=foo*,class=latency; can be given\n"
	      "                             again\n"
	      "      --for TIME             detach after TIME: 60s, 5m, 1h (default: never)\n"
	      "      --takeover             become the policy of a gthulhu that is running, stopped\n"
	      "                             or dead, without a gap; attach anew if there is none\n"
	      "      --reattach N           after an ejection attach again, N times in a row at\n"
	      "                             most (default 5; 0: never)\n"
	      "      --check                say what this kernel offers, attach nothing\n"
	      "      --bpf-object FILE      use this main.bpf.o instead of the built-in one\n"
	      "      --json                 print the final counters (or --check) as JSON\n"
	      "      --log-level LEVEL      ERROR, WARN, INFO or DEBUG (default INFO)\n"
	      "      --socket PATH          where gthulhuctl finds it (default\n"
	      "                             /run/gthulhu/gthulhu.sock; none: nowhere)\n"
	      "      --read-group GROUP     its members may look (default: root only)\n"
	      "      --change-group GROUP   its members may look and change (default: root only)\n"
	      "      --metrics[=ADDR:PORT]  serve Prometheus (default 127.0.0.1:9464)\n"
	      "  -v, --verbose              same as --log-level DEBUG\n"
	      "  -V, --version              versions of program, interfaces and kernel\n"
	      "  -h, --help                 this text\n"
	      "\n"
	      "policies:\n",
	      out);
	policy_print(out);
	fputs("\n"
	      "environment: GTHULHU_DEBUG (0, 1, true, false), GTHULHU_LOG_LEVEL (ERROR, WARN, "
	      "INFO,\n"
	      "DEBUG), GTHULHU_MAX_TASKS (1 to 1000000, default 4096)\n"
	      "exit codes: 0 clean, 1 failure or ejection, 2 usage or policy file, 78 this system\n"
	      "cannot run it (see --check)\n",
	      out);
}

static int bad(const char *what, const char *value, const char *accepted)
{
	say(QUMUN_LOG_ERROR, "%s is \"%s\": accepted are %s", what, value, accepted);
	return EXIT_USAGE;
}

static int parse_level(const char *what, const char *text, enum qumun_log_level *level)
{
	static const char *const names[] = { "ERROR", "WARN", "INFO", "DEBUG" };
	int i;

	for (i = 0; i < 4; i++) {
		if (!strcasecmp(text, names[i])) {
			*level = (enum qumun_log_level)i;
			return 0;
		}
	}
	return bad(what, text, "ERROR, WARN, INFO and DEBUG");
}

static int parse_bool(const char *what, const char *text, bool *value)
{
	if (!strcmp(text, "1") || !strcasecmp(text, "true"))
		*value = true;
	else if (!strcmp(text, "0") || !strcasecmp(text, "false"))
		*value = false;
	else
		return bad(what, text, "0, 1, true and false");
	return 0;
}

static int parse_time(const char *text, double *seconds)
{
	char *end;
	double v;

	errno = 0;
	v = strtod(text, &end);
	if (!strcmp(end, "m"))
		v *= 60;
	else if (!strcmp(end, "h"))
		v *= 3600;
	else if (*end && strcmp(end, "s"))
		v = -1;
	if (end == text || errno || !(v >= 0.1 && v <= 1e8))
		return bad("--for", text, "times from 0.1s up, such as 60s, 5m or 1h");
	*seconds = v;
	return 0;
}

static int parse_number_between(const char *what, const char *text, unsigned int min,
				unsigned int max, unsigned int *value)
{
	char accepted[64];
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (!errno && end != text && !*end && *text != '-' && v >= min && v <= max) {
		*value = (unsigned int)v;
		return 0;
	}
	snprintf(accepted, sizeof(accepted), "whole numbers from %u to %u", min, max);
	return bad(what, text, accepted);
}

static int parse_environment(struct daemon_options *o)
{
	const char *v;
	int err = 0;

	v = getenv("GTHULHU_DEBUG");
	if (v)
		err = parse_bool("GTHULHU_DEBUG", v, &o->debug);
	v = getenv("GTHULHU_LOG_LEVEL");
	if (!err && v)
		err = parse_level("GTHULHU_LOG_LEVEL", v, &o->level);
	v = getenv("GTHULHU_MAX_TASKS");
	if (!err && v)
		err = parse_number_between("GTHULHU_MAX_TASKS", v, 1, 1000000,
					   &o->max_tasks);
	return err;
}

static int add_rule(struct daemon_options *o, const char *text)
{
	struct qumun_rule rule, *more;
	char why[1024];

	if (qumun_rule_parse(&rule, text, why, sizeof(why))) {
		say(QUMUN_LOG_ERROR, "--rule %s: %s", text, why);
		return EXIT_USAGE;
	}
	more = realloc(o->rules, (o->nr_rules + 1) * sizeof(*more));
	if (!more) {
		say(QUMUN_LOG_ERROR, "out of memory");
		return EXIT_RUNTIME;
	}
	o->rules = more;
	o->rules[o->nr_rules++] = rule;
	return 0;
}

static int parse_one(struct daemon_options *o, int opt)
{
	switch (opt) {
	case OPT_CONFIG: /* read_config() */
		return 0;
	case OPT_CHECK_CONFIG:
		o->check_config = true;
		return 0;
	case OPT_PRINT_CONFIG:
		o->print_config = true;
		return 0;
	case OPT_RULE:
		return add_rule(o, optarg);
	case 'p':
		o->policy = optarg;
		return 0;
	case 'm':
		if (!strcmp(optarg, "user"))
			o->mode = QUMUN_MODE_USER;
		else if (!strcmp(optarg, "kernel"))
			o->mode = QUMUN_MODE_KERNEL;
		else
			return bad("--mode", optarg, "user and kernel");
		return 0;
	case OPT_PARTIAL:
		o->partial = true;
		return 0;
	case OPT_FOR:
		return parse_time(optarg, &o->for_seconds);
	case OPT_CHECK:
		o->check = true;
		return 0;
	case OPT_TAKEOVER:
		o->takeover = true;
		return 0;
	case OPT_REATTACH:
		return parse_number_between("--reattach", optarg, 0, 1000, &o->reattach);
	case OPT_BPF:
		o->bpf_object = optarg;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_LOG_LEVEL:
		return parse_level("--log-level", optarg, &o->level);
	case OPT_SOCKET:
		o->socket = optarg;
		return 0;
	case OPT_READ_GROUP:
		o->read_group = optarg;
		return 0;
	case OPT_CHANGE_GROUP:
		o->change_group = optarg;
		return 0;
	case OPT_METRICS:
		o->metrics = optarg ? optarg : METRICS_DEFAULT;
		return 0;
	case 'v':
		o->level = QUMUN_LOG_DEBUG;
		return 0;
	case 'V':
		o->version = true;
		return 0;
	case 'h':
		o->help = true;
		return 0;
	default:
		fputs("Try 'gthulhu --help'.\n", stderr);
		return EXIT_USAGE;
	}
}

/* The file comes before environment and options, so its name is looked for first. */
static int read_config(struct daemon_options *o, int argc, char **argv)
{
	char why[2048];
	int opt;

	opterr = 0;
	optind = 0;
	while ((opt = getopt_long(argc, argv, "p:m:vVh", long_options, NULL)) != -1) {
		if (opt == OPT_CONFIG)
			o->config_file = optarg;
	}
	opterr = 1;
	optind = 0;
	config_init(&o->config);
	if (o->config_file && config_load(&o->config, o->config_file, why, sizeof(why))) {
		say(QUMUN_LOG_ERROR, "%s", why);
		return EXIT_USAGE;
	}
	o->policy = o->config.policy;
	o->mode = o->config.mode;
	o->partial = o->config.partial;
	o->level = o->config.log_level;
	o->max_tasks = o->config.max_tasks;
	o->reattach = o->config.reattach;
	return 0;
}

int options_parse(struct daemon_options *o, int argc, char **argv)
{
	int opt, err;

	*o = (struct daemon_options){ .level = QUMUN_LOG_INFO };
	err = read_config(o, argc, argv);
	if (!err)
		err = parse_environment(o);
	while (!err &&
	       (opt = getopt_long(argc, argv, "p:m:vVh", long_options, NULL)) != -1)
		err = parse_one(o, opt);
	if (!err && optind < argc) {
		say(QUMUN_LOG_ERROR, "unexpected argument \"%s\": see gthulhu --help",
		    argv[optind]);
		err = EXIT_USAGE;
	}
	if (!err && o->check_config && !o->config_file) {
		say(QUMUN_LOG_ERROR, "--check-config needs --config FILE");
		err = EXIT_USAGE;
	}
	return err;
}

void options_free(struct daemon_options *o)
{
	config_free(&o->config);
	free(o->rules);
	o->rules = NULL;
	o->nr_rules = 0;
}
