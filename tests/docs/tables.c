/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docs/counters.md and docs/parameters.md, made from the tables in the headers. usage: tables
 * counters|parameters
 */
#include <qumun/counters.h>
#include <qumun/params.h>
#include <stdio.h>
#include <string.h>

static const char licence[] = "<!-- SPDX-License-Identifier: Apache-2.0 -->\n";

static void counters(void)
{
	printf("%s"
	       "<!-- Made by `build/tests/docs/tables counters >docs/counters.md`. -->\n"
	       "# Counters\n"
	       "\n"
	       "Kept per CPU by the kernel half, from load to close. `gthulhu` prints their sums "
	       "when it ends,\n"
	       "`--json` as JSON; `qumun_get_counters()` reads them at any time. The table is "
	       "`include/qumun/counters.h`.\n"
	       "\n"
	       "At rest they reconcile exactly:\n"
	       "\n"
	       "    made runnable = direct + asked + standing + kernel_*          (all causes)\n"
	       "    asked         = decided + taken_back + rescued + cancelled + still queued\n"
	       "\n"
	       "| counter | meaning |\n"
	       "|---|---|\n",
	       licence);
#define X(name, doc) printf("| `%s` | %s |\n", #name, doc);
	QUMUN_COUNTERS(X)
#undef X
}

/* For one row at a time. */
static const char *weight_text(unsigned int weight)
{
	static char text[16];

	if (!weight)
		return "its own";
	snprintf(text, sizeof(text), "%u", weight);
	return text;
}

static void parameters(void)
{
	printf("%s"
	       "<!-- Made by `build/tests/docs/tables parameters >docs/parameters.md`. -->\n"
	       "# Parameters\n"
	       "\n"
	       "What both halves read for each decision. `qumun_update_scheduling_params()` "
	       "changes the first five\n"
	       "of a running scheduler; the factors are given as numbers and kept in steps of "
	       "1/1024. The table is\n"
	       "`QUMUN_PARAMS` in `include/qumun/params.h`.\n"
	       "\n"
	       "| parameter | unit | default | from | to | meaning |\n"
	       "|---|---|---|---|---|---|\n",
	       licence);
#define X(name, unit, def, min, max, doc)                                                \
	printf("| `%s` | %s | %llu | %llu | %llu | %s |\n", #name, unit,                 \
	       (unsigned long long)(def), (unsigned long long)(min),                     \
	       (unsigned long long)(max), doc);
	QUMUN_PARAMS(X)
#undef X
	printf("\n"
	       "## Classes\n"
	       "\n"
	       "A task is of the class that a rule gives it; else SCHED_BATCH is `batch`, SCHED_IDLE "
	       "is `idle`, and\n"
	       "everything else is `normal`. The factors scale the slice in deadlines "
	       "(latency) and the slice itself.\n"
	       "\n"
	       "| class | latency | slice | weight | a wakeup may preempt | meaning |\n"
	       "|---|---|---|---|---|---|\n");
#define X(NAME, name, latency, slice, weight, preempts, doc)                             \
	printf("| `%s` | %g | %g | %s | %s | %s |\n", #name, (latency) / 1024.0,         \
	       (slice) / 1024.0, weight_text(weight), (preempts) ? "yes" : "no", doc);
	QUMUN_CLASSES(X)
#undef X
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "counters"))
		counters();
	else if (argc == 2 && !strcmp(argv[1], "parameters"))
		parameters();
	else
		return 2;
	return 0;
}
