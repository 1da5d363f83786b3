/* SPDX-License-Identifier: Apache-2.0 */
/* Does an object have the fields that the table gives it? */
#include <stdarg.h>
#include <string.h>

#include "protocol.h"

static const char *const error_names[] = { "ok",
#define X(name, doc) #name,
					   CONTROL_ERRORS(X)
#undef X
};

#define NR_ERRORS (sizeof(error_names) / sizeof(error_names[0]))

const char *control_error_name(enum control_error_code code)
{
	return (size_t)code < NR_ERRORS ? error_names[code] : "failed";
}

enum control_error_code control_error_code(const char *name)
{
	size_t i;

	for (i = 1; i < NR_ERRORS; i++) {
		if (!strcmp(error_names[i], name))
			return (enum control_error_code)i;
	}
	return CONTROL_E_failed;
}

bool control_fail(struct control_error *error, enum control_error_code code,
		  const char *fmt, ...)
{
	va_list ap;

	error->code = code;
	va_start(ap, fmt);
	vsnprintf(error->message, sizeof(error->message), fmt, ap);
	va_end(ap);
	return false;
}

static bool check_number(const struct control_field *f, const json_t *value,
			 struct control_error *error)
{
	double v = json_number_value(value);

	if (f->type == CONTROL_INTEGER && !json_is_integer(value))
		return control_fail(error, CONTROL_E_bad_field,
				    "%s must be a whole number", f->name);
	if (f->min == f->max || (v >= f->min && v <= f->max))
		return true;
	return control_fail(error, CONTROL_E_bad_field,
			    "%s is %.15g: must be %.15g .. %.15g%s%s", f->name, v, f->min,
			    f->max, *f->unit ? " " : "", f->unit);
}

static bool check_word(const struct control_field *f, const json_t *value,
		       struct control_error *error)
{
	const char *text = json_string_value(value);
	const char *const *w;
	char all[256] = "";

	if (!f->words)
		return true;
	for (w = f->words; *w; w++) {
		if (!strcmp(*w, text))
			return true;
		if (w != f->words)
			strncat(all, w[1] ? ", " : " or ", sizeof(all) - strlen(all) - 1);
		strncat(all, *w, sizeof(all) - strlen(all) - 1);
	}
	return control_fail(error, CONTROL_E_bad_field, "%s is \"%.40s\": must be %s",
			    f->name, text, all);
}

static bool check_list(const struct control_field *f, const json_t *list, bool strict,
		       struct control_error *error)
{
	json_t *element;
	size_t i;

	json_array_foreach(list, i, element)
	{
		if (!f->members && !json_is_string(element))
			return control_fail(error, CONTROL_E_bad_field,
					    "%s must be a list of strings", f->name);
		if (f->members && !control_check(f->members, element, strict, error))
			return false;
	}
	return true;
}

static bool check_integers(const struct control_field *f, const json_t *list,
			   struct control_error *error)
{
	json_t *element;
	size_t i;

	json_array_foreach(list, i, element)
	{
		if (!json_is_integer(element))
			return control_fail(error, CONTROL_E_bad_field,
					    "%s must be a list of whole numbers",
					    f->name);
	}
	return true;
}

static bool check_map(const struct control_field *f, const json_t *map,
		      struct control_error *error)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)map, key, value)
	{
		if (!json_is_integer(value))
			return control_fail(error, CONTROL_E_bad_field,
					    "%s: %.40s must be a whole number", f->name,
					    key);
	}
	return true;
}

static bool has_type(enum control_type type, const json_t *value)
{
	switch (type) {
	case CONTROL_INTEGER:
	case CONTROL_NUMBER:
		return json_is_number(value);
	case CONTROL_BOOLEAN:
		return json_is_boolean(value);
	case CONTROL_STRING:
		return json_is_string(value);
	case CONTROL_LIST:
	case CONTROL_INTEGERS:
		return json_is_array(value);
	case CONTROL_OBJECT:
	case CONTROL_MAP:
		return json_is_object(value);
	}
	return false;
}

static bool check_field(const struct control_field *f, const json_t *value, bool strict,
			struct control_error *error)
{
	static const char *const types[] = {
		[CONTROL_INTEGER] = "a whole number",	[CONTROL_NUMBER] = "a number",
		[CONTROL_BOOLEAN] = "true or false",	[CONTROL_STRING] = "a string",
		[CONTROL_OBJECT] = "an object",		[CONTROL_LIST] = "a list",
		[CONTROL_MAP] = "an object of numbers", [CONTROL_INTEGERS] = "a list",
	};

	if (!has_type(f->type, value))
		return control_fail(error, CONTROL_E_bad_field, "%s must be %s", f->name,
				    types[f->type]);
	switch (f->type) {
	case CONTROL_INTEGER:
	case CONTROL_NUMBER:
		return check_number(f, value, error);
	case CONTROL_STRING:
		return check_word(f, value, error);
	case CONTROL_LIST:
		return check_list(f, value, strict, error);
	case CONTROL_OBJECT:
		return control_check(f->members, value, strict, error);
	case CONTROL_INTEGERS:
		return check_integers(f, value, error);
	case CONTROL_MAP:
		return check_map(f, value, error);
	case CONTROL_BOOLEAN:
		break;
	}
	return true;
}

static bool known(const struct control_field *fields, const char *name)
{
	for (; fields->name; fields++) {
		if (!strcmp(fields->name, name))
			return true;
	}
	return false;
}

bool control_check(const struct control_field *fields, const json_t *object, bool strict,
		   struct control_error *error)
{
	const struct control_field *f;
	const json_t *value;
	const char *key;
	json_t *extra;

	if (!json_is_object(object))
		return control_fail(error, CONTROL_E_bad_field, "an object was expected");
	for (f = fields; f->name; f++) {
		value = json_object_get(object, f->name);
		if (!value && f->needed)
			return control_fail(error, CONTROL_E_bad_field, "%s is missing",
					    f->name);
		if (value && !check_field(f, value, strict, error))
			return false;
	}
	if (!strict)
		return true;
	json_object_foreach((json_t *)object, key, extra)
	{
		if (!known(fields, key))
			return control_fail(error, CONTROL_E_bad_field,
					    "unknown field \"%.40s\"", key);
	}
	return true;
}
