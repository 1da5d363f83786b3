/* SPDX-License-Identifier: Apache-2.0 */
/* gthulhuctl task PID: one record, in words. */
#include "top.h"

static void print_recent(FILE *out, const json_t *waits)
{
	char text[TEXT_SIZE];
	json_t *us;
	size_t i;

	json_array_foreach(waits, i, us)
		fprintf(out, "%s%s",
			!i	? "\nlast     waits, the latest first: "
			: i % 4 ? ", "
				: ",\n         ",
			text_time(text, json_number_value(us) * 1000));
}

void task_print(FILE *out, const json_t *t)
{
	double runs = get_real(t, "runs");
	char a[TEXT_SIZE], b[TEXT_SIZE];

	fprintf(out, "%lld %s%s, process %lld, user %lld, cgroup %lld\n",
		get_int(t, "pid"), get_text(t, "comm"),
		get_bool(t, "kernel_thread") ? " (kernel thread)" : "",
		get_int(t, "tgid"), get_int(t, "uid"), get_int(t, "cgroup_id"));
	fprintf(out, "now      %s", get_text(t, "state"));
	if (get_int(t, "waiting_ns"))
		fprintf(out, ", waiting for %s", text_time(a, get_real(t, "waiting_ns")));
	fprintf(out, "; last on CPU %lld, %s ago, of %lld CPUs it may use\n",
		get_int(t, "cpu"), text_span(a, get_real(t, "last_ran_ns")),
		get_int(t, "cpus_allowed"));
	fprintf(out, "weight   %lld (1024 is nice 0), slice %s\n", get_int(t, "weight"),
		text_time(a, get_real(t, "slice_ns")));
	fprintf(out, "class    %s", get_text(t, "class"));
	if (get_int(t, "rule"))
		fprintf(out, ", by rule %lld: %s", get_int(t, "rule"),
			get_text(t, "rule_text"));
	if (*get_text(t, "because"))
		fprintf(out, "\nwhy      %s", get_text(t, "because"));
	fputc('\n', out);
	fprintf(out, "ran      %s in %lld runs", text_time(a, get_real(t, "runtime_ns")),
		get_int(t, "runs"));
	if (runs)
		fprintf(out, ", %s each, the last %s",
			text_time(a, get_real(t, "runtime_ns") / runs),
			text_time(b, get_real(t, "last_run_ns")));
	fprintf(out, "\nwaited   %s", text_time(a, get_real(t, "wait_ns")));
	if (runs)
		fprintf(out, ", %s each, %s at most",
			text_time(a, get_real(t, "wait_ns") / runs),
			text_time(b, get_real(t, "max_wait_us") * 1000));
	print_recent(out, json_object_get(t, "recent_waits_us"));
	fprintf(out, "\nswitches %lld voluntary, %lld involuntary; woke %lld times\n",
		get_int(t, "voluntary_switches"), get_int(t, "involuntary_switches"),
		get_int(t, "wakeups"));
}

int cmd_task(struct ctl *ctl, int argc, char **argv)
{
	double pid;
	json_t *t;
	int code;

	if (argc != 2 || !parse_between(argv[1], 1, 4194304, &pid) ||
	    pid != (double)(long)pid)
		return usage_error("task takes the id of a thread, 1 to 4194304");
	code = ctl_call(ctl, "task", json_pack("{s:I}", "pid", (json_int_t)pid), &t);
	if (code != CTL_OK)
		return code;
	if (ctl->json)
		print_json(t);
	else
		task_print(stdout, t);
	json_decref(t);
	return CTL_OK;
}
