/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a decision costs, counted in instructions: virtual time, one CPU that is never idle. Pairs of
 * processes pass a token to and fro through pipes; each pass is a wakeup and a decision.
 *
 * Each figure may not be more than 5 % above its reference (cost.reference, which belongs to one
 * kernel release and one pair of compilers). For another kernel or compiler the figures are printed
 * and nothing is judged.
 */
#include <sys/utsname.h>

#include "vmtest.h"

#define GROWTH 1.05
#define ROUNDS 2000 /* of 4 pairs; others make as many switches */
#define FIGURES_MAX 32
/* a part below this is judged with the total only: from boot to boot it differs by a tenth */
#define SMALL_PART 0.01

struct figure {
	char name[40];
	double value;
};

static struct figure figures[FIGURES_MAX];
static unsigned int nr_figures;

static void note(const char *mode, unsigned int pairs, const char *name, double value)
{
	struct figure *f = &figures[nr_figures];

	if (nr_figures == FIGURES_MAX)
		return;
	if (pairs)
		snprintf(f->name, sizeof(f->name), "%s_%u_%s", mode, pairs, name);
	else
		snprintf(f->name, sizeof(f->name), "%s_%s", mode, name);
	f->value = value;
	nr_figures++;
}

static double resident_kb(pid_t pid)
{
	char path[64], line[128];
	double kb = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "VmRSS: %lf", &kb);
	if (f)
		fclose(f);
	return kb;
}

/* Run the ping-pong under @wrapper; the number of the line "@want N" of its output, or 0. */
static double pingpong(const char *wrapper, unsigned int pairs, const char *want)
{
	char command[128], line[128], name[64];
	double value, found = 0;
	FILE *f;

	snprintf(command, sizeof(command), "%s pingpong --pairs %u --rounds %u", wrapper,
		 pairs, ROUNDS * 4 / pairs);
	f = popen(command, "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%63s %lf", name, &value) == 2 && !strcmp(name, want))
			found = value;
		if (*wrapper)
			tap_diag("%u pairs: %s", pairs, line);
	}
	if (!f || pclose(f))
		return 0;
	return found;
}

static void measure(const struct daemon *d, const char *mode, unsigned int pairs)
{
	double switches = 2.0 * ROUNDS * 4, ns, bpf, part;
	__u64 policy = schedstat_ns(d->pid);

	ns = pingpong("", pairs, "ns_per_switch");
	/* its main thread is the policy thread */
	policy = schedstat_ns(d->pid) - policy;
	note(mode, pairs, "total", ns);
	part = (double)policy / switches;
	if (part > ns * SMALL_PART)
		note(mode, pairs, "policy_thread", part);
	else
		tap_diag("%s mode, %u pairs: %.0f by the policy thread", mode, pairs,
			 part);
	bpf = pingpong("progcost", pairs, "bpf_ns");
	note(mode, pairs, "bpf", bpf);
	tap_ok(ns > 0 && bpf > 0, "%s mode, %u pairs: measured", mode, pairs);
}

static void one_mode(const char *mode)
{
	const char *const args[] = { "--mode", mode, NULL };
	struct daemon d = { 0 };
	__u64 start = now_ns();

	if (!daemon_spawn(&d, args) || !wait_for_scx("gthulhu", 60000)) {
		tap_ok(false, "gthulhu schedules this machine");
		daemon_diag(&d);
		return;
	}
	note(mode, 0, "attach_us", (double)(now_ns() - start) / 1000);
	sleep_ms(500);
	measure(&d, mode, 4);
	measure(&d, mode, 16);
	note(mode, 0, "resident_kb", resident_kb(d.pid));
	daemon_stop_and_check(&d, mode, NULL);
}

/* The figure of this name in the references of @key, or 0. Each line: KERNEL COMPILERS NAME VALUE. */
static double reference(const char *kernel, const char *name)
{
	char line[256], k[80], c[80], n[40];
	double value, found = 0;
	FILE *f = fopen("/opt/gthulhu/tests/vm/cost.reference", "re");

	while (f && !found && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%79s %79s %39s %lf", k, c, n, &value) == 4 &&
		    !strcmp(k, kernel) && !strcmp(c, COMPILERS) && !strcmp(n, name))
			found = value;
	}
	if (f)
		fclose(f);
	return found;
}

int main(void)
{
	struct utsname uts;
	unsigned int i;
	double ref;

	uname(&uts);
	one_mode("user");
	one_mode("kernel");
	for (i = 0; i < nr_figures; i++) {
		struct figure *f = &figures[i];

		tap_diag("reference: %s %s %s %.0f", uts.release, COMPILERS, f->name,
			 f->value);
		ref = reference(uts.release, f->name);
		if (ref <= 0)
			tap_skip("%s: no reference for this kernel and these compilers",
				 f->name);
		else
			tap_ok(f->value <= ref * GROWTH,
			       "%s: %.0f, reference %.0f (%+.1f %%)", f->name, f->value,
			       ref, (f->value / ref - 1) * 100);
	}
	return tap_done();
}
