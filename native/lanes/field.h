/* Eight elements of BN254's scalar field side by side: AVX-512 with 52-bit multiplication (IFMA).

   An element is five limbs of 52 bits, least first, each a vector with one lane an element, in Montgomery form
   with the factor 2^260. Elements are not kept below r: "< k" in what follows means below k r. A limb is below
   2^52 but where it says "loose". A product needs factors whose bounds multiply to no more than 2^260 / r = 84
   times what is wanted over 1: mul(< a, < b) < 1 + a b / 84. */

#ifndef MILETUS_LANES_FIELD_H
#define MILETUS_LANES_FIELD_H

#include <immintrin.h>
#include <stdint.h>

#define LANES 8
#define LIMBS 5
#define LIMB_BITS 52
#define WORDS 4 /* of 64 bits, in an element as gnark-crypto keeps it: Montgomery form with the factor 2^256 */

typedef struct {
  __m512i v[LIMBS];
} fe;

static const uint64_t R[LIMBS] = {0x1f593f0000001, 0x4879b9709143e, 0x181585d2833e8, 0xa029b85045b68, 0x30644e72e131};
static const uint64_t R_INVERSE = 0x1f593efffffff;     /* -1 / r mod 2^52 */
static const uint64_t R_RECIPROCAL = 0x15291d18988e8;  /* 2^302 / r, rounded down */
static const uint64_t TO_LANES[LIMBS] = {0x31f8c9ffffab6, 0xac31329faef6e, 0x9e2a3495d7570, 0xe357276f48b70,
                                         0xd791464ef86}; /* 2^264 mod r */
static const uint64_t FROM_LANES[LIMBS] = {0x6341c4ffffffb, 0x959f60cd29ac9, 0x879462e36fc76, 0xdf2f666ea36f7,
                                           0xe0a77c19a07}; /* 2^256 mod r */
static const uint64_t ONE[LIMBS] = {0xb6b753fffffac, 0x380f271055b9d, 0x18f016ecef7c8, 0x724f85a9201d8,
                                    0x1f16424e1bb7}; /* 2^260 mod r */

#define INLINE static inline __attribute__((always_inline, unused))

INLINE __m512i broadcast(uint64_t x) { return _mm512_set1_epi64((long long)x); }

INLINE fe broadcast_element(const uint64_t limbs[LIMBS]) {
  fe x;
  for (int i = 0; i < LIMBS; i++) x.v[i] = broadcast(limbs[i]);
  return x;
}

/* Carry what a limb has over 52 bits to the next; limbs may be negative as long as the sum is not. */
INLINE fe carry(fe x) {
  const __m512i mask = broadcast(((uint64_t)1 << LIMB_BITS) - 1);
  for (int i = 0; i < LIMBS - 1; i++) {
    x.v[i + 1] = _mm512_add_epi64(x.v[i + 1], _mm512_srai_epi64(x.v[i], LIMB_BITS));
    x.v[i] = _mm512_and_epi64(x.v[i], mask);
  }
  return x;
}

/* Sum with loose limbs. */
INLINE fe add_loose(fe a, fe b) {
  for (int i = 0; i < LIMBS; i++) a.v[i] = _mm512_add_epi64(a.v[i], b.v[i]);
  return a;
}

INLINE fe add(fe a, fe b) { return carry(add_loose(a, b)); }

/* a - b + 8 r, for b < 8. */
INLINE fe sub(fe a, fe b) {
  for (int i = 0; i < LIMBS; i++)
    a.v[i] = _mm512_add_epi64(_mm512_sub_epi64(a.v[i], b.v[i]), broadcast(8 * R[i]));
  return carry(a);
}

/* A product in Montgomery form. Accumulators stay below 2^57: at most ten parts of 52 bits a round. */
INLINE fe mul(fe a, fe b) {
  const __m512i zero = _mm512_setzero_si512(), inverse = broadcast(R_INVERSE);
  const fe r = broadcast_element(R);
  fe z = {{zero, zero, zero, zero, zero}};
#pragma GCC unroll 5
  for (int i = 0; i < LIMBS; i++) {
    const __m512i factor = b.v[i];
#pragma GCC unroll 5
    for (int j = 0; j < LIMBS; j++) z.v[j] = _mm512_madd52lo_epu64(z.v[j], a.v[j], factor);
    const __m512i q = _mm512_madd52lo_epu64(zero, z.v[0], inverse);
#pragma GCC unroll 5
    for (int j = 0; j < LIMBS; j++) z.v[j] = _mm512_madd52lo_epu64(z.v[j], q, r.v[j]);
    const __m512i over = _mm512_srli_epi64(z.v[0], LIMB_BITS); /* the rest of this limb is 0 now */
#pragma GCC unroll 4
    for (int j = 0; j < LIMBS - 1; j++) z.v[j] = z.v[j + 1];
    z.v[0] = _mm512_add_epi64(z.v[0], over);
    z.v[LIMBS - 1] = zero;
#pragma GCC unroll 5
    for (int j = 0; j < LIMBS; j++)
      z.v[j] = _mm512_madd52hi_epu64(_mm512_madd52hi_epu64(z.v[j], a.v[j], factor), q, r.v[j]);
  }
  return carry(z);
}

INLINE fe square(fe a) { return mul(a, a); }

/* The same modulo r, below 1.1, of an element with loose limbs below 2^262. */
INLINE fe reduce(fe x) {
  x = carry(x);
  const __m512i zero = _mm512_setzero_si512();
  const __m512i high = _mm512_srli_epi64(x.v[LIMBS - 1], 250 - 4 * LIMB_BITS);
  const __m512i q = _mm512_madd52hi_epu64(zero, high, broadcast(R_RECIPROCAL)); /* x / r, or up to 1.1 less */
  __m512i over = zero;
  for (int i = 0; i < LIMBS; i++) {
    x.v[i] = _mm512_sub_epi64(x.v[i], _mm512_madd52lo_epu64(over, q, broadcast(R[i])));
    over = _mm512_madd52hi_epu64(zero, q, broadcast(R[i]));
  }
  x.v[LIMBS - 1] = _mm512_sub_epi64(x.v[LIMBS - 1], _mm512_slli_epi64(over, LIMB_BITS)); /* x has more than 5 limbs */
  return carry(x);
}

/* The one representative below r, of an element below 2 r. */
INLINE fe finish(fe x) {
  fe less;
  for (int i = 0; i < LIMBS; i++) less.v[i] = _mm512_sub_epi64(x.v[i], broadcast(R[i]));
  less = carry(less);
  const __mmask8 small = _mm512_movepi64_mask(less.v[LIMBS - 1]); /* negative: x < r */
  for (int i = 0; i < LIMBS; i++) less.v[i] = _mm512_mask_mov_epi64(less.v[i], small, x.v[i]);
  return less;
}

/* Lanes in which an element is 0 modulo r. */
INLINE __mmask8 is_zero(fe x) {
  x = finish(reduce(x));
  __m512i any = x.v[0];
  for (int i = 1; i < LIMBS; i++) any = _mm512_or_epi64(any, x.v[i]);
  return _mm512_testn_epi64_mask(any, any);
}

/* Read the element at `from` in each lane; lanes are `stride` words of 64 bits apart. */
INLINE fe load(const uint64_t *from, int64_t stride) {
  const __m512i places = _mm512_mullo_epi64(broadcast((uint64_t)stride), _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7));
  const __m512i mask = broadcast(((uint64_t)1 << LIMB_BITS) - 1);
  __m512i w[WORDS];
  for (int i = 0; i < WORDS; i++) w[i] = _mm512_i64gather_epi64(places, (const long long *)(from + i), 8);
  fe x;
  x.v[0] = _mm512_and_epi64(w[0], mask);
  x.v[1] = _mm512_and_epi64(_mm512_or_epi64(_mm512_srli_epi64(w[0], 52), _mm512_slli_epi64(w[1], 12)), mask);
  x.v[2] = _mm512_and_epi64(_mm512_or_epi64(_mm512_srli_epi64(w[1], 40), _mm512_slli_epi64(w[2], 24)), mask);
  x.v[3] = _mm512_and_epi64(_mm512_or_epi64(_mm512_srli_epi64(w[2], 28), _mm512_slli_epi64(w[3], 36)), mask);
  x.v[4] = _mm512_srli_epi64(w[3], 16);
  return mul(x, broadcast_element(TO_LANES));
}

/* Write what `load` reads; < 8. */
INLINE void store(uint64_t *to, int64_t stride, fe x) {
  const __m512i places = _mm512_mullo_epi64(broadcast((uint64_t)stride), _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7));
  x = finish(mul(x, broadcast_element(FROM_LANES)));
  __m512i w[WORDS];
  w[0] = _mm512_or_epi64(x.v[0], _mm512_slli_epi64(x.v[1], 52));
  w[1] = _mm512_or_epi64(_mm512_srli_epi64(x.v[1], 12), _mm512_slli_epi64(x.v[2], 40));
  w[2] = _mm512_or_epi64(_mm512_srli_epi64(x.v[2], 24), _mm512_slli_epi64(x.v[3], 28));
  w[3] = _mm512_or_epi64(_mm512_srli_epi64(x.v[3], 36), _mm512_slli_epi64(x.v[4], 16));
  for (int i = 0; i < WORDS; i++) _mm512_i64scatter_epi64((long long *)(to + i), places, w[i], 8);
}

#endif
