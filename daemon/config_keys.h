/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration's keys and what their values mean; used by config.c only. */
#ifndef GTHULHU_CONFIG_KEYS_H
#define GTHULHU_CONFIG_KEYS_H

#include "config.h"

/* Names, NULL ends them; an index into them names the key below. */
const char *const *key_names(void);   /* with `params` and `rules` at the end */
const char *const *param_names(void); /* in the order of struct qumun_param_block */

const char *key_accepted(int key);
/* Set a key that is neither `params` nor `rules`. 0 or -EINVAL. */
int key_set(struct config *c, int key, const char *text);

void param_accepted(int param, char *text, size_t size);
/* Parse and check the range. 0 or -EINVAL. */
int param_parse(int param, const char *text, __u64 *value);

/* Does the rule match something and give something? 0, or -EINVAL with a sentence. */
int config_rule_check(const struct qumun_rule *rule, char *why, size_t size);

#endif
