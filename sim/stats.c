/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of a run: histograms with 32 steps for each power of two, and the reports. */
#include "sim.h"

static u32 bucket(u64 v)
{
	u32 log;

	if (v < 32)
		return (u32)v;
	log = 63 - (u32)__builtin_clzll(v);
	if (log > 38)
		return 40 * 32 - 1;
	return (log - 4) * 32 + (u32)(v >> (log - 5) & 31);
}

static u64 bucket_top(u32 b)
{
	u32 log;

	if (b < 32)
		return b;
	log = b / 32 + 4;
	return ((u64)(32 + b % 32 + 1) << (log - 5)) - 1;
}

void hist_add(struct histogram *h, u64 value)
{
	h->nr++;
	h->sum += value;
	if (value > h->max)
		h->max = value;
	h->counts[bucket(value)]++;
}

/* An upper bound of the value that @p (0..1) of all do not exceed, right within 3 %. */
u64 hist_percentile(const struct histogram *h, double p)
{
	u64 rank = (u64)(p * (double)h->nr + 0.5), seen = 0;
	u32 b;

	if (!h->nr)
		return 0;
	if (rank < 1)
		rank = 1;
	for (b = 0; b < 40 * 32; b++) {
		seen += h->counts[b];
		if (seen >= rank)
			return bucket_top(b) < h->max ? bucket_top(b) : h->max;
	}
	return h->max;
}

struct group_sums {
	u64 run, wait, runs, wakeups, migrations, max_wait;
	u32 nr;
};

static struct group_sums sums_of(const struct scen_task *prog)
{
	struct group_sums s = { 0 };
	u32 i;

	for (i = 0; i < sim.nr_tasks; i++) {
		const struct sim_task *p = sim.tasks[i];

		if (p->prog != prog)
			continue;
		s.nr++;
		s.run += p->run_ns;
		s.wait += p->wait_ns;
		s.runs += p->runs;
		s.wakeups += p->wakeups;
		s.migrations += p->migrations;
		if (p->max_wait_ns > s.max_wait)
			s.max_wait = p->max_wait_ns;
	}
	return s;
}

static double us(u64 ns)
{
	return (double)ns / 1000;
}

static double pct(u64 part, u64 whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static u64 capacity(void)
{
	return sim.ended_at * sim.nr_cpus;
}

static u64 idle_sum(void)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < sim.nr_cpus; i++)
		sum += sim.cpus[i].idle_ns;
	return sum;
}

static u64 kernel_sum(void)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < sim.nr_cpus; i++)
		sum += sim.cpus[i].kernel_ns;
	return sum;
}

static double mean_us(u64 sum, u64 nr)
{
	return nr ? us(sum) / (double)nr : 0;
}

/* What each task did on the machine that the record comes from, beside what it did here. */
static void compare_with_record(FILE *f)
{
	const struct scenario *sc = sim.sc;
	u32 i;

	fprintf(f, "\n%-15s %9s %9s %9s %9s %11s %11s\n", "recorded, here", "share %",
		"share %", "wakeups", "wakeups", "mean wait", "mean wait");
	for (i = 0; i < sc->nr_tasks; i++) {
		const struct scen_recorded *was = &sc->tasks[i].recorded;
		struct group_sums s = sums_of(&sc->tasks[i]);

		fprintf(f, "%-15s %9.2f %9.2f %9u %9llu %11.1f %11.1f\n",
			sc->tasks[i].name, pct(was->run_ns, sim.ended_at),
			pct(s.run, sim.ended_at), was->wakeups, s.wakeups,
			mean_us(was->wait_ns, was->runs), mean_us(s.wait, s.runs));
	}
}

void stats_report(FILE *f)
{
	const struct scenario *sc = sim.sc;
	u32 i;

	fprintf(f, "%s: %s mode, policy %s, %u CPUs, seed %llu, %.3f s of virtual time\n",
		sc->file, sc->kernel_mode ? "kernel" : "user",
		sc->kernel_mode ? "-" : sc->policy, sc->cpus, sc->seed,
		(double)sim.ended_at / 1e9);
	fprintf(f, "\n%-12s %6s %8s %10s %10s %10s %10s %10s %10s\n", "task", "number",
		"share %", "wakeups", "p50 us", "p99 us", "max us", "max wait",
		"migrations");
	for (i = 0; i < sc->nr_tasks; i++) {
		const struct histogram *h = &sim.groups[i].latency;
		struct group_sums s = sums_of(&sc->tasks[i]);

		fprintf(f, "%-12s %6u %8.2f %10llu %10.1f %10.1f %10.1f %10.1f %10llu\n",
			sc->tasks[i].name, s.nr, pct(s.run, sim.ended_at), s.wakeups,
			us(hist_percentile(h, 0.5)), us(hist_percentile(h, 0.99)),
			us(h->max), us(s.max_wait), s.migrations);
	}
	if (sc->recorded)
		compare_with_record(f);
	if (!sc->kernel_mode)
		fprintf(f, "%-12s %6u %8.2f\n", "(policy)", sc->shards,
			pct(policy_run_ns(), sim.ended_at));
	fprintf(f,
		"\nshare: of one CPU, all of them together. us: from wakeup to the first "
		"instruction.\n"
		"idle %.1f %%, of it while a task waited that may run anywhere %.3f %% (longest "
		"%.1f us)\n"
		"kernel code %.1f %%; %llu switches, %llu wakeups, %llu migrations, %llu ticks, "
		"%llu kicks\n",
		pct(idle_sum(), capacity()), pct(sim.both_ns, sim.ended_at),
		us(sim.both_max), pct(kernel_sum(), capacity()), sim.nr_switches,
		sim.nr_wakeups, sim.nr_migrations, sim.nr_ticks, sim.nr_kicks);
	fputs("counters:", f);
	for (i = 0; i < bpf_half_nr_counters(); i++) {
		if (bpf_half_counter(i))
			fprintf(f, " %s=%llu", bpf_half_counter_name(i),
				bpf_half_counter(i));
	}
	fprintf(f, "\ntrace: %llu events, hash %016llx\n", sim.trace_nr, sim.trace_hash);
	if (sim.verdict == SIM_EJECTED)
		fprintf(f, "EJECTED at %.6f s: %s\n", (double)sim.ended_at / 1e9,
			sim.reason);
	else if (sim.verdict == SIM_BROKEN_INVARIANT)
		fprintf(f, "BROKEN at %.6f s: %s\n", (double)sim.ended_at / 1e9,
			sim.reason);
}

static void json_hist(FILE *f, const char *name, const struct histogram *h)
{
	fprintf(f,
		"\"%s\":{\"count\":%llu,\"mean_ns\":%llu,\"p50_ns\":%llu,\"p90_ns\":%llu,"
		"\"p99_ns\":%llu,\"p999_ns\":%llu,\"max_ns\":%llu}",
		name, h->nr, h->nr ? h->sum / h->nr : 0, hist_percentile(h, 0.5),
		hist_percentile(h, 0.9), hist_percentile(h, 0.99),
		hist_percentile(h, 0.999), h->max);
}

static void json_string(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', f);
		fputc(*s < ' ' ? ' ' : *s, f);
	}
	fputc('"', f);
}

void stats_json(FILE *f)
{
	static const char *const verdicts[] = { "ok", "ejected", "broken" };
	const struct scenario *sc = sim.sc;
	u32 i, nr = 0;

	fputs("{\"scenario\":", f);
	json_string(f, sc->file);
	fprintf(f,
		",\"mode\":\"%s\",\"policy\":\"%s\",\"cpus\":%u,\"seed\":%llu,"
		"\"duration_ns\":%llu,\"verdict\":\"%s\",\"reason\":",
		sc->kernel_mode ? "kernel" : "user", sc->policy, sc->cpus, sc->seed,
		sim.ended_at, verdicts[sim.verdict]);
	json_string(f, sim.reason);
	fprintf(f,
		",\"trace_hash\":\"%016llx\",\"events\":%llu,\"switches\":%llu,"
		"\"wakeups\":%llu,\"migrations\":%llu,\"idle_ns\":%llu,\"kernel_ns\":%llu,"
		"\"policy_ns\":%llu,\"idle_while_waiting_ns\":%llu,"
		"\"idle_while_waiting_max_ns\":%llu,\"tasks\":[",
		sim.trace_hash, sim.nr_events, sim.nr_switches, sim.nr_wakeups,
		sim.nr_migrations, idle_sum(), kernel_sum(), policy_run_ns(), sim.both_ns,
		sim.both_max);
	for (i = 0; i < sc->nr_tasks; i++) {
		struct group_sums s = sums_of(&sc->tasks[i]);

		fprintf(f,
			"%s{\"name\":\"%s\",\"number\":%u,\"run_ns\":%llu,\"wait_ns\":%llu,"
			"\"max_wait_ns\":%llu,\"runs\":%llu,\"migrations\":%llu,",
			i ? "," : "", sc->tasks[i].name, s.nr, s.run, s.wait, s.max_wait,
			s.runs, s.migrations);
		json_hist(f, "latency", &sim.groups[i].latency);
		fputc(',', f);
		json_hist(f, "wait", &sim.groups[i].wait);
		fputc(',', f);
		json_hist(f, "run", &sim.groups[i].run);
		if (sc->recorded)
			fprintf(f,
				",\"recorded\":{\"run_ns\":%llu,\"wait_ns\":%llu,"
				"\"runs\":%u,\"wakeups\":%u}",
				sc->tasks[i].recorded.run_ns,
				sc->tasks[i].recorded.wait_ns, sc->tasks[i].recorded.runs,
				sc->tasks[i].recorded.wakeups);
		fputc('}', f);
	}
	fputs("],\"counters\":{", f);
	for (i = 0; i < bpf_half_nr_counters(); i++)
		fprintf(f, "%s\"%s\":%llu", nr++ ? "," : "", bpf_half_counter_name(i),
			bpf_half_counter(i));
	fputs("}}\n", f);
}
