/* SPDX-License-Identifier: Apache-2.0 */
/* gthulhuctl trace and record: follow what the scheduler does, as a picture or as text. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../base/record.h"
#include "../base/timeline.h"
#include "ctl.h"

#define DEFAULT_SECONDS 5
#define MAX_SECONDS 3600 /* a record may be twice as long: RECORD_MAX_NS */
#define ALL_AT_ONCE                                                                      \
	1000 /* events; with more of them waiting the next read comes at once */
#define PAUSE_MS 20

struct trace_options {
	double seconds;
	const char *output, *input;
};

/* Where events go: a picture or a text. Made when there is something to write. */
struct sink {
	const char *path;
	bool draws;
	FILE *out;
	struct timeline *picture; /* if it draws */
	struct record_info info;
	unsigned long long events;
	__u64 last_ns; /* of the latest event */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	interrupted = sig;
}

static double clock_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* False: it complained. */
static bool sink_open(struct sink *s)
{
	s->out = strcmp(s->path, "-") ? fopen(s->path, "we") : stdout;
	if (s->out && s->draws)
		s->picture = timeline_begin(s->out, s->info.start_ns, s->info.nr_cpus);
	else if (s->out)
		record_write_head(s->out, &s->info);
	if (s->out && (s->picture || !s->draws))
		return true;
	fprintf(stderr, "gthulhuctl: %s: %s\n", s->path, strerror(errno));
	return false;
}

static void draw_event(void *arg, const struct qumun_trace_event *event)
{
	struct sink *s = arg;

	s->events++;
	if (event->time_ns > s->last_ns)
		s->last_ns = event->time_ns;
	if (s->picture)
		timeline_event(s->picture, event);
}

static void draw_begin(void *arg, const struct record_info *info)
{
	sink_open(arg);
}

static bool sink_begin(struct sink *s, const json_t *start)
{
	struct qumun_trace_event e = { .kind = QUMUN_TRACE_autopilot, .other = 1 };
	const json_t *own = json_object_get(start, "own");
	char line[RECORD_LINE];
	size_t i;

	s->info.nr_cpus = (unsigned int)get_int(start, "cpus");
	if (!s->info.nr_cpus || s->info.nr_cpus > QUMUN_MAX_CPUS) {
		fprintf(stderr, "gthulhuctl: the daemon says that it has %u CPUs\n",
			s->info.nr_cpus);
		return false;
	}
	s->info.start_ns = e.time_ns = (__u64)get_int(start, "time_ns");
	for (i = 0; i < json_array_size(own) && i < RECORD_OWN; i++)
		s->info.own[s->info.nr_own++] =
			(__s32)get_int(json_array_get(own, i), "pid");
	if (!sink_open(s))
		return false;
	if (!get_bool(start, "autopilot"))
		return true;
	if (s->draws)
		draw_event(s, &e);
	else if (record_format(line, &e))
		fputs(line, s->out);
	return true;
}

static void sink_events(struct sink *s, const char *text)
{
	struct qumun_trace_event event;
	char line[RECORD_LINE];
	size_t length;

	if (!s->draws)
		fputs(text, s->out);
	for (; *text; text += length + (text[length] == '\n')) {
		length = strcspn(text, "\n");
		if (!s->draws) {
			s->events++;
			continue;
		}
		if (length >= sizeof(line))
			continue;
		memcpy(line, text, length);
		line[length] = '\0';
		if (record_parse(line, &event))
			draw_event(s, &event);
	}
}

/* False: the file is not what it should be; it complained. */
static bool sink_close(struct sink *s)
{
	/* a live trace that was cut short has none */
	__u64 end = s->info.end_ns ? s->info.end_ns : s->last_ns;
	int err = 0;

	if (!s->out)
		return true;
	if (s->picture)
		err = timeline_end(s->picture, end);
	else if (!s->draws && s->info.end_ns)
		record_write_end(s->out, &s->info);
	if (ferror(s->out) && !err)
		err = -EIO;
	if ((s->out == stdout ? fflush(s->out) : fclose(s->out)) && !err)
		err = -errno;
	if (err)
		fprintf(stderr, "gthulhuctl: %s: %s\n", s->path, strerror(-err));
	return !err;
}

/* One read's worth of events; -1: an error, with its exit code in *@code. */
static long long read_events(struct ctl *ctl, struct sink *s, json_int_t id, int *code)
{
	json_t *result;
	long long count;

	*code = ctl_call(ctl, "trace.read", json_pack("{s:I}", "trace", id), &result);
	if (*code != CTL_OK)
		return -1;
	sink_events(s, get_text(result, "events"));
	count = get_int(result, "count");
	json_decref(result);
	return count;
}

/* From trace.start to the last event. */
static int follow(struct ctl *ctl, struct sink *s, double seconds)
{
	json_t *result;
	long long count;
	double end;
	json_int_t id;
	bool begun;
	int code;

	code = ctl_call(ctl, "trace.start", NULL, &result);
	if (code != CTL_OK)
		return code;
	id = get_int(result, "trace");
	begun = sink_begin(s, result);
	end = clock_s() + seconds;
	json_decref(result);
	while (begun && !interrupted && !ferror(s->out) && clock_s() < end) {
		count = read_events(ctl, s, id, &code);
		if (count < 0)
			return code;
		if (count < ALL_AT_ONCE)
			pause_ms(PAUSE_MS);
	}
	code = ctl_call(ctl, "trace.stop", json_pack("{s:I}", "trace", id), &result);
	if (code != CTL_OK)
		return code;
	s->info.end_ns = (__u64)get_int(result, "time_ns");
	s->info.lost = (__u64)get_int(result, "lost");
	json_decref(result);
	while (begun && (count = read_events(ctl, s, id, &code)) > 0)
		;
	return begun ? code : CTL_FAILED;
}

/* A picture of what was recorded before. */
static int draw_record(struct sink *s, const char *path)
{
	char err[256];
	FILE *in = strcmp(path, "-") ? fopen(path, "re") : stdin;
	int failed;

	if (!in) {
		fprintf(stderr, "gthulhuctl: %s: %s\n", path, strerror(errno));
		return CTL_FAILED;
	}
	failed = record_read(in, &s->info, draw_begin, draw_event, s, err, sizeof(err));
	if (in != stdin)
		fclose(in);
	if (failed)
		fprintf(stderr, "gthulhuctl: %s: %s\n", path, err);
	else if (!s->info.complete)
		fprintf(stderr,
			"gthulhuctl: %s: it has no end: drawn up to the last event\n",
			path);
	return failed || !s->picture ? CTL_FAILED : CTL_OK;
}

static int parse_options(int argc, char **argv, struct trace_options *o, bool picture)
{
	static const struct option longs[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "output", required_argument, NULL, 'o' },
		{ "input", required_argument, NULL, 'i' },
		{ 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, picture ? "o:i:" : "o:", longs, NULL)) !=
	       -1) {
		switch (opt) {
		case 's':
			if (!parse_between(optarg, 0.1, MAX_SECONDS, &o->seconds))
				return usage_error("--seconds takes 0.1 to %d",
						   MAX_SECONDS);
			break;
		case 'o':
			o->output = optarg;
			break;
		case 'i':
			if (picture) {
				o->input = optarg;
				break;
			}
			/* fall through */
		default:
			optind = -1;
		}
		if (optind < 0)
			break;
	}
	if (optind != argc)
		return usage_error("%s takes --seconds N, -o FILE%s", argv[0],
				   picture ? ", -i RECORD" : "");
	return CTL_OK;
}

static int run(struct ctl *ctl, int argc, char **argv, bool picture)
{
	struct trace_options o = { .seconds = DEFAULT_SECONDS,
				   .output = picture ? "gthulhu-trace.json"
						     : "gthulhu-record.txt" };
	struct sigaction sa = { .sa_handler = on_signal };
	struct sink s = { .draws = picture };
	int code = parse_options(argc, argv, &o, picture);

	if (code != CTL_OK)
		return code;
	s.path = o.output;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	code = o.input ? draw_record(&s, o.input) : follow(ctl, &s, o.seconds);
	if (!sink_close(&s))
		code = code == CTL_OK ? CTL_FAILED : code;
	else if (code != CTL_OK && s.out && s.out != stdout)
		fprintf(stderr, "gthulhuctl: %s holds what came before\n", s.path);
	if (code != CTL_OK)
		return code;
	fprintf(stderr, "%llu events, %llu lost\n", s.events,
		(unsigned long long)s.info.lost);
	if (strcmp(s.path, "-"))
		printf(picture ? "%s is written: open it in https://ui.perfetto.dev\n"
			       : "%s is written: gthulhu-sim replay runs it\n",
		       s.path);
	return CTL_OK;
}

int cmd_trace(struct ctl *ctl, int argc, char **argv)
{
	return run(ctl, argc, argv, true);
}

int cmd_record(struct ctl *ctl, int argc, char **argv)
{
	return run(ctl, argc, argv, false);
}
