/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Custody of a queued task, for spin: bpf/custody.bpf.h (C) between the kernel (K) and the
 * policy (E: engine/engine.c). One task, because custody is a matter of one task; two CPUs that
 * drain the policy's answers; a task that is asked about, taken off its queue and put back, runs
 * and stops; and one that is taken back from a silent policy.
 *
 * Checked in every interleaving:
 *   - the kernel gets the task at most once for each time it was made runnable
 *   - nothing is left when nothing can move any more: no task that waits for an answer which
 *     nobody will give, no task that no queue holds
 *   - then `undecided` is 0. (A bit too many in the bitmap is harmless: take-back finds the word
 *     not QUEUED. A bit too few would lose the task of a dead policy, and shows as left.)
 *
 * The switches take one step away; what run.sh runs, and what must come out:
 *
 * run (short): holds -DASKS=2
 * run (short): fails -DASKS=2 -DCANCEL_WITHOUT_CAS
 * run (short): fails -DASKS=2 -DNO_REMARK
 * run (short): fails -DASKS=2 -DNO_CLAIM
 * run (short): fails -DASKS=2 -DRECORD_BY_STORE
 * run (long): holds -DASKS=3
 */
#ifndef ASKS
#define ASKS 3 /* times the task is made runnable */
#endif

/* the custody word: the state, and the generation that belongs to it */
#define NONE 0
#define QUEUED 1
#define DISPATCHED 2
byte q_gen, q_state;
byte rec_gen, rec_state; /* the record's copy, which the policy reads */
bit queued_bit;
short undecided;

/* the kernel's p->scx.ops_state, with its sequence number */
#define OPS_NONE 0
#define OPS_QUEUEING 1
#define OPS_QUEUED 2
byte ops_state, qseq, given_seq;
bit in_dsq, running;

bit drain_lock;
chan up = [ASKS] of { byte };
chan down = [2 * ASKS] of { byte };
byte asks = ASKS;

/* C: mark_queued() and unmark_queued() are one atomic operation each */

/* C: end_asking() */
inline end_asking()
{
	queued_bit = 0;
#ifndef NO_REMARK
	is = (q_state == QUEUED);
	if
	:: is -> queued_bit = 1
	:: else
	fi;
#endif
	undecided--
}

/* C: cancel_asking() */
inline cancel_asking()
{
	d_step {
		gen = q_gen;
		won = (q_state == QUEUED)
	}
	if
	:: won ->
#ifndef CANCEL_WITHOUT_CAS
		d_step {
			won = (q_state == QUEUED && q_gen == gen);
			if
			:: won -> q_state = NONE
			:: else
			fi
		}
#endif
		if
		:: won -> end_asking()
		:: else
		fi
	:: else
	fi
}

/*
 * K: the insertion is stamped with the task's sequence number when dispatch() makes it, and
 * honoured when the buffer is flushed if the stamp still holds.
 */
inline insert_and_flush()
{
	stamp = qseq;
	is = (q_gen == gen && q_state == DISPATCHED);
	if
	:: is ->
		atomic {
			ops_state != OPS_QUEUEING ->
			if
			:: ops_state == OPS_QUEUED && qseq == stamp ->
				assert(given_seq != stamp);
				given_seq = stamp;
				ops_state = OPS_NONE;
				in_dsq = 1
			:: else
			fi
		}
	:: else /* scx_bpf_dispatch_cancel() */
	fi
}

/* C: apply_one() */
inline apply(g)
{
	d_step {
		won = (q_gen == g && q_state == QUEUED);
#ifndef NO_CLAIM
		if
		:: won -> q_state = DISPATCHED
		:: else
		fi
#endif
	}
	if
	:: won ->
#ifdef NO_CLAIM
		q_state = DISPATCHED;
#endif
		end_asking();
		insert_and_flush()
	:: else
	fi
}

/* C: take_back_one(): the next generation, so that the policy's answer is late */
inline take_back(g)
{
	d_step {
		won = (q_gen == g && q_state == QUEUED);
		if
		:: won -> q_state = DISPATCHED; q_gen++; gen = q_gen
		:: else
		fi
	}
	if
	:: won ->
		end_asking();
		d_step {
			if
#ifdef RECORD_BY_STORE
			:: rec_gen = gen; rec_state = DISPATCHED
#else
			:: rec_gen == g && rec_state == QUEUED -> rec_gen = gen; rec_state = DISPATCHED
			:: else
#endif
			fi
		}
		insert_and_flush()
	:: else
	fi
}

/* K: the task becomes runnable, is taken off and put back, runs, stops; its runqueue is locked */
proctype Task()
{
	byte gen;
	bit won, is;

	do
	:: atomic { asks && !running && ops_state != OPS_QUEUEING -> /* also off a queue */
		asks--;
		in_dsq = 0;
		ops_state = OPS_QUEUEING;
		qseq++ };
		/* M: gthulhu_enqueue() */
		cancel_asking();
		/* C: ask_policy() */
		d_step {
			q_gen++;
			gen = q_gen;
			q_state = QUEUED
		}
		d_step {
			rec_gen = gen;
			rec_state = QUEUED
		}
		queued_bit = 1;
		undecided++;
		up!gen;
		ops_state = OPS_QUEUED
	:: atomic { in_dsq -> in_dsq = 0; running = 1 };
		/* account_running(): some tasks never pass enqueue */
		cancel_asking();
		d_step {
			q_state = NONE;
			rec_state = NONE
		}
		running = 0
	:: atomic { !asks && !in_dsq && ops_state == OPS_NONE -> break }
	od
}

/* E: the policy answers every question, one of them twice; or it falls silent */
proctype Policy()
{
	byte g;

	do
	:: atomic { up?g ->
		/* take_ask() believes the record: it must not deny a question that stands */
		assert(q_gen != g || q_state != QUEUED || (rec_gen == g && rec_state == QUEUED)) };
		if
		:: down!g
		:: down!g; down!g
		:: break /* silent from here on */
		fi
	od
}

/* C: drain_answers() */
proctype Cpu()
{
	byte g, gen, stamp;
	bit won, is;

	do
	:: nempty(down) ->
		atomic { !drain_lock -> drain_lock = 1 };
		if
		:: down?g -> gen = g; apply(g)
		:: empty(down)
		fi;
		drain_lock = 0
	od
}

/* C: take_back_one() of a task that the bitmap names; the policy is late or dead */
proctype Autopilot()
{
	byte g, gen, stamp;
	bit won, is;

	do
	:: atomic { queued_bit && q_state == QUEUED -> g = q_gen };
		take_back(g)
	od
}

init
{
	atomic {
		run Task();
		run Policy();
		run Cpu();
		run Cpu();
		run Autopilot()
	};
	timeout; /* nothing can move any more */
	assert(!asks && ops_state == OPS_NONE && !in_dsq && !running);
	assert(q_state != QUEUED && undecided == 0)
}
