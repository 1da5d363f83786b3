/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gthulhuctl bugreport: one file with everything that a report needs. It works without a daemon
 * too, since that may be what the report is about.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"

static void section(FILE *out, const char *title)
{
	fprintf(out, "\n== %s ==\n", title);
}

static void add_file(FILE *out, const char *path)
{
	FILE *in = fopen(path, "re");
	char line[1024];
	int lines = 0;

	if (!in) {
		fprintf(out, "%s: %s\n", path, strerror(errno));
		return;
	}
	while (lines++ < 200 && fgets(line, sizeof(line), in))
		fprintf(out, "%s: %s%s", path, line, strchr(line, '\n') ? "" : "\n");
	fclose(in);
}

/* What a command prints; fixed words only, nothing of the user's gets into the shell. */
static void add_command(FILE *out, const char *command)
{
	char line[1024];
	FILE *in = popen(command, "re");

	if (!in)
		return;
	while (fgets(line, sizeof(line), in))
		fputs(line, out);
	pclose(in);
}

static void add_request(struct ctl *ctl, FILE *out, const char *request)
{
	json_t *result;

	section(out, request);
	if (ctl_call(ctl, request, NULL, &result) != CTL_OK) {
		fprintf(out, "%s\n", ctl->error);
		return;
	}
	json_dumpf(result, out, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	fputc('\n', out);
	json_decref(result);
}

static void write_report(struct ctl *ctl, FILE *out)
{
	static const char *const files[] = {
		"/etc/os-release",
		"/proc/cmdline",
		"/proc/loadavg",
		"/sys/kernel/sched_ext/state",
		"/sys/kernel/sched_ext/switch_all",
		"/sys/kernel/sched_ext/nr_rejected",
		"/sys/kernel/sched_ext/enable_seq",
		"/sys/kernel/sched_ext/root/ops",
		"/sys/kernel/sched_ext/root/events",
		"/sys/devices/system/cpu/online",
		"/sys/devices/system/cpu/smt/active",
		"/etc/gthulhu/gthulhu.yaml",
	};
	time_t now = time(NULL);
	struct utsname u;
	char stamp[32];
	size_t i;

	strftime(stamp, sizeof(stamp), "%FT%TZ", gmtime(&now));
	uname(&u);
	fprintf(out,
		"gthulhu bug report, %s\ngthulhuctl %s, control protocol %d\n%s %s %s %s\n",
		stamp, CTL_VERSION, CONTROL_VERSION, u.sysname, u.release, u.version,
		u.machine);
	section(out, "system");
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		add_file(out, files[i]);
	section(out, "what the kernel offers (gthulhu --check)");
	fflush(out);
	add_command(out, "PATH=$PATH:/usr/sbin:/sbin gthulhu --version 2>&1; "
			 "PATH=$PATH:/usr/sbin:/sbin gthulhu --check 2>&1");
	add_request(ctl, out, "log");
	add_request(ctl, out, "dump");
	section(out, "kernel messages about sched_ext");
	add_command(out, "dmesg 2>&1 | grep -i -e sched_ext -e gthulhu | tail -n 60");
}

int cmd_bugreport(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' }, { 0 }
	};
	char path[256] = "";
	time_t now = time(NULL);
	FILE *out;
	int opt;

	strftime(path, sizeof(path), "gthulhu-bugreport-%Y%m%d-%H%M%S.txt", gmtime(&now));
	while ((opt = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		if (opt != 'o' || strlen(optarg) >= sizeof(path))
			return usage_error("bugreport takes -o FILE");
		strcpy(path, optarg);
	}
	if (optind < argc)
		return usage_error("bugreport takes -o FILE");
	out = strcmp(path, "-") ? fopen(path, "we") : stdout;
	if (!out) {
		fprintf(stderr, "gthulhuctl: %s: %s\n", path, strerror(errno));
		return CTL_FAILED;
	}
	ctl->quiet = true;
	write_report(ctl, out);
	if (out == stdout)
		return CTL_OK;
	if (fclose(out)) {
		fprintf(stderr, "gthulhuctl: %s: %s\n", path, strerror(errno));
		return CTL_FAILED;
	}
	printf("%s is written. Read it before you send it: it names the programs that run here.\n",
	       path);
	return CTL_OK;
}
