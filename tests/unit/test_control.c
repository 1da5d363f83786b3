/* SPDX-License-Identifier: Apache-2.0 */
/* The control protocol's codec: the table, both directions, and what is refused with which words. */
#include <qumun/params.h>

#include "../../control/protocol.h"
#include "../tap.h"

static const struct {
	const char *name, *line;
	enum control_error_code code;
	const char *message; /* a part of it */
} refused[] = {
	{ "an empty line", "", CONTROL_E_bad_request, "not JSON" },
	{ "garbage", "\xff\xfe\x01GET / HTTP/1.1", CONTROL_E_bad_request, "not JSON" },
	{ "a list", "[1]", CONTROL_E_bad_request, "object" },
	{ "cut short", "{\"v\":1,\"request\":\"sta", CONTROL_E_bad_request, "not JSON" },
	{ "two objects", "{\"v\":1,\"request\":\"status\"}{}", CONTROL_E_bad_request,
	  "not JSON" },
	{ "a name twice", "{\"v\":1,\"v\":1,\"request\":\"status\"}",
	  CONTROL_E_bad_request, "duplicate" },
	{ "no version", "{\"request\":\"status\"}", CONTROL_E_bad_request,
	  "\"v\" is missing" },
	{ "another version", "{\"v\":2,\"request\":\"status\"}", CONTROL_E_version,
	  "version 2" },
	{ "no request", "{\"v\":1}", CONTROL_E_bad_request, "\"request\"" },
	{ "a request that is a number", "{\"v\":1,\"request\":7}", CONTROL_E_bad_request,
	  "\"request\"" },
	{ "an unknown request", "{\"v\":1,\"request\":\"reboot\"}",
	  CONTROL_E_unknown_request, "\"reboot\"" },
	{ "a field beside", "{\"v\":1,\"request\":\"status\",\"arg\":{}}",
	  CONTROL_E_bad_request, "\"arg\"" },
	{ "an id that is a list", "{\"v\":1,\"id\":[],\"request\":\"status\"}",
	  CONTROL_E_bad_request, "\"id\"" },
	{ "arguments that are a list", "{\"v\":1,\"request\":\"status\",\"args\":[]}",
	  CONTROL_E_bad_field, "object" },
	{ "an argument too many", "{\"v\":1,\"request\":\"status\",\"args\":{\"x\":1}}",
	  CONTROL_E_bad_field, "\"x\"" },
	{ "an argument missing", "{\"v\":1,\"request\":\"task\"}", CONTROL_E_bad_field,
	  "pid is missing" },
	{ "a string for a number",
	  "{\"v\":1,\"request\":\"task\",\"args\":{\"pid\":\"1\"}}", CONTROL_E_bad_field,
	  "pid must be a whole number" },
	{ "a fraction for a whole number",
	  "{\"v\":1,\"request\":\"task\",\"args\":{\"pid\":1.5}}", CONTROL_E_bad_field,
	  "pid must be a whole number" },
	{ "below the range", "{\"v\":1,\"request\":\"task\",\"args\":{\"pid\":0}}",
	  CONTROL_E_bad_field, "pid is 0: must be 1 .. 4194304" },
	{ "above it",
	  "{\"v\":1,\"request\":\"params.set\",\"args\":{\"base_slice_ns\":100000001}}",
	  CONTROL_E_bad_field,
	  "base_slice_ns is 100000001: must be 100000 .. 100000000 ns" },
	{ "beyond 64 bits",
	  "{\"v\":1,\"request\":\"task\",\"args\":{\"pid\":99999999999999999999}}",
	  CONTROL_E_bad_request, "not JSON" },
	{ "a word that is none",
	  "{\"v\":1,\"request\":\"mode.set\",\"args\":{\"mode\":\"root\"}}",
	  CONTROL_E_bad_field, "mode is \"root\": must be user or kernel" },
	{ "null", "{\"v\":1,\"request\":\"mode.set\",\"args\":{\"mode\":null}}",
	  CONTROL_E_bad_field, "mode must be a string" },
};

static void check_refused(void)
{
	struct control_error error;
	struct control_call call;
	size_t i;
	bool ok;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		memset(&error, 0, sizeof(error));
		ok = control_call_parse(&call, refused[i].line, strlen(refused[i].line),
					&error);
		if (!tap_ok(!ok && error.code == refused[i].code &&
				    strstr(error.message, refused[i].message),
			    "%s is refused", refused[i].name))
			tap_diag("got %s: %s", control_error_name(error.code),
				 error.message);
		control_call_clear(&call);
	}
}

static void check_accepted(void)
{
	static const char line[] =
		"{\"v\":1,\"id\":\"a7\",\"request\":\"params.set\",\"args\":"
		"{\"base_slice_ns\":3000000,\"latency_factor\":2}}";
	struct control_error error;
	struct control_call call;
	bool ok = control_call_parse(&call, line, sizeof(line) - 1, &error);

	tap_ok(ok && call.request == control_request_find("params.set") &&
		       call.request->access == CONTROL_CHANGE,
	       "a request is understood");
	tap_ok(ok && !strcmp(json_string_value(call.id), "a7"), "its id is kept");
	tap_is(ok ? json_integer_value(json_object_get(call.args, "base_slice_ns")) : 0,
	       3000000, "its argument too");
	control_call_clear(&call);
}

static void check_depth(void)
{
	size_t depth = 60000;
	char *line = malloc(depth);
	struct control_error error;
	struct control_call call;

	memset(line, '[', depth);
	tap_ok(!control_call_parse(&call, line, depth, &error) &&
		       error.code == CONTROL_E_bad_request,
	       "60,000 brackets end in an error: %s", error.message);
	control_call_clear(&call);
	free(line);
}

/* What one side formats the other parses. */
static void check_replies(void)
{
	const struct control_request *mode = control_request_find("mode.set");
	json_t *result = json_pack("{s:s}", "mode", "kernel"), *id = json_integer(5),
	       *back;
	struct control_error error = { 0 }, sent = { CONTROL_E_not_found, "no task 7" };
	size_t size;
	char *line;

	line = control_result_format(id, result, &size);
	tap_ok(line && line[size - 1] == '\n' && !memchr(line, '\n', size - 1),
	       "one line: %.*s", (int)size - 1, line);
	back = control_reply_parse(mode, line, size - 1, &error);
	tap_ok(back && json_equal(back, result), "the result comes back");
	json_decref(back);
	free(line);

	line = control_error_format(id, &sent, &size);
	back = control_reply_parse(mode, line, size - 1, &error);
	tap_ok(!back && error.code == CONTROL_E_not_found &&
		       !strcmp(error.message, "no task 7"),
	       "so does an error");
	free(line);

	json_object_set_new(result, "later", json_true());
	line = control_result_format(id, result, &size);
	back = control_reply_parse(mode, line, size - 1, &error);
	tap_ok(back, "a field of a later version is ignored");
	json_decref(back);
	free(line);

	json_object_set_new(result, "mode", json_integer(1));
	line = control_result_format(id, result, &size);
	back = control_reply_parse(mode, line, size - 1, &error);
	tap_ok(!back && error.code == CONTROL_E_bad_request,
	       "a broken result is an error: %s", error.message);
	free(line);
	json_decref(result);
	json_decref(id);

	snprintf(sent.message, sizeof(sent.message), "not \xff UTF-8");
	line = control_error_format(NULL, &sent, &size);
	tap_ok(line && strstr(line, "not_found"),
	       "an error that quotes garbage is still one");
	free(line);
}

static const struct control_field *find(const struct control_field *f, const char *name)
{
	while (f->name && strcmp(f->name, name))
		f++;
	return f->name ? f : NULL;
}

/* A parameter on the wire: what is 1/1024 inside is a factor outside. */
static void check_param(const struct control_field *args, const char *name, double min,
			double max)
{
	const struct control_field *f;
	size_t length = strlen(name);
	char wire[64];

	snprintf(wire, sizeof(wire), "%s", name);
	if (length > 3 && !strcmp(name + length - 3, "_fp")) {
		wire[length - 3] = '\0';
		min = 0.1;
		max = 10;
	}
	f = find(args, wire);
	tap_ok(f && f->min == min && f->max == max, "params.set has %s and its limits",
	       wire);
}

/* The table repeats names and limits that belong to the library. */
static void check_limits(void)
{
	const struct control_field *args = control_request_find("params.set")->args;
	size_t nr = 0;

#define X(_name, _unit, _def, _min, _max, _doc)                                          \
	check_param(args, #_name, _min, _max);                                           \
	nr++;
	QUMUN_PARAMS(X)
#undef X
	while (args[nr].name)
		tap_ok(false, "%s is a parameter", args[nr++].name);
}

static void check_fields(const struct control_field *f)
{
	for (; f->name; f++) {
		if (!f->doc || !f->unit || !*f->doc)
			tap_ok(false, "%s has meaning and unit", f->name);
		if (strlen(f->name) > 3 &&
		    !strcmp(f->name + strlen(f->name) - 3, "_ns") &&
		    strcmp(f->unit, "ns"))
			tap_ok(false, "%s is in ns", f->name);
		if (f->members)
			check_fields(f->members);
	}
}

static void check_schema(void)
{
	const struct control_request *r;
	struct control_error error = { 0 };
	json_t *schema = control_schema();
	size_t nr = 0;

	for (r = control_requests; r->name; r++) {
		nr++;
		check_fields(r->args);
		check_fields(r->result);
	}
	tap_is(json_array_size(json_object_get(schema, "requests")), nr,
	       "the schema has every request");
	tap_ok(control_check(control_request_find("schema")->result, schema, false,
			     &error),
	       "and fits its own description %s", error.message);
	json_decref(schema);
}

/* docs/control-protocol.md ends with what control_markdown() prints. */
static void check_docs(const char *path)
{
	FILE *f = path ? fopen(path, "r") : NULL, *out;
	char *want = NULL, got[65536];
	const char *tables;
	size_t size, n;

	if (!f) {
		tap_skip("no documentation given to compare with");
		return;
	}
	n = fread(got, 1, sizeof(got) - 1, f);
	got[n] = '\0';
	fclose(f);
	out = open_memstream(&want, &size);
	control_markdown(out);
	fclose(out);
	tables = strstr(got, "### schema");
	if (!tap_ok(tables && !strcmp(tables, want),
		    "the documentation's tables are the table's"))
		tap_diag(
			"replace all from \"### schema\" on by what BUILD/control/control-markdown "
			"prints");
	free(want);
}

int main(int argc, char **argv)
{
	check_refused();
	check_accepted();
	check_depth();
	check_replies();
	check_limits();
	check_schema();
	check_docs(argv[1]);
	return tap_done();
}
