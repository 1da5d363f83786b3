/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: a line from anybody who may connect. The first byte says how to read the rest: as a
 * request, or as the reply to a request of the table. What was accepted is formatted and read
 * again: it must be accepted again.
 */
#include <stdlib.h>
#include <string.h>

#include "../../control/protocol.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

/* Every refusal has a code and a message that ends; a reply's message is the daemon's. */
static void check_error(const struct control_error *error)
{
	must(error->code != CONTROL_OK);
	must(memchr(error->message, 0, sizeof(error->message)) != NULL);
	must(control_error_code(control_error_name(error->code)) == error->code);
}

static void read_request(const char *line, size_t size)
{
	struct control_error error = { 0 };
	struct control_call call, again;
	size_t len;
	char *text;

	if (!control_call_parse(&call, line, size, &error)) {
		check_error(&error);
		must(error.message[0] != 0);
		text = control_error_format(call.id, &error, &len);
		must(text && text[len - 1] == '\n' && !memchr(text, '\n', len - 1));
		free(text);
		control_call_clear(&call);
		return;
	}
	must(call.request && call.args);
	text = control_call_format(call.request->name, call.args, 1, &len);
	must(text && text[len - 1] == '\n');
	must(control_call_parse(&again, text, len - 1, &error));
	must(again.request == call.request && json_equal(again.args, call.args));
	control_call_clear(&again);
	control_call_clear(&call);
	free(text);
}

static void read_reply(unsigned int which, const char *line, size_t size)
{
	const struct control_request *r = control_requests;
	struct control_error error = { 0 };
	unsigned int nr = 0;
	json_t *result;

	while (r[nr].name)
		nr++;
	result = control_reply_parse(&r[which % nr], line, size, &error);
	if (!result)
		check_error(&error);
	json_decref(result);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char *line;

	if (!size)
		return 0;
	/* exactly as long as it is: reading beyond the end is found */
	line = malloc(size - 1 ? size - 1 : 1);
	memcpy(line, data + 1, size - 1);
	if (data[0] & 1)
		read_reply(data[0] / 2, line, size - 1);
	else
		read_request(line, size - 1);
	free(line);
	return 0;
}
