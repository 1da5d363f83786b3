/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: the engine over an arena that anybody may have written to. */
#include <stdlib.h>

#include "feed_engine.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	if (!feed_engine(data, size))
		abort();
	return 0;
}
