/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "parse.h"

#define LONGEST_WORD 31

static int add_digit(uint64_t *value, char c)
{
	if (__builtin_mul_overflow(*value, 10, value) ||
	    __builtin_add_overflow(*value, (uint64_t)(c - '0'), value))
		return -ERANGE;
	return 0;
}

/* Digits from *@text on, which moves behind them; 10 to the power of their number in *@power. */
static int digits(const char **text, uint64_t *value, uint64_t *power)
{
	const char *p = *text;

	*power = 1;
	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++) {
		if (add_digit(value, *p) || __builtin_mul_overflow(*power, 10, power))
			return -ERANGE;
	}
	*text = p;
	return 0;
}

int parse_number(const char *text, uint64_t *value)
{
	uint64_t v = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		if (add_digit(&v, *text))
			return -ERANGE;
	}
	*value = v;
	return 0;
}

static const struct unit {
	const char *name;
	uint64_t ns;
} units[] = { { "s", 1000000000 }, { "ms", 1000000 }, { "us", 1000 }, { "ns", 1 } };

#define NR_UNITS (sizeof(units) / sizeof(units[0]))

int parse_duration(const char *text, uint64_t *ns)
{
	uint64_t whole = 0, part = 0, power = 1, ignored;
	size_t i;
	int err;

	err = digits(&text, &whole, &ignored);
	if (!err && *text == '.') {
		text++;
		err = digits(&text, &part, &power);
	}
	if (err)
		return err;
	while (*text == ' ')
		text++;
	for (i = 0; i < NR_UNITS && strcmp(text, units[i].name); i++)
		;
	if (i == NR_UNITS)
		return -EINVAL;
	if (__builtin_mul_overflow(part, units[i].ns, &part) ||
	    __builtin_mul_overflow(whole, units[i].ns, &whole) ||
	    __builtin_add_overflow(whole, part / power, ns))
		return -ERANGE;
	return part % power ? -EINVAL : 0;
}

void format_duration(uint64_t ns, char *text, size_t size)
{
	size_t i = 0;

	while (i < NR_UNITS - 1 && (!ns || ns % units[i].ns))
		i++;
	snprintf(text, size, "%llu%s", (unsigned long long)(ns / units[i].ns),
		 units[i].name);
}

int parse_cpus(const char *text, uint64_t *mask)
{
	uint64_t from, to, power, all = 0;

	do {
		from = 0;
		if (digits(&text, &from, &power))
			return -EINVAL;
		to = from;
		if (*text == '-') {
			text++;
			to = 0;
			if (digits(&text, &to, &power) || to < from)
				return -EINVAL;
		}
		if (to > 63)
			return -ERANGE;
		for (; from <= to; from++)
			all |= 1ULL << from;
	} while (*text++ == ',');
	if (text[-1])
		return -EINVAL;
	*mask = all;
	return 0;
}

void format_cpus(uint64_t mask, char *text, size_t size)
{
	size_t at = 0;
	int from, to;

	*text = '\0';
	for (from = 0; from < 64; from = to + 1) {
		to = from;
		if (!(mask >> from & 1))
			continue;
		while (to < 63 && (mask >> (to + 1) & 1))
			to++;
		at += (size_t)snprintf(text + at, at < size ? size - at : 0,
				       to > from ? "%s%d-%d" : "%s%d", at ? "," : "",
				       from, to);
		if (at >= size)
			return;
	}
}

int parse_bool(const char *text, bool *value)
{
	static const char *const yes[] = { "yes", "true", "on", "1" };
	static const char *const no[] = { "no", "false", "off", "0" };
	int i;

	for (i = 0; i < 4; i++) {
		if (!strcasecmp(text, yes[i]) || !strcasecmp(text, no[i])) {
			*value = !strcasecmp(text, yes[i]);
			return 0;
		}
	}
	return -EINVAL;
}

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static unsigned int distance(const char *a, const char *b)
{
	unsigned int rows[3][LONGEST_WORD + 1], *before, *last, *now, i, j;
	size_t len_a = strlen(a), len_b = strlen(b);

	if (len_a > LONGEST_WORD || len_b > LONGEST_WORD)
		return LONGEST_WORD;
	for (j = 0; j <= len_b; j++)
		rows[0][j] = j;
	for (i = 1; i <= len_a; i++) {
		before = rows[(i + 1) % 3];
		last = rows[(i - 1) % 3];
		now = rows[i % 3];
		now[0] = i;
		for (j = 1; j <= len_b; j++) {
			now[j] = last[j - 1] + (tolower((unsigned char)a[i - 1]) !=
						tolower((unsigned char)b[j - 1]));
			now[j] = least(now[j], least(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
	}
	return rows[len_a % 3][len_b];
}

const char *nearest_word(const char *word, const char *const *words)
{
	unsigned int best = LONGEST_WORD, d;
	const char *nearest = NULL;

	for (; *words; words++) {
		d = distance(word, *words);
		/* more than a third of the word wrong is another word */
		if (d < best && d * 3 <= strlen(*words) + 1) {
			best = d;
			nearest = *words;
		}
	}
	return nearest;
}
