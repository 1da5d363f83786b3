/* SPDX-License-Identifier: Apache-2.0 */
/* Rules from text, which of them counts, and cgroups by id. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/rules.h"
#include "tap.h"

struct text_case {
	const char *text;
	int err;
	const char *want; /* the same rule in its own words, or the sentence of refusal */
};

static const struct text_case texts[] = {
	{ "comm=foo*,class=latency", 0, "comm=foo*,class=latency" },
	{ "class=batch,pid=12,weight=2048,slice=1.5ms,cpus=0-3,8,preempt=no", 0,
	  "pid=12,class=batch,weight=2048,slice=1500us,cpus=0-3,8,preempt=no" },
	{ "cgroup=kubepods/pod1/,uid=0,preempt=on", 0,
	  "cgroup=/kubepods/pod1,uid=0,preempt=yes" },
	{ "cgroup=/sys/fs/cgroup,class=normal", 0, "cgroup=/,class=normal" },
	{ "cgroup=/sys/fs/cgroup/a,class=normal", 0, "cgroup=/a,class=normal" },
	{ "cgroup=sys/fs/cgroup,class=normal", 0,
	  "cgroup=/sys/fs/cgroup/sys/fs/cgroup,class=normal" },
	{ "cgroup=/sys/fs/cgroup/sys/fs/cgroup/a,class=normal", 0,
	  "cgroup=/sys/fs/cgroup/sys/fs/cgroup/a,class=normal" },
	{ "cgroup=/,class=idle", 0, "cgroup=/,class=idle" },
	{ "cgroup_id=18446744073709551615,cpus=63", 0,
	  "cgroup_id=18446744073709551615,cpus=63" },
	{ "comm=a,b,class=idle", 0, "comm=a,b,class=idle" },
	{ "", -EINVAL, "\"\" is not key=value, as in comm=foo*,class=latency" },
	{ "class=latency", -EINVAL,
	  "the rule matches nothing: it needs one of pid, tgid, cgroup_id, cgroup, comm and uid" },
	{ "pid=1", -EINVAL,
	  "the rule gives nothing: it needs one of class, weight, slice, cpus and preempt" },
	{ "pid=1,pid=2,class=idle", -EEXIST, "pid is given twice in one rule" },
	{ "pid=1,class=idle,class=batch", -EEXIST, "class is given twice in one rule" },
	{ "pdi=1,class=idle", -ENOENT,
	  "unknown key \"pdi\", did you mean \"pid\"?: accepted are pid, tgid, cgroup_id, cgroup, "
	  "comm, uid, class, weight, slice, cpus and preempt" },
	{ "zzz=1,class=idle", -ENOENT,
	  "unknown key \"zzz\": accepted are pid, tgid, cgroup_id, cgroup, comm, uid, class, "
	  "weight, slice, cpus and preempt" },
	{ "cgroup=..a/b..,class=idle", 0, "cgroup=/..a/b..,class=idle" },
	{ "cgroup=..,class=idle", -EINVAL,
	  "cgroup is \"..\": accepted is a path from the root of the cgroup v2 hierarchy" },
	{ "cgroup=../x,class=idle", -EINVAL,
	  "cgroup is \"../x\": accepted is a path from the root of the cgroup v2 hierarchy" },
	{ "cgroup=/a/..,class=idle", -EINVAL,
	  "cgroup is \"/a/..\": accepted is a path from the root of the cgroup v2 hierarchy" },
	{ "cgroup=a/../b,class=idle", -EINVAL,
	  "cgroup is \"a/../b\": accepted is a path from the root of the cgroup v2 hierarchy" },
	{ "cgroup=/sys/fs/cgroup/..,class=idle", -EINVAL,
	  "cgroup is \"/sys/fs/cgroup/..\": accepted is a path from the root of the cgroup v2 hierarchy" },
	{ "cgroup=//../x,class=idle", -EINVAL,
	  "cgroup is \"//../x\": accepted is a path from the root of the cgroup v2 hierarchy" },
	{ "pid=0,class=idle", -EINVAL, "pid is \"0\": accepted is a thread id" },
	{ "pid=-1,class=idle", -EINVAL, "pid is \"-1\": accepted is a thread id" },
	{ "pid=99999999999,class=idle", -EINVAL,
	  "pid is \"99999999999\": accepted is a thread id" },
	{ "uid=root,class=idle", -EINVAL, "uid is \"root\": accepted is a user id" },
	{ "pid=1,class=Latency", -EINVAL,
	  "class is \"Latency\": accepted is latency, interactive, normal, batch or idle" },
	{ "pid=1,weight=14", -EINVAL, "weight is \"14\": accepted is 15 to 88761" },
	{ "pid=1,weight=88762", -EINVAL, "weight is \"88762\": accepted is 15 to 88761" },
	{ "pid=1,slice=99us", -EINVAL, "slice is \"99us\": accepted is 100us to 100ms" },
	{ "pid=1,slice=101ms", -EINVAL,
	  "slice is \"101ms\": accepted is 100us to 100ms" },
	{ "pid=1,slice=5", -EINVAL, "slice is \"5\": accepted is 100us to 100ms" },
	{ "pid=1,cpus=64", -EINVAL,
	  "cpus is \"64\": accepted is CPUs of 0 to 63, such as 0-3,8" },
	{ "pid=1,cpus=3-1", -EINVAL,
	  "cpus is \"3-1\": accepted is CPUs of 0 to 63, such as 0-3,8" },
	{ "pid=1,preempt=maybe", -EINVAL, "preempt is \"maybe\": accepted is yes or no" },
	{ "comm=,class=idle", -EINVAL,
	  "comm is \"\": accepted is a thread's name with * and ? as wildcards" },
};

static void test_texts(void)
{
	char text[2048], again[2048];
	struct qumun_rule r, r2;
	size_t i;
	int err;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const struct text_case *c = &texts[i];

		memset(text, 0, sizeof(text));
		err = qumun_rule_parse(&r, c->text, text, sizeof(text));
		if (!err)
			qumun_rule_format(&r, text, sizeof(text));
		if (!tap_ok(err == c->err && !strcmp(text, c->want), "text: %s",
			    c->text)) {
			tap_diag("got  %d %s", err, text);
			tap_diag("want %d %s", c->err, c->want);
		}
		if (err || c->err)
			continue;
		err = qumun_rule_parse(&r2, text, again, sizeof(again));
		tap_ok(!err && rule_same(&r, &r2), "text: the same again: %s", text);
	}
}

struct glob_case {
	const char *pattern, *text;
	bool want;
};

static const struct glob_case globs[] = {
	{ "foo", "foo", true },
	{ "foo", "foob", false },
	{ "foo", "fo", false },
	{ "*", "", true },
	{ "*", "x", true },
	{ "?", "", false },
	{ "f?o*", "fxobar", true },
	{ "*bar", "foobarbar", true },
	{ "*bar", "foobarba", false },
	{ "a*b*c", "aXbYbZc", true },
	{ "a*b*c", "aXbYbZ", false },
	{ "**", "abc", true },
	{ "*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaa", false },
};

static void test_globs(void)
{
	size_t i;

	for (i = 0; i < sizeof(globs) / sizeof(globs[0]); i++)
		tap_is(rule_glob(globs[i].pattern, globs[i].text), globs[i].want,
		       "glob: %s on %s", globs[i].pattern, globs[i].text);
}

/* A task in /a/b/cde (ids 1, 10, 20, 30) */
static uint64_t ids[] = { 1, 10, 20, 30 };
static const struct rule_cgroup deep = { 30, 4, ids, (char *)"/a/b/cde" };
static const struct rule_task task = { 100, 50, 7, "worker-3", &deep };

/* In the order of their age; @want: which one counts, from 0; -1: none */
struct order_case {
	const char *name;
	const char *rules[4];
	int want, want_ties;
};

static const struct order_case orders[] = {
	{ "none matches", { "pid=101,class=idle", "comm=x*,class=idle" }, -1, 0 },
	{ "pid before tgid", { "pid=100,class=idle", "tgid=50,class=idle" }, 0, 0 },
	{ "tgid before cgroup id",
	  { "tgid=50,class=idle", "cgroup_id=30,class=idle" },
	  0,
	  0 },
	{ "cgroup id before path",
	  { "cgroup_id=1,class=idle", "cgroup=/a/b/cde,class=idle" },
	  0,
	  0 },
	{ "path before comm",
	  { "cgroup=/,class=idle", "comm=worker-3,class=idle" },
	  0,
	  0 },
	{ "comm before uid", { "comm=*,class=idle", "uid=7,class=idle" }, 0, 0 },
	{ "the stronger may be younger",
	  { "uid=7,class=idle", "comm=*,class=idle" },
	  1,
	  0 },
	{ "deeper path", { "cgroup=/a/b,class=idle", "cgroup=/a,class=idle" }, 0, 0 },
	{ "deeper id", { "cgroup_id=20,class=idle", "cgroup_id=10,class=idle" }, 0, 0 },
	{ "a path ends at a slash",
	  { "cgroup=/a/b/,class=idle", "cgroup=/a/bb,class=idle" },
	  0,
	  0 },
	{ "no path of another's prefix", { "cgroup=/a/b/cde/f,class=idle" }, -1, 0 },
	{ "nor half a name",
	  { "cgroup=/a/b/c,class=idle", "cgroup=/a/b/,uid=8,class=idle" },
	  -1,
	  0 },
	{ "the root has all", { "cgroup=/,class=idle" }, 0, 0 },
	{ "all must fit", { "comm=worker*,uid=8,class=idle" }, -1, 0 },
	{ "more criteria win",
	  { "comm=worker*,uid=7,class=idle", "comm=worker*,class=idle" },
	  0,
	  0 },
	{ "but a stronger one wins first",
	  { "comm=*,uid=7,class=idle", "cgroup=/a,class=idle" },
	  1,
	  0 },
	{ "equals: the later", { "comm=work*,class=idle", "comm=*-3,class=idle" }, 1, 1 },
	{ "no tie below the winner",
	  { "uid=7,class=idle", "uid=7,class=batch", "comm=*,class=idle" },
	  2,
	  0 },
	{ "of three equals the last",
	  { "uid=7,class=idle", "uid=7,class=batch", "uid=7,class=normal" },
	  2,
	  1 },
};

static int nr_ties;
static unsigned int tie_loser, tie_winner;

static void note_tie(void *arg, const struct qumun_rule *loser,
		     const struct qumun_rule *winner)
{
	nr_ties++;
	tie_loser = loser->id;
	tie_winner = winner->id;
}

/* qumun_explain_rules() lists what rules_resolve() chooses from: in its order, and why. */
static void check_matching(const struct rule_table *t, const char *name, int want,
			   int want_ties)
{
	struct qumun_rule_match m[5];
	struct rule_entry last = t->entries[t->nr - 1];
	struct rule_table others = *t;
	size_t i, nr = rules_matching(t, &task, NULL, m), again;
	bool ordered = true;

	for (i = 1; i < nr; i++)
		ordered = ordered && (m[i - 1].strength > m[i].strength ||
				      (m[i - 1].strength == m[i].strength &&
				       m[i - 1].rule->id > m[i].rule->id));
	tap_is(nr ? (int)m[0].rule->id - 1 : -1, want, "matches: %s: the first", name);
	tap_ok(ordered, "matches: %s: the strongest first", name);
	if (nr > 1)
		tap_is(qumun_rule_decided_by(m[0].strength, m[1].strength) ==
			       QUMUN_NR_RULE_KEYS,
		       want_ties, "matches: %s: a tie is one", name);
	/* the youngest rule as one that is only proposed */
	others.nr--;
	again = rules_matching(&others, &task, &last, m);
	tap_is(again, nr, "matches: %s: proposed", name);
	tap_is(again ? (int)m[0].rule->id - 1 : -1, want, "matches: %s: would count",
	       name);
}

static void test_decided_by(void)
{
	static const struct {
		const char *winner, *loser;
		enum qumun_rule_key by;
	} cases[] = {
		{ "pid=100,class=idle", "tgid=50,uid=7,class=idle", QUMUN_RULE_PID },
		{ "tgid=50,class=idle", "cgroup_id=30,class=idle", QUMUN_RULE_TGID },
		{ "cgroup_id=20,class=idle", "cgroup_id=10,class=idle",
		  QUMUN_RULE_CGROUP_ID },
		{ "cgroup=/a/b,class=idle", "cgroup=/a,comm=*,class=idle",
		  QUMUN_RULE_CGROUP },
		{ "comm=w*,class=idle", "uid=7,class=idle", QUMUN_RULE_COMM },
		{ "comm=w*,uid=7,class=idle", "comm=*,class=idle", QUMUN_RULE_UID },
		{ "uid=7,class=idle", "uid=7,class=batch", QUMUN_NR_RULE_KEYS },
	};
	struct qumun_rule rule;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rule_table t = { 0 };

		qumun_rule_parse(&rule, cases[i].winner, NULL, 0);
		rules_append(&t, &rule, NULL);
		qumun_rule_parse(&rule, cases[i].loser, NULL, 0);
		rules_append(&t, &rule, NULL);
		tap_is(qumun_rule_decided_by(rule_match(&t.entries[0], &task),
					     rule_match(&t.entries[1], &task)),
		       cases[i].by, "%s beats %s", cases[i].winner, cases[i].loser);
		rules_free(&t);
	}
}

static void test_orders(void)
{
	const struct qumun_rule *r;
	char why[256] = "";
	size_t i;
	int k, got;

	for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct rule_table t = { .on_tie = note_tie };
		struct qumun_rule rule;

		nr_ties = 0;
		for (k = 0; k < 4 && orders[i].rules[k]; k++) {
			if (qumun_rule_parse(&rule, orders[i].rules[k], why, sizeof(why)))
				tap_ok(false, "%s: %s", orders[i].rules[k], why);
			rules_append(&t, &rule, NULL);
		}
		r = rules_resolve(&t, &task);
		got = r ? (int)r->id - 1 : -1;
		tap_is(got, orders[i].want, "order: %s", orders[i].name);
		tap_is(nr_ties, orders[i].want_ties, "order: %s: warnings",
		       orders[i].name);
		rules_resolve(&t, &task);
		tap_is(nr_ties, orders[i].want_ties, "order: %s: only once",
		       orders[i].name);
		if (nr_ties)
			tap_ok(tie_winner == (unsigned int)got + 1 &&
				       tie_loser == tie_winner - 1,
			       "order: %s: both are named", orders[i].name);
		check_matching(&t, orders[i].name, orders[i].want, orders[i].want_ties);
		rules_free(&t);
	}
}

static void test_table(void)
{
	struct rule_table t = { 0 };
	struct qumun_rule r;
	unsigned int id = 0, i;

	for (i = 1; i <= 100; i++) {
		char text[64];

		snprintf(text, sizeof(text), "pid=%u,class=idle", i);
		qumun_rule_parse(&r, text, NULL, 0);
		rules_append(&t, &r, &id);
	}
	tap_is(id, 100, "table: ids count up");
	rules_remove(&t, rules_find(&t, 50));
	tap_is(t.nr, 99, "table: one less");
	tap_ok(!rules_find(&t, 50), "table: it is gone");
	tap_ok(rules_find(&t, 49)->rule.pid == 49 && rules_find(&t, 51)->rule.pid == 51,
	       "table: its neighbours are there");
	rules_append(&t, &r, &id);
	tap_is(id, 101, "table: no id is used twice");
	rules_free(&t);
}

/* A real hierarchy where there is one, without touching it. */
static void test_cgroups(void)
{
	struct cgroup_cache *c = cgroups_open(NULL);
	const struct rule_cgroup *cg;
	struct stat st;

	cg = cgroups_get(c, 0xdeadbeef12345ULL);
	tap_ok(cg->id == 0xdeadbeef12345ULL && cg->depth == 1 && !*cg->path,
	       "cgroups: an unknown one has its id and no path");
	if (geteuid() || stat("/sys/fs/cgroup/cgroup.procs", &st)) {
		tap_skip("cgroups: needs root and a cgroup v2 hierarchy");
	} else {
		stat("/sys/fs/cgroup", &st);
		cg = cgroups_get(c, st.st_ino);
		tap_ok(!strcmp(cg->path, "/") && cg->depth == 1 &&
			       cg->ids[0] == st.st_ino,
		       "cgroups: the root");
	}
	cgroups_close(c);
}

/* One key at a time. */
static void test_set(void)
{
	struct qumun_rule r = QUMUN_RULE_INIT;
	char why[200] = "";

	tap_is(qumun_rule_set(&r, "tgid", "12", why, sizeof(why)), 0, "set: a criterion");
	tap_is(qumun_rule_set(&r, "slice", "2ms", why, sizeof(why)), 0, "set: a slice");
	tap_ok(r.match == 1U << QUMUN_RULE_TGID && r.tgid == 12 && r.slice_ns == 2000000,
	       "set: both are there");
	tap_is(qumun_rule_set(&r, "tgid", "13", why, sizeof(why)), -EEXIST, "set: twice");
	tap_ok(strstr(why, "tgid") && r.tgid == 12, "set: %s", why);
	tap_is(qumun_rule_set(&r, "colour", "red", why, sizeof(why)), -ENOENT,
	       "set: no such key");
	tap_ok(strstr(why, "colour"), "set: %s", why);
	tap_is(qumun_rule_set(&r, "weight", "14", NULL, 0), -EINVAL, "set: too light");
	tap_is(r.weight, 0, "set: nothing of it stays");
}

int main(void)
{
	test_texts();
	test_set();
	test_globs();
	test_orders();
	test_decided_by();
	test_table();
	test_cgroups();
	return tap_done();
}
