/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tap.h - flat TAP 13 for the tests written in C
 *
 *     int main(void)
 *     {
 *             if (!something_needed())
 *                     return tap_skip_all("why this cannot run here");
 *             tap_ok(1 + 1 == 2, "one and one");
 *             tap_is(sum(1, 2), 3, "sum of %d and %d", 1, 2);
 *             return tap_done();
 *     }
 *
 * One line for each case; what a failed case got and wanted follows as "# ..." lines. Exit code
 * 0: all passed; 1: a case failed; 77: skipped as a whole. For the main thread only: other
 * threads collect their findings and leave the reporting to it.
 */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAP_SKIPPED 77

/* One count for a program of several sources: the linker keeps one of each. */
__attribute__((weak)) unsigned int tap_nr, tap_nr_failed;
__attribute__((weak)) bool tap_begun;

static inline void tap_begin(void)
{
	if (tap_begun)
		return;
	tap_begun = true;
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("TAP version 13");
}

/* A line for people. */
__attribute__((format(printf, 1, 2))) static inline void tap_diag(const char *fmt, ...)
{
	va_list ap;

	tap_begin();
	fputs("# ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static inline void tap_vpoint(bool ok, const char *fmt, va_list ap)
{
	tap_begin();
	tap_nr++;
	if (!ok)
		tap_nr_failed++;
	printf("%s %u - ", ok ? "ok" : "not ok", tap_nr);
	vprintf(fmt, ap);
	putchar('\n');
}

__attribute__((format(printf, 4, 5))) static inline bool
tap_ok_at(bool ok, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_vpoint(ok, fmt, ap);
	va_end(ap);
	if (!ok)
		tap_diag("at %s:%d", file, line);
	return ok;
}

__attribute__((format(printf, 5, 6))) static inline bool
tap_is_at(unsigned long long got, unsigned long long want, const char *file, int line,
	  const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_vpoint(got == want, fmt, ap);
	va_end(ap);
	if (got == want)
		return true;
	tap_diag("got  %llu (0x%llx)", got, got);
	tap_diag("want %llu (0x%llx)", want, want);
	tap_diag("at %s:%d", file, line);
	return false;
}

/* A case: passed if @cond holds. */
#define tap_ok(cond, ...) tap_ok_at((cond), __FILE__, __LINE__, __VA_ARGS__)

/* A case: passed if two integers are equal; negative ones compare as 64-bit two's complement. */
#define tap_is(got, want, ...)                                                           \
	tap_is_at((unsigned long long)(got), (unsigned long long)(want), __FILE__,       \
		  __LINE__, __VA_ARGS__)

/* A case that cannot run here. */
__attribute__((format(printf, 1, 2))) static inline void tap_skip(const char *fmt, ...)
{
	va_list ap;

	tap_begin();
	printf("ok %u # SKIP ", ++tap_nr);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* Nothing can run here: return this from main(). */
__attribute__((format(printf, 1, 2))) static inline int tap_skip_all(const char *fmt, ...)
{
	va_list ap;

	tap_begin();
	fputs("1..0 # SKIP ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	return TAP_SKIPPED;
}

/* The plan; return this from main(). */
static inline int tap_done(void)
{
	tap_begin();
	printf("1..%u\n", tap_nr);
	return tap_nr_failed || !tap_nr ? 1 : 0;
}

/* A positive number from the environment, for tests with a short and a long form. */
static inline unsigned long long tap_env(const char *name, unsigned long long def)
{
	const char *s = getenv(name);
	unsigned long long v = s ? strtoull(s, NULL, 0) : 0;

	return v ? v : def;
}

/* Repeatable pseudo-random numbers (xorshift64*, Vigna 2016). */
static inline unsigned long long tap_rand(unsigned long long *state)
{
	unsigned long long x = *state ? *state : 0x9e3779b97f4a7c15ULL;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1dULL;
}

/* The same, in [lo, hi]. */
static inline unsigned long long tap_rand_in(unsigned long long *state,
					     unsigned long long lo, unsigned long long hi)
{
	return lo + tap_rand(state) % (hi - lo + 1);
}

#endif
