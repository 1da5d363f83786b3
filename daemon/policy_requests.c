/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about the policy. */
#include <errno.h>
#include <string.h>

#include "requests.h"

json_t *policy_list(struct backend *b, const json_t *args, struct control_error *error)
{
	json_t *list = json_array();
	const struct qumun_policy_ops *ops;
	char name[POLICY_NAME_SIZE];
	size_t i;

	for (i = 0; (ops = policy_builtin(i)); i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "name", ops->name,
						      "description", ops->description));
	return json_pack("{s:s, s:o}", "policy", policy_current(name), "policies", list);
}

json_t *policy_set(struct backend *b, const json_t *args, struct control_error *error)
{
	const char *name = json_string_value(json_object_get(args, "policy"));
	char former[POLICY_NAME_SIZE];
	int err;

	if (policy_is_file(name) && *name != '/') {
		control_fail(error, CONTROL_E_bad_field,
			     "policy is \"%.200s\": the path of a file must begin with /",
			     name);
		return NULL;
	}
	policy_current(former);
	err = policy_choose(b->q, name);
	if (err == -ENOENT && !policy_is_file(name)) {
		control_fail(error, CONTROL_E_not_found,
			     "no policy \"%.100s\" is built in: see policy list, or give "
			     "the path of a file",
			     name);
		return NULL;
	}
	if (err) {
		control_fail(error,
			     err == -ENOENT ? CONTROL_E_not_found : CONTROL_E_failed,
			     "%s", qumun_strerror(b->q));
		return NULL;
	}
	say(QUMUN_LOG_INFO, "policy %s by request, in place of %s", name, former);
	return json_pack("{s:s}", "policy", name);
}
