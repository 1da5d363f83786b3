/* SPDX-License-Identifier: Apache-2.0 */
/* The policy of tests/holder.h as a shared object, for test_sim. */
#include "../holder.h"

const struct holder *holder_state(void);

/* What it has counted, for who loaded it. */
__attribute__((visibility("default"))) const struct holder *holder_state(void)
{
	return holder_seen;
}
