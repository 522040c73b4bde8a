/* Poseidon2 of width 8 or 16, eight states at once (spec 10-R01). */

#include "kernels.h"
#include "field.h"

#define MOST_WIDTH 16
#define FULL_ROUNDS 8
#define PARTIAL_ROUNDS 57

/* M = (5 7 1 3 / 4 6 1 1 / 1 3 5 7 / 1 1 4 6) on four elements; loose, no more than 16 times the greatest. */
INLINE void multiply_block(fe *s) {
  const fe t0 = add_loose(s[0], s[1]), t1 = add_loose(s[2], s[3]);
  const fe t2 = add_loose(add_loose(s[1], s[1]), t1), t3 = add_loose(add_loose(s[3], s[3]), t0);
  const fe d1 = add_loose(t1, t1), d0 = add_loose(t0, t0);
  s[3] = add_loose(add_loose(d1, d1), t3);
  s[1] = add_loose(add_loose(d0, d0), t2);
  s[0] = add_loose(t3, s[1]);
  s[2] = add_loose(t2, s[3]);
}

/* circ(2 M, M, ..., M), of elements < 2.5: what is summed is below 200 r < 2^262. */
INLINE void multiply_external(fe *s, int width) {
  fe sums[4];
  for (int i = 0; i < width; i += 4) {
    multiply_block(s + i);
    for (int j = 0; j < 4; j++) sums[j] = i ? add_loose(sums[j], s[i + j]) : s[i + j];
  }
  for (int i = 0; i < width; i++) s[i] = reduce(add_loose(s[i], sums[i % 4]));
}

/* (x + key)^5, for x < 3. */
INLINE fe raise(fe x, fe key) {
  x = add(x, key);
  return mul(square(square(x)), x);
}

INLINE fe read_key(const uint64_t *keys, int at) { return broadcast_element(keys + at * LIMBS); }

INLINE const uint64_t *full_rounds(fe *s, int width, const uint64_t *keys) {
  for (int round = 0; round < FULL_ROUNDS / 2; round++, keys += width * LIMBS) {
    for (int i = 0; i < width; i++) s[i] = raise(s[i], read_key(keys, i));
    multiply_external(s, width);
  }
  return keys;
}

/* The diagonal plus a matrix of ones. Elements stay < 2.5: a product and a sum, each < 1.2. */
INLINE const uint64_t *partial_rounds(fe *s, int width, const uint64_t *keys, const fe *diagonal) {
  for (int round = 0; round < PARTIAL_ROUNDS; round++, keys += LIMBS) {
    s[0] = raise(s[0], read_key(keys, 0));
    fe sum = s[0];
    for (int i = 1; i < width; i++) sum = add_loose(sum, s[i]);
    sum = reduce(sum);
    for (int i = 0; i < width; i++) s[i] = add(mul(s[i], diagonal[i]), sum);
  }
  return keys;
}

INLINE void permute(uint64_t *states, int width, const uint64_t *constants) {
  fe s[MOST_WIDTH], diagonal[MOST_WIDTH];
  for (int i = 0; i < width; i++) {
    diagonal[i] = read_key(constants, i);
    s[i] = load(states + i * WORDS, width * WORDS);
  }
  multiply_external(s, width);
  const uint64_t *keys = full_rounds(s, width, constants + width * LIMBS);
  keys = partial_rounds(s, width, keys, diagonal);
  full_rounds(s, width, keys);
  for (int i = 0; i < width; i++) store(states + i * WORDS, width * WORDS, s[i]);
}

void lanes_permute8(uint64_t *states, int64_t blocks, const uint64_t *constants) {
  for (int64_t i = 0; i < blocks; i++) permute(states + i * LANES * 8 * WORDS, 8, constants);
}

void lanes_permute16(uint64_t *states, int64_t blocks, const uint64_t *constants) {
  for (int64_t i = 0; i < blocks; i++) permute(states + i * LANES * 16 * WORDS, 16, constants);
}
