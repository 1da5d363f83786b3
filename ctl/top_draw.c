/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The screen of gthulhuctl top. Three lines of summary, the CPUs, the tasks, the keys; from 120
 * columns on a histogram of waits beside the tasks. Meaning is never in colour alone.
 */
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curses.h>

#include "top.h"

#define SUMMARY_LINES 3
#define CPU_WIDTH 39
#define PANEL_FROM 120 /* columns */
#define PANEL_WIDTH 50

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
	x = getcurx(stdscr);
	put(0, x, "  %s mode, policy %s, up %s", get_text(s, "mode"),
	    get_text(s, "policy"), text_span(up, get_real(s, "uptime_ns")));
	x = getcurx(stdscr) + 2;
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
	if (COLS >= PANEL_FROM)
		put(1, getcurx(stdscr),
		    ", %s migrations | ring full %lld, policy faults %lld",
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
	draw_sparkline(m, v, 2, getcurx(stdscr) + 1, COLS - getcurx(stdscr) - 1);
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
		 "%7lld %-15.15s %-10s %3lld %6lld %6.1f%% %6.1f%% %8s %7s", r->pid,
		 r->comm, r->state, r->cpu, r->weight, r->share * 100,
		 r->wait_share * 100, text_time(wait, r->max_wait_ns),
		 text_count(runs, r->runs));
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
	static const char *const heads[] = { "CPU", "WAIT", "AT MOST", "RUNS/s" };
	size_t i, page = top_page(m);
	char line[256], head[4][12];
	int k;

	/* a mark at the column that sorts */
	for (k = 0; k < 4; k++)
		snprintf(head[k], sizeof(head[k]), "%s%s", (int)m->sort == k ? ">" : "",
			 heads[k]);
	snprintf(line, sizeof(line), "%7s %-15s %-10s %3s %6s %7s %7s %8s %7s", "PID",
		 "NAME", "STATE", "ON", "WEIGHT", head[0], head[1], head[2], head[3]);
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

static void draw_panel(const struct top_model *m, int y)
{
	const json_t *b = json_object_get(m->latency, "buckets");
	const json_t *before = json_object_get(m->latency_before, "buckets");
	int x = COLS - PANEL_WIDTH, bar;
	long long n, most = 1;
	char high[TEXT_SIZE];
	size_t i;

	attron(A_BOLD | A_UNDERLINE);
	put(y, x, "%-*s", PANEL_WIDTH, "WAITS OF THE LAST INTERVAL");
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
	"s        order of tasks: CPU, wait, longest wait, runs\n"
	"f        show only tasks with this in their name; empty: all\n"
	"up down  move the bar (also page up, page down, home, end)\n"
	"enter    the task under the bar\n"
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

	if (v->typing)
		snprintf(line, sizeof(line), "name has: %s_   (enter: done)", m->filter);
	else if (*v->message)
		snprintf(line, sizeof(line), "%s", v->message);
	else
		snprintf(line, sizeof(line),
			 "q end  h help  p pause  s order  f filter%s%s  enter task"
			 "  +- every %g s%s",
			 *m->filter ? " " : "", m->filter, v->interval,
			 v->paused ? "  PAUSED" : "");
	attron(A_REVERSE);
	mvhline(LINES - 1, 0, ' ', COLS);
	mvaddnstr(LINES - 1, 0, line, COLS);
	attroff(A_REVERSE);
}

void top_draw(const struct top_model *m, struct top_view *v)
{
	bool panel = COLS >= PANEL_FROM;
	int y;

	erase();
	if (m->status) {
		y = list_top(m);
		draw_head(m, v);
		draw_rates(m);
		draw_waits(m, v);
		draw_cpus(m, v, SUMMARY_LINES);
		if (v->help)
			draw_text(help_text, y);
		else if (v->detail)
			draw_text(v->detail, y);
		else
			draw_list(m, v, y, panel ? COLS - PANEL_WIDTH - 1 : COLS);
		if (panel)
			draw_panel(m, y);
	}
	draw_foot(m, v);
	refresh();
}
