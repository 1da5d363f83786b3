/* SPDX-License-Identifier: Apache-2.0 */
/* gthulhuctl stats: all counters, or what they grow by. */
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	interrupted = 1;
}

/* Names with their meaning, in the daemon's order. */
static int print_all(struct ctl *ctl, const json_t *stats)
{
	const json_t *counters = json_object_get(stats, "counters");
	json_t *schema, *c;
	size_t i;
	int code = ctl_call(ctl, "schema", NULL, &schema);

	if (code != CTL_OK)
		return code;
	json_array_foreach(json_object_get(schema, "counters"), i, c)
		printf("%-20s %16lld  %s\n", get_text(c, "name"),
		       get_int(counters, get_text(c, "name")), get_text(c, "doc"));
	json_decref(schema);
	return CTL_OK;
}

static void print_line(const json_t *now, const json_t *before, int nr)
{
	const json_t *a = json_object_get(now, "counters"),
		     *b = json_object_get(before, "counters");
	double s = (get_real(now, "time_ns") - get_real(before, "time_ns")) / 1e9, waits;
	char t[7][TEXT_SIZE];

	if (s <= 0)
		s = 1;

#define RATE(name) ((get_real(a, name) - get_real(b, name)) / s)
	if (nr % 20 == 0)
		printf("%9s %9s %9s %9s %9s %9s %9s %9s\n", "runs/s", "direct/s",
		       "asked/s", "decided/s", "taken/s", "moves/s", "busy", "wait");
	waits = RATE("runs");
	printf("%9s %9s %9s %9s %9s %9s %8.0f%% %9s\n", text_count(t[0], RATE("runs")),
	       text_count(t[1], RATE("direct")), text_count(t[2], RATE("asked")),
	       text_count(t[3], RATE("decided")),
	       text_count(t[4], RATE("taken_back") + RATE("rescued")),
	       text_count(t[5], RATE("migrations")), RATE("run_ns") / 1e7,
	       text_time(t[6], waits > 0 ? RATE("wait_ns") / waits : 0));
	fflush(stdout);
#undef RATE
}

static int watch(struct ctl *ctl, json_t *before, double seconds)
{
	struct sigaction sa = { .sa_handler = on_interrupt };
	int code = CTL_OK, nr = 0;
	json_t *now;

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	while (!interrupted && pause_ms((int)(seconds * 1000))) {
		code = ctl_call(ctl, "stats", NULL, &now);
		if (code != CTL_OK)
			break;
		if (ctl->json)
			print_json(now);
		else
			print_line(now, before, nr++);
		fflush(stdout);
		json_decref(before);
		before = now;
		if (ferror(stdout))
			break;
	}
	json_decref(before);
	return code;
}

int cmd_stats(struct ctl *ctl, int argc, char **argv)
{
	double seconds = 1;
	bool watching = false;
	json_t *stats;
	int code;

	if (argc > 1) {
		watching = !strcmp(argv[1], "--watch") || !strcmp(argv[1], "-w");
		if (!watching || argc > 3)
			return usage_error("stats takes --watch [SECONDS] or nothing");
		if (argc == 3 && !parse_between(argv[2], 0.1, 3600, &seconds))
			return usage_error(
				"--watch is \"%s\": must be 0.1 to 3600 seconds",
				argv[2]);
	}
	code = ctl_call(ctl, "stats", NULL, &stats);
	if (code != CTL_OK)
		return code;
	if (watching)
		return watch(ctl, stats, seconds);
	if (ctl->json)
		print_json(stats);
	else
		code = print_all(ctl, stats);
	json_decref(stats);
	return code;
}
