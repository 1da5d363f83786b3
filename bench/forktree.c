// SPDX-License-Identifier: Apache-2.0
/*
 * What a build does to a scheduler: jobs side by side; each forks and executes a driver, which
 * forks and executes its two tools one after the other, and each tool touches memory and uses some
 * CPU time. The same number of processes is made whatever the scheduler does.
 *
 *     processes           made in all
 *     ms                  elapsed
 */
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define TOOLS 2
#define TOOL_BYTES (512 * 1024)
#define WORK 300000 /* turns of a loop, so that the work is the same on any clock */

struct options {
	int jobs, units;
};

static pid_t start_self(const char *role)
{
	pid_t pid = fork();

	if (!pid) {
		execl("/proc/self/exe", "forktree", "--role", role, NULL);
		_exit(127);
	}
	return pid;
}

static int tool(void)
{
	volatile uint64_t x = 1;
	char *memory = mmap(NULL, TOOL_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return 1;
	for (size_t i = 0; i < TOOL_BYTES; i += 4096)
		memory[i] = 1;
	for (int i = 0; i < WORK; i++)
		x = x * 6364136223846793005ULL + 1;
	return 0;
}

static int driver(void)
{
	int status, failed = 0;

	for (int i = 0; i < TOOLS; i++) {
		pid_t pid = start_self("tool");

		failed |= pid < 0 || waitpid(pid, &status, 0) != pid || status;
	}
	return failed;
}

static int run(const struct options *o)
{
	int running = 0, begun = 0, failed = 0, status;
	int64_t start = now_ns();

	while (begun < o->units || running) {
		if (begun < o->units && running < o->jobs) {
			failed |= start_self("driver") < 0;
			begun++;
			running++;
			continue;
		}
		if (wait(&status) < 0)
			break;
		failed |= status;
		running--;
	}
	if (failed) {
		fprintf(stderr, "forktree: a process failed\n");
		return 1;
	}
	printf("processes %d\nms %.1f\n", o->units * (1 + TOOLS),
	       (double)(now_ns() - start) / 1e6);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { 4, 40 };
	const char *role = NULL;
	const struct bench_option options[] = {
		{ "jobs", 1, 256, .number = &o.jobs },
		{ "units", 1, 100000, .number = &o.units },
		{ "role", .text = &role },
		{ 0 },
	};
	int err;

	err = bench_options("forktree", "[--jobs N] [--units N]", options, argc, argv);
	if (err)
		return err < 0 ? 2 : 0;
	if (role)
		return strcmp(role, "tool") ? driver() : tool();
	return run(&o);
}
