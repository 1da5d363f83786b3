// SPDX-License-Identifier: Apache-2.0
/*
 * What does the running kernel offer? Asked of its type information (BTF), never of its version:
 * distributions backport, and configurations differ.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "internal.h"

#define INITIAL_PID_NAMESPACE 0xEFFFFFFCU /* its inode number on every kernel */
#define REMEDY "; try `./dev run` for a virtual machine"

static bool has_kind(const struct btf *btf, const char *name, __u32 kind)
{
	return btf && btf__find_by_name_kind(btf, name, kind) > 0;
}

static bool has_function(const struct btf *btf, const char *name)
{
	return has_kind(btf, name, BTF_KIND_FUNC);
}

static bool has_btf(const struct btf *btf)
{
	return btf != NULL;
}

static bool has_sched_ext(const struct btf *btf)
{
	return has_kind(btf, "sched_ext_ops", BTF_KIND_STRUCT);
}

static bool has_arena(const struct btf *btf)
{
	return has_kind(btf, "bpf_arena", BTF_KIND_STRUCT);
}

/* Unreadable counts as on: containers hide the file, and a load would tell. */
static bool has_jit(const struct btf *btf)
{
	FILE *f = fopen("/proc/sys/net/core/bpf_jit_enable", "re");
	int on = 1;

	if (f) {
		if (fscanf(f, "%d", &on) != 1)
			on = 1;
		fclose(f);
	}
	return on != 0;
}

/* The BPF half knows tasks by their pids in the initial namespace, and we by ours. */
static bool has_true_pids(const struct btf *btf)
{
	struct stat st;

	/* without /proc nothing can be said, and much else will fail */
	return stat("/proc/self/ns/pid", &st) || st.st_ino == INITIAL_PID_NAMESPACE;
}

static bool has_insert(const struct btf *btf)
{
	return has_function(btf, "scx_bpf_dsq_insert") ||
	       has_function(btf, "scx_bpf_dispatch");
}

static bool has_new_names(const struct btf *btf)
{
	return has_function(btf, "scx_bpf_dsq_insert");
}

static bool has_now(const struct btf *btf)
{
	return has_function(btf, "scx_bpf_now");
}

static bool has_reenqueue(const struct btf *btf)
{
	return has_function(btf, "scx_bpf_reenqueue_local") ||
	       has_function(btf, "scx_bpf_reenqueue_local___v2");
}

static bool has_cgroups(const struct btf *btf)
{
	return ops_member(btf, "cgroup_init");
}

static bool has_cgroup_idle(const struct btf *btf)
{
	return ops_member(btf, "cgroup_set_idle");
}

/*
 * Some kernels describe kfuncs with an argument that the verifier adds by itself, without the
 * `_impl` twin that would make it match: then no program can declare them right. Seen on
 * Debian's 7.1.13. Nothing to tell on a kernel without the function.
 */
static bool has_true_prototypes(const struct btf *btf)
{
	const struct btf_type *t;
	int id;

	id = btf ? btf__find_by_name_kind(btf, "scx_bpf_create_dsq", BTF_KIND_FUNC) : -1;
	if (id <= 0)
		return true;
	t = btf__type_by_id(btf, (__u32)id);
	t = t ? btf__type_by_id(btf, t->type) : NULL;
	return !t || btf_vlen(t) != 3 || has_function(btf, "scx_bpf_create_dsq_impl");
}

/* In the order in which a lack explains the next. */
static const struct {
	const char *name;
	bool required;
	const char *detail;
	const char *missing;
	bool (*probe)(const struct btf *btf);
} features[] = {
	{ "btf", true, "type information of the kernel (/sys/kernel/btf/vmlinux)",
	  "this kernel has no type information: needs CONFIG_DEBUG_INFO_BTF=y" REMEDY,
	  has_btf },
	{ "sched_ext", true,
	  "schedulers written in BPF (Linux 6.12, CONFIG_SCHED_CLASS_EXT)",
	  "this kernel has no sched_ext: needs 6.12 or newer with "
	  "CONFIG_SCHED_CLASS_EXT" REMEDY,
	  has_sched_ext },
	{ "arena", true, "memory that BPF and user space share (map type arena)",
	  "this kernel has no BPF arena: needs 6.12 or newer on 64 bits with "
	  "CONFIG_BPF_SYSCALL and an MMU" REMEDY,
	  has_arena },
	{ "jit", true, "BPF compiled to machine code (net.core.bpf_jit_enable)",
	  "the BPF just-in-time compiler is off, and an arena needs it: "
	  "`sysctl net.core.bpf_jit_enable=1`",
	  has_jit },
	{ "pids", true, "pids of the initial pid namespace",
	  "this process is in a pid namespace of its own, and its pids mean nothing to the "
	  "kernel half: run it on the host, or in a container with the host's pids "
	  "(docker --pid=host, hostPID: true)",
	  has_true_pids },
	{ "dispatch", true, "kfunc scx_bpf_dsq_insert, or scx_bpf_dispatch before 6.13",
	  "this kernel's type information names no kfunc that dispatches a task: it was built "
	  "with pahole older than 1.26" REMEDY,
	  has_insert },
	{ "prototypes", true, "kfuncs as the verifier takes them",
	  "this kernel is defective: its type information gives scx_bpf_create_dsq a third, "
	  "implicit argument and no scx_bpf_create_dsq_impl, so no sched_ext program that "
	  "creates a queue can load (seen on Debian's 7.1.13): boot another kernel" REMEDY,
	  has_true_prototypes },
	{ "dsq_insert", false, "kfunc scx_bpf_dsq_insert (else its older name is used)",
	  NULL, has_new_names },
	{ "now", false, "kfunc scx_bpf_now (else bpf_ktime_get_ns, slower)", NULL,
	  has_now },
	{ "reenqueue_local", false,
	  "kfunc scx_bpf_reenqueue_local (else tasks wait behind real-time ones)", NULL,
	  has_reenqueue },
	{ "cgroup_weight", false,
	  "cpu.weight of cgroups, CONFIG_EXT_GROUP_SCHED (else all tasks compete alone)",
	  NULL, has_cgroups },
	{ "cgroup_idle", false, "cpu.idle of cgroups (else only cpu.weight counts)", NULL,
	  has_cgroup_idle },
};

#define NR_FEATURES (sizeof(features) / sizeof(features[0]))

QUMUN_API int qumun_check(void (*fn)(void *arg, const struct qumun_feature *f), void *arg)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct qumun_feature f;
	unsigned int i;
	int err = 0;

	for (i = 0; i < NR_FEATURES; i++) {
		f = (struct qumun_feature){
			.name = features[i].name,
			.present = features[i].probe(btf),
			.required = features[i].required,
			.detail = features[i].detail,
		};
		if (!f.present && features[i].missing)
			f.detail = features[i].missing;
		if (!f.present && f.required)
			err = -ENOENT;
		if (fn)
			fn(arg, &f);
	}
	btf__free(btf);
	return err;
}

static const char *first_missing(const struct btf *btf, bool here)
{
	unsigned int i;

	for (i = 0; i < NR_FEATURES; i++) {
		if (!here &&
		    (features[i].probe == has_jit || features[i].probe == has_true_pids))
			continue;
		if (features[i].required && !features[i].probe(btf))
			return features[i].missing;
	}
	return NULL;
}

const char *check_missing_in(const struct btf *btf)
{
	return first_missing(btf, false);
}

const char *check_missing(const struct btf *kernel)
{
	return first_missing(kernel, true);
}
