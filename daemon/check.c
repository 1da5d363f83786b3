/* SPDX-License-Identifier: Apache-2.0 */
/* --check and --version. */
#include <jansson.h>
#include <sys/utsname.h>

#include "daemon.h"

static void print_feature(void *arg, const struct qumun_feature *f)
{
	printf("%-4s %-28s %s\n",
	       f->present    ? "yes"
	       : f->required ? "NO"
			     : "no",
	       f->name, f->detail);
}

static void add_feature(void *arg, const struct qumun_feature *f)
{
	json_array_append_new(arg, json_pack("{s:s, s:b, s:b, s:s}", "name", f->name,
					     "present", f->present, "required",
					     f->required, "detail", f->detail));
}

int check_run(bool json)
{
	struct utsname u;
	json_t *list, *all;
	int err;

	uname(&u);
	if (json) {
		list = json_array();
		err = qumun_check(add_feature, list);
		all = json_pack("{s:s, s:b, s:o}", "kernel", u.release, "can_run", !err,
				"features", list);
		json_dumpf(all, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(all);
	} else {
		printf("kernel %s\n", u.release);
		err = qumun_check(print_feature, NULL);
		puts(err ? "This kernel cannot run gthulhu."
			 : "This kernel can run gthulhu.");
	}
	return err ? EXIT_SYSTEM : EXIT_CLEAN;
}

static void name_feature(void *arg, const struct qumun_feature *f)
{
	if (f->present)
		printf(" %s", f->name);
}

void version_print(void)
{
	struct utsname u;

	uname(&u);
	printf("gthulhu v%s (alpha), commit %s\n"
	       "libqumun %s, arena ABI %d, policy ABI %d\n"
	       "kernel %s:",
	       QUMUN_VERSION, GTHULHU_COMMIT, qumun_version(), QUMUN_ABI_VERSION,
	       QUMUN_POLICY_ABI, u.release);
	qumun_check(name_feature, NULL);
	putchar('\n');
}
