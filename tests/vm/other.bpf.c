// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The smallest sched_ext scheduler: a name. For test_bad_input, which wants to be told it. */
#include "../../bpf/kernel.h"

char _license[] SEC("license") = "Dual BSD/GPL";

SEC(".struct_ops.link")
struct sched_ext_ops other_ops = {
	.name = "other",
};
