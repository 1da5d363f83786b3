// SPDX-License-Identifier: Apache-2.0
/*
 * Ping-pong: pairs of processes that pass a token to and fro, by pipe or by futex. Each pass is a
 * wakeup and a switch. With N pairs, N tasks are runnable at any time.
 *
 *     switches            passes in all
 *     ns_per_switch       elapsed time of one pass on the wall clock
 */
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "bench.h"

#define PAIRS_MAX 64
#define ROUNDS_MAX 10000000

struct options {
	int pairs, rounds;
	bool futex, cross;
};

/* One pair's tokens: [0] wakes the second of the two, [1] the first. */
struct pair {
	int pipe[2][2];
	uint32_t *token; /* shared; 1: it is there */
};

static void pass(const struct options *o, struct pair *p, int to)
{
	char c = 0;

	if (!o->futex) {
		if (write(p->pipe[to][1], &c, 1) != 1)
			_exit(1);
		return;
	}
	__atomic_store_n(&p->token[to], 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &p->token[to], FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void receive(const struct options *o, struct pair *p, int from)
{
	char c;

	if (!o->futex) {
		if (read(p->pipe[from][0], &c, 1) != 1)
			_exit(1);
		return;
	}
	while (!__atomic_exchange_n(&p->token[from], 0, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, &p->token[from], FUTEX_WAIT, 0, NULL, NULL, 0);
}

/* @second: answers; the first of a pair begins. Both wait for the end of @go. */
static void play(const struct options *o, struct pair *p, int second, int go)
{
	cpu_set_t set;
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (o->cross) {
		CPU_ZERO(&set);
		CPU_SET(second, &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			_exit(1);
	}
	if (read(go, &c, 1))
		_exit(1);
	for (int i = 0; i < o->rounds; i++) {
		if (second)
			receive(o, p, 0);
		pass(o, p, second);
		if (!second)
			receive(o, p, 1);
	}
	_exit(0);
}

static int start_pair(const struct options *o, struct pair *p, const int *go)
{
	p->token = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (p->token == MAP_FAILED || pipe(p->pipe[0]) || pipe(p->pipe[1]))
		return -errno;
	for (int second = 0; second < 2; second++) {
		pid_t pid = fork();

		if (pid < 0)
			return -errno;
		if (!pid) {
			close(go[1]);
			play(o, p, second, go[0]);
		}
	}
	return 0;
}

static int run(const struct options *o)
{
	struct pair pairs[PAIRS_MAX];
	int go[2], err, status, failed = 0;
	int64_t start, elapsed;
	double switches = 2.0 * o->pairs * o->rounds;

	err = pipe(go) ? -errno : 0;
	for (int i = 0; !err && i < o->pairs; i++)
		err = start_pair(o, &pairs[i], go);
	if (err) {
		fprintf(stderr, "pingpong: cannot start %d pairs: %s\n", o->pairs,
			strerror(-err));
		return 1;
	}
	close(go[0]);
	/* let all of them reach the gate */
	sleep_until(now_ns() + NSEC_PER_SEC / 5);
	start = now_ns();
	close(go[1]);
	while (wait(&status) > 0)
		failed |= status;
	elapsed = now_ns() - start;
	if (failed) {
		fprintf(stderr, "pingpong: a player failed\n");
		return 1;
	}
	printf("switches %.0f\nns_per_switch %.1f\n", switches,
	       (double)elapsed / switches);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { .pairs = 1, .rounds = 5000 };
	const struct bench_option options[] = {
		{ "pairs", 1, PAIRS_MAX, .number = &o.pairs },
		{ "rounds", 1, ROUNDS_MAX, .number = &o.rounds },
		{ "futex", .flag = &o.futex },
		{ "cross", .flag = &o.cross },
		{ 0 },
	};
	int err;

	err = bench_options("pingpong", "[--pairs N] [--rounds N] [--futex] [--cross]",
			    options, argc, argv);
	if (err)
		return err < 0 ? 2 : 0;
	return run(&o);
}
