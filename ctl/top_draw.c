/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The screen of gthulhuctl top. Four lines of summary, the CPUs, the tasks, the keys; from 132
 * columns on a histogram of waits beside the tasks, and classes and rules below it. Meaning is
 * never in colour alone.
 */
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curses.h>

#include "top.h"

#define SUMMARY_LINES 4
#define CPU_WIDTH 39
#define MAX_LLCS 64
#define LIST_WIDTH 88
#define PANEL_WIDTH 50 /* at least, and what the list leaves over */

enum { CALM = 1, BUSY, ALARM };

void top_screen_begin(struct top_view *v)
{
	setlocale(LC_CTYPE, "");
	v->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	initscr();
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	v->color = has_colors() && !getenv("NO_COLOR");
	if (!v->color)
		return;
	start_color();
	use_default_colors();
	init_pair(CALM, COLOR_GREEN, -1);
	init_pair(BUSY, COLOR_YELLOW, -1);
	init_pair(ALARM, COLOR_RED, -1);
}

void top_screen_end(void)
{
	endwin();
}

static void paint(const struct top_view *v, int pair, bool on)
{
	if (v->color) {
		if (on)
			attron(COLOR_PAIR(pair));
		else
			attroff(COLOR_PAIR(pair));
	}
}

/* Text at a place, cut at the right edge. */
static void put(int y, int x, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void put(int y, int x, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (y < 0 || y >= LINES || x >= COLS)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	mvaddnstr(y, x, text, COLS - x);
}

/* Where the text on line @y ends: past the edge if it filled the line. */
static int after(int y)
{
	return getcury(stdscr) == y ? getcurx(stdscr) : COLS;
}

static void draw_head(const struct top_model *m, const struct top_view *v)
{
	const json_t *s = m->status;
	bool late = get_bool(s, "autopilot");
	char up[TEXT_SIZE], clock[16];
	time_t now = time(NULL);
	int x;

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime(&now));
	attron(A_BOLD);
	put(0, 0, "gthulhu %s", get_text(s, "version"));
	attroff(A_BOLD);
	x = after(0);
	put(0, x, "  %s mode, policy %s, up %s", get_text(s, "mode"),
	    get_text(s, "policy"), text_span(up, get_real(s, "uptime_ns")));
	x = after(0) + 2;
	if (late) {
		paint(v, ALARM, true);
		attron(A_REVERSE);
	}
	put(0, x, late ? "AUTOPILOT ON" : "autopilot off, %lld so far",
	    get_int(s, "autopilot_episodes"));
	attroff(A_REVERSE);
	paint(v, ALARM, false);
	if (COLS >= 100)
		put(0, COLS - 8, "%s", clock);
}

static void draw_rates(const struct top_model *m)
{
	char a[TEXT_SIZE], b[TEXT_SIZE], c[TEXT_SIZE], d[TEXT_SIZE], e[TEXT_SIZE];

	put(1, 0,
	    "tasks %lld, %lld active | each second: %s runs, %s direct, %s decided, %s taken back",
	    get_int(m->status, "tasks"), get_int(m->status, "tasks_active"),
	    text_count(a, top_rate(m, "runs")), text_count(b, top_rate(m, "direct")),
	    text_count(c, top_rate(m, "decided")),
	    text_count(d, top_rate(m, "taken_back") + top_rate(m, "rescued")));
	if (COLS >= TOP_PANEL_FROM)
		put(1, after(1), ", %s migrations | ring full %lld, policy faults %lld",
		    text_count(e, top_rate(m, "migrations")),
		    get_int(json_object_get(m->stats, "counters"), "kernel_ring_full"),
		    get_int(m->status, "policy_faults"));
}

/* One column for each interval; a step is a factor of 4 from 10 us on. */
static void draw_sparkline(const struct top_model *m, const struct top_view *v, int y,
			   int x, int width)
{
	static const char *const fine[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const plain[] = { "_", ".", ":", "-", "=", "+", "*", "#" };
	size_t i = 0;
	int level;
	double ns;

	if (width <= 0)
		return;
	if (m->nr_history > (size_t)width)
		i = m->nr_history - (size_t)width;
	for (; i < m->nr_history; i++, x++) {
		level = 0;
		for (ns = 10000; level < 7 && m->history[i] > ns; ns *= 4)
			level++;
		mvaddstr(y, x, v->utf8 ? fine[level] : plain[level]);
	}
}

static const char *quantile(const struct top_model *m, double q, char buf[TEXT_SIZE])
{
	double ns = histogram_quantile(json_object_get(m->latency, "buckets"),
				       json_object_get(m->latency_before, "buckets"), q);

	if (ns > 1e18)
		return "> 1 s";
	return text_time(buf, ns);
}

static void draw_waits(const struct top_model *m, const struct top_view *v)
{
	double runs = top_rate(m, "runs");
	char a[TEXT_SIZE], b[TEXT_SIZE], c[TEXT_SIZE], d[TEXT_SIZE];

	if (!m->stats_before) {
		put(2, 0, "waits: the first interval is not over yet");
		return;
	}
	put(2, 0, "waits: mean %s, median %s, 99 %% %s, 99.9 %% %s |",
	    text_time(a, runs > 0 ? top_rate(m, "wait_ns") / runs : 0),
	    quantile(m, 0.5, b), quantile(m, 0.99, c), quantile(m, 0.999, d));
	draw_sparkline(m, v, 2, after(2) + 1, COLS - after(2) - 1);
}

/* One entry for each last-level cache: its CPUs' utilization and all their queues. */
static void draw_caches(const struct top_model *m)
{
	char text[512];
	long long llc, queued;
	double share;
	int cpus, at = 0;

	for (llc = 0; llc < MAX_LLCS && at < COLS && at < (int)sizeof(text) - 64; llc++) {
		share = top_llc_share(m, llc, &cpus, &queued);
		if (cpus)
			at += snprintf(text + at, sizeof(text) - (size_t)at,
				       "%s%lld: %.0f %% of %d CPUs, %lld queued",
				       at ? " | " : "", llc, share * 100, cpus, queued);
	}
	put(3, 0, "caches: %s", at ? text : "not known");
}

static int cpu_columns(void)
{
	int nr = COLS / (CPU_WIDTH + 1);

	return nr > 0 ? nr : 1;
}

/* Lines that the CPUs get: never more than a third of the screen. */
static int cpu_lines(const struct top_model *m)
{
	int nr = (int)json_array_size(json_object_get(m->stats, "cpus"));
	int lines = (nr + cpu_columns() - 1) / cpu_columns(), most = LINES / 3;

	return lines < most ? lines : most > 0 ? most : 1;
}

static void draw_cpu(const struct top_model *m, const struct top_view *v, size_t i, int y,
		     int x)
{
	const json_t *c = json_array_get(json_object_get(m->stats, "cpus"), i);
	double share = top_cpu_share(m, i);
	int bar = (int)(share * 10 + 0.5), pair = share > 0.9	? ALARM
						  : share > 0.6 ? BUSY
								: CALM;

	if (!get_bool(c, "online")) {
		put(y, x, "%3lld [ offline  ]", get_int(c, "cpu"));
		return;
	}
	put(y, x, "%3lld [", get_int(c, "cpu"));
	paint(v, pair, true);
	put(y, x + 5, "%.*s", bar, "||||||||||");
	paint(v, pair, false);
	put(y, x + 15, "]%4.0f%% q%-3lld%-12.12s", share * 100, get_int(c, "queued"),
	    get_text(c, "comm"));
}

static void draw_cpus(const struct top_model *m, const struct top_view *v, int y)
{
	size_t i, nr = json_array_size(json_object_get(m->stats, "cpus"));
	int columns = cpu_columns(), lines = cpu_lines(m);
	size_t shown = (size_t)(columns * lines);
	double rest = 0;

	for (i = 0; i < nr && i < shown; i++) {
		if (i == shown - 1 && nr > shown)
			break;
		draw_cpu(m, v, i, y + (int)i % lines, (int)i / lines * (CPU_WIDTH + 1));
	}
	if (nr <= shown)
		return;
	for (shown = i; i < nr; i++)
		rest += top_cpu_share(m, i);
	put(y + lines - 1, (columns - 1) * (CPU_WIDTH + 1), "and %zu more, %.0f %% busy",
	    nr - shown, 100 * rest / (double)(nr - shown));
}

static int list_top(const struct top_model *m)
{
	return SUMMARY_LINES + cpu_lines(m);
}

size_t top_page(const struct top_model *m)
{
	int lines = LINES - list_top(m) - 2;

	return lines > 0 ? (size_t)lines : 0;
}

static void draw_row(const struct top_row *r, int y, int width, bool selected)
{
	char wait[TEXT_SIZE], runs[TEXT_SIZE], line[256];

	snprintf(line, sizeof(line),
		 "%7lld %-14.14s %-8.8s %3lld %-11.11s %6.1f%% %6.1f%% %8s %7s %6lld",
		 r->pid, r->comm, r->state, r->cpu, r->cls, r->share * 100,
		 r->wait_share * 100, text_time(wait, r->max_wait_ns),
		 text_count(runs, r->runs), r->weight);
	if (selected)
		attron(A_REVERSE);
	mvaddnstr(y, 0, line, width);
	if (selected) {
		while (getcurx(stdscr) < width && getcury(stdscr) == y &&
		       getcurx(stdscr) < COLS - 1)
			addch(' ');
	}
	attroff(A_REVERSE);
}

static void draw_list(const struct top_model *m, const struct top_view *v, int y,
		      int width)
{
	static const char *const heads[TOP_NR_SORTS] = { "CPU", "WAIT", "AT MOST",
							 "RUNS/s", "CLASS" };
	size_t i, page = top_page(m);
	char line[256], head[TOP_NR_SORTS][12];
	int k;

	/* a mark at the column that sorts */
	for (k = 0; k < TOP_NR_SORTS; k++)
		snprintf(head[k], sizeof(head[k]), "%s%s", (int)m->sort == k ? ">" : "",
			 heads[k]);
	snprintf(line, sizeof(line), "%7s %-14s %-8s %3s %-11s %7s %7s %8s %7s %6s",
		 "PID", "NAME", "STATE", "ON", head[TOP_BY_CLASS], head[TOP_BY_SHARE],
		 head[TOP_BY_WAIT], head[TOP_BY_MAX_WAIT], head[TOP_BY_RUNS], "WEIGHT");
	attron(A_BOLD | A_UNDERLINE);
	mvaddnstr(y, 0, line, width);
	attroff(A_BOLD | A_UNDERLINE);
	for (i = 0; i < page && v->first + i < m->nr_rows; i++)
		draw_row(&m->rows[v->first + i], y + 1 + (int)i, width,
			 v->first + i == v->selected);
	if (!m->nr_rows)
		put(y + 1, 0,
		    *m->filter ? "no task's name has \"%s\" in it"
			       : "no task has run yet%s",
		    m->filter);
}

static int panel_width(void)
{
	return COLS - LIST_WIDTH > PANEL_WIDTH ? COLS - LIST_WIDTH : PANEL_WIDTH;
}

/* The histogram; returns the line below it. */
static int draw_panel(const struct top_model *m, int y)
{
	const json_t *b = json_object_get(m->latency, "buckets");
	const json_t *before = json_object_get(m->latency_before, "buckets");
	int x = COLS - panel_width(), bar;
	long long n, most = 1;
	char high[TEXT_SIZE];
	size_t i;

	attron(A_BOLD | A_UNDERLINE);
	put(y, x, "%-*s", panel_width(), "WAITS OF THE LAST INTERVAL");
	attroff(A_BOLD | A_UNDERLINE);
	for (i = 0; before && i < json_array_size(b); i++) {
		n = bucket_count(b, before, i);
		most = n > most ? n : most;
	}
	for (i = 0; before && i < json_array_size(b) && y + 1 + (int)i < LINES - 1; i++) {
		n = bucket_count(b, before, i);
		if (json_object_get(json_array_get(b, i), "le_ns"))
			text_time(high, get_real(json_array_get(b, i), "le_ns"));
		else
			snprintf(high, sizeof(high), "longer");
		bar = (int)((double)n * 30 / (double)most + 0.5);
		put(y + 1 + (int)i, x, "%8s %8lld %.*s", high, n, n && !bar ? 1 : bar,
		    "##############################");
	}
	return y + 2 + (int)json_array_size(b);
}

static void draw_text(const char *text, int y)
{
	const char *end;

	for (; *text && y < LINES - 1; text = *end ? end + 1 : end, y++) {
		end = strchrnul(text, '\n');
		mvaddnstr(y, 2, text,
			  end - text < COLS - 2 ? (int)(end - text) : COLS - 2);
	}
}

static const char help_text[] =
	"q        end\n"
	"p        pause, go on\n"
	"s        order of tasks: CPU, wait, longest wait, runs, class\n"
	"f        show only tasks with this in their name; empty: all\n"
	"up down  move the bar (also page up, page down, home, end)\n"
	"enter    the task under the bar\n"
	"c        give it another class, by a rule\n"
	"r        classes and rules: what they cost and how long they wait\n"
	"+ -      longer or shorter interval\n"
	"escape   back\n"
	"\n"
	"CPU and WAIT are shares of one CPU during the last interval: time that the task ran,\n"
	"and time that it was runnable but did not. AT MOST is its longest wait ever.\n"
	"The line of blocks is the wait that 99 % stayed below, one block for each interval;\n"
	"a step up is four times as long, the lowest is up to 10 us.\n";

static void draw_foot(const struct top_model *m, const struct top_view *v)
{
	char line[700];

	if (v->ask)
		top_question(v, line, sizeof(line));
	else if (v->typing)
		snprintf(line, sizeof(line), "name has: %s_   (enter: done)", m->filter);
	else if (*v->message)
		snprintf(line, sizeof(line), "%s", v->message);
	else
		snprintf(
			line, sizeof(line),
			"%sq end  h help  p pause  s sort  f filter%s%s  c class  r rules"
			"  enter task  +-%g s",
			v->paused ? "PAUSED  " : "", *m->filter ? " " : "", m->filter,
			v->interval);
	attron(A_REVERSE);
	mvhline(LINES - 1, 0, ' ', COLS);
	mvaddnstr(LINES - 1, 0, line, COLS);
	attroff(A_REVERSE);
}

void top_draw(const struct top_model *m, struct top_view *v)
{
	bool panel = COLS >= TOP_PANEL_FROM;
	int y, list = panel ? COLS - panel_width() - 1 : COLS;

	erase();
	if (m->status) {
		y = list_top(m);
		draw_head(m, v);
		draw_rates(m);
		draw_waits(m, v);
		draw_caches(m);
		draw_cpus(m, v, SUMMARY_LINES);
		if (v->help)
			draw_text(help_text, y);
		else if (v->detail)
			draw_text(v->detail, y);
		else if (v->rules)
			top_draw_shares(m, y, 0, list, LINES - 1);
		else
			draw_list(m, v, y, list);
		if (panel && !v->help && !v->detail)
			top_draw_shares(m, draw_panel(m, y), COLS - panel_width(),
					panel_width(), LINES - 1);
	}
	draw_foot(m, v);
	refresh();
}
