/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_EXPLORE_H
#define SIM_EXPLORE_H

#include "sim.h"

/* A random scenario; the same seed gives the same one. */
void explore_generate(struct scenario *sc, u64 seed);

/*
 * Make a failing scenario small: drop events, tasks, steps, CPUs and time as long as it fails in
 * the same way. @reason is what the first run said. At most @budget runs; returns how many.
 */
u32 explore_shrink(struct scenario *sc, enum sim_verdict verdict, const char *reason,
		   u32 budget);

/* Steps of all tasks and events: what "small" is measured by. */
u32 explore_size(const struct scenario *sc);

#endif
