/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options that qumun_load() and qumun_takeover() refuse before they look at the kernel, and calls
 * without a handle.
 */
#include <errno.h>
#include <string.h>

#include "../../lib/internal.h"

#include "tap.h"

/* Options of a later release: one member more. */
struct later {
	struct qumun_options known;
	unsigned long more;
};

static void refused(const void *options, const char *word)
{
	struct qumun *q = (void *)1;

	tap_is(qumun_load(NULL, options, &q), -EINVAL, "load: %s", word);
	tap_ok(!q && strstr(qumun_strerror(NULL), word), "load: %s",
	       qumun_strerror(NULL));
	q = (void *)1;
	tap_is(qumun_takeover(options, &q), -EINVAL, "takeover: %s", word);
	tap_ok(!q && strstr(qumun_strerror(NULL), word), "takeover: %s",
	       qumun_strerror(NULL));
}

static int checked(const void *options, struct qumun_options *filled)
{
	struct qumun *q = qumun_new(options);
	int err = check_options(q, options);

	*filled = q->opt;
	qumun_close(q);
	return err;
}

/* Whatever it is called with, no function of the library takes the program down. */
static void nulls(void)
{
	struct qumun_rule rule = QUMUN_RULE_INIT;
	struct qumun_exit_report report;
	struct scheduling_params params;
	struct qumun_param_block block;
	struct scheduler_stats stats;
	struct perf_counters perf;
	struct qumun_task_rule task_rule;
	struct qumun_run_state state;
	struct qumun_latency latency;
	struct qumun_cpu_info cpu;
	struct qumun_task task;
	__u64 counters[QUMUN_NR_COUNTERS], minor, major;
	__u32 us[QUMUN_RECENT_WAITS], cursor = 0;

	static const struct qumun_policy_ops ops = { .abi_version = QUMUN_POLICY_ABI };
	int (*no_rule)(void *, const struct qumun_rule *, unsigned int) = NULL;
	int (*no_share)(void *, const struct qumun_share *) = NULL;
	int (*no_case)(void *, const struct qumun_rule_case *) = NULL;

#define NO_HANDLE(call) tap_is(call, -EINVAL, "no handle: " #call)
	NO_HANDLE(qumun_load(NULL, NULL, NULL));
	NO_HANDLE(qumun_takeover(NULL, NULL));
	NO_HANDLE(qumun_assign_user_sched_pid(NULL, 1));
	NO_HANDLE(qumun_set_policy(NULL, &ops));
	NO_HANDLE(qumun_load_policy(NULL, "/no/policy.so"));
	NO_HANDLE(qumun_attach(NULL));
	NO_HANDLE(qumun_run(NULL));
	NO_HANDLE(qumun_detach(NULL));
	NO_HANDLE(qumun_proc_exit_fd(NULL));
	NO_HANDLE(qumun_delete_pid_from_task_info(NULL, 1));
	NO_HANDLE(qumun_init_cache_domains(NULL));
	NO_HANDLE(qumun_get_scheduler_stats(NULL, &stats));
	NO_HANDLE(qumun_get_perf_counters(NULL, -1, &perf));
	NO_HANDLE(qumun_get_counters(NULL, counters));
	NO_HANDLE(qumun_get_latency(NULL, -1, &latency));
	NO_HANDLE(qumun_get_round_trip(NULL, -1, &latency));
	NO_HANDLE(qumun_list_shares(NULL, no_share, NULL));
	NO_HANDLE(qumun_next_task(NULL, &cursor, &task));
	NO_HANDLE(qumun_get_task(NULL, 1, &task));
	NO_HANDLE(qumun_get_recent_waits(NULL, 1, us));
	NO_HANDLE(qumun_get_cpu(NULL, 0, &cpu));
	NO_HANDLE(qumun_get_state(NULL, &state));
	NO_HANDLE(qumun_update_scheduling_params(NULL, &params));
	NO_HANDLE(qumun_get_scheduling_params(NULL, &params));
	NO_HANDLE(qumun_set_params(NULL, &block));
	NO_HANDLE(qumun_get_params(NULL, &block));
	NO_HANDLE(qumun_set_mode(NULL, QUMUN_MODE_USER));
	NO_HANDLE(qumun_exit_info(NULL, &report));
	NO_HANDLE(qumun_policy_faults(NULL, &minor, &major));
	NO_HANDLE(qumun_add_rule(NULL, &rule, NULL));
	NO_HANDLE(qumun_change_rule(NULL, &rule));
	NO_HANDLE(qumun_remove_rule(NULL, 1));
	NO_HANDLE(qumun_load_rules(NULL, 1, &rule, 1));
	NO_HANDLE(qumun_list_rules(NULL, no_rule, NULL));
	NO_HANDLE(qumun_explain_rules(NULL, &rule, NULL, no_case, NULL));
	NO_HANDLE(qumun_get_task_rule(NULL, 1, &task_rule));
#undef NO_HANDLE
	tap_is(qumun_receive_proc_exit_evt(NULL), -1, "no handle: no event");
	tap_ok(!qumun_handed_over(NULL), "no handle: nobody took over");
	qumun_stop(NULL);
	qumun_close(NULL);
}

int main(void)
{
	static const struct qumun_options fresh = QUMUN_OPTIONS_INIT;
	struct later later = { .known = QUMUN_OPTIONS_INIT };
	struct qumun_options o = fresh, filled;

	tap_is(checked(NULL, &filled), 0, "no options");
	tap_ok(filled.max_records == QUMUN_DEFAULT_RECORDS && filled.max_tasks == 4096 &&
		       filled.timeout_ms == 10000 && filled.mode == QUMUN_MODE_USER,
	       "are the defaults");
	o.max_tasks = 7;
	tap_is(checked(&o, &filled), 0, "one option");
	tap_ok(filled.max_tasks == 7 && filled.timeout_ms == 10000, "is set, no other");
	later.known.size = sizeof(later);
	tap_is(checked(&later, &filled), 0, "a later release's, unused");
	later.more = 1;
	refused(&later, "does not know");

	memset(&o, 0, sizeof(o));
	refused(&o, "QUMUN_OPTIONS_INIT");
	o.size = sizeof(o) - 1;
	refused(&o, "QUMUN_OPTIONS_INIT");
	o.size = ~(size_t)0;
	refused(&o, "QUMUN_OPTIONS_INIT");
	o = fresh;
	o.flags = 0x80;
	refused(&o, "flags");
	o = fresh;
	o.mode = (enum qumun_mode)5;
	refused(&o, "mode");
	o = fresh;
	o.max_records = 63;
	refused(&o, "max_records");
	o.max_records = QUMUN_MAX_RECORDS + 1;
	refused(&o, "max_records");
	o = fresh;
	o.max_tasks = 1000001;
	refused(&o, "max_tasks");
	o = fresh;
	o.timeout_ms = 999;
	refused(&o, "timeout_ms");
	o.timeout_ms = 30001;
	refused(&o, "timeout_ms");
	nulls();
	return tap_done();
}
