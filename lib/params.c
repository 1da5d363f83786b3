// SPDX-License-Identifier: Apache-2.0
/*
 * Run-time parameters. They live in the arena, where both halves read them; a change is written
 * as one set between two steps of params_seq (odd: being written). User space reads them as a
 * set. The BPF half reads single values and bounds what it makes of them, so a set half old and
 * half new costs it one decision at most.
 */
#include <errno.h>
#include <string.h>

#include "internal.h"

#define FACTOR_ONE 1024.0
#define FACTOR_MIN 0.1
#define FACTOR_MAX 10.0

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const struct qumun_param_block limits_min = {
#define X(name, unit, def, min, max, doc) .name = (min),
	QUMUN_PARAMS(X)
#undef X
};

static const struct qumun_param_block limits_max = {
#define X(name, unit, def, min, max, doc) .name = (max),
	QUMUN_PARAMS(X)
#undef X
};

static int check_slice(struct qumun *q, const char *name, __u64 value, __u64 min,
		       __u64 max)
{
	if (value >= min && value <= max)
		return 0;
	return qumun_fail(q, -EINVAL, "%s is %llu: must be %llu .. %llu ns", name, value,
			  min, max);
}

/* Written so that NaN fails. */
static int check_factor(struct qumun *q, const char *name, double value)
{
	if (value >= FACTOR_MIN && value <= FACTOR_MAX)
		return 0;
	return qumun_fail(q, -EINVAL, "%s is %g: must be %g .. %g", name, value,
			  FACTOR_MIN, FACTOR_MAX);
}

static int check_params(struct qumun *q, const struct scheduling_params *p)
{
	int err;

	err = check_slice(q, "base_slice_ns", p->base_slice_ns, limits_min.base_slice_ns,
			  limits_max.base_slice_ns);
	if (!err)
		err = check_slice(q, "min_slice_ns", p->min_slice_ns,
				  limits_min.min_slice_ns, limits_max.min_slice_ns);
	if (!err)
		err = check_slice(q, "max_slice_ns", p->max_slice_ns,
				  limits_min.max_slice_ns, limits_max.max_slice_ns);
	if (!err)
		err = check_factor(q, "latency_factor", p->latency_factor);
	if (!err)
		err = check_factor(q, "weight_multiplier", p->weight_multiplier);
	if (err)
		return err;
	if (p->min_slice_ns > p->base_slice_ns)
		return qumun_fail(
			q, -EINVAL,
			"min_slice_ns is %llu: must not exceed base_slice_ns (%llu)",
			p->min_slice_ns, p->base_slice_ns);
	if (p->base_slice_ns > p->max_slice_ns)
		return qumun_fail(
			q, -EINVAL,
			"max_slice_ns is %llu: must not be below base_slice_ns (%llu)",
			p->max_slice_ns, p->base_slice_ns);
	return 0;
}

static __u64 to_fixed(double factor)
{
	return (__u64)(factor * FACTOR_ONE + 0.5);
}

/* One parameter at a time, so that the BPF half never sees a torn value. */
static void write_block(struct qumun_arena *a, const struct qumun_param_block *new)
{
	__u64 seq = a->params_seq | 1;

	/* orders `odd` before the values; pairs with the reader's first load of params_seq */
	shm_swap(&a->params_seq, seq);
#define X(name, unit, def, min, max, doc) shm_store(&a->params.name, new->name);
	QUMUN_PARAMS(X)
#undef X
	/* orders the values before `even`; pairs with the reader's second load */
	shm_store_release(&a->params_seq, seq + 1);
}

void params_renew(struct qumun *q)
{
	struct qumun_param_block same;

	pthread_mutex_lock(&lock);
	same = q->arena->params;
	write_block(q->arena, &same);
	pthread_mutex_unlock(&lock);
}

QUMUN_API int qumun_update_scheduling_params(struct qumun *q,
					     const struct scheduling_params *params)
{
	struct qumun_param_block new;
	int err;

	if (!q || !params)
		return -EINVAL;
	err = check_params(q, params);
	if (err)
		return err;
	pthread_mutex_lock(&lock);
	new = q->arena->params;
	new.base_slice_ns = params->base_slice_ns;
	new.min_slice_ns = params->min_slice_ns;
	new.max_slice_ns = params->max_slice_ns;
	new.latency_factor_fp = to_fixed(params->latency_factor);
	new.weight_multiplier_fp = to_fixed(params->weight_multiplier);
	write_block(q->arena, &new);
	pthread_mutex_unlock(&lock);
	return 0;
}

QUMUN_API int qumun_set_params(struct qumun *q, const struct qumun_param_block *params)
{
	int err = 0;

	if (!q || !params)
		return -EINVAL;
#define X(name, unit, def, min, max, doc)                                                \
	if (!err && (params->name > limits_max.name || params->name < limits_min.name))  \
		err = qumun_fail(q, -EINVAL, "%s is %llu: must be %llu .. %llu", #name,  \
				 params->name, limits_min.name, limits_max.name);
	QUMUN_PARAMS(X)
#undef X
	if (!err && (params->min_slice_ns > params->base_slice_ns ||
		     params->base_slice_ns > params->max_slice_ns))
		err = qumun_fail(
			q, -EINVAL,
			"base_slice_ns is %llu: must lie between min_slice_ns (%llu) and "
			"max_slice_ns (%llu)",
			params->base_slice_ns, params->min_slice_ns,
			params->max_slice_ns);
	if (err)
		return err;
	pthread_mutex_lock(&lock);
	write_block(q->arena, params);
	pthread_mutex_unlock(&lock);
	return 0;
}

QUMUN_API int qumun_get_params(struct qumun *q, struct qumun_param_block *params)
{
	if (!q || !params)
		return -EINVAL;
	pthread_mutex_lock(&lock);
	*params = q->arena->params;
	pthread_mutex_unlock(&lock);
	return 0;
}

QUMUN_API int qumun_get_scheduling_params(struct qumun *q,
					  struct scheduling_params *params)
{
	struct qumun_param_block now;

	if (!q || !params)
		return -EINVAL;
	pthread_mutex_lock(&lock);
	now = q->arena->params;
	pthread_mutex_unlock(&lock);
	*params = (struct scheduling_params){
		.base_slice_ns = now.base_slice_ns,
		.min_slice_ns = now.min_slice_ns,
		.max_slice_ns = now.max_slice_ns,
		.latency_factor = (double)now.latency_factor_fp / FACTOR_ONE,
		.weight_multiplier = (double)now.weight_multiplier_fp / FACTOR_ONE,
	};
	return 0;
}

QUMUN_API int qumun_set_mode(struct qumun *q, enum qumun_mode mode)
{
	__u32 before;
	int err;

	if (!q)
		return -EINVAL;
	if (mode != QUMUN_MODE_USER && mode != QUMUN_MODE_KERNEL)
		return qumun_fail(q, -EINVAL,
				  "mode is %d: QUMUN_MODE_USER or QUMUN_MODE_KERNEL",
				  (int)mode);
	if (mode == QUMUN_MODE_USER && q->attached && !q->policy)
		return qumun_fail(
			q, -EINVAL,
			"no policy was set before attach: there is nobody who could "
			"decide in user mode");
	pthread_mutex_lock(&q->control_lock);
	before = q->control.mode;
	q->control.mode = mode;
	err = control_write(q);
	if (err)
		q->control.mode = before;
	pthread_mutex_unlock(&q->control_lock);
	if (err)
		qumun_fail(q, err, "telling the BPF half the mode: %s", strerror(-err));
	return err;
}
