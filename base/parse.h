/* SPDX-License-Identifier: Apache-2.0 */
/* Text from people into values, the same way wherever they write it. */
#ifndef BASE_PARSE_H
#define BASE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A whole number, decimal, without sign. 0 or -EINVAL; -ERANGE beyond 64 bits. */
int parse_number(const char *text, uint64_t *value);

/*
 * A time with a unit: 100us, 5ms, 1.5 s; units are ns, us, ms and s. In ns, not rounded: what is
 * finer is refused. 0, -EINVAL, or -ERANGE above 584 years.
 */
int parse_duration(const char *text, uint64_t *ns);

/* The shortest text that parse_duration() takes for @ns. */
void format_duration(uint64_t ns, char *text, size_t size);

/* CPUs 0 .. 63 as in 0-3,8. 0; -EINVAL; -ERANGE: above 63. */
int parse_cpus(const char *text, uint64_t *mask);
void format_cpus(uint64_t mask, char *text, size_t size);

/* yes, no, true, false, on, off, 1, 0. 0 or -EINVAL. */
int parse_bool(const char *text, bool *value);

/*
 * The one of @words (NULL ends them) that @word was probably meant to be, or NULL. By edit
 * distance (Levenshtein, 1966), with a swap of neighbours as one edit.
 */
const char *nearest_word(const char *word, const char *const *words);

#endif
