/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a file a trace that ui.perfetto.dev can show, and does it hold together? It must parse; the
 * slices of a track must not overlap; each arrow must begin and end once, in this order, and
 * within a slice of its track. Prints what was found, for scripts:
 *
 *     tracks N / arrows N / decisions N / autopilot US / span US
 *     run NAME US SLICES       for each name on the CPUs' tracks
 *     wait HOW US SLICES       woken, or stayed runnable
 *
 * usage: check_trace FILE; exit code 1: it does not hold together
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

struct slice {
	int group, track;
	double from, to;
	const char *name;
};

struct sum {
	char name[64];
	double us;
	int nr;
};

static struct slice *slices;
static struct sum sums[2][4096];
static size_t nr_slices, nr_sums[2];
static int bad;

static int by_track(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;

	if (x->group != y->group)
		return x->group - y->group;
	if (x->track != y->track)
		return x->track - y->track;
	return x->from < y->from ? -1 : x->from > y->from;
}

static const char *text(const json_t *e, const char *key)
{
	const char *value = json_string_value(json_object_get(e, key));

	return value ? value : "";
}

static double number(const json_t *e, const char *key)
{
	return json_number_value(json_object_get(e, key));
}

static void add_sum(int which, const char *name, double us)
{
	size_t i;

	for (i = 0; i < nr_sums[which] && strcmp(sums[which][i].name, name); i++)
		;
	if (i == 4096)
		return;
	if (i == nr_sums[which])
		snprintf(sums[which][nr_sums[which]++].name, sizeof(sums[0][0].name),
			 "%s", name);
	sums[which][i].us += us;
	sums[which][i].nr++;
}

static void collect(const json_t *events)
{
	size_t i, room = json_array_size(events);

	slices = calloc(room + 1, sizeof(*slices));
	for (i = 0; i < room; i++) {
		const json_t *e = json_array_get(events, i);

		if (strcmp(text(e, "ph"), "X"))
			continue;
		slices[nr_slices++] = (struct slice){
			(int)number(e, "pid"), (int)number(e, "tid"), number(e, "ts"),
			number(e, "ts") + number(e, "dur"), text(e, "name")
		};
	}
	qsort(slices, nr_slices, sizeof(*slices), by_track);
	for (i = 1; i < nr_slices; i++) {
		const struct slice *a = &slices[i - 1], *b = &slices[i];

		if (a->group == b->group && a->track == b->track &&
		    a->to > b->from + 0.0011) {
			printf("overlap on %d/%d: %s until %.3f, %s from %.3f\n",
			       a->group, a->track, a->name, a->to, b->name, b->from);
			bad = 1;
		}
	}
}

/* Some slice of the track holds the instant. */
static int inside(int group, int track, double at)
{
	struct slice key = { .group = group, .track = track, .from = at };
	size_t low = 0, high = nr_slices, i;

	while (low < high) {
		i = (low + high) / 2;
		if (by_track(&slices[i], &key) <= 0)
			low = i + 1;
		else
			high = i;
	}
	return low && slices[low - 1].group == group && slices[low - 1].track == track &&
	       slices[low - 1].to >= at - 0.0011;
}

static int check_arrows(const json_t *events)
{
	size_t i, nr = json_array_size(events);
	double *begun = calloc(nr + 2, sizeof(*begun));
	char *ended = calloc(nr + 2, 1);
	int arrows = 0, open = 0;

	for (i = 0; i < nr; i++) {
		const json_t *e = json_array_get(events, i);
		size_t id = (size_t)number(e, "id");
		char phase = *text(e, "ph");
		double ts = number(e, "ts");

		if (phase != 's' && phase != 'f')
			continue;
		if (id > nr ||
		    !inside((int)number(e, "pid"), (int)number(e, "tid"), ts)) {
			printf("arrow %zu: %c at %.3f is in no slice\n", id, phase, ts);
			bad = 1;
		} else if (phase == 's') {
			bad |= begun[id] > 0;
			begun[id] = ts + 1;
			open++;
		} else {
			if (!(begun[id] > 0) || ended[id] || ts + 1 < begun[id]) {
				printf("arrow %zu ends at %.3f, began at %.3f\n", id, ts,
				       begun[id] - 1);
				bad = 1;
			}
			ended[id] = 1;
			open--;
			arrows++;
		}
	}
	if (open) {
		printf("%d arrows have no end\n", open);
		bad = 1;
	}
	free(begun);
	free(ended);
	return arrows;
}

int main(int argc, char **argv)
{
	json_error_t error;
	json_t *root = json_load_file(argc > 1 ? argv[1] : "", 0, &error), *events;
	int tracks = 0, decisions = 0, arrows, which;
	double autopilot = 0, span = 0;
	size_t i;

	if (!root) {
		printf("%s, line %d\n", error.text, error.line);
		return 1;
	}
	events = json_object_get(root, "traceEvents");
	collect(events);
	arrows = check_arrows(events);
	for (i = 0; i < json_array_size(events); i++) {
		const json_t *e = json_array_get(events, i);

		tracks += !strcmp(text(e, "name"), "thread_name");
		decisions += *text(e, "ph") == 'i';
	}
	for (i = 0; i < nr_slices; i++) {
		const struct slice *s = &slices[i];

		if (s->to > span)
			span = s->to;
		if (s->group == 1)
			add_sum(0, s->name, s->to - s->from);
		else if (s->group == 2)
			add_sum(1, s->name, s->to - s->from);
		else
			autopilot += s->to - s->from;
	}
	printf("tracks %d\narrows %d\ndecisions %d\nautopilot %.0f\nspan %.0f\n", tracks,
	       arrows, decisions, autopilot, span);
	for (which = 0; which < 2; which++) {
		for (i = 0; i < nr_sums[which]; i++)
			printf("%s %s %.0f %d\n", which ? "wait" : "run",
			       sums[which][i].name, sums[which][i].us, sums[which][i].nr);
	}
	json_decref(root);
	free(slices);
	return bad;
}
