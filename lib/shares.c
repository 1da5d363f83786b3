/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each class and the oldest rules had of the CPUs. The BPF half has a fixed number of places
 * for rules and finds a task's in its record (rule_marks). A place goes from one rule to another
 * without being cleared, since other CPUs count into it meanwhile: what its former owners left is
 * remembered and subtracted.
 */
#include <errno.h>
#include <string.h>

#include "internal.h"
#include "shares.h"

static void add(struct bpf_share *sum, const struct bpf_share *s)
{
	unsigned int i;

	for (i = 0; i < QUMUN_NR_LATENCY; i++)
		sum->waits[i] += s->waits[i];
	sum->wait_ns += s->wait_ns;
	sum->run_ns += s->run_ns;
}

/* All places, summed over the CPUs. */
static int sum_up(struct qumun *q, struct bpf_share sums[QUMUN_NR_SHARES])
{
	struct bpf_cpu_priv priv;
	unsigned int i;
	__u32 cpu;

	memset(sums, 0, QUMUN_NR_SHARES * sizeof(*sums));
	for (cpu = 0; cpu < q->nr_cpus; cpu++) {
		if (bpf_map_lookup_elem(q->cpus_fd, &cpu, &priv))
			return qumun_fail(q, -errno, "shares of CPU %u: %s", cpu,
					  strerror(errno));
		for (i = 0; i < QUMUN_NR_SHARES; i++)
			add(&sums[i], &priv.shares[i]);
	}
	return 0;
}

__u8 shares_place(const struct shares *s, unsigned int id)
{
	__u8 i;

	for (i = 0; id && i < QUMUN_RULE_SHARES; i++) {
		if (s->of_rule[i].rule_id == id)
			return (__u8)(i + 1);
	}
	return 0;
}

bool shares_assign(struct shares *s, struct rule_table *rules)
{
	const struct rule_entry *e = rules->entries, *end = e + rules->nr;
	bool late = false;
	int i;

	for (i = 0; i < QUMUN_RULE_SHARES; i++) {
		if (s->of_rule[i].rule_id && !rules_find(rules, s->of_rule[i].rule_id))
			s->of_rule[i].rule_id = 0;
	}
	for (i = 0; e < end && i < QUMUN_RULE_SHARES; e++) {
		if (shares_place(s, e->rule.id))
			continue;
		while (i < QUMUN_RULE_SHARES && s->of_rule[i].rule_id)
			i++;
		if (i == QUMUN_RULE_SHARES)
			break;
		s->of_rule[i].rule_id = e->rule.id;
		s->of_rule[i].fresh = true;
		late = late || e->rule.id <= s->last_id;
	}
	s->last_id = rules->last_id;
	return late;
}

void shares_begin(struct qumun *q, struct shares *s)
{
	struct bpf_share sums[QUMUN_NR_SHARES];
	bool fresh = false;
	int i;

	for (i = 0; i < QUMUN_RULE_SHARES; i++)
		fresh = fresh || s->of_rule[i].fresh;
	if (!fresh || sum_up(q, sums))
		return;
	for (i = 0; i < QUMUN_RULE_SHARES; i++) {
		if (s->of_rule[i].fresh)
			s->of_rule[i].base = sums[QUMUN_CLASS_SHARES + i];
		s->of_rule[i].fresh = false;
	}
}

static void fill(struct qumun_share *share, const struct bpf_share *now,
		 const struct bpf_share *base)
{
	unsigned int i;

	for (i = 0; i < QUMUN_NR_LATENCY; i++) {
		share->latency.buckets[i] = now->waits[i] - base->waits[i];
		share->latency.count += share->latency.buckets[i];
	}
	share->latency.sum_ns = now->wait_ns - base->wait_ns;
	share->run_ns = now->run_ns - base->run_ns;
}

int shares_list(struct qumun *q, const struct shares *s,
		int (*fn)(void *arg, const struct qumun_share *share), void *arg)
{
	static const struct bpf_share none;
	struct bpf_share sums[QUMUN_NR_SHARES];
	int i, err = sum_up(q, sums);

	for (i = QUMUN_CLASS_NONE + 1; !err && i < QUMUN_NR_CLASSES; i++) {
		struct qumun_share share = { .cls = (enum qumun_class)i };

		fill(&share, &sums[i], &none);
		err = fn(arg, &share);
	}
	for (i = 0; !err && i < QUMUN_RULE_SHARES; i++) {
		struct qumun_share share = { .rule_id = s->of_rule[i].rule_id };

		if (!share.rule_id || s->of_rule[i].fresh)
			continue;
		fill(&share, &sums[QUMUN_CLASS_SHARES + i], &s->of_rule[i].base);
		err = fn(arg, &share);
	}
	return err;
}
