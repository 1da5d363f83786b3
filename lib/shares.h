/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules are counted apart, and what they and the classes had; under the rules' lock. */
#ifndef QUMUN_LIB_SHARES_H
#define QUMUN_LIB_SHARES_H

#include <qumun.h>
#include <qumun/private.h>

#include "rules.h"

struct shares {
	struct {
		unsigned int rule_id;  /* 0: nobody's */
		bool fresh;	       /* @base is still to be taken */
		struct bpf_share base; /* what former owners left */
	} of_rule[QUMUN_RULE_SHARES];
	unsigned int last_id; /* of the rules at the last look */
};

/*
 * The rules have changed: take places from those that went, give them to the oldest that have
 * none. True if a rule that was there before got one: all tasks must be looked at.
 */
bool shares_assign(struct shares *s, struct rule_table *rules);

/* The place of rule @id, from 1, for a record's rule_marks; 0: none. */
__u8 shares_place(const struct shares *s, unsigned int id);

/* When all records tell the new places: what is counted from here on is the new owners'. */
void shares_begin(struct qumun *q, struct shares *s);

/* See qumun_list_shares(). */
int shares_list(struct qumun *q, const struct shares *s,
		int (*fn)(void *arg, const struct qumun_share *share), void *arg);

#endif
