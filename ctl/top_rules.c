/* SPDX-License-Identifier: Apache-2.0 */
/* gthulhuctl top: what classes and rules cost during the last interval, and how they waited. */
#include <string.h>

#include <curses.h>

#include "top.h"

static void put_line(int y, int x, int width, const char *line)
{
	if (y < LINES && x < COLS)
		mvaddnstr(y, x, line, width < COLS - x ? width : COLS - x);
}

/* "batch", or "3 comm=make*,class=batch (12)". */
static void whose(const json_t *s, char *text, size_t size)
{
	if (get_int(s, "rule"))
		snprintf(text, size, "%lld %s (%lld)", get_int(s, "rule"),
			 get_text(s, "text"), get_int(s, "tasks"));
	else
		snprintf(text, size, "%s", get_text(s, "class"));
}

static void draw_share(const struct top_model *m, size_t i, const json_t *s, int y, int x,
		       int width)
{
	struct top_cost cost = top_cost(m, i);
	char waits[TEXT_SIZE], mean[TEXT_SIZE], p99[TEXT_SIZE], name[256], line[512];

	whose(s, name, sizeof(name));
	if (cost.p99_ns > 1e18)
		snprintf(p99, sizeof(p99), "> 1 s");
	else
		text_time(p99, cost.p99_ns);
	snprintf(line, sizeof(line), "%6.1f%% %7s %8s %8s %s", cost.share * 100,
		 text_count(waits, cost.waits), text_time(mean, cost.mean_ns), p99, name);
	put_line(y, x, width, line);
}

void top_draw_shares(const struct top_model *m, int y, int x, int width, int end)
{
	const json_t *list = json_object_get(m->shares, "shares"), *s;
	bool of_rules = false;
	char line[256];
	size_t i;

	if (y >= end)
		return;
	snprintf(line, sizeof(line), "%7s %7s %8s %8s %-*s", "CPU", "WAITS/s", "MEAN",
		 "99 %", width > 34 ? width - 34 : 0, "CLASS");
	attron(A_BOLD | A_UNDERLINE);
	put_line(y++, x, width, line);
	attroff(A_BOLD | A_UNDERLINE);
	json_array_foreach(list, i, s)
	{
		if (get_int(s, "rule") && !of_rules && y < end) {
			attron(A_BOLD);
			put_line(y++, x + 34, width - 34, "RULE (TASKS)");
			attroff(A_BOLD);
			of_rules = true;
		}
		if (y < end)
			draw_share(m, i, s, y++, x, width);
	}
	if (m->shares && !of_rules && y < end)
		put_line(y, x, width, "                                  no rules");
}
