/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The struct_ops map before load. Member offsets come from the object's BTF, so that only the
 * BPF half declares the struct.
 */
#include <errno.h>
#include <string.h>

#include <bpf/btf.h>

#include "internal.h"

#define SCX_OPS_SWITCH_PARTIAL 8ULL

static long member_offset(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, "sched_ext_ops", BTF_KIND_STRUCT);
	const struct btf_member *m;
	const struct btf_type *t;
	int i;

	if (id < 0)
		return -1;
	t = btf__type_by_id(btf, id);
	m = btf_members(t);
	for (i = 0; i < btf_vlen(t); i++) {
		if (!strcmp(btf__name_by_offset(btf, m[i].name_off), name))
			return btf_member_bit_offset(t, i) / 8;
	}
	return -1;
}

int ops_configure(struct qumun *q, struct bpf_map *ops)
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
	memcpy(data + timeout, &q->opt.timeout_ms, sizeof(__u32));
	if (q->opt.flags & QUMUN_PARTIAL)
		value |= SCX_OPS_SWITCH_PARTIAL;
	memcpy(data + flags, &value, sizeof(value));
	return 0;
}
