// SPDX-License-Identifier: Apache-2.0
/* The command lines of the load generators. */
#include <getopt.h>

#include "bench.h"

#define OPTIONS_MAX 16

static int number(const char *program, const char *text, const struct bench_option *o)
{
	char *rest;
	long v;

	errno = 0;
	v = strtol(text, &rest, 10);
	if (errno || *rest || rest == text || v < o->min || v > o->max) {
		fprintf(stderr, "%s: %s: use a number from %d to %d\n", program, text,
			o->min, o->max);
		return -EINVAL;
	}
	*o->number = (int)v;
	return 0;
}

static int take(const char *program, const struct bench_option *o, const char *text)
{
	if (o->number)
		return number(program, text, o);
	if (o->text)
		*o->text = text;
	else
		*o->flag = true;
	return 0;
}

int bench_options(const char *program, const char *usage,
		  const struct bench_option *options, int argc, char **argv)
{
	struct option longs[OPTIONS_MAX + 2] = { { "help", no_argument, NULL, 'h' } };
	int c, err = 0, at = 0, n;

	for (n = 0; n < OPTIONS_MAX && options[n].name; n++) {
		longs[n + 1].name = options[n].name;
		longs[n + 1].has_arg = options[n].flag ? no_argument : required_argument;
	}
	while (!err && (c = getopt_long(argc, argv, "h", longs, &at)) != -1) {
		if (c == 'h') {
			printf("usage: %s %s\n", program, usage);
			return 1;
		}
		err = c ? -EINVAL : take(program, &options[at - 1], optarg);
	}
	if (!err && optind == argc)
		return 0;
	fprintf(stderr, "usage: %s %s\n", program, usage);
	return -EINVAL;
}
