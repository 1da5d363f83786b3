/* SPDX-License-Identifier: Apache-2.0 */
/* The table as JSON and as Markdown. */
#include <string.h>

#include "protocol.h"

static const char *const type_names[] = {
	[CONTROL_INTEGER] = "integer", [CONTROL_NUMBER] = "number",
	[CONTROL_BOOLEAN] = "boolean", [CONTROL_STRING] = "string",
	[CONTROL_OBJECT] = "object",   [CONTROL_LIST] = "list",
	[CONTROL_MAP] = "map",	       [CONTROL_INTEGERS] = "integers",
};

static const struct {
	const char *name, *doc;
} errors[] = {
#define X(name, doc) { #name, doc },
	CONTROL_ERRORS(X)
#undef X
};

#define NR_ERRORS (sizeof(errors) / sizeof(errors[0]))

static json_t *fields_schema(const struct control_field *fields);

static json_t *field_schema(const struct control_field *f)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:b}", "name", f->name, "type",
			      type_names[f->type], "unit", f->unit, "doc", f->doc,
			      "needed", f->needed);
	const char *const *w;
	json_t *words;

	if (f->min != f->max) {
		json_object_set_new(o, "min", json_real(f->min));
		json_object_set_new(o, "max", json_real(f->max));
	}
	if (f->words) {
		words = json_array();
		for (w = f->words; *w; w++)
			json_array_append_new(words, json_string(*w));
		json_object_set_new(o, "words", words);
	}
	if (f->members)
		json_object_set_new(o, "members", fields_schema(f->members));
	return o;
}

static json_t *fields_schema(const struct control_field *fields)
{
	json_t *list = json_array();

	for (; fields->name; fields++)
		json_array_append_new(list, field_schema(fields));
	return list;
}

static const char *access_name(enum control_access access)
{
	return access == CONTROL_READ ? "read" : "change";
}

json_t *control_schema(void)
{
	json_t *requests = json_array(), *codes = json_array();
	const struct control_request *r;
	size_t i;

	for (r = control_requests; r->name; r++)
		json_array_append_new(
			requests, json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", r->name,
					    "access", access_name(r->access), "doc",
					    r->doc, "args", fields_schema(r->args),
					    "result", fields_schema(r->result)));
	for (i = 0; i < NR_ERRORS; i++)
		json_array_append_new(codes,
				      json_pack("{s:s, s:s, s:s}", "name", errors[i].name,
						"unit", "", "doc", errors[i].doc));
	return json_pack("{s:i, s:i, s:i, s:o, s:o}", "version", CONTROL_VERSION,
			 "max_request_bytes", CONTROL_MAX_REQUEST, "max_reply_bytes",
			 CONTROL_MAX_REPLY, "requests", requests, "errors", codes);
}

/* A field's row, and below it its members' with the field's name before theirs. */
static void markdown_field(FILE *out, const struct control_field *f, const char *prefix)
{
	const struct control_field *m;
	const char *const *w;
	char inner[128];

	fprintf(out, "| `%s%s` | %s | %s | %s | %s", prefix, f->name, type_names[f->type],
		f->unit, f->needed ? "always" : "", f->doc);
	if (f->min != f->max)
		fprintf(out, "; %.15g to %.15g", f->min, f->max);
	for (w = f->words; w && *w; w++)
		fprintf(out, "%s`%s`", w == f->words ? ": " : ", ", *w);
	fputs(" |\n", out);
	snprintf(inner, sizeof(inner), "%s%s%s.", prefix, f->name,
		 f->type == CONTROL_LIST ? "[]" : "");
	for (m = f->members; m && m->name; m++)
		markdown_field(out, m, inner);
}

static void markdown_fields(FILE *out, const char *title,
			    const struct control_field *fields)
{
	if (!fields->name) {
		fprintf(out, "%s: none.\n\n", title);
		return;
	}
	fprintf(out,
		"%s:\n\n| name | type | unit | there | meaning |\n|---|---|---|---|---|\n",
		title);
	for (; fields->name; fields++)
		markdown_field(out, fields, "");
	fputc('\n', out);
}

void control_markdown(FILE *out)
{
	const struct control_request *r;
	size_t i;

	for (r = control_requests; r->name; r++) {
		fprintf(out, "### %s\n\n%s. Access: %s.\n\n", r->name, r->doc,
			access_name(r->access));
		markdown_fields(out, "Arguments", r->args);
		/* dump repeats other requests */
		if (!strcmp(r->name, "dump"))
			fputs("Result: objects `status`, `stats`, `latency` and `tasks`, each as "
			      "the result of\nthe request of that name.\n\n",
			      out);
		else
			markdown_fields(out, "Result", r->result);
	}
	fputs("### Errors\n\n| code | meaning |\n|---|---|\n", out);
	for (i = 0; i < NR_ERRORS; i++)
		fprintf(out, "| `%s` | %s |\n", errors[i].name, errors[i].doc);
}
