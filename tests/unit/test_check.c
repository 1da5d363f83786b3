/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said about a kernel that lacks something: kernels are made up of type information, a
 * word for each thing that they have.
 */
#include <bpf/btf.h>

#include "../../lib/internal.h"

#include "tap.h"

static const struct {
	const char *name;
	const char *
		types; /* structs begin with a capital S; NAME/N: a function of N arguments */
	const char *want; /* words of the sentence; NULL: nothing is missing */
} kernels[] = {
	{ "no sched_ext", "Sbpf_arena", "no sched_ext: needs 6.12" },
	{ "no arena", "Ssched_ext_ops scx_bpf_create_dsq/2 scx_bpf_dispatch/4",
	  "no BPF arena" },
	{ "old pahole", "Ssched_ext_ops Sbpf_arena", "pahole" },
	{ "6.12", "Ssched_ext_ops Sbpf_arena scx_bpf_create_dsq/2 scx_bpf_dispatch/4",
	  NULL },
	{ "7.3",
	  "Ssched_ext_ops Sbpf_arena scx_bpf_create_dsq/2 scx_bpf_dsq_insert/4 "
	  "scx_bpf_create_dsq_impl/3",
	  NULL },
	{ "the defect",
	  "Ssched_ext_ops Sbpf_arena scx_bpf_create_dsq/3 scx_bpf_dsq_insert/4",
	  "defective" },
	{ "three arguments and a twin",
	  "Ssched_ext_ops Sbpf_arena scx_bpf_create_dsq/3 scx_bpf_create_dsq_impl/3 "
	  "scx_bpf_dsq_insert/4",
	  NULL },
};

static void add_type(struct btf *btf, const char *word, int int_id)
{
	char name[64];
	int args = 0, proto;

	if (word[0] == 'S') {
		btf__add_struct(btf, word + 1, 0);
		return;
	}
	if (sscanf(word, "%63[a-z_]/%d", name, &args) != 2)
		return;
	proto = btf__add_func_proto(btf, int_id);
	while (args--)
		btf__add_func_param(btf, "x", int_id);
	btf__add_func(btf, name, BTF_FUNC_GLOBAL, proto);
}

static struct btf *make_btf(const char *types)
{
	struct btf *btf = btf__new_empty();
	char *copy = strdup(types), *at, *word;
	int int_id = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);

	for (word = strtok_r(copy, " ", &at); word; word = strtok_r(NULL, " ", &at))
		add_type(btf, word, int_id);
	free(copy);
	return btf;
}

static void ignore(void *arg, const struct qumun_feature *f)
{
	unsigned int *nr = arg;

	(*nr)++;
	tap_ok(f->name && *f->name && f->detail && *f->detail, "%s: %s, %s", f->name,
	       f->present ? "present" : "missing", f->required ? "required" : "optional");
}

int main(void)
{
	const char *missing;
	unsigned int i, nr = 0;
	struct btf *btf;
	int err;

	for (i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
		btf = make_btf(kernels[i].types);
		missing = check_missing_in(btf);
		/* whether the compiler is on is this machine's own affair */
		if (missing && strstr(missing, "just-in-time"))
			tap_skip("%s: the BPF compiler is off here", kernels[i].name);
		else if (!kernels[i].want)
			tap_ok(!missing, "%s: %s", kernels[i].name,
			       missing ? missing : "complete");
		else
			tap_ok(missing && strstr(missing, kernels[i].want), "%s: %s",
			       kernels[i].name, missing ? missing : "(nothing said)");
		btf__free(btf);
	}
	missing = check_missing_in(NULL);
	tap_ok(missing && strstr(missing, "CONFIG_DEBUG_INFO_BTF"),
	       "no type information: %s", missing);
	err = qumun_check(ignore, &nr);
	tap_ok(nr > 5 && (err == 0 || err == -2), "this machine: %u features, %d", nr,
	       err);
	btf = btf__load_vmlinux_btf();
	tap_ok((err == 0) == (check_missing(btf) == NULL), "and the sentence agrees");
	btf__free(btf);
	return tap_done();
}
