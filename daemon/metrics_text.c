/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scrape as text. Names follow Prometheus's conventions: base units (seconds), _total for what
 * only grows. Counters come from the table in counters.h: run_ns becomes
 * gthulhu_run_seconds_total.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"

static const struct {
	const char *name, *doc;
} counters[QUMUN_NR_COUNTERS] = {
#define X(name, doc) { #name, doc },
	QUMUN_COUNTERS(X)
#undef X
};

static const __u64 bounds[QUMUN_NR_LATENCY - 1] = QUMUN_LATENCY_BOUNDS;

static void head(FILE *out, const char *name, const char *type, const char *doc)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, doc, name, type);
}

static void gauge(FILE *out, const char *name, double value, const char *doc)
{
	head(out, name, "gauge", doc);
	fprintf(out, "%s %.15g\n", name, value);
}

/* Backslash, quote and newline are the three that a label's value must escape. */
static void label(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", out);
		else if (*value == '\\' || *value == '"')
			fprintf(out, "\\%c", *value);
		else
			fputc(*value, out);
	}
	fputc('"', out);
}

static void seconds(FILE *out, __u64 ns)
{
	fprintf(out, "%" PRIu64 ".%09" PRIu64 "\n", (uint64_t)(ns / 1000000000),
		(uint64_t)(ns % 1000000000));
}

static void render_info(FILE *out, const struct metrics_view *v)
{
	head(out, "gthulhu_build_info", "gauge", "What runs; always 1.");
	fputs("gthulhu_build_info{", out);
	label(out, "version", v->version);
	fputc(',', out);
	label(out, "commit", v->commit);
	fputc(',', out);
	label(out, "policy", v->policy);
	fputc(',', out);
	label(out, "kernel", v->kernel);
	fputs("} 1\n", out);
}

static void render_counters(FILE *out, const struct metrics_view *v)
{
	char name[128], doc[256];
	size_t i, length;
	bool is_time;

	for (i = 0; i < QUMUN_NR_COUNTERS; i++) {
		length = strlen(counters[i].name);
		is_time = length > 3 && !strcmp(counters[i].name + length - 3, "_ns");
		snprintf(name, sizeof(name), "gthulhu_%.*s%s",
			 (int)(is_time ? length - 3 : length), counters[i].name,
			 is_time ? "_seconds_total" : "_total");
		if (is_time && !strncmp(counters[i].doc, "ns ", 3))
			snprintf(doc, sizeof(doc), "seconds %s", counters[i].doc + 3);
		else
			snprintf(doc, sizeof(doc), "%s", counters[i].doc);
		head(out, name, "counter", doc);
		fprintf(out, "%s ", name);
		if (is_time)
			seconds(out, v->counters[i]);
		else
			fprintf(out, "%" PRIu64 "\n", (uint64_t)v->counters[i]);
	}
}

/* @label: in front of each other label, with its comma; or "". */
static void histogram(FILE *out, const char *name, const char *label,
		      const struct qumun_latency *l)
{
	int i, length = (int)strlen(label);
	__u64 sum = 0;

	for (i = 0; i < QUMUN_NR_LATENCY - 1; i++) {
		sum += l->buckets[i];
		fprintf(out, "%s_bucket{%sle=\"%g\"} %" PRIu64 "\n", name, label,
			(double)bounds[i] / 1e9, (uint64_t)sum);
	}
	sum += l->buckets[i];
	fprintf(out, "%s_bucket{%sle=\"+Inf\"} %" PRIu64 "\n", name, label,
		(uint64_t)sum);
	/* without the comma, and without braces around nothing */
	length -= length > 0;
	fprintf(out, "%s_sum%s%.*s%s ", name, length ? "{" : "", length, label,
		length ? "}" : "");
	seconds(out, l->sum_ns);
	fprintf(out, "%s_count%s%.*s%s %" PRIu64 "\n", name, length ? "{" : "", length,
		label, length ? "}" : "", (uint64_t)sum);
}

static void render_latency(FILE *out, const struct metrics_view *v)
{
	static const char name[] = "gthulhu_run_queue_wait_duration_seconds";

	head(out, name, "histogram", "Time from runnable to running.");
	histogram(out, name, "", &v->latency);
}

/* class="batch", or id="3",rule="comm=x*,class=batch", and a comma; for free(). */
static char *share_label(const struct metrics_share *s)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (s->share.rule_id) {
		fprintf(out, "id=\"%u\",", s->share.rule_id);
		label(out, "rule", s->name);
	} else {
		label(out, "class", s->name);
	}
	fputc(',', out);
	fclose(out);
	return text;
}

static void render_shares(FILE *out, const char *kind, const struct metrics_share *s,
			  unsigned int nr)
{
	char name[64], *text;
	unsigned int i;

	if (!nr)
		return;
	snprintf(name, sizeof(name), "gthulhu_%s_wait_duration_seconds", kind);
	head(out, name, "histogram", "Time from runnable to running, of its tasks.");
	for (i = 0; i < nr; i++) {
		text = share_label(&s[i]);
		if (text)
			histogram(out, name, text, &s[i].share.latency);
		free(text);
	}
	snprintf(name, sizeof(name), "gthulhu_%s_run_seconds_total", kind);
	head(out, name, "counter", "Time that its tasks ran.");
	for (i = 0; i < nr; i++) {
		text = share_label(&s[i]);
		if (text) {
			fprintf(out, "%s{%.*s} ", name, (int)strlen(text) - 1, text);
			seconds(out, s[i].share.run_ns);
		}
		free(text);
	}
}

static void render_cpus(FILE *out, const struct metrics_view *v)
{
	__u32 i;

	if (!v->nr_cpus)
		return;
	head(out, "gthulhu_cpu_runs_total", "counter",
	     "Times a task began to run, by CPU.");
	for (i = 0; i < v->nr_cpus; i++)
		fprintf(out, "gthulhu_cpu_runs_total{cpu=\"%u\"} %" PRIu64 "\n", i,
			(uint64_t)v->cpus[i].runs);
	head(out, "gthulhu_cpu_run_seconds_total", "counter",
	     "Time that tasks ran, by CPU.");
	for (i = 0; i < v->nr_cpus; i++) {
		fprintf(out, "gthulhu_cpu_run_seconds_total{cpu=\"%u\"} ", i);
		seconds(out, v->cpus[i].run_ns);
	}
	head(out, "gthulhu_cpu_queued_tasks", "gauge", "Tasks in the queue of a CPU.");
	for (i = 0; i < v->nr_cpus; i++)
		fprintf(out, "gthulhu_cpu_queued_tasks{cpu=\"%u\"} %u\n", i,
			v->cpus[i].queued);
}

void metrics_render(FILE *out, const struct metrics_view *v)
{
	render_info(out, v);
	gauge(out, "gthulhu_attached", v->attached,
	      "1: it schedules; 0: it waits until it may attach again.");
	head(out, "gthulhu_ejections_total", "counter",
	     "Times the kernel ended the scheduler.");
	fprintf(out, "gthulhu_ejections_total %u\n", v->ejections);
	gauge(out, "gthulhu_user_mode", v->user_mode,
	      "1: the policy decides; 0: the BPF half.");
	gauge(out, "gthulhu_autopilot_active", v->autopilot,
	      "1: the BPF half stands in for a late policy.");
	gauge(out, "gthulhu_uptime_seconds", v->uptime_seconds,
	      "Time since attach; 0 while detached.");
	gauge(out, "gthulhu_cpus_online", (double)v->cpus_online,
	      "CPUs that are online.");
	gauge(out, "gthulhu_tasks", (double)v->tasks, "Tasks that have a record.");
	gauge(out, "gthulhu_tasks_active", (double)v->tasks_active,
	      "Of these, runnable or running.");
	head(out, "gthulhu_policy_faults_total", "counter",
	     "Page faults of the settled policy thread; stays 0.");
	fprintf(out, "gthulhu_policy_faults_total %" PRIu64 "\n",
		(uint64_t)v->policy_faults);
	render_counters(out, v);
	render_latency(out, v);
	render_shares(out, "class", v->classes, v->nr_classes);
	render_shares(out, "rule", v->rules, v->nr_rules);
	render_cpus(out, v);
}
