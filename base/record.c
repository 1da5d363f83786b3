/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

/* Behind what is wrong, which comes behind the line's number. */
#define DAMAGED "; the file is damaged: record again"

static const char *const kinds[QUMUN_NR_TRACE_KINDS] = {
#define X(name, other, value, doc) #name,
	QUMUN_TRACE_EVENTS(X)
#undef X
};

const char *record_kind(unsigned int kind)
{
	return kind < QUMUN_NR_TRACE_KINDS ? kinds[kind] : NULL;
}

size_t record_format(char line[RECORD_LINE], const struct qumun_trace_event *e)
{
	int length;
	size_t i;

	if (!record_kind(e->kind))
		return 0;
	length = snprintf(line, RECORD_LINE, "%" PRIu64 " %u %s %d %d %" PRIu64,
			  (uint64_t)e->time_ns, e->cpu, kinds[e->kind], e->pid, e->other,
			  (uint64_t)e->value);
	if (*e->comm)
		line[length++] = ' ';
	for (i = 0; i < sizeof(e->comm) - 1 && e->comm[i]; i++)
		line[length++] =
			e->comm[i] >= ' ' && e->comm[i] <= '~' ? e->comm[i] : '?';
	line[length++] = '\n';
	line[length] = '\0';
	return (size_t)length;
}

/* The word from *@text to the next blank, which *@text moves behind. False: none, or too long. */
static bool next_word(const char **text, char *word, size_t size)
{
	size_t length = strcspn(*text, " ");

	if (!length || length >= size)
		return false;
	memcpy(word, *text, length);
	word[length] = '\0';
	*text += length + ((*text)[length] == ' ');
	return true;
}

static bool next_number(const char **text, uint64_t max, uint64_t *n)
{
	char word[24];

	return next_word(text, word, sizeof(word)) && !parse_number(word, n) && *n <= max;
}

/* One that may be below 0. */
static bool next_int(const char **text, __s32 *n)
{
	bool below = **text == '-';
	uint64_t size;

	*text += below;
	if (!next_number(text, INT_MAX, &size))
		return false;
	*n = below ? -(__s32)size : (__s32)size;
	return true;
}

bool record_parse(const char *line, struct qumun_trace_event *e)
{
	uint64_t time, cpu, value;
	char kind[16];
	unsigned int i;

	memset(e, 0, sizeof(*e));
	if (!next_number(&line, UINT64_MAX, &time) ||
	    !next_number(&line, UINT_MAX, &cpu) ||
	    !next_word(&line, kind, sizeof(kind)) || !next_int(&line, &e->pid) ||
	    !next_int(&line, &e->other) || !next_number(&line, UINT64_MAX, &value))
		return false;
	for (i = 0; i < QUMUN_NR_TRACE_KINDS && strcmp(kinds[i], kind); i++)
		;
	if (i == QUMUN_NR_TRACE_KINDS)
		return false;
	e->time_ns = time;
	e->cpu = (__u32)cpu;
	e->value = value;
	e->kind = i;
	snprintf(e->comm, sizeof(e->comm), "%s", line);
	return true;
}

void record_write_head(FILE *out, const struct record_info *info)
{
	unsigned int i;

	fprintf(out, "%s\ncpus %u\nstart %" PRIu64 "\n", RECORD_MAGIC, info->nr_cpus,
		(uint64_t)info->start_ns);
	for (i = 0; i < info->nr_own; i++)
		fprintf(out, "own %d\n", info->own[i]);
}

void record_write_end(FILE *out, const struct record_info *info)
{
	fprintf(out, "lost %" PRIu64 "\nend %" PRIu64 "\n", (uint64_t)info->lost,
		(uint64_t)info->end_ns);
}

struct reading {
	struct record_info *info;
	unsigned long line; /* its number, from 1 */
	bool has_start, begun;
	__u64 latest; /* of the events and the start */
	char *err;
	size_t size;
};

/* Returns false. */
static bool refuse(struct reading *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static bool refuse(struct reading *r, const char *fmt, ...)
{
	int length = snprintf(r->err, r->size, "line %lu: ", r->line);
	va_list args;

	va_start(args, fmt);
	vsnprintf(r->err + length, r->size - (size_t)length, fmt, args);
	va_end(args);
	return false;
}

static bool end_fits(struct reading *r, uint64_t end)
{
	const struct record_info *info = r->info;

	if (end < info->start_ns ||
	    (end < r->latest && r->latest - end > RECORD_DISORDER_NS))
		return refuse(r, "end %" PRIu64 " lies before what was recorded" DAMAGED,
			      end);
	if (end - info->start_ns > RECORD_MAX_NS)
		return refuse(r, "end: a record of more than two hours" DAMAGED);
	return true;
}

/* "cpus 2" and its like. Unknown words are skipped. */
static bool read_word(struct reading *r, const char *line)
{
	static const char *const words[] = { "cpus", "start", "own", "lost", "end" };
	enum { CPUS, START, OWN, LOST, END, NR };
	struct record_info *info = r->info;
	char word[16];
	uint64_t n;
	int i;

	if (!next_word(&line, word, sizeof(word)))
		return true;
	for (i = 0; i < NR && strcmp(words[i], word); i++)
		;
	if (i == NR)
		return true;
	if (parse_number(line, &n))
		return refuse(r, "%s: no number: %.40s" DAMAGED, word, line);
	if (r->begun && i <= OWN)
		return refuse(r, "%s: must stand before the first event" DAMAGED, word);
	switch (i) {
	case CPUS:
		if (!n || n > QUMUN_MAX_CPUS)
			return refuse(r, "cpus: must be 1 to %d" DAMAGED, QUMUN_MAX_CPUS);
		info->nr_cpus = (unsigned int)n;
		break;
	case START:
		info->start_ns = r->latest = n;
		r->has_start = true;
		break;
	case OWN:
		if (!n || n > RECORD_MAX_PID)
			return refuse(r, "own: must be 1 to %d" DAMAGED, RECORD_MAX_PID);
		if (info->nr_own < RECORD_OWN)
			info->own[info->nr_own++] = (__s32)n;
		break;
	case LOST:
		info->lost = n;
		break;
	case END:
		if (!end_fits(r, n))
			return false;
		info->end_ns = n;
		info->complete = true;
		break;
	}
	return true;
}

/* Is it one that the scheduler can have written there? */
static bool event_fits(struct reading *r, const struct qumun_trace_event *e)
{
	const struct record_info *info = r->info;

	if (!info->nr_cpus || !r->has_start)
		return refuse(r,
			      "cpus and start must stand before the first event" DAMAGED);
	if (info->complete)
		return refuse(r, "an event after the end" DAMAGED);
	if (e->cpu >= info->nr_cpus)
		return refuse(r, "CPU %u: cpus says 0 to %u" DAMAGED, e->cpu,
			      info->nr_cpus - 1);
	if (e->kind == QUMUN_TRACE_autopilot ? e->pid < 0 || e->pid >= QUMUN_MAX_SHARDS
					     : e->pid < 1 || e->pid > RECORD_MAX_PID)
		return refuse(r, "no such pid: %d" DAMAGED, e->pid);
	if (e->time_ns < r->latest && r->latest - e->time_ns > RECORD_DISORDER_NS)
		return refuse(r, "time goes back from %" PRIu64 " to %" PRIu64 DAMAGED,
			      (uint64_t)r->latest, (uint64_t)e->time_ns);
	if (e->time_ns > info->start_ns && e->time_ns - info->start_ns > RECORD_MAX_NS)
		return refuse(r, "more than two hours after the start" DAMAGED);
	switch (e->kind) {
	case QUMUN_TRACE_run:
	case QUMUN_TRACE_on:
	case QUMUN_TRACE_stop:
		if (e->kind == QUMUN_TRACE_stop
			    ? e->other > QUMUN_STOP_EXITS || e->other < QUMUN_STOP_SLEEPS
			    : e->other < 0)
			return refuse(r, "no such %s: %d" DAMAGED,
				      e->kind == QUMUN_TRACE_stop ? "end of a run"
								  : "weight",
				      e->other);
		break;
	case QUMUN_TRACE_wake:
		if (e->other < 0 || e->other > RECORD_MAX_PID)
			return refuse(r, "no such waker: %d" DAMAGED, e->other);
		break;
	}
	return true;
}

int record_read(FILE *in, struct record_info *info,
		void (*begin)(void *arg, const struct record_info *info),
		void (*event)(void *arg, const struct qumun_trace_event *event),
		void *arg, char *err, size_t size)
{
	struct reading r = { .info = info, .err = err, .size = size };
	struct qumun_trace_event e;
	char line[RECORD_LINE];
	size_t length;

	memset(info, 0, sizeof(*info));
	while (fgets(line, sizeof(line), in)) {
		r.line++;
		length = strcspn(line, "\n");
		/* the last line is not whole: what came before counts */
		if (!line[length] && feof(in) && r.begun)
			break;
		if (!line[length] && !feof(in)) {
			refuse(&r, "too long, or no text" DAMAGED);
			return -EINVAL;
		}
		line[length] = '\0';
		if (r.line == 1) {
			if (!strcmp(line, RECORD_MAGIC))
				continue;
			refuse(&r, "must be \"%s\": not what gthulhuctl record writes",
			       RECORD_MAGIC);
			return -EINVAL;
		}
		if (*line < '0' || *line > '9') {
			if (!read_word(&r, line))
				return -EINVAL;
			continue;
		}
		if (!record_parse(line, &e)) {
			refuse(&r, "no event: %.40s" DAMAGED, line);
			return -EINVAL;
		}
		if (!event_fits(&r, &e))
			return -EINVAL;
		if (!r.begun)
			begin(arg, info);
		r.begun = true;
		if (e.time_ns > r.latest)
			r.latest = e.time_ns;
		event(arg, &e);
	}
	if (ferror(in)) {
		snprintf(err, size, "%s", strerror(errno));
		return -EIO;
	}
	if (!r.begun) {
		snprintf(err, size, "no events: record again, while something runs");
		return -EINVAL;
	}
	if (!info->complete)
		info->end_ns = r.latest;
	return 0;
}
