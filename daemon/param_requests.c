/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests about parameters: all of QUMUN_PARAMS, under their names there. What is in 1/1024
 * inside (_fp) is a plain factor outside, without the suffix.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "requests.h"

#define FACTOR_ONE 1024

static const struct {
	const char *name;
	size_t offset;
} params[] = {
#define X(name, unit, def, min, max, doc)                                                \
	{ #name, offsetof(struct qumun_param_block, name) },
	QUMUN_PARAMS(X)
#undef X
};

#define NR_PARAMS (sizeof(params) / sizeof(params[0]))
#define NAME_SIZE 32

/* Its name on the wire; true: a factor. */
static bool wire_name(size_t i, char name[NAME_SIZE])
{
	size_t length = strlen(params[i].name);

	snprintf(name, NAME_SIZE, "%s", params[i].name);
	if (strcmp(name + length - 3, "_fp"))
		return false;
	name[length - 3] = '\0';
	return true;
}

/* To three digits, so that 0.1 comes back as what was set and within its limits. */
static double factor_of(__u64 fixed)
{
	return (double)((fixed * 1000 + FACTOR_ONE / 2) / FACTOR_ONE) / 1000;
}

static __u64 *place(struct qumun_param_block *p, size_t i)
{
	return (__u64 *)((char *)p + params[i].offset);
}

json_t *params_json(struct qumun *q)
{
	struct qumun_param_block p;
	json_t *o, *value;
	char name[NAME_SIZE];
	size_t i;

	if (qumun_get_params(q, &p))
		return NULL;
	o = json_object();
	for (i = 0; i < NR_PARAMS; i++) {
		if (wire_name(i, name))
			value = json_real(factor_of(*place(&p, i)));
		else
			value = json_integer((json_int_t)*place(&p, i));
		json_object_set_new(o, name, value);
	}
	return o;
}

static json_t *failed(struct backend *b, int err, struct control_error *error)
{
	control_fail(error, err == -EINVAL ? CONTROL_E_bad_field : CONTROL_E_failed, "%s",
		     qumun_strerror(b->q));
	return NULL;
}

json_t *params_get(struct backend *b, const json_t *args, struct control_error *error)
{
	json_t *o = params_json(b->q);

	return o ? o : failed(b, -EIO, error);
}

/* Every parameter that was changed, in one line. */
static void tell(const json_t *args)
{
	char *text = json_dumps(args, JSON_COMPACT | JSON_PRESERVE_ORDER |
					      JSON_REAL_PRECISION(6));

	say(QUMUN_LOG_INFO, "parameters changed by request: %s", text ? text : "");
	free(text);
}

json_t *params_set(struct backend *b, const json_t *args, struct control_error *error)
{
	struct qumun_param_block p;
	char name[NAME_SIZE];
	const json_t *value;
	bool factor;
	size_t i;
	int err = qumun_get_params(b->q, &p);

	for (i = 0; !err && i < NR_PARAMS; i++) {
		factor = wire_name(i, name);
		value = json_object_get(args, name);
		if (value && factor)
			*place(&p, i) =
				(__u64)(json_number_value(value) * FACTOR_ONE + 0.5);
		else if (value)
			*place(&p, i) = (__u64)json_integer_value(value);
	}
	if (!err)
		err = qumun_set_params(b->q, &p);
	if (err)
		return failed(b, err, error);
	if (json_object_size(args))
		tell(args);
	return params_get(b, args, error);
}
