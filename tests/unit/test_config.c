/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: what is accepted, and every message with its position. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../daemon/config.h"
#include "tap.h"

#define KEYS                                                                                            \
	"mode, policy, partial, log_level, max_tasks, max_records, shards, timeout, reattach, params, " \
	"rules"
#define RULE_KEYS                                                                        \
	"accepted are pid, tgid, cgroup_id, cgroup, comm, uid, class, weight, slice, "   \
	"cpus and preempt"

struct bad_case {
	const char *text, *want; /* NULL: accepted */
};

static const struct bad_case cases[] = {
	{ "", NULL },
	{ "# nothing\n", NULL },
	{ "---\n", NULL },
	{ "mode: kernel\n", NULL },
	{ "rules:\n", NULL },
	{ "rules: []\n", NULL },
	{ "params: {}\n", NULL },
	{ "timeout: 1.5s\n", NULL },
	{ "mode: kernl\n", "f:1:7: mode is kernl: accepted is user or kernel" },
	{ "partial: yes\nmdoe: user\n",
	  "f:2:1: unknown key \"mdoe\", did you mean \"mode\"?: accepted are " KEYS },
	{ "frobnicate: 1\n", "f:1:1: unknown key \"frobnicate\": accepted are " KEYS },
	{ "mode: user\npartial: no\nmode: user\n", "f:3:1: mode is given twice" },
	{ "partial: 2\n", "f:1:10: partial is 2: accepted is yes or no" },
	{ "log_level: LOUD\n",
	  "f:1:12: log_level is LOUD: accepted is ERROR, WARN, INFO or DEBUG" },
	{ "max_tasks: 0\n", "f:1:12: max_tasks is 0: accepted is 1 to 1000000" },
	{ "max_tasks: 1000001\n",
	  "f:1:12: max_tasks is 1000001: accepted is 1 to 1000000" },
	{ "max_tasks: -5\n", "f:1:12: max_tasks is -5: accepted is 1 to 1000000" },
	{ "shards: 0\n", "f:1:9: shards is 0: accepted is 1 to 64" },
	{ "max_records: 63\n", "f:1:14: max_records is 63: accepted is 64 to 262144" },
	{ "reattach: 1001\n", "f:1:11: reattach is 1001: accepted is 0 to 1000" },
	{ "timeout: 10\n", "f:1:10: timeout is 10: accepted is 1s to 30s" },
	{ "timeout: 31s\n", "f:1:10: timeout is 31s: accepted is 1s to 30s" },
	{ "timeout:\n", "f:1:9: timeout is nothing: accepted is 1s to 30s" },
	{ "timeout: [1s]\n", "f:1:10: timeout is a list: accepted is 1s to 30s" },
	{ "policy: {a: b}\n",
	  "f:1:9: policy is a mapping: accepted is a built-in policy or the path of a shared object" },
	{ "- mode\n", "f:1:1: the file is a list: accepted is a mapping of keys" },
	{ "hello\n", "f:1:1: the file is hello: accepted is a mapping of keys" },
	{ "? [a]\n: b\n", "f:1:3: a key is a list: accepted is a word" },
	{ "mode: user\n---\nmode: user\n", "f:2:1: a second document: accepted is one" },
	{ "mode: &a user\npolicy: *a\n",
	  "f:2:9: policy is an alias: accepted is a built-in policy or the path of a shared object" },
	{ "mode: \"user\n",
	  "f:2:1: not YAML: while scanning a quoted scalar, found unexpected end of stream" },
	{ "params: 5\n", "f:1:9: params is 5: accepted is a mapping of parameters" },
	{ "params:\n  stall: 999us\n", "f:2:10: stall is 999us: accepted is 1ms to 10s" },
	{ "params:\n  base_slice: 5\n",
	  "f:2:15: base_slice is 5: accepted is 100us to 100ms" },
	{ "params:\n  base_slize: 5ms\n",
	  "f:2:3: unknown key \"base_slize\" in params, did you mean \"base_slice\"?: accepted are "
	  "base_slice, min_slice, max_slice, latency_factor, weight_multiplier, min_run, migration_cost, max_wait, "
	  "stall, rescue, takeover, latency_budget" },
	{ "params:\n  min_run: 0ns\n  min_run: 0ns\n", "f:3:3: min_run is given twice" },
	{ "params:\n  latency_factor: 0.05\n",
	  "f:2:19: latency_factor is 0.05: accepted is 0.1 to 10" },
	{ "params:\n  latency_budget: 101%\n",
	  "f:2:19: latency_budget is 101%: accepted is 1% to 100%" },
	{ "params:\n  min_slice: 9ms\n",
	  "f:2:3: min_slice does not fit the others: accepted is min_slice <= base_slice <= max_slice" },
	{ "rules: 5\n", "f:1:8: rules is 5: accepted is a list of rules" },
	{ "rules:\n  - foo\n",
	  "f:2:5: a rule is foo: accepted is a mapping such as comm: foo*" },
	{ "rules:\n  - comm: a\n    clas: idle\n",
	  "f:3:5: unknown key \"clas\", did you mean \"class\"?: " RULE_KEYS },
	{ "rules:\n  - comm: a\n    class: fast\n",
	  "f:3:12: class is \"fast\": accepted is latency, interactive, normal, batch or idle" },
	{ "rules:\n  - comm: a\n    comm: b\n",
	  "f:3:5: comm is given twice in one rule" },
	{ "rules:\n  - class: idle\n",
	  "f:2:5: the rule matches nothing: it needs one of pid, tgid, cgroup_id, cgroup, comm and "
	  "uid" },
	{ "rules:\n  - comm: a\n",
	  "f:2:5: the rule gives nothing: it needs one of class, weight, slice, cpus and preempt" },
	{ "rules:\n  - comm: [a]\n    class: idle\n",
	  "f:2:11: comm is a list: accepted is one value" },
};

static void test_messages(void)
{
	struct config c;
	char why[2048];
	size_t i;
	int err;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct bad_case *b = &cases[i];
		char name[64];

		*why = '\0';
		config_init(&c);
		err = config_parse(&c, "f", b->text, strlen(b->text), why, sizeof(why));
		snprintf(name, sizeof(name), "%.60s", b->want ? b->want : b->text);
		name[strcspn(name, "\n")] = '\0';
		if (!tap_ok(b->want ? err == -EINVAL && !strcmp(why, b->want) : !err,
			    "message %zu: %s", i, name)) {
			tap_diag("got  %d %s", err, why);
			tap_diag("want %s", b->want ? b->want : "(accepted)");
		}
		config_free(&c);
	}
}

static void test_values(void)
{
	static const char text[] = "mode: kernel\n"
				   "policy: ./mine.so\n"
				   "partial: true\n"
				   "log_level: debug\n"
				   "max_tasks: 7\n"
				   "max_records: 100\n"
				   "timeout: 2s\n"
				   "reattach: 0\n"
				   "params:\n"
				   "  base_slice: 3ms\n"
				   "  latency_factor: 0.5\n"
				   "  latency_budget: 80%\n"
				   "rules:\n"
				   "  - comm: nginx*\n"
				   "    class: latency\n"
				   "  - {cgroup: /a/b, cpus: \"0-1,5\", weight: 200}\n";
	static const char bad[] = "mode: user\npolicy: other\nrules:\n  - pid: 1\n";
	struct config c;
	char rule[256], why[256];

	config_init(&c);
	tap_ok(!strcmp(c.policy, "gthulhu") && c.max_tasks == 4096 &&
		       c.timeout == 10000 && c.reattach == 5 &&
		       c.params.base_slice_ns == BASE_SLICE_NS && !c.nr_rules,
	       "values: defaults");
	tap_is(config_parse(&c, "f", text, strlen(text), why, sizeof(why)), 0,
	       "values: read");
	tap_ok(c.mode == QUMUN_MODE_KERNEL && !strcmp(c.policy, "./mine.so") &&
		       c.partial && c.log_level == QUMUN_LOG_DEBUG && c.max_tasks == 7 &&
		       c.max_records == 100 && c.timeout == 2000 && !c.reattach,
	       "values: keys");
	tap_ok(c.params.base_slice_ns == 3000000 && c.params.latency_factor_fp == 512 &&
		       c.params.latency_budget_pct == 80 &&
		       c.params.max_slice_ns == MAX_SLICE_NS,
	       "values: parameters");
	tap_is(c.nr_rules, 2, "values: rules");
	qumun_rule_format(&c.rules[1], rule, sizeof(rule));
	tap_ok(!strcmp(rule, "cgroup=/a/b,weight=200,cpus=0-1,5"), "values: a rule: %s",
	       rule);
	tap_is(config_parse(&c, "f", bad, strlen(bad), why, sizeof(why)), -EINVAL,
	       "a bad file is refused");
	tap_ok(c.mode == QUMUN_MODE_KERNEL && !strcmp(c.policy, "./mine.so") &&
		       c.nr_rules == 2,
	       "and changes nothing");
	config_free(&c);
}

/* The file in packaging/ is what the tables say; its text without the marks is a good one. */
static void test_default_file(const char *path)
{
	char made[16384] = "", file[16384] = "", why[512] = "", *p;
	struct config c, defaults;
	FILE *f = fmemopen(made, sizeof(made), "w");
	size_t n;

	config_print(f);
	fclose(f);
	f = fopen(path, "r");
	n = f ? fread(file, 1, sizeof(file) - 1, f) : 0;
	if (f)
		fclose(f);
	tap_ok(n && !strcmp(made, file), "%s is what gthulhu --print-config prints",
	       path);
	/* "#key:" and "#  key:" are defaults, "# text" is a comment */
	for (p = made; *p; p++) {
		if (*p == '#' && (p == made || p[-1] == '\n') && p[1] != '\n' &&
		    (p[1] != ' ' || p[2] == ' '))
			*p = ' ';
	}
	config_init(&c);
	config_init(&defaults);
	tap_ok(!config_parse(&c, "default", made, strlen(made), why, sizeof(why)),
	       "its lines are good ones: %s", why);
	tap_ok(!memcmp(&c.params, &defaults.params, sizeof(c.params)) &&
		       c.max_records == defaults.max_records &&
		       c.timeout == defaults.timeout && c.nr_rules == 2,
	       "and say the defaults");
	config_free(&c);
	config_free(&defaults);
}

int main(int argc, char **argv)
{
	test_messages();
	test_values();
	if (argc > 1)
		test_default_file(argv[1]);
	return tap_done();
}
