/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies from shared objects: a good one works, every other is refused with its name. Argument:
 * the folder with the shared objects that the build made.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../lib/internal.h"

#include "tap.h"

static char folder[] = "/tmp/qumun-plugin-XXXXXX";
static char path[128];

/* A copy of @source (or the text @source if it is no file) with that mode and owner. */
static const char *place(const char *source, const char *name, mode_t mode, uid_t owner)
{
	char buf[65536];
	int in = open(source, O_RDONLY), out;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	out = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	if (in < 0 && write(out, source, strlen(source)) < 0)
		tap_diag("%s: %s", path, strerror(errno));
	while (in >= 0 && (n = read(in, buf, sizeof(buf))) > 0) {
		if (write(out, buf, (size_t)n) != n)
			tap_diag("%s: %s", path, strerror(errno));
	}
	if (fchown(out, owner, 0) || fchmod(out, mode))
		tap_diag("%s: %s", path, strerror(errno));
	close(in);
	close(out);
	return path;
}

static void refused(struct qumun *q, const char *file, int want, const char *words,
		    const char *what)
{
	int err = qumun_load_policy(q, file);

	tap_is(err, want, "%s: refused", what);
	if (!tap_ok(strstr(qumun_strerror(q), file) && strstr(qumun_strerror(q), words),
		    "%s: the message names the file and \"%s\"", what, words))
		tap_diag("%s", qumun_strerror(q));
	tap_ok(!q->policy && !q->plugin, "%s: nothing was set", what);
}

static void check_refusals(struct qumun *q, const char *good, const char *wrong_abi,
			   const char *no_symbol)
{
	char ours[32];

	refused(q, "/no/such/policy.so", -ENOENT, "No such file", "missing file");
	refused(q, place(good, "group.so", 0664, 0), -EPERM, "chmod go-w",
		"group may write");
	refused(q, place(good, "world.so", 0602, 0), -EPERM, "chmod go-w",
		"world may write");
	refused(q, place(good, "foreign.so", 0644, 65534), -EPERM, "not to root",
		"foreign owner");
	refused(q, place("this is a text\n", "text.so", 0644, 0), -EINVAL,
		"cannot be loaded", "not a shared object");
	refused(q, place(no_symbol, "nosymbol.so", 0644, 0), -EINVAL,
		"qumun_policy_plugin", "no symbol");
	refused(q, place(wrong_abi, "abi.so", 0644, 0), -EINVAL, "ABI 77", "another ABI");
	snprintf(ours, sizeof(ours), "speaks %d", QUMUN_POLICY_ABI);
	tap_ok(strstr(qumun_strerror(q), ours) != NULL, "another ABI: our version too");
	refused(q, folder, -EINVAL, "not a file", "a folder");
}

static int remove_all(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

int main(int argc, char **argv)
{
	char good[512], wrong_abi[512], no_symbol[512];
	const struct qumun_policy_ops *first;
	struct qumun *q;

	if (geteuid())
		return tap_skip_all("only root can own the files");
	if (argc < 2 || !mkdtemp(folder))
		return tap_skip_all("usage: test_plugin FOLDER-OF-THE-SHARED-OBJECTS");
	q = calloc(1, sizeof(*q));
	snprintf(good, sizeof(good), "%s/plugin_good.so", argv[1]);
	snprintf(wrong_abi, sizeof(wrong_abi), "%s/plugin_abi.so", argv[1]);
	snprintf(no_symbol, sizeof(no_symbol), "%s/plugin_nosymbol.so", argv[1]);
	check_refusals(q, good, wrong_abi, no_symbol);

	if (!tap_is(qumun_load_policy(q, place(good, "good.so", 0644, 0)), 0,
		    "a good policy"))
		tap_diag("%s", qumun_strerror(q));
	tap_ok(q->policy && !strcmp(q->policy->name, "plugin") && q->policy->enqueue,
	       "its table is in use");
	first = q->policy;
	tap_is(qumun_load_policy(q, place(good, "again.so", 0755, 0)), 0,
	       "replaced by another");
	/* the same descriptor, so the same name to the dynamic linker */
	tap_ok(q->plugin && q->policy && q->policy != first,
	       "and that one is in use, not the former");
	plugin_close(q);
	tap_ok(!q->plugin, "closed");
	tap_is(qumun_load_policy(NULL, path), -EINVAL, "no handle");
	tap_is(qumun_load_policy(q, NULL), -EINVAL, "no path");
	free(q);
	return remove_all() || tap_done();
}
