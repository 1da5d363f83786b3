/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A daemon without a scheduler: the real server, with results made up from the protocol's table.
 *
 * usage: fake_daemon SOCKET [broken|denied|ended]
 *
 * broken: results lack a field; denied: everything that changes something is refused; ended: what
 * is traced ends after the first events. Runs until its standard input ends.
 */
#include <string.h>
#include <unistd.h>

#include "../../daemon/control.h"

static const char *how = "";

static json_t *make_fields(const struct control_field *f);

static json_t *make_value(const struct control_field *f)
{
	switch (f->type) {
	case CONTROL_INTEGER:
		return json_integer(f->min != f->max ? (json_int_t)f->min : 1234567);
	case CONTROL_NUMBER:
		return json_real(f->min != f->max ? f->min : 0.25);
	case CONTROL_BOOLEAN:
		return json_true();
	case CONTROL_STRING:
		return json_string(f->words ? f->words[0] : "text");
	case CONTROL_OBJECT:
		return make_fields(f->members);
	case CONTROL_LIST:
		return json_pack("[o]", f->members ? make_fields(f->members)
						   : json_string("a line"));
	case CONTROL_INTEGERS:
		return json_pack("[i, i]", 250, 3);
	case CONTROL_MAP:
		return json_pack("{s:i, s:i}", "runs", 7, "direct", 5);
	}
	return json_null();
}

static json_t *make_fields(const struct control_field *f)
{
	json_t *o = json_object();

	for (; f->name; f++)
		json_object_set_new(o, f->name, make_value(f));
	return o;
}

/* What was asked for, for the test to read. */
static void tell(const struct control_request *request, const json_t *args)
{
	printf("%s ", request->name);
	json_dumpf(args, stdout, 0);
	putchar('\n');
	fflush(stdout);
}

/* A trace of a scheduler that ends after its first events. */
static json_t *trace_that_ends(const struct control_request *request,
			       struct control_error *error)
{
	static int reads;

	if (!strcmp(request->name, "trace.start")) {
		reads = 0;
		return json_pack("{s:i, s:I, s:i, s:b, s:[]}", "trace", 1, "time_ns",
				 (json_int_t)1000, "cpus", 1, "autopilot", 0, "own");
	}
	if (!reads++)
		return json_pack("{s:s, s:i}", "events",
				 "2000 0 run 3 1024 0 x\n3000 0 stop 3 0 1000 x\n",
				 "count", 2);
	control_fail(error, CONTROL_E_failed, "the scheduler that was traced has ended");
	return NULL;
}

static json_t *handle(void *arg, const struct control_request *request,
		      const json_t *args, struct control_error *error)
{
	const json_t *pid = json_object_get(args, "pid"),
		     *mode = json_object_get(args, "mode");
	json_t *result;

	if (pid && json_integer_value(pid) == 404) {
		control_fail(error, CONTROL_E_not_found, "no task 404");
		return NULL;
	}
	if (!strcmp(how, "denied") && request->access == CONTROL_CHANGE) {
		control_fail(error, CONTROL_E_denied, "you may not");
		return NULL;
	}
	if (request->access == CONTROL_CHANGE)
		tell(request, args);
	if (!strcmp(request->name, "schema"))
		return control_schema();
	if (!strcmp(how, "ended") && !strncmp(request->name, "trace.", 6))
		return trace_that_ends(request, error);
	result = make_fields(request->result);
	if (mode)
		json_object_set(result, "mode", (json_t *)mode);
	if (!strcmp(how, "broken"))
		json_object_del(result, request->result[0].name);
	return result;
}

int main(int argc, char **argv)
{
	struct server_options o = { .path = argc > 1 ? argv[1] : NULL,
				    .read_group = SERVER_NO_GROUP,
				    .change_group = SERVER_NO_GROUP,
				    .handle = handle };
	struct server *s;
	char c;

	if (argc > 2)
		how = argv[2];
	if (server_open(&s, &o) || server_start(s))
		return 1;
	puts("ready");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	server_stop(s);
	return 0;
}
