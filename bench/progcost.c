// SPDX-License-Identifier: Apache-2.0
/*
 * What the attached scheduler's BPF programs cost: runs a command that prints "switches N" and adds,
 * for each operation of the scheduler, the time in it for each switch. In virtual time that is a number of
 * instructions, of which about 30 for each call are the kernel's measuring itself. The measuring makes
 * every call dearer, so elapsed times that the command prints are not those of a run without it.
 *
 *     bpf_OPERATION_ns   spent in that operation, for each switch
 *     bpf_calls          calls of all operations, for each switch
 *     bpf_ns             spent in all operations, for each switch
 */
#include <bpf/bpf.h>
#include <unistd.h>

#include "bench.h"

#define PROGRAMS_MAX 64

struct program {
	__u32 id;
	__u64 ns, calls;
	char op[BPF_OBJ_NAME_LEN];
};

/* The kernel keeps 15 characters of a program's name, which begins with the scheduler's. */
static const char *const operations[] = {
	"select_cpu",  "enqueue",     "dequeue",     "dispatch",    "tick",
	"runnable",    "running",     "stopping",    "quiescent",   "yield",
	"set_weight",  "set_cpumask", "update_idle", "init_task",   "exit_task",
	"enable",      "disable",     "cpu_online",  "cpu_offline", "cpu_acquire",
	"cpu_release",
};

static void name_operation(struct program *p, const char *name)
{
	const char *op = strchr(name, '_');
	size_t i, len = op ? strlen(op + 1) : 0;

	snprintf(p->op, sizeof(p->op), "%s", op && len ? op + 1 : name);
	for (i = 0; len && i < sizeof(operations) / sizeof(*operations); i++) {
		if (!strncmp(op + 1, operations[i], len)) {
			snprintf(p->op, sizeof(p->op), "%s", operations[i]);
			return;
		}
	}
}

/* All struct_ops programs as they stand; the number of them. */
static int look(struct program *programs)
{
	struct bpf_prog_info info;
	__u32 id = 0, size;
	int n = 0, fd;

	while (n < PROGRAMS_MAX && !bpf_prog_get_next_id(id, &id)) {
		fd = bpf_prog_get_fd_by_id(id);
		if (fd < 0)
			continue;
		memset(&info, 0, sizeof(info));
		size = sizeof(info);
		if (!bpf_obj_get_info_by_fd(fd, &info, &size) &&
		    info.type == BPF_PROG_TYPE_STRUCT_OPS) {
			programs[n].id = id;
			programs[n].ns = info.run_time_ns;
			programs[n].calls = info.run_cnt;
			name_operation(&programs[n++], info.name);
		}
		close(fd);
	}
	return n;
}

/* Run @argv with its output passed on; the number that follows "switches", or 0. */
static double run_command(char **argv)
{
	double switches = 0;
	char line[256];
	int out[2];
	FILE *f;
	pid_t pid;

	if (pipe(out))
		return 0;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		dup2(out[1], 1);
		close(out[0]);
		close(out[1]);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(out[1]);
	f = fdopen(out[0], "r");
	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "switches %lf", &switches);
		fputs(line, stdout);
	}
	if (f)
		fclose(f);
	return switches;
}

static void report(const struct program *before, int nr_before,
		   const struct program *after, int nr_after, double switches)
{
	double ns, calls, all_ns = 0, all_calls = 0;

	for (int i = 0; i < nr_after; i++) {
		ns = (double)after[i].ns;
		calls = (double)after[i].calls;
		for (int k = 0; k < nr_before; k++) {
			if (before[k].id == after[i].id) {
				ns -= (double)before[k].ns;
				calls -= (double)before[k].calls;
			}
		}
		if (calls <= 0)
			continue;
		printf("bpf_%s_ns %.1f\n", after[i].op, ns / switches);
		all_ns += ns;
		all_calls += calls;
	}
	printf("bpf_calls %.2f\nbpf_ns %.1f\n", all_calls / switches, all_ns / switches);
}

int main(int argc, char **argv)
{
	struct program before[PROGRAMS_MAX], after[PROGRAMS_MAX];
	int nr_before, nr_after, stats;
	double switches;

	if (argc < 2) {
		fprintf(stderr, "usage: progcost COMMAND [ARGUMENT...]\n");
		return 2;
	}
	stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (stats < 0) {
		fprintf(stderr, "progcost: run times of BPF programs: %s\n",
			strerror(-stats));
		return 1;
	}
	nr_before = look(before);
	switches = run_command(argv + 1);
	nr_after = look(after);
	close(stats);
	if (switches <= 0) {
		fprintf(stderr, "progcost: %s printed no number of switches\n", argv[1]);
		return 1;
	}
	report(before, nr_before, after, nr_after, switches);
	return 0;
}
