/* SPDX-License-Identifier: Apache-2.0 */
/* The bucket of a wait against the list of bounds. */
#include <qumun/latency.h>

#include "../tap.h"

static const __u64 bounds[] = QUMUN_LATENCY_BOUNDS;

static __u32 by_search(__u64 ns)
{
	__u32 i = 0;

	while (i < QUMUN_NR_LATENCY - 1 && ns > bounds[i])
		i++;
	return i;
}

int main(void)
{
	unsigned long long seed = 3, ns;
	int i, wrong = 0, off;

	for (i = 0; i < QUMUN_NR_LATENCY - 1; i++) {
		for (off = -1; off <= 1; off++) {
			ns = bounds[i] + (__u64)off;
			wrong += qumun_latency_bucket(ns) != by_search(ns);
		}
	}
	tap_is(wrong, 0, "below, at and above every bound");
	for (i = 0; i < 1000000; i++) {
		ns = tap_rand(&seed) >> tap_rand_in(&seed, 0, 63);
		wrong += qumun_latency_bucket(ns) != by_search(ns);
	}
	tap_is(wrong, 0, "a million random waits");
	tap_is(qumun_latency_bucket(0), 0, "no wait");
	tap_is(qumun_latency_bucket(~0ULL), QUMUN_NR_LATENCY - 1, "the longest");
	return tap_done();
}
