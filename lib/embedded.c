/* SPDX-License-Identifier: Apache-2.0 */
/* The BPF half's object file, inside the library. */
#include "embedded_path.h" /* generated: QUMUN_BPF_OBJECT */
#include "internal.h"

__asm__(".section .rodata\n"
	".balign 16\n"
	".global embedded_object\n"
	".hidden embedded_object\n"
	"embedded_object:\n"
	".incbin \"" QUMUN_BPF_OBJECT "\"\n"
	".global embedded_object_end\n"
	".hidden embedded_object_end\n"
	"embedded_object_end:\n"
	".previous\n");

extern const char embedded_object[], embedded_object_end[];

const void *embedded_bpf(size_t *size)
{
	*size = (size_t)(embedded_object_end - embedded_object);
	return embedded_object;
}
