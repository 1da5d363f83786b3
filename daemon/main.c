/* SPDX-License-Identifier: Apache-2.0 */
/* gthulhu: schedule this machine. */
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"
#include "requests.h"

#define RETURN_SECONDS                                                                   \
	3 /* a policy that does not return from a callback may take so long */

static struct qumun *running;
static volatile sig_atomic_t stopping;
static sem_t woken; /* posted by a signal */

/*
 * The first signal asks for the end, then a timer runs: a policy that loops in a callback never
 * sees it, and only the process's end takes the machine away from it. The BPF half has been
 * deciding for long and gives the machine back when nobody takes over.
 */
static void on_signal(int sig)
{
	static const char stuck[] =
		"gthulhu: error: the policy does not return from a callback: ended without it; "
		"the kernel's own scheduler is back in takeover_ms\n";
	ssize_t n;

	if (stopping && sig == SIGALRM) {
		n = write(STDERR_FILENO, stuck, sizeof(stuck) - 1);
		(void)n; /* nowhere left to say it */
		_exit(EXIT_RUNTIME);
	}
	stopping = 1;
	qumun_stop(running);
	sem_post(&woken);
	alarm(RETURN_SECONDS);
}

static void catch_signals(struct qumun *q, double for_seconds)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct itimerval timer = { 0 };
	sigset_t hangup;

	/* for reload.c's thread; every thread inherits it */
	sigemptyset(&hangup);
	sigaddset(&hangup, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &hangup, NULL);
	running = q;
	sem_init(&woken, 0, 0);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGALRM, &sa, NULL);
	if (for_seconds > 0) {
		timer.it_value.tv_sec = (time_t)for_seconds;
		timer.it_value.tv_usec =
			(suseconds_t)((for_seconds - (double)timer.it_value.tv_sec) *
				      1e6);
		setitimer(ITIMER_REAL, &timer, NULL);
	}
}

/* The exit code for a failed qumun_load(). */
static int load_failure(const struct daemon_options *o, int err)
{
	if (o->bpf_object && err != -EPERM && err != -ENOMEM)
		return EXIT_USAGE;
	return err == -ENOENT ? EXIT_SYSTEM : EXIT_RUNTIME;
}

static int choose_policy(struct qumun *q, const char *name)
{
	int err = policy_choose(q, name);

	if (err != -ENOENT || policy_is_file(name))
		return err ? EXIT_USAGE : 0;
	say(QUMUN_LOG_ERROR, "no policy \"%s\": use a path such as ./%s.so, or one of",
	    name, name);
	policy_print(stderr);
	return EXIT_USAGE;
}

static void protect_from_oom(void)
{
	FILE *f = fopen("/proc/self/oom_score_adj", "we");

	if (!f)
		return;
	fputs("-1000", f);
	fclose(f);
}

/* Sleep, unless a signal asks for the end. */
static void sleep_ms(unsigned int ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (!stopping && sem_clockwait(&woken, CLOCK_MONOTONIC, &until) &&
	       errno == EINTR)
		;
}

/* Decide until the end. After an ejection the kernel's scheduler has the machine for a while. */
static int decide(struct qumun *q, const struct daemon_options *o)
{
	__u64 since;
	unsigned int ms;
	int err;

	for (;;) {
		since = requests_clock_ns();
		err = qumun_run(q);
		if (!err)
			return 0;
		ms = ejection_tell(q) && !stopping
			     ? ejection_delay_ms(o->reattach, requests_clock_ns() - since)
			     : 0;
		qumun_detach(q);
		if (!ms)
			return err;
		sleep_ms(ms);
		if (stopping)
			return 0;
		err = qumun_attach(q);
		if (err)
			return err;
		ejection_over(q);
		say(QUMUN_LOG_INFO, "attached again");
		/* a signal that came meanwhile is no longer known to the handle */
		if (stopping)
			qumun_stop(q);
	}
}

static int schedule(struct qumun *q, const struct daemon_options *o, int argc,
		    char **argv)
{
	struct reload *reload;
	struct service *service;
	int err;

	protect_from_oom();
	catch_signals(q, o->for_seconds);
	err = service_open(&service, q, o);
	if (!err && (privileges_drop() || qumun_attach(q)))
		err = EXIT_RUNTIME;
	if (!err) {
		say(QUMUN_LOG_INFO, "attached: policy %s, %s mode%s", o->policy,
		    o->mode == QUMUN_MODE_KERNEL ? "kernel" : "user",
		    o->partial ? ", partial" : "");
		err = service_start(service);
	}
	if (err) {
		service_stop(service);
		qumun_detach(q);
		return err;
	}
	reload = reload_start(q, o, argc, argv);
	err = decide(q, o);
	alarm(0);
	reload_stop(reload);
	notify("STOPPING=1");
	service_stop(service);
	qumun_detach(q);
	if (!err && qumun_handed_over(q))
		say(QUMUN_LOG_INFO,
		    "another process took over: it schedules from here on");
	else if (!err)
		say(QUMUN_LOG_INFO, "detached: the kernel's own scheduler is back");
	report_print(q, o->json);
	return err ? EXIT_RUNTIME : EXIT_CLEAN;
}

/* The handle keeps its log function for life, so it is hushed for a moment, not left out. */
static bool hushed;

static void log_unless_hushed(void *arg, enum qumun_log_level level, const char *message)
{
	if (!hushed)
		log_line(arg, level, message);
}

/* That nobody is there to take over from is no error: then this is a start like any other. */
static int take_over_or_load(struct qumun_options *lo, const struct daemon_options *o,
			     struct qumun **q)
{
	int err = -ENOENT;

	if (o->takeover) {
		hushed = true;
		err = qumun_takeover(lo, q);
		hushed = false;
		if (err && err != -ENOENT)
			say(QUMUN_LOG_ERROR, "%s", qumun_strerror(NULL));
	}
	return err == -ENOENT ? qumun_load(o->bpf_object, lo, q) : err;
}

int main(int argc, char **argv)
{
	struct qumun_options lo = QUMUN_OPTIONS_INIT;
	struct daemon_options o;
	struct qumun *q;
	int err;

	err = options_parse(&o, argc, argv);
	if (err)
		return err;
	log_level(o.level);
	/* memory is locked, and the kernel's thread that makes pages large moves the policy's away */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	if (o.help) {
		options_help(stdout);
		return EXIT_CLEAN;
	}
	if (o.version) {
		version_print();
		return EXIT_CLEAN;
	}
	if (o.print_config) {
		config_print(stdout);
		return EXIT_CLEAN;
	}
	if (o.check_config) {
		printf("%s: right, %zu rules\n", o.config_file, o.config.nr_rules);
		return EXIT_CLEAN;
	}
	if (o.check)
		return check_run(o.json);

	lo.mode = o.mode;
	lo.flags = o.partial ? QUMUN_PARTIAL : 0;
	lo.max_tasks = o.max_tasks;
	lo.max_records = o.config.max_records;
	lo.shards = o.config.shards;
	lo.timeout_ms = o.config.timeout;
	lo.debug = o.debug;
	lo.log = log_unless_hushed;
	err = take_over_or_load(&lo, &o, &q);
	if (err)
		return load_failure(&o, err);
	err = choose_policy(q, o.policy);
	if (!err)
		err = options_apply(q, &o) ? EXIT_USAGE : 0;
	if (!err)
		err = schedule(q, &o, argc, argv);
	qumun_close(q);
	options_free(&o);
	return err;
}
