/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What cannot work ends at once: with a message that says what is wrong, the exit code of its
 * kind, and the machine on its default scheduler. Options and environment are tested on the host.
 */
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "vmtest.h"

#define BUILD "/opt/gthulhu/"
#define NOBODY 65534

struct bad {
	const char *what;
	const char *args[4];
	int code;
	const char *message;
	uid_t uid;
};

static const struct bad cases[] = {
	{ "no BPF object",
	  { "--bpf-object", "/tmp/absent.bpf.o" },
	  2,
	  "/tmp/absent.bpf.o",
	  0 },
	{ "half a BPF object",
	  { "--bpf-object", "/tmp/half.bpf.o" },
	  2,
	  "broken or cut short",
	  0 },
	{ "an empty BPF object",
	  { "--bpf-object", "/tmp/empty.bpf.o" },
	  2,
	  "broken or cut short",
	  0 },
	{ "a BPF object of something else",
	  { "--bpf-object", BUILD "tests/vm/other.bpf.o" },
	  2,
	  "not of this build",
	  0 },
	{ "an unknown policy",
	  { "--policy", "nonesuch" },
	  2,
	  "no policy \"nonesuch\"",
	  0 },
	{ "no such policy file",
	  { "--policy", "/tmp/absent.so" },
	  2,
	  "/tmp/absent.so",
	  0 },
	{ "a policy of another ABI",
	  { "--policy", BUILD "tests/vm/policy_abi.so" },
	  2,
	  "ABI 77",
	  0 },
	{ "a policy without its symbol",
	  { "--policy", BUILD "tests/vm/policy_nosymbol.so" },
	  2,
	  "is no policy",
	  0 },
	{ "a policy that is no shared object",
	  { "--policy", "/tmp/half.bpf.o" },
	  2,
	  "cannot be loaded",
	  0 },
	{ "a policy that others can write",
	  { "--policy", "/tmp/open.so" },
	  2,
	  "can be written by others",
	  0 },
	{ "a policy of another user",
	  { "--policy", "/tmp/foreign.so" },
	  2,
	  "belongs to user",
	  0 },
	{ "no root", { NULL }, 1, "needs root", NOBODY },
};

/* The first @size bytes of @from become @to. */
static void copy_file(const char *from, const char *to, size_t size, mode_t mode)
{
	static char data[4 << 20];
	int in = open(from, O_RDONLY | O_CLOEXEC), out;
	ssize_t n = in < 0 ? -1 : read(in, data, sizeof(data));

	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (n >= 0 && (size_t)n > size)
		n = (ssize_t)size;
	if (n < 0 || out < 0 || write(out, data, (size_t)n) != n || fchmod(out, mode))
		tap_ok(false, "copying %s to %s: %s", from, to, strerror(errno));
	close(in);
	close(out);
}

static void run_case(const struct bad *c)
{
	struct daemon d = { .uid = c->uid };
	bool ok;

	daemon_spawn(&d, c->args);
	ok = tap_is(daemon_wait(&d, 60000), c->code, "%s: exit code %d", c->what,
		    c->code);
	ok &= tap_ok(daemon_said(&d, c->message), "%s: the message says \"%s\"", c->what,
		     c->message);
	tap_ok(scx_disabled(), "%s: the machine keeps its scheduler", c->what);
	if (!ok)
		daemon_diag(&d);
	if (d.pid)
		daemon_end(&d, SIGKILL);
}

/* A scheduler that is not ours has the machine. */
static void occupied(void)
{
	const struct bad c = { "another scheduler", { NULL }, 1, "\"other\"", 0 };
	struct bpf_object *obj =
		bpf_object__open_file(BUILD "tests/vm/other.bpf.o", NULL);
	struct bpf_link *link = NULL;
	struct daemon d = { 0 };

	if (obj && !bpf_object__load(obj))
		link = bpf_map__attach_struct_ops(
			bpf_object__find_map_by_name(obj, "other_ops"));
	if (tap_ok(link && wait_for_scx("other", 5000),
		   "another scheduler has the machine")) {
		daemon_spawn(&d, c.args);
		tap_is(daemon_wait(&d, 60000), c.code, "%s: exit code 1", c.what);
		if (!tap_ok(daemon_said(&d, c.message), "%s: the message names it",
			    c.what))
			daemon_diag(&d);
		tap_ok(scx_runs("other"), "%s: it keeps the machine", c.what);
	}
	bpf_link__destroy(link);
	bpf_object__close(obj);
	tap_ok(wait_for_scx(NULL, 5000), "the other scheduler is gone");
}

/* Pids of another namespace would name the wrong tasks to the kernel half. */
static void foreign_pids(void)
{
	static const char *const commands[] = {
		"unshare -p -f gthulhu 2>&1",
		"unshare -p -f gthulhu --takeover 2>&1",
		"unshare -p -f gthulhu --check 2>&1",
	};
	char line[1024];
	bool said;
	size_t i;
	FILE *f;
	int rc;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		f = popen(commands[i], "r");
		said = false;
		while (f && fgets(line, sizeof(line), f))
			said |= strstr(line, "in a pid namespace of its own") != NULL;
		rc = f ? pclose(f) : -1;
		tap_ok(WIFEXITED(rc) && WEXITSTATUS(rc) == 78, "%s: exit code 78",
		       commands[i]);
		tap_ok(said, "%s: the message says why", commands[i]);
	}
	tap_ok(scx_disabled(), "a pid namespace: the machine keeps its scheduler");
}

static void second_daemon(void)
{
	struct daemon first = { 0 }, second = { 0 };

	if (!daemon_start(&first, NULL))
		return;
	daemon_spawn(&second, NULL);
	tap_is(daemon_wait(&second, 60000), 1, "a second gthulhu: exit code 1");
	if (!tap_ok(daemon_said(&second, "\"gthulhu\""),
		    "a second gthulhu: the message names the first"))
		daemon_diag(&second);
	tap_ok(scx_runs("gthulhu"), "a second gthulhu: the first goes on");
	daemon_stop_and_check(&first, "the first of two", NULL);
}

int main(void)
{
	size_t i;

	copy_file(BUILD "bpf/main.bpf.o", "/tmp/half.bpf.o", 20000, 0644);
	copy_file(BUILD "bpf/main.bpf.o", "/tmp/empty.bpf.o", 0, 0644);
	copy_file(BUILD "tests/vm/plugin_policy.so", "/tmp/open.so", 1 << 20, 0666);
	copy_file(BUILD "tests/vm/plugin_policy.so", "/tmp/foreign.so", 1 << 20, 0644);
	if (chown("/tmp/foreign.so", NOBODY, NOBODY))
		tap_ok(false, "chown: %s", strerror(errno));
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		run_case(&cases[i]);
	foreign_pids();
	occupied();
	second_daemon();
	return tap_done();
}
