/* SPDX-License-Identifier: Apache-2.0 */
/* gthulhuctl top: the loop of intervals and keys. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <curses.h>

#include "top.h"

#define ESCAPE 27

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Keep the bar inside the list, and the list around the bar. */
static void settle(const struct top_model *m, struct top_view *v)
{
	size_t page = top_page(m);

	if (v->selected >= m->nr_rows)
		v->selected = m->nr_rows ? m->nr_rows - 1 : 0;
	if (v->first > v->selected)
		v->first = v->selected;
	if (page && v->selected >= v->first + page)
		v->first = v->selected - page + 1;
}

static void move_bar(const struct top_model *m, struct top_view *v, long by)
{
	long to = (long)v->selected + by;

	v->selected = to < 0 ? 0 : (size_t)to;
	settle(m, v);
}

static void close_detail(struct top_view *v)
{
	free(v->detail);
	v->detail = NULL;
	v->help = false;
}

static void open_detail(const struct top_model *m, struct top_view *v, struct ctl *ctl)
{
	long long pid;
	size_t size;
	json_t *task;
	FILE *out;

	if (v->selected >= m->nr_rows)
		return;
	pid = m->rows[v->selected].pid;
	if (ctl_call(ctl, "task", json_pack("{s:I}", "pid", (json_int_t)pid), &task) !=
	    CTL_OK) {
		snprintf(v->message, sizeof(v->message), "%s", ctl->error);
		return;
	}
	close_detail(v);
	out = open_memstream(&v->detail, &size);
	if (out) {
		task_print(out, task);
		fclose(out);
	}
	json_decref(task);
}

static void type_filter(struct top_model *m, struct top_view *v, int key)
{
	size_t length = strlen(m->filter);

	if (key == '\n' || key == KEY_ENTER)
		v->typing = false;
	else if (key == ESCAPE) {
		m->filter[0] = '\0';
		v->typing = false;
	} else if (key == KEY_BACKSPACE || key == 127 || key == '\b') {
		if (length)
			m->filter[length - 1] = '\0';
	} else if (key >= ' ' && key <= '~' && length < 15) {
		m->filter[length] = (char)key;
		m->filter[length + 1] = '\0';
	}
}

static void change_interval(struct top_view *v, double factor)
{
	v->interval *= factor;
	if (v->interval < 0.25)
		v->interval = 0.25;
	if (v->interval > 60)
		v->interval = 60;
}

/* False: end. */
static bool handle_key(struct top_model *m, struct top_view *v, struct ctl *ctl, int key)
{
	long page = (long)top_page(m);

	v->message[0] = '\0';
	switch (key) {
	case 'q':
		return false;
	case 'p':
		v->paused = !v->paused;
		break;
	case 's':
		m->sort = (m->sort + 1) % TOP_NR_SORTS;
		top_sort_rows(m);
		break;
	case 'f':
		m->filter[0] = '\0';
		v->typing = true;
		break;
	case 'h':
	case '?':
		v->help = !v->help;
		break;
	case 'r':
		v->rules = !v->rules;
		break;
	case 'c':
		top_ask_class(m, v);
		break;
	case ESCAPE:
		close_detail(v);
		v->rules = false;
		break;
	case '\n':
	case KEY_ENTER:
		open_detail(m, v, ctl);
		break;
	case '+':
		change_interval(v, 2);
		break;
	case '-':
		change_interval(v, 0.5);
		break;
	case KEY_UP:
		move_bar(m, v, -1);
		break;
	case KEY_DOWN:
		move_bar(m, v, 1);
		break;
	case KEY_PPAGE:
		move_bar(m, v, -page);
		break;
	case KEY_NPAGE:
		move_bar(m, v, page);
		break;
	case KEY_HOME:
		move_bar(m, v, -100000);
		break;
	case KEY_END:
		move_bar(m, v, 100000);
		break;
	default:
		break;
	}
	return true;
}

static void update(struct top_model *m, struct top_view *v, struct ctl *ctl)
{
	if (top_fetch(m, ctl)) {
		if (!strncmp(v->message, "no daemon", 9))
			v->message[0] = '\0';
	} else {
		snprintf(v->message, sizeof(v->message), "no daemon, trying again: %s",
			 ctl->error);
	}
	settle(m, v);
}

static void watch(struct top_model *m, struct top_view *v, struct ctl *ctl)
{
	long long next = now_ms(), wait;
	bool go_on = true;
	int key;

	while (go_on) {
		wait = next - now_ms();
		if (wait <= 0) {
			m->want_shares = v->rules || COLS >= TOP_PANEL_FROM;
			if (!v->paused)
				update(m, v, ctl);
			next = now_ms() + (long long)(v->interval * 1000);
			wait = next - now_ms();
		}
		top_draw(m, v);
		timeout((int)(wait > 0 ? wait : 1));
		key = getch();
		if (key == ERR && !isatty(STDIN_FILENO))
			break;
		if (key == KEY_RESIZE)
			settle(m, v);
		else if (key != ERR && v->ask)
			top_answer(v, ctl, key);
		else if (key != ERR && v->typing)
			type_filter(m, v, key);
		else if (key != ERR)
			go_on = handle_key(m, v, ctl, key);
		/* these work at the next look: look now */
		if (key == 'f' || key == 'r' || (v->typing && key != ERR))
			next = now_ms();
	}
}

int cmd_top(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		{ "interval", required_argument, NULL, 'i' }, { 0 }
	};
	struct top_view v = { .interval = 1 };
	struct top_model m = { 0 };
	int opt;

	while ((opt = getopt_long(argc, argv, "i:", options, NULL)) != -1) {
		if (opt != 'i' || !parse_between(optarg, 0.25, 60, &v.interval))
			return usage_error("top takes --interval 0.25 to 60 seconds");
	}
	if (optind < argc)
		return usage_error("top takes options only");
	if (ctl->json)
		return usage_error(
			"top is for people: for programs there are stats and tasks");
	if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
		return usage_error("top needs a terminal");
	/* the first look decides whether there is anything to see */
	if (!top_fetch(&m, ctl))
		return CTL_NO_DAEMON;
	ctl->quiet = true;
	top_screen_begin(&v);
	watch(&m, &v, ctl);
	top_screen_end();
	close_detail(&v);
	top_clear(&m);
	return CTL_OK;
}
