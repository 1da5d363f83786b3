/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine against a scripted BPF half (world.h): real policies, policies that misbehave, and
 * an arena that lies. What memory full of garbage does to it is in test_garbage.c.
 */
#include <errno.h>
#include <pthread.h>

#include "tap.h"
#include "world.h"

/*
 * A policy that follows orders and writes down what happens to it: the order is the letter in
 * `mode`, the log one word per callback.
 */
static struct {
	char mode; /* a: answer at once; d: twice; k: keep; x: answer from cancel */
	char log[4096];
	int err[8]; /* what qumun_dispatch() said */
	unsigned int nr_err;
	struct qumun_task *kept[WORLD_RECORDS];
	unsigned int nr_kept;
	bool release; /* dispatch() answers for those that are kept */
	int init_err;
	bool params_torn;
	__u64 params_sets;
	__u64 dirty; /* private bytes that were not zero at task_init() */
	__u64 taken; /* what the shard said of it in the last enqueue() */
} pol;

static struct world w;

__attribute__((format(printf, 1, 2))) static void note(const char *fmt, ...)
{
	size_t used = strlen(pol.log);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(pol.log + used, sizeof(pol.log) - used, fmt, ap);
	va_end(ap);
}

static int index_of(const struct qumun_task *t)
{
	return (int)(t - w.tasks);
}

static int answer(struct qumun_policy_ctx *ctx, struct qumun_task *t)
{
	struct qumun_decision d = { .cpu = QUMUN_CPU_ANY, .slice_ns = 7, .vtime = 9 };
	int err = qumun_dispatch(ctx, t, &d);

	if (pol.nr_err < 8)
		pol.err[pol.nr_err++] = err;
	return err;
}

static int order_init(struct qumun_policy_ctx *ctx)
{
	return pol.init_err;
}

static void order_enqueue(struct qumun_policy_ctx *ctx, struct qumun_task *t, __u64 now)
{
	note("e%d ", index_of(t));
	pol.taken = w.shards[0].taken;
	t->policy[0] = 1;
	switch (pol.mode) {
	case 'd':
		answer(ctx, t);
		/* fall through */
	case 'a':
		answer(ctx, t);
		break;
	default:
		pol.kept[pol.nr_kept++ % WORLD_RECORDS] = t;
	}
}

static void order_dispatch(struct qumun_policy_ctx *ctx, __u64 now)
{
	const struct qumun_param_block *par = qumun_policy_params(ctx);
	unsigned int i, left = 0;

	pol.params_sets += par->base_slice_ns != par->stall_ns;
	if (par->base_slice_ns != par->rescue_ns ||
	    par->base_slice_ns != par->max_wait_ns)
		pol.params_torn = true;
	for (i = 0; pol.release && i < pol.nr_kept; i++) {
		if (answer(ctx, pol.kept[i]) == -EAGAIN)
			pol.kept[left++] = pol.kept[i];
	}
	if (pol.release)
		pol.nr_kept = left;
}

static void order_cancel(struct qumun_policy_ctx *ctx, struct qumun_task *t, __u64 now)
{
	note("c%d ", index_of(t));
	if (pol.mode == 'x')
		answer(ctx, t);
}

static void order_task_init(struct qumun_policy_ctx *ctx, struct qumun_task *t, __u64 now)
{
	note("i%d ", index_of(t));
	pol.dirty += t->policy[0] != 0;
}

static void order_covered(struct qumun_policy_ctx *ctx, struct qumun_task *t, __u32 nr)
{
	note("v%d*%u ", index_of(t), nr);
}

static const struct qumun_policy_ops order = {
	.abi_version = QUMUN_POLICY_ABI,
	.size = sizeof(struct qumun_policy_ops),
	.name = "order",
	.state_size = 64,
	.init = order_init,
	.enqueue = order_enqueue,
	.dispatch = order_dispatch,
	.cancel = order_cancel,
	.task_init = order_task_init,
	.covered = order_covered,
};

static void begin(char mode)
{
	memset(&pol, 0, sizeof(pol));
	pol.mode = mode;
	world_begin(&w, &order);
}

/* All answers that wait: how many of each verdict, as "applied/stale/doubled/bad". */
static const char *answers(void)
{
	static char text[64];
	unsigned int n[5] = { 0 };
	struct qumun_answer a;
	enum verdict v;

	while ((v = world_answer(&w, &a)) != NO_ANSWER)
		n[v]++;
	snprintf(text, sizeof(text), "%u/%u/%u/%u", n[APPLIED], n[STALE], n[DOUBLED],
		 n[BAD_SLOT]);
	return text;
}

static void is_text(const char *got, const char *want, const char *name)
{
	if (!tap_ok(!strcmp(got, want), "%s", name)) {
		tap_diag("got  %s", got);
		tap_diag("want %s", want);
	}
}

/*
 * Scripts: one letter and a number each.
 *   aN ask about task N on CPU 0      AN on CPU 1        SN on CPU 3, another shard's
 *   uN an entry that names slot N with generation 1; u9: no such record
 *   tN task N is taken back by the BPF half before the policy sees the ask
 *   nN task N's record goes to a new task
 *   p  a pass        r  dispatch() gives what is kept       m<letter> changes the mode
 */
static void act(char what, int n)
{
	switch (what) {
	case 'a':
		world_ask(&w, 0, (__u32)n);
		break;
	case 'A':
		world_ask(&w, 1, (__u32)n);
		break;
	case 'S':
		world_ask(&w, 3, (__u32)n);
		break;
	case 'u':
		world_push(&w, 0, n == 9 ? WORLD_RECORDS : (__u32)n, 1);
		break;
	case 't':
		world_state(&w, (__u32)n, (w.q[n] >> 8) + 1, QUMUN_DISPATCHED);
		break;
	case 'n':
		world_state(&w, (__u32)n, (w.q[n] >> 8) + 1, QUMUN_NONE);
		w.tasks[n].incarnation++;
		break;
	case 'p':
		engine_pass(&w.e);
		break;
	case 'r':
		pol.release = true;
	}
}

static void play(const char *script)
{
	for (; *script; script++) {
		if (*script == ' ')
			continue;
		if (*script == 'm') {
			pol.mode = *++script;
			continue;
		}
		act(*script, script[1] >= '0' && script[1] <= '9' ? script[1] - '0' : 0);
		if (script[1] >= '0' && script[1] <= '9')
			script++;
	}
}

static const struct {
	const char *name;
	char mode;
	const char *script, *log, *answers;
	__u64 stale, broken, refused;
} scripts[] = {
	{ "an ask is answered", 'a', "a1 p", "i1 e1 ", "1/0/0/0", 0, 0, 0 },
	{ "asks of two CPUs are answered", 'a', "a1 A2 a3 p", "i1 e1 i3 e3 i2 e2 ",
	  "3/0/0/0", 0, 0, 0 },
	{ "another shard's CPU is left alone", 'a', "S1 a2 p p", "i2 e2 ", "1/0/0/0", 0,
	  0, 0 },
	{ "asked again after the answer", 'a', "a1 p a1 p", "i1 e1 e1 ", "1/1/0/0", 0, 0,
	  0 },
	{ "a taken-back task is not handed over", 'a', "a1 t1 p", "", "0/0/0/0", 1, 0,
	  0 },
	{ "requeued before it was read: only the newer ask counts", 'a', "a1 a1 p",
	  "i1 e1 ", "1/0/0/0", 1, 0, 0 },
	{ "requeued on another CPU, read newer first", 'a', "A1 a1 p", "i1 e1 ",
	  "1/0/0/0", 1, 0, 0 },
	{ "an entry with a generation of the past", 'a', "a1 p a1 p u1 p", "i1 e1 e1 ",
	  "1/1/0/0", 1, 0, 0 },
	{ "an entry for a task that never was queued", 'a', "u1 p", "", "0/0/0/0", 1, 0,
	  0 },
	{ "an entry for no record", 'a', "u9 a1 p", "i1 e1 ", "1/0/0/0", 0, 1, 0 },
	{ "a second answer is refused", 'd', "a1 p", "i1 e1 ", "1/0/0/0", 0, 0, 1 },
	{ "a kept task is answered later", 'k', "a1 a2 p p r p", "i1 e1 i2 e2 ",
	  "2/0/0/0", 0, 0, 0 },
	{ "a kept task that is asked about again", 'k', "a1 p a1 p r p", "i1 e1 c1 e1 ",
	  "1/0/0/0", 0, 0, 1 },
	{ "a kept task that was taken back: the answer is stale", 'k', "a1 p t1 r p",
	  "i1 e1 ", "0/1/0/0", 0, 0, 0 },
	{ "a kept task whose record changed hands", 'k', "a1 p n1 a1 p",
	  "i1 e1 c1 i1 e1 ", "0/0/0/0", 0, 0, 0 },
	{ "the old task's answer does not reach the new one", 'k', "a1 p n1 r p",
	  "i1 e1 ", "0/1/0/0", 0, 0, 0 },
	{ "an answer from cancel() is for the old question", 'x', "a1 p a1 p",
	  "i1 e1 c1 e1 ", "0/1/0/0", 0, 0, 0 },
};

static void test_scripts(void)
{
	size_t i;

	for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		begin(scripts[i].mode);
		play(scripts[i].script);
		is_text(pol.log, scripts[i].log, scripts[i].name);
		is_text(answers(), scripts[i].answers, "  its answers");
		tap_ok(w.e.counters.stale_asks == scripts[i].stale &&
			       w.e.counters.broken_asks == scripts[i].broken &&
			       w.e.counters.refused == scripts[i].refused,
		       "  its counters: stale %llu, broken %llu, refused %llu",
		       (unsigned long long)w.e.counters.stale_asks,
		       (unsigned long long)w.e.counters.broken_asks,
		       (unsigned long long)w.e.counters.refused);
		world_end(&w);
	}
}

static void test_outcomes(void)
{
	struct qumun_task *waits, *not;

	begin('d');
	play("a1 p");
	tap_ok(pol.err[0] == 0 && pol.err[1] == -ENOENT,
	       "qumun_dispatch: twice: -ENOENT");
	world_end(&w);

	begin('k');
	play("a1 a2 p t2");
	waits = &w.tasks[1];
	not = &w.tasks[2];
	tap_ok(qumun_task_waiting((void *)&w.e, waits),
	       "qumun_task_waiting: a kept task waits");
	tap_ok(!qumun_task_waiting((void *)&w.e, not),
	       "qumun_task_waiting: a taken-back one not");
	tap_ok(!qumun_task_waiting((void *)&w.e, &w.tasks[3]),
	       "qumun_task_waiting: nor a stranger");
	tap_is(answer((void *)&w.e, &w.tasks[3]), -ENOENT,
	       "qumun_dispatch: a stranger: -ENOENT");
	tap_is(answer((void *)&w.e, w.tasks + WORLD_RECORDS), -ENOENT,
	       "qumun_dispatch: no record at all: -ENOENT");
	tap_ok(!qumun_policy_cpu((void *)&w.e, -1) &&
		       !qumun_policy_cpu((void *)&w.e, WORLD_CPUS) &&
		       qumun_policy_cpu((void *)&w.e, 2) == &w.cpus[2],
	       "qumun_policy_cpu: no CPU outside the machine");
	world_end(&w);

	memset(&pol, 0, sizeof(pol));
	pol.init_err = -ERANGE;
	tap_is(world_begin(&w, &order), -ERANGE,
	       "engine_init: forwards the policy's error");
	world_end(&w);
}

/* Slots of the private bytes: zero for each new task and after a takeover. */
static void test_private_bytes(void)
{
	begin('a');
	play("a1 p");
	w.tasks[1].policy[0] = 0; /* exit and init_task of the BPF half */
	play("n1 a1 p");
	tap_is(pol.dirty, 0, "private bytes are zero for a new task");
	answers();
	world_engine(&w, &order);
	play("a1 p");
	tap_is(pol.dirty, 0, "private bytes are zero after a takeover");
	is_text(pol.log, "i1 e1 i1 e1 i1 e1 ", "a takeover sees every task anew");
	is_text(answers(), "1/0/0/0", "and its answers are applied");
	world_end(&w);
}

/* Another policy takes over between two passes: who waited is asked about again, once. */
static void test_change(void)
{
	struct qumun_policy_ops eager = order;
	struct engine *old = malloc(sizeof(*old));
	void *memory;

	begin('k');
	play("a1 a2 a3 p t2");
	play("a4"); /* not read yet */
	*old = w.e;
	memory = w.memory;
	w.memory = NULL;
	pol.log[0] = '\0';
	pol.mode = 'a';
	world_engine(&w, &eager);
	engine_adopt(&w.e, old);
	memset(memory, 0xff,
	       engine_memory_size(WORLD_RECORDS, WORLD_CPUS, order.state_size));
	memset(old, 0xff, sizeof(*old));
	free(memory);
	free(old);
	engine_ask_again(&w.e);
	is_text(pol.log, "i1 e1 i3 e3 ", "a new policy is asked about those who wait");
	tap_is(pol.dirty, 0, "their private bytes are zero");
	is_text(answers(), "2/0/0/0", "and its answers are applied");
	engine_ask_again(&w.e);
	is_text(answers(), "0/0/0/0", "nobody is asked about twice");
	play("p");
	is_text(pol.log, "i1 e1 i3 e3 i4 e4 ", "the rings go on where they stood");
	is_text(answers(), "1/0/0/0", "and no answer is missing");
	world_end(&w);
}

static void test_full_ring(void)
{
	struct qumun_answer a;
	unsigned int i, pushed;

	begin('a');
	w.e.down_tail = w.shards[0].down.tail =
		QUMUN_DOWN_SLOTS - 1; /* all but one are unread */
	pol.mode = 'k';
	play("a1 a2 p r");
	pushed = engine_pass(&w.e);
	tap_ok(pol.err[0] == 0 && pol.err[1] == -EAGAIN, "full down-ring: -EAGAIN");
	tap_is(w.e.counters.full, 1, "full down-ring: counted");
	tap_ok(pushed > 0, "full down-ring: the pass has something to do");
	tap_ok(engine_pass(&w.e) > 0,
	       "full down-ring: so has the next, which gives nothing");
	for (i = 0; i < 10; i++)
		world_answer(&w, &a);
	tap_is(engine_pass(&w.e), 1, "full down-ring: room again: the answer goes out");
	tap_is(engine_pass(&w.e), 0, "full down-ring: and that was all");
	while (world_answer(&w, &a) != NO_ANSWER)
		;
	tap_ok(a.slot == 2 && a.gen == 1, "full down-ring: with the right name");
	world_end(&w);
}

static const struct {
	const char *name;
	__u64 up_tail, up_head, down_tail,
		down_head; /* written over the cursors; 0: left */
} broken_cases[] = {
	{ "up tail far ahead", 1ULL << 40, 0, 0, 0 },
	{ "up tail behind", -1ULL, 0, 0, 0 },
	{ "up head far ahead", 0, 1ULL << 40, 0, 0 },
	{ "up head behind", 0, -2000ULL, 0, 0 },
	{ "up head: an empty ring looks full", 0, 1 - (__u64)QUMUN_UP_SLOTS, 0, 0 },
	{ "both up cursors", 1ULL << 33, 1ULL << 34, 0, 0 },
	{ "down tail far ahead", 0, 0, 1ULL << 40, 0 },
	{ "down tail behind", 0, 0, -1ULL, 0 },
	{ "down head far ahead", 0, 0, 0, 1ULL << 40 },
	{ "down head behind", 0, 0, 0, -10000ULL },
	{ "down head: an empty ring looks full", 0, 0, 0, 1 - (__u64)QUMUN_DOWN_SLOTS },
	{ "both down cursors", 0, 0, 1ULL << 33, 1ULL << 34 },
	{ "all cursors", 77777, 1ULL << 50, 1ULL << 33, -1ULL },
};

/* A cursor was overwritten: within a few asks the rings work again. */
static void test_broken_cursors(void)
{
	struct qumun_answer a;
	int round, applied;
	size_t i;

	for (i = 0; i < sizeof(broken_cases) / sizeof(broken_cases[0]); i++) {
		begin('a');
		play("a1 p");
		answers();
		if (broken_cases[i].up_tail)
			w.cpus[0].up.tail = broken_cases[i].up_tail;
		if (broken_cases[i].up_head)
			w.cpus[0].up.head = broken_cases[i].up_head;
		if (broken_cases[i].down_tail)
			w.shards[0].down.tail = broken_cases[i].down_tail;
		if (broken_cases[i].down_head)
			w.shards[0].down.head = broken_cases[i].down_head;
		for (round = 0; round < 2 * QUMUN_DOWN_SLOTS / ENGINE_BATCH; round++) {
			world_ask(&w, 0, 2);
			engine_pass(&w.e);
			if (!strncmp(answers(), "0/", 2)) /* none was valid */
				world_autopilot(&w);
		}
		for (round = applied = 0; round < 10; round++) {
			world_ask(&w, 0, 3);
			engine_pass(&w.e);
			applied += world_answer(&w, &a) == APPLIED && a.slot == 3;
		}
		tap_is(applied, 10, "broken cursors: %s: works again",
		       broken_cases[i].name);
		world_end(&w);
	}
}

static void test_batch(void)
{
	__u32 i;

	begin('k');
	for (i = 0; i < 3 * ENGINE_BATCH / 2; i++)
		world_ask(&w, 0, i);
	world_ask(&w, 1, 120);
	tap_is(engine_pass(&w.e), ENGINE_BATCH, "a pass reads at most a batch");
	tap_ok(!strstr(pol.log, "e120 "),
	       "a flood on one CPU: the other waits for this pass");
	tap_is(engine_pass(&w.e), ENGINE_BATCH / 2 + 1, "the next pass reads the rest");
	tap_ok(strstr(pol.log, "e120 ") &&
		       strstr(pol.log, "e120 ") < strstr(pol.log, "e64 "),
	       "a flood on one CPU: the next pass begins with the other");
	tap_is(engine_pass(&w.e), 0, "then there is nothing to do");
	world_end(&w);

	/* two floods that never end: each CPU gets every other pass, the third is not starved */
	begin('a');
	for (i = 0; i < 300; i++) {
		world_ask(&w, 0, 1);
		world_ask(&w, 1, 2);
	}
	world_ask(&w, 2, 3);
	for (i = 0; i < 3; i++)
		engine_pass(&w.e);
	tap_ok(strstr(pol.log, "e3 ") != NULL,
	       "two floods: the third CPU is read in its turn");
	world_end(&w);
}

/* The BPF half compares `taken` with what it pushed: see bpf/policy.bpf.h. */
static void test_taken(void)
{
	__u32 i;

	begin('a');
	for (i = 0; i < ENGINE_BATCH + 10; i++)
		world_ask(&w, 0, i);
	engine_pass(&w.e);
	tap_is((long long)pol.taken, 0, "nothing is taken before its pass is complete");
	tap_is((long long)w.shards[0].taken, ENGINE_BATCH,
	       "a full pass: the rest of the asks is not taken");
	engine_pass(&w.e);
	tap_is((long long)w.shards[0].taken, ENGINE_BATCH + 10, "then it is");
	w.cpus[0].up.tail += 5000;
	engine_pass(&w.e);
	tap_is((long long)w.shards[0].taken, (long long)w.cpus[0].up.tail,
	       "a broken cursor: what it skips counts as taken");
	w.shards[0].taken = 0;
	world_engine(&w, &order);
	engine_pass(&w.e);
	tap_is((long long)w.shards[0].taken, (long long)w.cpus[0].up.tail,
	       "after a takeover it goes on where the rings stand");
	world_end(&w);
}

static void test_sleep(void)
{
	begin('a');
	tap_ok(engine_may_sleep(&w.e), "nothing waits: may sleep");
	tap_is(w.shards[0].sleeping, 1, "sleeping is raised before the wait");
	world_ask(&w, 1, 1);
	tap_ok(!engine_may_sleep(&w.e), "an ask came before the second look: may not");
	tap_is(w.shards[0].sleeping, 0, "sleeping is lowered again");
	engine_pass(&w.e);
	tap_ok(engine_may_sleep(&w.e), "after a pass: may sleep");
	engine_awake(&w.e);
	tap_is(w.shards[0].sleeping, 0, "sleeping is lowered on waking");
	world_ask(&w, 3, 2);
	tap_ok(engine_may_sleep(&w.e), "another shard's ask does not keep us awake");
	tap_is(w.shards[0].rounds, 1, "a pass is a sign of life");
	tap_is(w.shards[1].rounds, 0, "for our shard only");
	world_end(&w);
}

static int stop_writing;

/* lib/params.c: params_write() */
static void *write_params(void *arg)
{
	struct qumun_arena *a = w.arena;
	__u64 seq = 0, n;

	for (n = 1; !__atomic_load_n(&stop_writing, __ATOMIC_RELAXED); n++) {
		shm_swap(&a->params_seq, seq | 1);
#define X(name, unit, def, min, max, doc) shm_store_release(&a->params.name, n);
		QUMUN_PARAMS(X)
#undef X
		seq += 2;
		shm_store_release(&a->params_seq, seq);
	}
	return NULL;
}

static void test_params(void)
{
	unsigned long long passes = tap_env("QUMUN_PARAM_PASSES", 200000), i;
	pthread_t writer;

	begin('a');
	tap_is(w.e.params.base_slice_ns, BASE_SLICE_NS,
	       "parameters are read at the start");
	w.arena->params.base_slice_ns = 3;
	engine_pass(&w.e);
	tap_is(w.e.params.base_slice_ns, BASE_SLICE_NS,
	       "no new sequence number: the old set");
	w.arena->params_seq = 1;
	engine_pass(&w.e);
	tap_is(w.e.params.base_slice_ns, BASE_SLICE_NS, "being written: the old set");
	w.arena->params_seq = 2;
	engine_pass(&w.e);
	tap_is(w.e.params.base_slice_ns, 3, "written: the new set");
	world_end(&w);

	begin('a');
#define X(name, unit, def, min, max, doc) w.arena->params.name = 0;
	QUMUN_PARAMS(X)
#undef X
	world_engine(&w, &order);
	stop_writing = 0;
	pthread_create(&writer, NULL, write_params, NULL);
	for (i = 0; i < passes; i++)
		engine_pass(&w.e);
	__atomic_store_n(&stop_writing, 1, __ATOMIC_RELAXED);
	pthread_join(writer, NULL);
	tap_ok(!pol.params_torn, "written by another thread: %llu passes see whole sets",
	       passes);
	world_end(&w);
}

#define TERMS                                                                            \
	{ .deadline_ns = 100,                                                            \
	  .slice_ns = 200,                                                               \
	  .flags = QUMUN_PREEMPT,                                                        \
	  .wakeups = 3,                                                                  \
	  .for_ns = 5000 }

static const struct {
	const char *name;
	struct qumun_terms terms;
	int err;
} terms_cases[] = {
	{ "good terms", TERMS, 0 },
	{ "the longest",
	  { .deadline_ns = QUMUN_STANDING_AHEAD_NS,
	    .slice_ns = ~0ULL,
	    .flags = QUMUN_PREEMPT | QUMUN_LEAD,
	    .wakeups = QUMUN_STANDING_WAKEUPS,
	    .for_ns = QUMUN_STANDING_NS },
	  0 },
	{ "no wakeup", { .wakeups = 0, .for_ns = 5 }, -EINVAL },
	{ "too many", { .wakeups = QUMUN_STANDING_WAKEUPS + 1, .for_ns = 5 }, -EINVAL },
	{ "too long", { .wakeups = 1, .for_ns = QUMUN_STANDING_NS + 1 }, -EINVAL },
	{ "too late a deadline",
	  { .deadline_ns = QUMUN_STANDING_AHEAD_NS + 1, .wakeups = 1 },
	  -EINVAL },
	{ "a flag that is none here",
	  { .flags = QUMUN_HEAD, .wakeups = 1, .for_ns = 5 },
	  -EINVAL },
};

static void test_standing(void)
{
	struct qumun_policy_ctx *ctx = (void *)&w.e;
	struct qumun_terms good = TERMS;
	struct qumun_standing *d;
	size_t i;

	begin('a');
	d = &w.tasks[1].standing;
	tap_is(qumun_leave_standing(ctx, &w.tasks[1], &good), -ENOENT,
	       "standing: nobody asked about it: -ENOENT");
	tap_is(qumun_leave_standing(ctx, w.tasks + WORLD_RECORDS, &good), -ENOENT,
	       "standing: no record at all: -ENOENT");
	w.arena->params_seq = 6;
	w.tasks[1].rule_changes = 9;
	play("a1 p");
	for (i = 0; i < sizeof(terms_cases) / sizeof(terms_cases[0]); i++) {
		d->until = 0;
		tap_is(qumun_leave_standing(ctx, &w.tasks[1], &terms_cases[i].terms),
		       terms_cases[i].err, "standing: %s", terms_cases[i].name);
		tap_is(d->until,
		       terms_cases[i].err ? 0 : w.e.now + terms_cases[i].terms.for_ns,
		       "standing: %s: until when", terms_cases[i].name);
	}
	/* the rule changes after the policy was asked: what it leaves is for the former one */
	w.tasks[1].rule_changes = 10;
	qumun_leave_standing(ctx, &w.tasks[1], &good);
	tap_ok(d->gen == 1 && d->terms == 6 && d->rule_changes == 9,
	       "standing: it names the question, the parameters and the rule as seen");
	tap_ok(d->deadline_ns == 100 && d->slice_ns == 200 && d->wakeups == 3 &&
		       d->flags == QUMUN_PREEMPT,
	       "standing: and what was decided");
	qumun_drop_standing(ctx, &w.tasks[1]);
	tap_is(d->until, 0, "standing: taken back");
	qumun_drop_standing(ctx, w.tasks + WORLD_RECORDS);

	d->covered = 7;
	play("a1 p a1 p");
	d->covered = 8;
	play("a1 p");
	is_text(pol.log, "i1 e1 v1*7 e1 e1 v1*1 e1 ",
		"standing: covered wakeups are reported before the next question");
	play("n1");
	tap_is(qumun_leave_standing(ctx, &w.tasks[1], &good), -ENOENT,
	       "standing: the record went to another task: -ENOENT");
	world_end(&w);

	/* what another policy left is not reported to its successor */
	begin('a');
	w.tasks[1].standing.covered = 50;
	play("a1 p");
	w.tasks[1].standing.covered = 52;
	play("a1 p");
	is_text(pol.log, "i1 e1 v1*2 e1 ",
		"standing: counted from the first question on");
	world_end(&w);
}

static void test_clock(void)
{
	begin('a');
	play("a1 p");
	tap_is(w.e.now, w.now, "the engine's time is the latest that a record tells");
	w.now -= 5000;
	play("a2 p");
	tap_is(w.e.now, w.now + 4000, "and never goes back");
	world_end(&w);
}

int main(void)
{
	test_scripts();
	test_outcomes();
	test_private_bytes();
	test_change();
	test_full_ring();
	test_broken_cursors();
	test_batch();
	test_taken();
	test_sleep();
	test_params();
	test_standing();
	test_clock();
	return tap_done();
}
