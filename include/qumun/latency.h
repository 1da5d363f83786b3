/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The histogram of wait times (runnable to running): 1-2-5 steps from 1 us to 1 s, and one
 * bucket for what is longer. The BPF half counts, everybody else reads.
 */
#ifndef QUMUN_LATENCY_H
#define QUMUN_LATENCY_H

#include "params.h"

#define QUMUN_NR_LATENCY 20

/* Upper bounds, ns, included; the last bucket has none. */
#define QUMUN_LATENCY_BOUNDS                                                             \
	{ 1000ULL,	2000ULL,      5000ULL,	    10000ULL,	  20000ULL,              \
	  50000ULL,	100000ULL,    200000ULL,    500000ULL,	  1000000ULL,            \
	  2000000ULL,	5000000ULL,   10000000ULL,  20000000ULL,  50000000ULL,           \
	  100000000ULL, 200000000ULL, 500000000ULL, 1000000000ULL }

/*
 * The bucket of a wait of @ns: at most seven comparisons and no loop, table or division. Pure.
 * Since 0.1.
 */
static inline __attribute__((always_inline)) __u32 qumun_latency_bucket(__u64 ns)
{
	__u64 unit = 1000;
	__u32 bucket = 0;

	if (ns > 1000000) {
		unit = 1000000;
		bucket = 9;
	}
	if (ns > unit * 10) {
		unit *= 10;
		bucket += 3;
		if (ns > unit * 10) {
			unit *= 10;
			bucket += 3;
		}
	}
	if (ns > unit * 5)
		return bucket + (ns > unit * 10 ? 4 : 3);
	return bucket + (ns > unit ? 1 : 0) + (ns > unit * 2 ? 1 : 0);
}

#endif
