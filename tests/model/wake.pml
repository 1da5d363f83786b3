/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy thread's sleep, wake and park protocol, for spin: two CPUs that dispatch, tasks that
 * wake up or stay runnable and are asked about, and the policy thread's loop. In the margin:
 * bpf/policy.bpf.h (P), bpf/custody.bpf.h (C), bpf/main.bpf.c (M), engine/engine.c with lib/run.c
 * (E), the kernel (K).
 *
 * What only helps when the protocol failed is left out, so that it can't hide a fault: the tick,
 * the second ring of an unanswered bell, the autopilot, the rescue, the wait's timeout. A task
 * always ends its run at last. Asks and answers have no names here: custody.pml has them. Atomic
 * operations are sequentially consistent; where the C code relies on that it swaps.
 *
 * Checked when nothing can move any more, in every interleaving:
 *   - no ask is unread, no answer lies in the down-ring, no decided task lies in a queue
 *   - the policy thread sleeps: it is not a runnable task that nobody runs
 *
 * (Without the kick in park_policy(), or without drain_answers() looking twice, nothing is lost
 * either, because the end of a slice dispatches: they are there for speed, which this model cannot
 * judge.)
 *
 * The switches take one step away; what run.sh runs, and what must come out:
 *
 * run (short): holds -DASKS=1
 * run (short): holds -DASKS=1 -DAWAKE
 * run (short): fails -DASKS=2 -DLOOK_THEN_SLEEP
 * run (long): holds -DASKS=1 -DAWAKE -DOTHERS=1
 * run (long): fails -DASKS=1 -DAWAKE -DOTHERS=1 -DPARKED_OR_ASLEEP
 * run (long): fails -DASKS=2 -DAWAKE -DBELL_ONCE
 * run (long): holds -DASKS=2
 * run (long): holds -DASKS=2 -DAWAKE
 */
#ifndef ASKS
#define ASKS 2
#endif

#ifndef OTHERS
#define OTHERS 0 /* tasks that take a CPU without being asked about: a standing decision, another class */
#endif

#define NOBODY 0 /* who runs on a CPU */
#define TASK 1
#define POLICY 2

#define KICK_IDLE 1
#define KICK_PREEMPT 2

byte asks = ASKS, others = OTHERS;
byte up[2], down, undecided;
byte pushed, taken;
bit parked, sleeping, drain_lock;
byte rounds, wake_sent_round;
bit wake_sent, bell;

byte cur[2], next[2], kick[2], dsq[2];
bit rq[2];
bit policy_in_dsq, policy_on, policy_yields, policy_blocks, policy_asleep;

/* K: what a kick does is decided when it is delivered, under the runqueue's lock; see Cpu */
inline do_kick(who, kind)
{
	d_step {
		if
		:: kick[who] < kind -> kick[who] = kind
		:: else
		fi
	}
}

/* P: ring_bell() */
inline ring_bell()
{
	seen = rounds;
#ifdef BELL_ONCE
	rung = wake_sent;
#else
	rung = wake_sent && wake_sent_round == seen;
#endif
	if
	:: rung
	:: else ->
		d_step { wake_sent = 1; wake_sent_round = seen };
		bell = 1
	fi
}

/* M: gthulhu_enqueue() on CPU `at` of a task whose home is `home`: C: ask_policy(), P: announce_work() */
inline ask(at, home)
{
	d_step { undecided++; up[at]++ };
	d_step { before = pushed; pushed++ };
	was_parked = parked;
	if
	:: was_parked ->
		first = (before == taken);
		if
		:: do_kick(home, KICK_PREEMPT) /* urgent */
		:: first -> do_kick(home, KICK_IDLE)
		:: !first
		fi
	:: else
	fi;
	if
#ifdef PARKED_OR_ASLEEP
	:: sleeping && !was_parked -> ring_bell()
#else
	:: sleeping -> ring_bell()
#endif
	:: else
	fi
}

/* P: policy_wanted(), but for vain runs: whoever asks may be told no */
#define WANTED (pushed != taken && undecided)

/* P: park_policy(); K: the insertion takes effect when the callback has returned */
inline park_policy(c, woke)
{
	parked = 1;
	if
	:: WANTED && !cur[1 - c] -> do_kick(1 - c, KICK_IDLE)
	:: WANTED -> do_kick(c, KICK_PREEMPT)
	:: true /* not wanted, or policy_can_wait(), or vain */
	fi;
	if
	:: woke -> do_kick(c, KICK_IDLE)
	:: !woke
	fi;
	policy_in_dsq = 1
}

/* P: grant_policy() */
inline grant_policy(c)
{
	d_step {
		granted = policy_in_dsq;
		if
		:: granted -> policy_in_dsq = 0; next[c] = POLICY
		:: else
		fi
	};
	if
	:: granted -> parked = 0
	:: else
	fi
}

/* C: drain_answers(), an answer at a time */
inline drain_answers(c)
{
	again = 0;
	do
	:: again < 2 && !down -> again = 3
	:: again < 2 && down ->
		d_step { granted = !drain_lock; drain_lock = 1 };
		if
		:: !granted -> again = 3
		:: granted ->
			atomic {
				if
				:: down -> down--; undecided--; dsq[c]++
				:: down -> down--; undecided--; dsq[1 - c]++; do_kick(1 - c, KICK_IDLE)
				:: !down
				fi
			};
			drain_lock = 0;
			again++
		fi
	:: again == 2 ->
		/* what is left goes with the next look */
		if
		:: down -> do_kick(c, KICK_PREEMPT)
		:: !down
		fi;
		again = 3
	:: again == 3 -> break
	od
}

/* M: gthulhu_dispatch(); `runs`: what ran here could go on */
inline dispatch(c)
{
	drain_answers(c);
	stays = 0;
	/* P: serve_policy() */
	if
	:: WANTED && parked -> grant_policy(c)
	:: WANTED && !parked && runs && cur[c] == POLICY -> stays = 1
	:: true /* not wanted, or policy_can_wait(), or vain */
	fi;
	/* M: settle_prev() */
	if
	:: !stays && !next[c] && runs && cur[c] == TASK && dsq[c] && parked -> grant_policy(c)
	:: else
	fi;
	d_step {
		if
		:: !stays && !next[c] && dsq[c] -> dsq[c]--; next[c] = TASK
		:: else
		fi
	};
	if
	:: !stays && !next[c] && runs ->
		if
		:: parked -> grant_policy(c)
		:: !parked /* goes on */
		fi
	:: !next[c] && !runs ->
		d_step {
			if
			:: dsq[1 - c] -> dsq[1 - c]--; next[c] = TASK
			:: else
			fi
		};
		if
		:: !next[c] && parked -> grant_policy(c)
		:: else
		fi
	:: stays || next[c]
	fi
}

/* K: __schedule() on CPU c, which holds its runqueue */
inline schedule(c)
{
	if
	:: !next[c] -> dispatch(c)
	:: next[c]
	fi;
	if
	:: next[c] ->
		if
		:: cur[c] == POLICY && runs -> park_policy(c, 0)
		:: cur[c] == TASK && runs -> ask(c, c)
		:: !runs
		fi;
		d_step { cur[c] = next[c]; next[c] = 0 };
		if
		:: cur[c] == POLICY ->
			/* P: policy_running() */
			parked = 0;
			wake_sent = 0;
			policy_on = 1
		:: cur[c] == TASK
		fi
	:: !next[c] && runs ->
		if
		:: cur[c] == POLICY -> policy_on = 1
		:: cur[c] == TASK
		fi
	:: !next[c] && !runs -> cur[c] = NOBODY
	fi;
	rq[c] = 0
}

proctype Cpu(byte c)
{
	byte again, seen;
	byte before;
	bit runs, stays, granted, first, was_parked, rung;

	do
	/* a kick for an idle CPU finds it busy */
	:: d_step { kick[c] == KICK_IDLE && cur[c] && !rq[c] -> kick[c] = 0 }
	:: d_step { !cur[c] && (kick[c] || next[c]) && !rq[c] -> rq[c] = 1; kick[c] = 0; runs = 0 };
		schedule(c)
	/* a task's run ends; or its slice does, and it is asked about if another comes first */
	:: d_step { cur[c] == TASK && !rq[c] -> rq[c] = 1; kick[c] = 0; runs = 0 };
		schedule(c)
	:: d_step { cur[c] == TASK && !rq[c] && asks ->
		rq[c] = 1; kick[c] = 0; runs = 1; asks-- };
		schedule(c)
	/* the policy thread yields, blocks or is preempted */
	:: d_step { cur[c] == POLICY && !rq[c] &&
		(policy_yields || policy_blocks || kick[c] == KICK_PREEMPT) ->
		rq[c] = 1; kick[c] = 0;
		runs = !(policy_blocks && !bell);
		policy_asleep = !runs;
		policy_on = 0; policy_yields = 0; policy_blocks = 0 };
		schedule(c)
	:: d_step { cur[c] == POLICY && policy_on && !rq[c] && others ->
		rq[c] = 1; others--; runs = 1;
		policy_on = 0; next[c] = TASK };
		schedule(c)
	od
}

/* K: the bell wakes the policy thread: onto an idle CPU (M: select_cpu), or it is parked */
proctype Bell()
{
	byte c;
	bit direct;

	do
	:: atomic { policy_asleep && bell ->
		if
		:: c = 0
		:: c = 1
		fi;
		!rq[c] ->
		policy_asleep = 0;
		direct = !cur[c] && !next[c];
		if
		:: direct -> next[c] = POLICY
		:: else -> rq[c] = 1
		fi
	};
		if
		:: direct
		:: else ->
			park_policy(c, 1);
			rq[c] = 0
		fi
	od
}

/* K: a task wakes up and is asked about, on any CPU, for any CPU */
proctype Waker()
{
	byte at, home, seen, before;
	bit first, was_parked, rung;

	do
	:: atomic { asks ->
		if
		:: at = 0
		:: at = 1
		fi;
		if
		:: home = 0
		:: home = 1
		fi;
		if
		:: asks && !rq[home] -> asks--; rq[home] = 1
		:: !asks -> break
		fi
	};
		ask(at, home);
		rq[home] = 0
	:: !asks -> break
	od
}

/* E: engine_pass(), engine_may_sleep() and the loop around them; only while on a CPU */
proctype Policy()
{
	bit found;
	byte nr;

#ifndef AWAKE
	goto woken;
#endif
again:
	nr = 0;
	d_step { policy_on -> nr = nr + up[0]; down = down + up[0]; up[0] = 0 };
	d_step { policy_on -> nr = nr + up[1]; down = down + up[1]; up[1] = 0 };
	d_step { policy_on -> taken = taken + nr };
	d_step { policy_on -> rounds = (rounds + 1) % 4 };
	if
	:: nr ->
		nr = 0;
		d_step { policy_on -> policy_yields = 1; policy_on = 0 };
		goto again
	:: else
	fi;
#ifndef LOOK_THEN_SLEEP
	d_step { policy_on -> sleeping = 1 };
#endif
	d_step { policy_on -> found = up[0] > 0 };
	d_step { policy_on -> found = found || up[1] };
#ifdef LOOK_THEN_SLEEP
	d_step { policy_on -> sleeping = 1 };
#endif
	if
	:: found ->
		d_step { policy_on -> sleeping = 0 };
		goto again
	:: else
	fi;
	/* epoll_wait() */
	d_step { policy_on -> policy_blocks = !bell; policy_on = bell };
woken:
	policy_on;
	d_step { policy_on -> bell = 0 };
	d_step { policy_on -> sleeping = 0 };
	goto again
}

init
{
	atomic {
#ifdef AWAKE
		cur[0] = POLICY;
		policy_on = 1;
#else
		sleeping = 1;
		policy_asleep = 1;
#endif
		run Cpu(0);
		run Cpu(1);
		run Bell();
		run Policy();
		run Waker()
	};
	timeout; /* nothing can move any more */
	assert(!asks && !up[0] && !up[1] && !undecided && pushed == taken);
	assert(!down && !dsq[0] && !dsq[1] && !cur[0] && !cur[1]);
	assert(policy_asleep && !policy_in_dsq)
}
