/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: the text of a rule, and which tasks it names. A rule that is accepted is in range,
 * and its text, written and read again, is the same rule; names are matched as fnmatch(3) does,
 * which knows more but agrees on * and ?.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/rules.h"

#define MAX_TEXT 2048

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

static void try_text(const char *text)
{
	struct qumun_rule rule = QUMUN_RULE_INIT, again = QUMUN_RULE_INIT;
	char why[256] = "", out[MAX_TEXT];
	int len;

	if (qumun_rule_parse(&rule, text, why, sizeof(why))) {
		must(why[0] && memchr(why, 0, sizeof(why)));
		return;
	}
	must(!rule_check(&rule, why, sizeof(why)));
	len = qumun_rule_format(&rule, out, sizeof(out));
	must(len > 0 && len < MAX_TEXT && strlen(out) == (size_t)len);
	must(!qumun_rule_parse(&again, out, why, sizeof(why)));
	must(rule_same(&rule, &again));
}

static void try_glob(char *text)
{
	char *name = strchr(text, ' ');

	if (!name || strpbrk(text, "[\\"))
		return;
	*name++ = 0;
	must(rule_glob(text, name) == !fnmatch(text, name, FNM_NOESCAPE));
}

/* A rule of the text beside one for everybody: resolving stays in bounds whatever the task is. */
static void try_table(const char *text, const unsigned char *data, size_t size)
{
	struct qumun_rule rule = QUMUN_RULE_INIT, all = QUMUN_RULE_INIT;
	uint64_t ids[4] = { 1, 2, 3, 4 };
	struct rule_cgroup cg = { .id = 4, .ids = ids, .path = (char *)text };
	struct rule_task task = { .comm = text, .cgroup = &cg };
	struct rule_table table = { 0 };
	const struct qumun_rule *best;
	char why[256];

	if (qumun_rule_parse(&rule, text, why, sizeof(why)))
		return;
	must(!qumun_rule_parse(&all, "comm=*,class=batch", why, sizeof(why)));
	cg.depth = 1 + size % 4;
	task.pid = rule.pid + data[0] % 2;
	task.tgid = rule.tgid + data[0] / 2 % 2;
	task.uid = rule.uid + data[0] / 4 % 2;
	must(!rules_append(&table, &all, NULL) && !rules_append(&table, &rule, NULL));
	best = rules_resolve(&table, &task);
	must(best && rule_match(rules_find(&table, best->id), &task));
	rules_remove(&table, rules_find(&table, best->id));
	must(table.nr == 1);
	rules_free(&table);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char *text;

	if (!size || size > 1024)
		return 0;
	text = malloc(size + 1);
	memcpy(text, data, size);
	text[size] = 0;
	try_text(text);
	try_table(text, data, size);
	try_glob(text);
	free(text);
	return 0;
}
