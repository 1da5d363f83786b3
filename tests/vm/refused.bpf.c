/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Our BPF half with one more program, which no verifier lets through. */
#include "../../bpf/main.bpf.c"

SEC("tp_btf/sched_process_exit")
int gthulhu_refused(void *ctx)
{
	return *(volatile int *)0x10;
}
