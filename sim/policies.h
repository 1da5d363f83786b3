/* SPDX-License-Identifier: Apache-2.0 */
/* The policies by name: those of policies/, and shared objects (a name with a slash). */
#ifndef SIM_POLICIES_H
#define SIM_POLICIES_H

#include <qumun/policy.h>

const struct qumun_policy_ops *sim_policy_find(const char *name); /* NULL: none */
void sim_policy_list(void);

#endif
