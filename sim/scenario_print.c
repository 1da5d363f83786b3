/* SPDX-License-Identifier: Apache-2.0 */
/* A scenario written back as text, so that a case that explore shrank is a file again. */
#include <string.h>

#include "scenario.h"

static void print_key_time(FILE *f, const char *key, __u64 ns)
{
	char t[32];

	print_time(t, sizeof(t), ns);
	fprintf(f, " %s=%s", key, t);
}

static void print_op(const struct scen_op *op, FILE *f)
{
	char kind, a[32], b[32];
	const char *name = scenario_op_name(op->kind, &kind);

	fputs(name, f);
	switch (kind) {
	case 's':
		print_time(a, sizeof(a), op->a);
		print_time(b, sizeof(b), op->b);
		fprintf(f, op->a == op->b ? " %s" : " %s-%s", a, b);
		break;
	case 't':
		print_time(a, sizeof(a), op->a);
		fprintf(f, " %s", a);
		break;
	case 'n':
		fprintf(f, " %lld", (long long)op->a);
		break;
	case 'N':
	case 'l':
		fprintf(f, " %s", op->text);
		break;
	}
}

static void print_task(const struct scen_task *t, FILE *f)
{
	__u32 i;

	fprintf(f, "task %s", t->name);
	if (t->nr != 1)
		fprintf(f, " x%u", t->nr);
	if (t->nice)
		fprintf(f, " nice=%d", t->nice);
	if (*t->cpus)
		fprintf(f, " cpus=%s", t->cpus);
	if (t->start_ns)
		print_key_time(f, "start", t->start_ns);
	if (t->stagger_ns)
		print_key_time(f, "stagger", t->stagger_ns);
	if (t->cgroup)
		fprintf(f, " cgroup=%llu", t->cgroup);
	if (t->cls)
		fprintf(f, " class=%s", scenario_classes[t->cls]);
	if (t->kthread)
		fputs(" kthread", f);
	fputs(" { ", f);
	for (i = 0; i < t->nr_ops; i++) {
		if (i)
			fputs("; ", f);
		print_op(&t->ops[i], f);
	}
	fputs(" }\n", f);
}

static void print_event(const struct scen_event *e, FILE *f)
{
	static const char *const verbs[] = {
		[SE_POLICY_STOP] = "stop", [SE_POLICY_CONT] = "cont",
		[SE_POLICY_KILL] = "kill", [SE_POLICY_START] = "start",
		[SE_POLICY_SLOW] = "slow",
	};
	char at[32];

	print_time(at, sizeof(at), e->at);
	fprintf(f, "at %s ", at);
	switch (e->kind) {
	case SE_NICE:
		fprintf(f, "nice %s.%u %lld\n", e->name, e->instance, e->a);
		break;
	case SE_CPUS:
		fprintf(f, "cpus %s.%u %s\n", e->name, e->instance, e->text);
		break;
	case SE_KILL:
		fprintf(f, "kill %s.%u\n", e->name, e->instance);
		break;
	case SE_WAKE:
		fprintf(f, "wake %s.%u\n", e->name, e->instance);
		break;
	case SE_CGROUP:
		fprintf(f, "cgroup %s.%u %lld\n", e->name, e->instance, e->a);
		break;
	case SE_CPU:
		fprintf(f, "cpu %lld %s\n", e->a, e->b ? "on" : "off");
		break;
	case SE_PARAM:
		fprintf(f, "param %s %lld\n", e->name, e->a);
		break;
	case SE_MODE:
		fprintf(f, "mode %s\n", e->a ? "kernel" : "user");
		break;
	case SE_WEIGHT:
		fprintf(f, "weight %lld %lld\n", e->a, e->b);
		break;
	case SE_POLICY_SLOW:
		fprintf(f, "policy slow %lld\n", e->a);
		break;
	default:
		fprintf(f, "policy %s\n", verbs[e->kind]);
	}
}

void scenario_print(const struct scenario *sc, FILE *f)
{
	__u32 i;

	fprintf(f, "machine cpus=%u", sc->cpus);
	if (sc->smt != 1)
		fprintf(f, " smt=%u", sc->smt);
	if (sc->llcs != 1)
		fprintf(f, " llcs=%u", sc->llcs);
	if (sc->nodes != 1)
		fprintf(f, " nodes=%u", sc->nodes);
	if (sc->shards != 1)
		fprintf(f, " shards=%u", sc->shards);
	if (sc->little)
		fprintf(f, " little=%u speed=%u", sc->little, sc->little_speed);
	if (sc->hz != 250)
		fprintf(f, " hz=%u", sc->hz);
	if (sc->records)
		fprintf(f, " records=%u", sc->records);
	fprintf(f, "\nrun seed=%llu mode=%s policy=%s", sc->seed,
		sc->kernel_mode ? "kernel" : "user", sc->policy);
	print_key_time(f, "duration", sc->duration_ns);
	print_key_time(f, "timeout", (__u64)sc->timeout_ms * 1000000);
	if (sc->jitter)
		fprintf(f, " jitter=%u", sc->jitter);
	fputs(sc->skew_tick ? " skew\n" : "\n", f);
	if (sc->check) {
		fputs("check", f);
		if (sc->starve_ns)
			print_key_time(f, "starve", sc->starve_ns);
		if (sc->asked_ns)
			print_key_time(f, "asked", sc->asked_ns);
		if (sc->idle_ns)
			print_key_time(f, "idle", sc->idle_ns);
		if (sc->share_pct)
			fprintf(f, " shares=%u", sc->share_pct);
		fputc('\n', f);
	}
	for (i = 0; i < sc->nr_params; i++)
		fprintf(f, "param %s %llu\n", sc->params[i].name, sc->params[i].value);
	for (i = 0; i < sc->nr_costs; i++)
		fprintf(f, "cost %s %llu\n", sc->costs[i].name, sc->costs[i].value);
	for (i = 0; i < sc->nr_groups; i++) {
		fprintf(f, "group %llu weight=%u", sc->groups[i].id,
			sc->groups[i].weight);
		if (sc->groups[i].parent)
			fprintf(f, " parent=%llu", sc->groups[i].parent);
		fputc('\n', f);
	}
	for (i = 0; i < sc->nr_tasks; i++)
		print_task(&sc->tasks[i], f);
	for (i = 0; i < sc->nr_events; i++)
		print_event(&sc->events[i], f);
}
