/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Loads and stores on memory that both halves map. One set of names for both:
 * shm_load_acquire() pairs with shm_store_release() on the other side.
 *
 * clang's BPF backend has no acquire and release instructions that every supported kernel
 * accepts, so the BPF half uses volatile accesses between compiler barriers. That is enough on
 * x86-64, where stores are not reordered with older loads or stores; the one place that needs a
 * store ordered before a later load (asks against sleep flag) uses an atomic operation, a full
 * barrier on every machine. Another architecture must give the BPF half its own versions here.
 */
#ifndef QUMUN_ATOMIC_H
#define QUMUN_ATOMIC_H

#ifdef __bpf__

#ifndef __TARGET_ARCH_x86
#error "the BPF half's release and acquire are written for x86-64 only"
#endif

#define shm_barrier() asm volatile("" ::: "memory")
#define shm_load(p) (*(const volatile typeof(*(p)) *)(p))
#define shm_store(p, v) (*(volatile typeof(*(p)) *)(p) = (v))
#define shm_load_acquire(p)                                                              \
	({                                                                               \
		__auto_type ___v = shm_load(p);                                          \
		shm_barrier();                                                           \
		___v;                                                                    \
	})
#define shm_store_release(p, v)                                                          \
	do {                                                                             \
		shm_barrier();                                                           \
		shm_store(p, v);                                                         \
	} while (0)
#define shm_swap(p, v) __sync_lock_test_and_set(p, v)
#define shm_cas(p, old, new) __sync_bool_compare_and_swap(p, old, new)
#define shm_add(p, v) ((void)__sync_fetch_and_add(p, v))

#else

#define shm_load(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define shm_store(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define shm_load_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define shm_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define shm_swap(p, v) __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define shm_cas(p, old, new)                                                             \
	({                                                                               \
		__typeof__(*(p)) ___o = (old);                                           \
		__atomic_compare_exchange_n(p, &___o, new, 0, __ATOMIC_SEQ_CST,          \
					    __ATOMIC_SEQ_CST);                           \
	})
#define shm_add(p, v) ((void)__atomic_fetch_add(p, v, __ATOMIC_RELAXED))

#endif
#endif
