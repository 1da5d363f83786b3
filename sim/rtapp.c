/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "scenario.h"

int scenario_read_rtapp(struct scenario *sc, const char *path, char *err, size_t size)
{
	snprintf(err, size, "%s: rt-app JSON needs a build with jansson", path);
	return -ENOSYS;
}
