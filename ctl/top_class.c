/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gthulhuctl top: another class for the task under the bar. Two questions, which class and
 * whether that is meant, then a rule that names the thread. A rule that top gave the same thread
 * before goes, so that they do not pile up.
 */
#include <string.h>

#include "top.h"

static const struct {
	char key;
	const char *cls;
} choices[] = {
	{ 'l', "latency" }, { 'i', "interactive" }, { 'n', "normal" },
	{ 'b', "batch" },   { 'd', "idle" },
};

#define NR_CHOICES (sizeof(choices) / sizeof(choices[0]))

void top_ask_class(const struct top_model *m, struct top_view *v)
{
	if (v->selected >= m->nr_rows)
		return;
	v->ask = TOP_ASK_CLASS;
	v->ask_pid = m->rows[v->selected].pid;
	snprintf(v->ask_comm, sizeof(v->ask_comm), "%s", m->rows[v->selected].comm);
}

void top_question(const struct top_view *v, char *line, size_t size)
{
	if (v->ask == TOP_ASK_CLASS)
		snprintf(
			line, size,
			"class of %lld %s: (l)atency (i)nteractive (n)ormal (b)atch i(d)le; other "
			"keys: none",
			v->ask_pid, v->ask_comm);
	else
		snprintf(line, size,
			 "give %lld %s class %s by a rule? y: yes; other keys: no",
			 v->ask_pid, v->ask_comm, v->ask_class);
}

/* The id of a rule that gives exactly this thread a class and nothing else; 0: there is none. */
static long long former_rule(struct ctl *ctl, long long pid)
{
	json_t *result, *r;
	long long id = 0;
	char start[64];
	const char *text;
	size_t i;

	if (ctl_call(ctl, "rules.list", NULL, &result) != CTL_OK)
		return 0;
	snprintf(start, sizeof(start), "pid=%lld,class=", pid);
	json_array_foreach(json_object_get(result, "rules"), i, r)
	{
		text = get_text(r, "rule");
		if (!strcmp(get_text(r, "owner"), "request") &&
		    !strncmp(text, start, strlen(start)) &&
		    !strchr(text + strlen(start), ','))
			id = get_int(r, "id");
	}
	json_decref(result);
	return id;
}

static void give_class(struct top_view *v, struct ctl *ctl)
{
	long long former = former_rule(ctl, v->ask_pid);
	char rule[128];
	json_t *result;

	/* first, or the two would be as strong for a moment, which is worth a warning */
	if (former &&
	    ctl_call(ctl, "rules.remove", json_pack("{s:I}", "id", (json_int_t)former),
		     &result) == CTL_OK)
		json_decref(result);
	snprintf(rule, sizeof(rule), "pid=%lld,class=%s", v->ask_pid, v->ask_class);
	if (ctl_call(ctl, "rules.add", json_pack("{s:s}", "rule", rule), &result) !=
	    CTL_OK) {
		snprintf(v->message, sizeof(v->message), "%s", ctl->error);
		return;
	}
	snprintf(v->message, sizeof(v->message),
		 "rule %lld: %s; `gthulhuctl rules remove %lld` takes it back",
		 get_int(result, "id"), rule, get_int(result, "id"));
	json_decref(result);
}

void top_answer(struct top_view *v, struct ctl *ctl, int key)
{
	size_t i;

	if (v->ask == TOP_ASK_SURE) {
		v->ask = TOP_ASK_NOTHING;
		if (key == 'y')
			give_class(v, ctl);
		return;
	}
	v->ask = TOP_ASK_NOTHING;
	for (i = 0; i < NR_CHOICES; i++) {
		if (choices[i].key != key)
			continue;
		v->ask_class = choices[i].cls;
		v->ask = TOP_ASK_SURE;
	}
}
