/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The invariants of the search. Always on: no forbidden CPU, no ejection. With a `check` line:
 *
 *   custody    after every event that moved it, what a record says fits where the task is
 *   starve=    no runnable task waits longer
 *   asked=     no task waits longer for the policy's answer: what standing decisions let run first
 *              never keeps others undecided
 *   idle=      no CPU idles longer while a task waits that may go anywhere
 *   calm       a policy that nobody stops, kills or slows is never overruled
 *   shares=    tasks that only burn CPU and were never touched get shares by weight, within so
 *              many percent, if all may run everywhere
 */
#include "sim.h"

#include <qumun/vtime.h>

/* Who waits longest, and where. */
static void tell_waiting(void)
{
	struct sim_task *p, *worst = NULL;
	char where[32] = "the policy's custody";
	u32 i;

	for (i = 0; i < sim.nr_tasks; i++) {
		p = sim.tasks[i];
		if (p->wait_from && !p->policy &&
		    (!worst || p->wait_from < worst->wait_from) &&
		    p->ts.nr_cpus_allowed == (int)sim.nr_cpus)
			worst = p;
	}
	/* one after the other, each for a moment: no fault */
	if (!worst || sim_now - worst->wait_from <= sim.sc->idle_ns)
		return;
	if (worst->dsq && worst->dsq->id == SCX_DSQ_LOCAL)
		snprintf(where, sizeof(where), "CPU %d's local queue", worst->cpu);
	else if (worst->dsq)
		snprintf(where, sizeof(where), "queue %llu", worst->dsq->id);
	sim_broken(
		"a CPU has been idle for %llu us while a task waits: %s[%d], in %s since %.6f s",
		(sim_now - worst->wait_from) / 1000, worst->ts.comm, worst->ts.pid, where,
		(double)(worst->wait_from - SIM_EPOCH) / 1e9);
}

void check_event(void)
{
	struct sim_cpu *c = &sim.cpus[sim_this_cpu];
	const char *why;
	u64 asked_at;

	if (c->curr) {
		why = bpf_half_check_task(c->curr);
		if (why)
			sim_broken("%s[%d] %s", c->curr->ts.comm, c->curr->ts.pid, why);
	}
	if (sim.sc->idle_ns && sim.both_from && sim_now - sim.both_from > sim.sc->idle_ns)
		tell_waiting();
	/* the long look, now and then */
	if (sim.nr_events % 256)
		return;
	for (u32 i = 0; i < sim.nr_tasks; i++) {
		struct sim_task *p = sim.tasks[i];

		if (p->life == TASK_DEAD || p->life == TASK_NEW || p->policy)
			continue;
		why = bpf_half_check_task(p);
		if (why)
			sim_broken("%s[%d] %s", p->ts.comm, p->ts.pid, why);
		if (sim.sc->starve_ns && p->wait_from &&
		    sim_now - p->wait_from > sim.sc->starve_ns)
			sim_broken("%s[%d] has waited for %llu ms", p->ts.comm, p->ts.pid,
				   (sim_now - p->wait_from) / 1000000);
		asked_at = bpf_half_asked_at(p);
		if (sim.sc->asked_ns && asked_at && sim_now - asked_at > sim.sc->asked_ns)
			sim_broken("%s[%d] has waited for an answer for %llu ms",
				   p->ts.comm, p->ts.pid, (sim_now - asked_at) / 1000000);
	}
	why = bpf_half_check_all();
	if (why)
		sim_broken("%s", why);
}

/* A program that never sleeps, forks or changes anything. */
static bool burns_only(const struct scen_task *t)
{
	u32 i;

	if (*t->cpus || t->kthread || t->cls)
		return false;
	for (i = 0; i < t->nr_ops; i++) {
		if (t->ops[i].kind != OP_RUN && t->ops[i].kind != OP_LOOP &&
		    t->ops[i].kind != OP_END)
			return false;
	}
	return true;
}

/*
 * Shares that @nr tasks of @weight deserve on @cpus CPUs when none can use more than one:
 * whoever deserves more than a CPU gets a CPU, the others share the rest.
 */
static void deserve(const u32 *weight, double *share, u32 nr, double cpus)
{
	double sum, rest = cpus;
	bool again = true;
	u32 i;

	for (i = 0; i < nr; i++)
		share[i] = -1;
	while (again) {
		again = false;
		sum = 0;
		for (i = 0; i < nr; i++)
			sum += share[i] < 0 ? weight[i] : 0;
		for (i = 0; i < nr; i++) {
			if (share[i] < 0 && rest * weight[i] >= sum) {
				share[i] = 1;
				rest -= 1;
				again = true;
				break;
			}
		}
	}
	for (i = 0; i < nr; i++) {
		if (share[i] < 0)
			share[i] = rest * weight[i] / sum;
	}
}

static void check_shares(void)
{
	const struct scenario *sc = sim.sc;
	u32 *weight = sim_alloc((sim.nr_tasks + 1) * sizeof(*weight)), nr = 0, i;
	double *share = sim_alloc((sim.nr_tasks + 1) * sizeof(*share)), got = 0, have,
	       want;

	/* only where every task is a steady hog from the start */
	for (i = 0; i < sim.nr_tasks; i++) {
		struct sim_task *p = sim.tasks[i];

		if (p->policy)
			continue;
		if (!burns_only(p->prog) || p->born_at > sc->duration_ns / 20 ||
		    p->life == TASK_DEAD)
			return;
		weight[nr++] = vt_weight_of_prio(p->ts.static_prio);
		got += (double)p->run_ns;
	}
	if (!nr || sc->nr_events || sc->little)
		return;
	deserve(weight, share, nr, sim.nr_cpus < nr ? sim.nr_cpus : nr);
	want = 0;
	for (i = 0; i < nr; i++)
		want += share[i];
	nr = 0;
	for (i = 0; i < sim.nr_tasks; i++) {
		struct sim_task *p = sim.tasks[i];

		if (p->policy)
			continue;
		have = (double)p->run_ns / got * want;
		if (have > share[nr] * (1 + sc->share_pct / 100.0) ||
		    have < share[nr] * (1 - sc->share_pct / 100.0)) {
			sim_broken("%s[%d] got %.1f %% of a CPU and deserves %.1f %%",
				   p->ts.comm, p->ts.pid, have * 100, share[nr] * 100);
			return;
		}
		nr++;
	}
}

/*
 * While nobody touches the policy, or takes a shard's last CPU from it, nothing of what catches its
 * faults may be needed.
 */
static void check_calm(void)
{
	static const char *const quiet[] = { "rescued",		  "taken_back",
					     "autopilot_late",	  "autopilot_mute",
					     "autopilot_blocked", "autopilot_gone",
					     "doubled",		  "bad_slot",
					     "ring_broken",	  "kernel_ring_full" };
	u32 i, j;

	for (i = 0; i < sim.sc->nr_events; i++) {
		if (sim.sc->events[i].kind >= SE_POLICY_STOP ||
		    (sim.sc->events[i].kind == SE_CPU && sim.nr_shards > 1))
			return;
	}
	for (i = 0; i < bpf_half_nr_counters(); i++) {
		for (j = 0; j < sizeof(quiet) / sizeof(*quiet); j++) {
			if (!strcmp(bpf_half_counter_name(i), quiet[j]) &&
			    bpf_half_counter(i))
				sim_broken(
					"counter %s is %llu although the policy was never "
					"disturbed",
					quiet[j], bpf_half_counter(i));
		}
	}
}

void check_end(void)
{
	u32 i;

	if (sim.sc->idle_ns && sim.both_from && sim_now - sim.both_from > sim.sc->idle_ns)
		tell_waiting();
	for (i = 0; i < sim.nr_tasks && sim.sc->starve_ns; i++) {
		struct sim_task *p = sim.tasks[i];

		if (!p->policy && p->max_wait_ns > sim.sc->starve_ns)
			sim_broken("%s[%d] waited for %llu ms", p->ts.comm, p->ts.pid,
				   p->max_wait_ns / 1000000);
	}
	check_calm();
	if (sim.sc->share_pct && sim.verdict == SIM_OK)
		check_shares();
}
