/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: a record, for those who read it: as events in range that can be written again, as a
 * picture, and as a scenario, whose times lie within the record.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../base/record.h"
#include "../../base/timeline.h"
#include "../../sim/scenario.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

struct drawing {
	const struct record_info *info;
	struct timeline *picture;
	FILE *out;
};

static void must(bool good)
{
	if (!good)
		abort();
}

static void begin(void *arg, const struct record_info *info)
{
	struct drawing *d = arg;

	must(info->nr_cpus >= 1 && info->nr_cpus <= QUMUN_MAX_CPUS);
	d->info = info;
	d->picture = timeline_begin(d->out, info->start_ns, info->nr_cpus);
}

static void event(void *arg, const struct qumun_trace_event *event)
{
	struct qumun_trace_event again;
	struct drawing *d = arg;
	char line[RECORD_LINE];
	size_t length = record_format(line, event);

	must(event->cpu < d->info->nr_cpus && event->pid >= 0 &&
	     event->pid <= RECORD_MAX_PID);
	must(event->time_ns + RECORD_DISORDER_NS >= d->info->start_ns);
	must(length && length < sizeof(line) && line[length - 1] == '\n');
	line[length - 1] = '\0';
	must(record_parse(line, &again) && again.time_ns == event->time_ns &&
	     again.value == event->value && again.other == event->other);
	timeline_event(d->picture, event);
}

static void draw(FILE *in)
{
	struct drawing d = { .out = fopen("/dev/null", "we") };
	struct record_info info;
	char err[256] = "";

	if (record_read(in, &info, begin, event, &d, err, sizeof(err)))
		must(*err && !strchr(err, '\n'));
	else
		must(d.picture && (!info.complete || info.end_ns >= info.start_ns));
	if (d.picture)
		must(!timeline_end(d.picture, info.end_ns));
	fclose(d.out);
}

static void check_times(const struct scen_task *t)
{
	__u32 i;

	must(t->start_ns <= RECORD_MAX_NS);
	for (i = 0; i < t->nr_ops; i++)
		must(t->ops[i].kind != OP_UNTIL || t->ops[i].a <= RECORD_MAX_NS);
}

static void replay(const char *path)
{
	struct scenario sc;
	char err[256] = "";
	__u32 i;

	scenario_init(&sc);
	if (scenario_read_record(&sc, path, err, sizeof(err))) {
		must(*err);
	} else {
		must(sc.duration_ns && sc.duration_ns <= RECORD_MAX_NS);
		must(!scenario_check(&sc, err, sizeof(err)) || !sc.nr_tasks);
		for (i = 0; i < sc.nr_tasks; i++)
			check_times(&sc.tasks[i]);
	}
	scenario_free(&sc);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	int fd = memfd_create("record", 0);
	char path[64];
	FILE *in;

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	in = fopen(path, "re");
	must(in != NULL);
	draw(in);
	fclose(in);
	replay(path);
	close(fd);
	return 0;
}
