/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The struct_ops map before load. Member offsets come from the object's BTF, so that only the
 * BPF half declares the struct. Operations that the running kernel does not have are taken out.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

#define SCX_OPS_ENQ_EXITING 4ULL
#define SCX_OPS_SWITCH_PARTIAL 8ULL
#define SCX_OPS_ENQ_MIGRATION_DISABLED 16ULL

/* Operations that depend on the kernel and its configuration; gthulhu_NAME is the program. */
static const char *const optional_ops[] = {
	"cgroup_init",	     "cgroup_exit",	"cgroup_move",
	"cgroup_set_weight", "cgroup_set_idle",
};

#define NR_OPTIONAL (sizeof(optional_ops) / sizeof(optional_ops[0]))

/* Finding it means to compare the names of all types: a hundred thousand of a kernel's. */
static const struct btf_type *ops_struct(const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, "sched_ext_ops", BTF_KIND_STRUCT);

	return id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
}

static long offset_in(const struct btf *btf, const struct btf_type *t, const char *name)
{
	const struct btf_member *m = t ? btf_members(t) : NULL;
	int i;

	for (i = 0; m && i < btf_vlen(t); i++) {
		if (!strcmp(btf__name_by_offset(btf, m[i].name_off), name))
			return btf_member_bit_offset(t, i) / 8;
	}
	return -1;
}

static long member_offset(const struct btf *btf, const char *name)
{
	return offset_in(btf, ops_struct(btf), name);
}

bool ops_member(const struct btf *kernel, const char *name)
{
	return kernel && member_offset(kernel, name) >= 0;
}

/* No call without a caller: libbpf and the verifier refuse both halves of it. */
static void take_out(struct qumun *q, char *data, const char *name)
{
	long off = member_offset(bpf_object__btf(q->obj), name);
	struct bpf_program *prog;
	char text[64];

	if (off >= 0)
		memset(data + off, 0, sizeof(void *));
	snprintf(text, sizeof(text), "gthulhu_%s", name);
	prog = bpf_object__find_program_by_name(q->obj, text);
	if (prog)
		bpf_program__set_autoload(prog, false);
}

/* The SCX_OPS_* flags that the kernel knows: it says so in one value of their enum. */
static __u64 known_flags(const struct btf *kernel)
{
	static const char all[] = "SCX_OPS_ALL_FLAGS";
	const struct btf_type *t;
	int i, id;

	/* 64 bits wide when one of the values is */
	id = btf__find_by_name_kind(kernel, "scx_ops_flags", BTF_KIND_ENUM64);
	for (i = 0; id > 0 && i < btf_vlen(t = btf__type_by_id(kernel, (__u32)id)); i++) {
		if (!strcmp(btf__name_by_offset(kernel, btf_enum64(t)[i].name_off), all))
			return btf_enum64_value(&btf_enum64(t)[i]);
	}
	id = btf__find_by_name_kind(kernel, "scx_ops_flags", BTF_KIND_ENUM);
	for (i = 0; id > 0 && i < btf_vlen(t = btf__type_by_id(kernel, (__u32)id)); i++) {
		if (!strcmp(btf__name_by_offset(kernel, btf_enum(t)[i].name_off), all))
			return (__u32)btf_enum(t)[i].val;
	}
	return 0;
}

/* Fit operations and flags to the kernel. */
static void fit_to_kernel(struct qumun *q, char *data, struct bpf_config *config,
			  __u64 *flags)
{
	const struct btf_type *t = ops_struct(q->kernel_btf);
	struct bpf_map *map;
	unsigned int i;

	for (i = 0; i < NR_OPTIONAL; i++) {
		if (offset_in(q->kernel_btf, t, optional_ops[i]) < 0)
			take_out(q, data, optional_ops[i]);
	}
	config->cgroups = offset_in(q->kernel_btf, t, "cgroup_init") >= 0;
	map = bpf_object__find_map_by_name(q->obj, "cgroup_ctxs");
	if (map && !config->cgroups)
		bpf_map__set_autocreate(map, false);
	/*
	 * By itself the kernel puts exiting tasks, and those that may not migrate, into the local
	 * queue of their CPU, where a real-time task would hold them up. The latter are, while
	 * cpu_release() runs, all that were running when the real-time task came.
	 */
	*flags = known_flags(q->kernel_btf) &
		 (SCX_OPS_ENQ_EXITING | SCX_OPS_ENQ_MIGRATION_DISABLED);
}

int ops_configure(struct qumun *q, struct bpf_map *ops, struct bpf_config *config)
{
	const struct btf *btf = bpf_object__btf(q->obj);
	long timeout = member_offset(btf, "timeout_ms"),
	     flags = member_offset(btf, "flags");
	size_t size;
	char *data = bpf_map__initial_value(ops, &size);
	__u64 value = 0;

	if (!data || timeout < 0 || flags < 0)
		return qumun_fail(
			q, -EINVAL,
			"BPF object: gthulhu_ops cannot be read: it is not of this build");
	fit_to_kernel(q, data, config, &value);
	memcpy(data + timeout, &q->opt.timeout_ms, sizeof(__u32));
	if (q->opt.flags & QUMUN_PARTIAL)
		value |= SCX_OPS_SWITCH_PARTIAL;
	memcpy(data + flags, &value, sizeof(value));
	return 0;
}
