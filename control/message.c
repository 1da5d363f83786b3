/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and replies as lines of JSON. */
#include <stdlib.h>
#include <string.h>

#include "protocol.h"

static json_t *parse_line(const char *line, size_t size, struct control_error *error)
{
	json_error_t why;
	json_t *all = json_loadb(line, size, JSON_REJECT_DUPLICATES, &why);

	if (!all) {
		control_fail(error, CONTROL_E_bad_request, "not JSON: %s at character %d",
			     why.text, why.position);
		return NULL;
	}
	if (!json_is_object(all)) {
		json_decref(all);
		control_fail(error, CONTROL_E_bad_request, "not a JSON object");
		return NULL;
	}
	return all;
}

static bool check_version(const json_t *all, struct control_error *error)
{
	const json_t *v = json_object_get(all, "v");

	if (!json_is_integer(v))
		return control_fail(error, CONTROL_E_bad_request,
				    "\"v\" is missing: this is version %d",
				    CONTROL_VERSION);
	if (json_integer_value(v) != CONTROL_VERSION)
		return control_fail(
			error, CONTROL_E_version,
			"version %lld is spoken there, version %d here: use a "
			"gthulhuctl and a gthulhu of one release",
			(long long)json_integer_value(v), CONTROL_VERSION);
	return true;
}

static bool check_envelope(const json_t *all, struct control_error *error)
{
	static const char *const names[] = { "v", "id", "request", "args" };
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach((json_t *)all, key, value)
	{
		for (i = 0; i < 4 && strcmp(key, names[i]); i++)
			;
		if (i == 4)
			return control_fail(
				error, CONTROL_E_bad_request,
				"unknown field \"%.40s\" beside v, id, request and args",
				key);
	}
	return true;
}

/* An id is echoed: a whole number or a short string. */
static bool take_id(struct control_call *call, const json_t *all,
		    struct control_error *error)
{
	json_t *id = json_object_get(all, "id");

	if (!id)
		return true;
	if (!json_is_integer(id) && !(json_is_string(id) && json_string_length(id) <= 64))
		return control_fail(
			error, CONTROL_E_bad_request,
			"\"id\" must be a whole number or a string of up to 64 bytes");
	call->id = json_incref(id);
	return true;
}

bool control_call_parse(struct control_call *call, const char *line, size_t size,
			struct control_error *error)
{
	json_t *all, *name, *args;
	bool ok = false;

	memset(call, 0, sizeof(*call));
	all = parse_line(line, size, error);
	if (!all)
		return false;
	if (!take_id(call, all, error) || !check_version(all, error) ||
	    !check_envelope(all, error))
		goto out;
	name = json_object_get(all, "request");
	if (!json_is_string(name)) {
		control_fail(error, CONTROL_E_bad_request,
			     "\"request\" must be a string");
		goto out;
	}
	call->request = control_request_find(json_string_value(name));
	if (!call->request) {
		control_fail(error, CONTROL_E_unknown_request,
			     "no request \"%.40s\": ask for schema",
			     json_string_value(name));
		goto out;
	}
	args = json_object_get(all, "args");
	call->args = args ? json_incref(args) : json_object();
	ok = call->args && control_check(call->request->args, call->args, true, error);
out:
	json_decref(all);
	return ok;
}

void control_call_clear(struct control_call *call)
{
	json_decref(call->id);
	json_decref(call->args);
	memset(call, 0, sizeof(*call));
}

/* Consumes @all. */
static char *format_line(json_t *all, size_t *size)
{
	char *text = all ? json_dumps(all, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL,
	     *line;
	size_t length;

	json_decref(all);
	if (!text)
		return NULL;
	length = strlen(text);
	line = realloc(text, length + 2);
	if (!line) {
		free(text);
		return NULL;
	}
	memcpy(line + length, "\n", 2);
	*size = length + 1;
	return line;
}

static json_t *envelope(const json_t *id)
{
	json_t *all = json_pack("{s:i}", "v", CONTROL_VERSION);

	if (all && id)
		json_object_set(all, "id", (json_t *)id);
	return all;
}

char *control_call_format(const char *name, const json_t *args, int id, size_t *size)
{
	json_t *all = json_pack("{s:i, s:i, s:s}", "v", CONTROL_VERSION, "id", id,
				"request", name);

	if (all && args)
		json_object_set(all, "args", (json_t *)args);
	return format_line(all, size);
}

char *control_result_format(const json_t *id, const json_t *result, size_t *size)
{
	json_t *all = envelope(id);

	if (all) {
		json_object_set_new(all, "ok", json_true());
		json_object_set(all, "result", (json_t *)result);
	}
	return format_line(all, size);
}

char *control_error_format(const json_t *id, const struct control_error *error,
			   size_t *size)
{
	json_t *all = envelope(id), *message = json_string(error->message);

	/* a message may quote what was not UTF-8 */
	if (!message)
		message = json_string("(the message cannot be shown)");
	if (all) {
		json_object_set_new(all, "ok", json_false());
		json_object_set_new(all, "error",
				    json_pack("{s:s, s:o}", "code",
					      control_error_name(error->code), "message",
					      message));
	}
	return format_line(all, size);
}

json_t *control_reply_parse(const struct control_request *request, const char *line,
			    size_t size, struct control_error *error)
{
	json_t *all = parse_line(line, size, error), *result, *e;
	const char *code, *message;

	if (!all)
		return NULL;
	if (!check_version(all, error))
		goto fail;
	result = json_object_get(all, "result");
	if (json_is_true(json_object_get(all, "ok")) && result) {
		if (!control_check(request->result, result, false, error)) {
			error->code = CONTROL_E_bad_request;
			goto fail;
		}
		json_incref(result);
		json_decref(all);
		return result;
	}
	e = json_object_get(all, "error");
	code = json_string_value(json_object_get(e, "code"));
	message = json_string_value(json_object_get(e, "message"));
	if (code && message)
		control_fail(error, control_error_code(code), "%s", message);
	else
		control_fail(error, CONTROL_E_bad_request,
			     "neither a result nor an error");
fail:
	json_decref(all);
	return NULL;
}
