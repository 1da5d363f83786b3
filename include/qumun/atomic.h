/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Loads and stores on memory that both halves map. One set of names for both:
 * qumun_load_acquire() pairs with qumun_store_release() on the other side.
 *
 * clang's BPF backend has no acquire and release instructions that every supported kernel
 * accepts, so the BPF half uses volatile accesses between compiler barriers. That is enough on
 * x86-64, where stores are not reordered with older loads or stores; the one place that needs a
 * store ordered before a later load (work flag against sleep flag) uses qumun_swap(), a full
 * barrier on every machine. Another architecture must give the BPF half its own versions here.
 */
#ifndef QUMUN_ATOMIC_H
#define QUMUN_ATOMIC_H

#ifdef __bpf__

#ifndef __TARGET_ARCH_x86
#error "the BPF half's release and acquire are written for x86-64 only"
#endif

#define qumun_barrier() asm volatile("" ::: "memory")
#define qumun_load(p) (*(const volatile typeof(*(p)) *)(p))
#define qumun_store(p, v) (*(volatile typeof(*(p)) *)(p) = (v))
#define qumun_load_acquire(p)                       \
	({                                          \
		__auto_type ___v = qumun_load(p);   \
		qumun_barrier();                    \
		___v;                               \
	})
#define qumun_store_release(p, v)  \
	do {                       \
		qumun_barrier();   \
		qumun_store(p, v); \
	} while (0)
#define qumun_swap(p, v) __sync_lock_test_and_set(p, v)
#define qumun_cas(p, old, new) __sync_bool_compare_and_swap(p, old, new)
#define qumun_add(p, v) ((void)__sync_fetch_and_add(p, v))

#else

#define qumun_load(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define qumun_store(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define qumun_load_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define qumun_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define qumun_swap(p, v) __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define qumun_cas(p, old, new)                                                          \
	({                                                                              \
		__typeof__(*(p)) ___o = (old);                                          \
		__atomic_compare_exchange_n(p, &___o, new, 0, __ATOMIC_SEQ_CST,         \
					    __ATOMIC_SEQ_CST);                          \
	})
#define qumun_add(p, v) ((void)__atomic_fetch_add(p, v, __ATOMIC_RELAXED))

#endif
#endif
