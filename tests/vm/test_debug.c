/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debug lines: the trace buffer tells a task's life when they are on; when they are off, the
 * program that the verifier let through holds no call of the printing helper at all.
 */
#include <fcntl.h>
#include <sys/mount.h>

#include <linux/bpf.h>

#include "live.h"

#define TRACING "/sys/kernel/tracing"

/*
 * In a loaded program a helper's number has become its distance from __bpf_call_base. Looked up
 * once: a walk through all symbols takes seconds.
 */
static __s32 printing_helper(void)
{
	static unsigned long long base, helper;
	unsigned long long address;
	char line[512], name[256];
	FILE *f = helper ? NULL : fopen("/proc/kallsyms", "r");

	while (f && !(base && helper) && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx %*c %255s", &address, name) != 2)
			continue;
		if (!strcmp(name, "__bpf_call_base"))
			base = address;
		else if (!strcmp(name, "bpf_trace_printk"))
			helper = address;
	}
	if (f)
		fclose(f);
	return (__s32)(helper - base);
}

/* Calls of trace_printk in all loaded programs of ours, as the kernel has them. */
static int printing_calls(void)
{
	static struct bpf_insn insns[65536];
	struct bpf_prog_info info;
	__u32 id = 0, size, i;
	int fd, calls = 0;
	__s32 helper = printing_helper();

	while (!bpf_prog_get_next_id(id, &id)) {
		fd = bpf_prog_get_fd_by_id(id);
		if (fd < 0)
			continue;
		memset(&info, 0, sizeof(info));
		info.xlated_prog_insns = (__u64)(unsigned long)insns;
		info.xlated_prog_len = sizeof(insns);
		size = sizeof(info);
		if (!bpf_prog_get_info_by_fd(fd, &info, &size) &&
		    !strncmp(info.name, "gthulhu", 7)) {
			for (i = 0; i < info.xlated_prog_len / sizeof(insns[0]); i++)
				calls += insns[i].code == (BPF_JMP | BPF_CALL) &&
					 !insns[i].src_reg && insns[i].imm == helper;
		}
		close(fd);
	}
	return calls;
}

/*
 * Until somebody asks for more the trace buffer holds some 90 lines for each CPU: a line from the
 * beginning of the test would be gone at its end.
 */
static bool enlarge_trace(void)
{
	FILE *f = fopen(TRACING "/buffer_size_kb", "w");

	return f && fputs("4096\n", f) >= 0 && !fclose(f);
}

static struct qumun *attach(bool debug)
{
	struct qumun_options options = QUMUN_OPTIONS_INIT;
	struct qumun *q;
	int err;

	options.mode = QUMUN_MODE_KERNEL;
	options.timeout_ms = 30000;
	options.log = live_log;
	options.debug = debug;
	err = qumun_load(NULL, &options, &q);
	if (!err)
		err = qumun_attach(q);
	if (!tap_ok(!err, "attached, debug lines %s", debug ? "on" : "off")) {
		qumun_close(q);
		return NULL;
	}
	return q;
}

/* Which events of @pid are in the trace buffer, in the page's format? */
static unsigned int events_of(pid_t pid)
{
	static const char *const names[] = { "INIT", "ENQUEUE", "RUNNING", "STOPPING",
					     "EXIT" };
	char line[1024], want[64], event[32];
	unsigned int seen = 0, i;
	unsigned long long v;
	const char *at;
	char end;
	FILE *f = fopen(TRACING "/trace", "r");

	snprintf(want, sizeof(want), "Task %d: ", pid);
	while (f && fgets(line, sizeof(line), f)) {
		at = strstr(line, want);
		if (!at ||
		    sscanf(at + strlen(want), "%31s (vruntime=%llu%c", event, &v, &end) !=
			    3 ||
		    end != ')')
			continue;
		for (i = 0; i < 5; i++)
			seen |= !strcmp(event, names[i]) ? 1U << i : 0;
	}
	if (f)
		fclose(f);
	return seen;
}

/* A task's life, beside a hog: one that finds its CPU idle is not enqueued. Returns who it was. */
static pid_t live_and_end(void)
{
	pid_t hog = start_hog(0, 0), pid = start_sleeper(0, 5000);

	sleep_ms(300);
	end_child(pid);
	end_child(hog);
	sleep_ms(300);
	return pid;
}

int main(void)
{
	struct qumun *q;
	int calls;
	pid_t pid;

	if (geteuid())
		return tap_skip_all("not root");
	if (access(TRACING "/trace", R_OK) &&
	    mount("tracefs", TRACING, "tracefs", 0, NULL))
		return tap_skip_all("no tracefs: %s", strerror(errno));
	tap_ok(enlarge_trace(), "the trace buffer holds the whole test");
	q = attach(false);
	if (q) {
		pid = live_and_end();
		tap_is(events_of(pid), 0, "not a line");
		tap_is(printing_calls(), 0, "and no call that could print one");
		qumun_close(q);
	}
	q = attach(true);
	if (q) {
		pid = live_and_end();
		tap_is(events_of(pid), 0x1f,
		       "a task's life: INIT, ENQUEUE, RUNNING, STOPPING, EXIT");
		calls = printing_calls();
		tap_ok(calls > 0, "%d calls that print", calls);
		qumun_close(q);
	}
	return tap_done();
}
