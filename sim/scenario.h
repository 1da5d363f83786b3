/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scenario: machine, policy, tasks and what happens to them. The language is described in
 * docs/simulator.md; scenario_print() writes it back, so that a shrunk case is a file again.
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define SCEN_NAME 16
#define SCEN_LOOPS 4
#define SCEN_OPS 64 /* steps that the language accepts for a task */
#define SCEN_PARAMS 32
#define SCEN_GROUPS 32

enum scen_op_kind {
	OP_RUN,	   /* a..b ns of CPU work */
	OP_SLEEP,  /* a..b ns, relative */
	OP_TIMER,  /* until the last expiry + a */
	OP_UNTIL,  /* until a after the begin of the run */
	OP_WAIT,   /* for channel a */
	OP_SIGNAL, /* channel a: wake one, or let the next waiter pass */
	OP_SYNC,   /* the same; the waker says that it will sleep soon */
	OP_YIELD,
	OP_FORK,   /* one task of program a */
	OP_NICE,   /* a, signed */
	OP_CPUS,   /* list a of the program's masks */
	OP_CGROUP, /* id a */
	OP_RENICE, /* of another task: TASK[.N]=NICE */
	OP_PIN,	   /* another task: TASK[.N]=LIST */
	OP_LOOP,   /* a times what follows, up to END */
	OP_END,
	OP_EXIT,
};

struct scen_op {
	enum scen_op_kind kind;
	__u64 a, b;
	char text[32]; /* a list of CPUs or a name, as written */
};

/* What a task of a record did on the machine that it comes from. */
struct scen_recorded {
	__u64 run_ns, wait_ns;
	__u32 runs, wakeups;
};

struct scen_task {
	char name[SCEN_NAME];
	__u32 nr; /* how many of them at the start; 0: only forked */
	int nice;
	char cpus[160]; /* list, or empty: all; any of 64 CPUs fit */
	__u64 start_ns;
	__u64 stagger_ns; /* each further instance starts so much later */
	bool kthread;
	__u32 cls; /* class that a rule gives: enum qumun_class */
	__u64 cgroup;
	__u32 nr_ops, room_ops;
	struct scen_op *ops;
	struct scen_recorded recorded;
};

struct scen_group {
	__u64 id;
	__u64 parent; /* 0: the root */
	__u32 weight; /* cpu.weight, 1..10000 */
};

enum scen_event_kind {
	SE_NICE,
	SE_CPUS,
	SE_KILL,
	SE_CGROUP,
	SE_WAKE,	/* wakes a sleeper early */
	SE_CPU,		/* a = CPU, b = 1 on, 0 off */
	SE_POLICY_STOP, /* as SIGSTOP would */
	SE_POLICY_CONT,
	SE_POLICY_KILL,
	SE_POLICY_START, /* a new process takes over */
	SE_POLICY_SLOW,	 /* a = factor in percent */
	SE_PARAM,	 /* name, a = value */
	SE_MODE,	 /* a = 1 kernel, 0 user */
	SE_WEIGHT,	 /* cpu.weight of group a becomes b */
};

struct scen_event {
	__u64 at;
	enum scen_event_kind kind;
	char name[32]; /* task, or parameter */
	__u32 instance;
	__s64 a, b;
	char text[64]; /* list of CPUs */
};

struct scen_pair {
	char name[32];
	__u64 value;
};

struct scenario {
	char file[256];
	__u32 cpus;
	__u32 smt; /* threads of a core */
	__u32 llcs;
	__u32 nodes;
	__u32 little;	    /* the last so many CPUs are small ... */
	__u32 little_speed; /* ... and do this much of 1024 */
	__u32 hz;
	__u32 shards;
	__u32 records;
	__u64 duration_ns;
	__u64 seed;
	__u32 jitter; /* percent by which pieces of work and sleeps vary */
	bool skew_tick;
	bool kernel_mode;
	bool recorded; /* it comes from a live machine: tasks have figures to compare with */
	bool cut_short; /* ... in a record that has no end */
	char policy[32];
	__u32 timeout_ms;
	/* bounds of the invariants; 0: not checked */
	__u64 starve_ns; /* nobody waits longer */
	__u64 asked_ns;	 /* nor for the policy's answer */
	__u64 idle_ns;	 /* no CPU idles longer while a task waits that may use it */
	__u32 share_pct; /* shares of steady hogs are right within this */
	bool check;	 /* stop at the first violation */
	struct scen_pair params[SCEN_PARAMS];
	__u32 nr_params;
	struct scen_pair costs[SCEN_PARAMS];
	__u32 nr_costs;
	struct scen_group groups[SCEN_GROUPS];
	__u32 nr_groups;
	struct scen_task *tasks;
	__u32 nr_tasks;
	struct scen_event *events;
	__u32 nr_events;
};

void *scenario_must(void *p); /* @p, or the end with a message */
void scenario_init(struct scenario *sc);
void scenario_free(struct scenario *sc);
/* 0, or -EINVAL / -errno with the message in @err. */
int scenario_read(struct scenario *sc, const char *path, char *err, size_t size);
int scenario_parse(struct scenario *sc, const char *text, const char *name, char *err,
		   size_t size);
int scenario_read_rtapp(struct scenario *sc, const char *path, char *err, size_t size);
/* recorded.c: what `gthulhuctl record` wrote. */
int scenario_read_record(struct scenario *sc, const char *path, char *err, size_t size);
int scenario_check(struct scenario *sc, char *err, size_t size);
void scenario_copy(struct scenario *to, const struct scenario *from);
void scenario_print(const struct scenario *sc, FILE *f);
int scenario_topology(struct scenario *sc, const char *text);
struct scen_task *scenario_add_task(struct scenario *sc, const char *name);
struct scen_op *scen_task_add(struct scen_task *t, enum scen_op_kind kind, __u64 a,
			      __u64 b);
struct scen_event *scenario_add_event(struct scenario *sc, enum scen_event_kind kind,
				      __u64 at);
__u32 scenario_find_task(const struct scenario *sc, const char *name); /* ~0: none */
const struct scen_group *scenario_find_group(const struct scenario *sc, __u64 id);
/* A step's word, and what its argument is: span, time, Name, number, list, 0: none. */
const char *scenario_op_name(enum scen_op_kind kind, char *arg);
int parse_time(const char *text, __u64 *ns); /* "20ms", "1.5s", "300us", "7" ns */
void print_time(char *buf, size_t size, __u64 ns);
/* "0-3,7" -> bits; -1 if it is no list. */
int parse_cpulist(const char *text, unsigned long *bits, __u32 nr_cpus);

/* Names by enum qumun_class. */
extern const char *const scenario_classes[];

#endif
