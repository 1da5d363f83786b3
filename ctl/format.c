/* SPDX-License-Identifier: Apache-2.0 */
/* Figures for people. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "ctl.h"

const char *text_time(char buf[TEXT_SIZE], double ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	int i = 0;

	while (i < 3 && ns >= 999.5) {
		ns /= 1000;
		i++;
	}
	snprintf(buf, TEXT_SIZE,
		 i && ns < 9.995   ? "%.2f %s"
		 : i && ns < 99.95 ? "%.1f %s"
				   : "%.0f %s",
		 ns, units[i]);
	return buf;
}

const char *text_count(char buf[TEXT_SIZE], double n)
{
	static const char *const units[] = { "", "k", "M", "G", "T" };
	int i = 0;

	while (i < 4 && n >= 9999.5) {
		n /= 1000;
		i++;
	}
	snprintf(buf, TEXT_SIZE, i && n < 99.95 ? "%.1f%s" : "%.0f%s", n, units[i]);
	return buf;
}

const char *text_tasks(char buf[TEXT_SIZE], long long n)
{
	snprintf(buf, TEXT_SIZE, n == 1 ? "%lld task" : "%lld tasks", n);
	return buf;
}

const char *text_span(char buf[TEXT_SIZE], double ns)
{
	long s = (long)(ns / 1e9);

	if (s < 60)
		snprintf(buf, TEXT_SIZE, "%.1f s", ns / 1e9);
	else if (s < 3600)
		snprintf(buf, TEXT_SIZE, "%ld min %02ld s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, TEXT_SIZE, "%ld h %02ld min", s / 3600, s / 60 % 60);
	else
		snprintf(buf, TEXT_SIZE, "%ld d %02ld h", s / 86400, s / 3600 % 24);
	return buf;
}

void print_json(const json_t *value)
{
	json_dumpf(value, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
	putchar('\n');
}

bool parse_between(const char *text, double min, double max, double *value)
{
	char *end;

	errno = 0;
	*value = strtod(text, &end);
	return !errno && end != text && !*end && *value >= min && *value <= max;
}

bool pause_ms(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	return !nanosleep(&ts, NULL);
}
