/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: the configuration file. What is refused names a position and leaves the
 * configuration as it was; what is accepted is in range.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../daemon/config.h"
#include "../../lib/rules.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

/* "f:LINE:COLUMN: " and a sentence. */
static void check_why(const char *why, size_t room)
{
	unsigned int line = 0, column = 0;
	int used = 0;

	must(memchr(why, 0, room) != NULL);
	must(sscanf(why, "f:%u:%u: %n", &line, &column, &used) == 2 && used);
	must(line > 0 && column > 0 && why[used]);
}

static void check_range(const struct config *c)
{
	char why[256];
	size_t i;

#define X(name, unit, def, min, max, doc)                                                \
	must(c->params.name + 1 >= (min) + 1ULL && c->params.name <= (max));
	QUMUN_PARAMS(X)
#undef X
	must(c->max_tasks >= 1 && c->max_tasks <= 1000000);
	must(c->max_records >= 64 && c->max_records <= QUMUN_MAX_RECORDS);
	must(c->timeout >= 1000 && c->timeout <= 30000);
	must(c->policy != NULL);
	for (i = 0; i < c->nr_rules; i++)
		must(!rule_check(&c->rules[i], why, sizeof(why)));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct config c, before;
	char why[512] = "";
	char *text;
	int err;

	config_init(&c);
	before = c;
	/* exactly as long as it is: reading beyond the end is found */
	text = malloc(size ? size : 1);
	memcpy(text, data, size);
	err = config_parse(&c, "f", text, size, why, sizeof(why));
	free(text);
	must(!err || err == -EINVAL);
	if (err) {
		check_why(why, sizeof(why));
		must(!memcmp(&c, &before, sizeof(c)));
	}
	check_range(&c);
	config_free(&c);
	return 0;
}
