/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the engine share: the policy's context is the engine. */
#ifndef ENGINE_CONTEXT_H
#define ENGINE_CONTEXT_H

#include "engine.h"

/* The policy sees the engine as its context. */
struct qumun_policy_ctx {
	struct engine engine;
};

static inline struct engine *engine_of(const struct qumun_policy_ctx *ctx)
{
	return (struct engine *)&ctx->engine;
}

static inline struct qumun_policy_ctx *ctx_of(struct engine *e)
{
	return (struct qumun_policy_ctx *)e;
}

#endif
