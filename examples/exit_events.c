/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exit_events - print the pid of every task that ends, waiting without polling.
 *
 * usage: exit_events [--for SECONDS]
 *
 * The BPF half decides (kernel mode). One event for each thread, not only for each process.
 */
#include <qumun.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

/* Print what waits, then wait for more. */
static int follow(struct qumun *q)
{
	struct pollfd fd = { .fd = qumun_proc_exit_fd(q), .events = POLLIN };
	int pid;

	if (fd.fd < 0)
		return fd.fd;
	while (!stopped) {
		if (poll(&fd, 1, 1000) < 0 && errno != EINTR)
			return -errno;
		while ((pid = qumun_receive_proc_exit_evt(q)) != -1) {
			printf("%d\n", pid);
			/* its row in task_info_map is no longer needed */
			qumun_delete_pid_from_task_info(q, pid);
		}
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct qumun_options options = QUMUN_OPTIONS_INIT;
	struct qumun *q;
	int err;

	options.mode = QUMUN_MODE_KERNEL;
	err = qumun_load(NULL, &options, &q);
	if (!err)
		err = qumun_attach(q);
	signal(SIGINT, stop);
	signal(SIGALRM, stop);
	if (argc == 3 && !strcmp(argv[1], "--for"))
		alarm((unsigned int)atoi(argv[2]));
	if (!err)
		err = follow(q);
	if (err)
		fprintf(stderr, "exit_events: %s\n", qumun_strerror(q));
	qumun_close(q);
	return err != 0;
}
