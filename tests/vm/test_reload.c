/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file at start, and read again on SIGHUP; a bad one changes nothing. */
#include <sys/mman.h>

#include "vmtest.h"

#define FILE_NAME "/tmp/gthulhu.yaml"

static struct qumun_param_block params(void)
{
	struct qumun_param_block p = { 0 };
	struct qumun_arena *a;
	size_t size;

	a = arena_open(&size);
	if (a) {
		p = a->params;
		munmap(a, size);
	}
	return p;
}

/* The rule that counts for @pid, and its class. */
static unsigned int rule_of(pid_t pid, unsigned int *cls)
{
	struct qumun_task *t;
	struct qumun_arena *a;
	unsigned int id = ~0U, i;
	size_t size;

	a = arena_open(&size);
	if (!a)
		return id;
	t = (struct qumun_task *)((char *)a + a->records_off);
	for (i = 0; i < 4096 && i < a->max_records; i++) {
		if (t[i].pid != pid || !t[i].incarnation)
			continue;
		id = t[i].rule_id;
		*cls = t[i].rule_class;
	}
	munmap(a, size);
	return id;
}

static bool write_config(const char *text)
{
	FILE *f = fopen(FILE_NAME, "w");

	if (!f)
		return false;
	fputs(text, f);
	return !fclose(f);
}

static void reload(struct daemon *d, const char *text)
{
	write_config(text);
	kill(d->pid, SIGHUP);
	sleep_ms(500);
}

int main(void)
{
	const char *const args[] = { "--config", FILE_NAME, "--rule",
				     "uid=4711,class=batch", NULL };
	unsigned int cls = 0, id;
	struct daemon d;
	pid_t hog;

	write_config("params:\n  base_slice: 3ms\nrules:\n  - comm: test_reload\n"
		     "    class: interactive\n");
	if (!daemon_start(&d, args))
		return tap_done();
	hog = start_hog(-1, 0);
	sleep_ms(300);
	tap_is(params().base_slice_ns, 3000000, "the file's parameter counts");
	id = rule_of(hog, &cls);
	tap_ok(id && id != ~0U && cls == QUMUN_CLASS_INTERACTIVE,
	       "the file's rule counts");
	reload(&d,
	       "params:\n  base_slice: 4ms\nrules:\n  - comm: nobody\n    class: idle\n");
	tap_is(params().base_slice_ns, 4000000, "read again: the parameter");
	tap_is(rule_of(hog, &cls), 0, "read again: the rule is gone");
	tap_ok(daemon_said(&d, "configuration read again: 2 rules"),
	       "read again: it says so");
	reload(&d,
	       "params:\n  base_slice: 2ms\nrules:\n  - comm: test_reload\n    clas: idle\n");
	tap_ok(daemon_said(&d, FILE_NAME
			   ":5:5: unknown key \"clas\", did you mean \"class\"?"),
	       "a bad file is refused");
	tap_is(params().base_slice_ns, 4000000, "and changes no parameter");
	tap_is(rule_of(hog, &cls), 0, "and no rule");
	end_child(hog);
	daemon_stop_and_check(&d, "with a configuration", NULL);
	return tap_done();
}
