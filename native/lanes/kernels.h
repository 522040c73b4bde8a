/* What Go calls. Elements are as gnark-crypto keeps them, eight of each a block; constants and tables are limbs
   as field.h has them (lanes.go makes them). No call checks if the processor has what it needs: lanes.go does. */

#ifndef MILETUS_LANES_KERNELS_H
#define MILETUS_LANES_KERNELS_H

#include <stdint.h>

/* Permute `blocks` x 8 states in place. Constants: diagonal, then the keys of each round. */
void lanes_permute8(uint64_t *states, int64_t blocks, const uint64_t *constants);
void lanes_permute16(uint64_t *states, int64_t blocks, const uint64_t *constants);

/* Permute one state of width 8 in place. */
void lanes_permute_one(uint64_t *state, const uint64_t *constants);

/* Raise `blocks` x 8 elements to the power whose 4-bit digits are given, the highest first. */
void lanes_power(uint64_t *elements, int64_t blocks, const uint8_t *digits, int64_t count);

/* A claim of a signature: [8]([s]B - R - [c]A) is the neutral element. Points are affine, x then y. */
struct lanes_claim {
  uint64_t r[8], key[8];
  uint64_t response[4], challenge[4]; /* integers below 2^255 and 2^256 */
};

/* Write 1 for each of `blocks` x 8 claims that holds, else 0. `base` is the table of -B (curve.go). */
void lanes_verify(const struct lanes_claim *claims, int64_t blocks, const uint64_t *base, const uint64_t *twice_d,
                  uint8_t *valid);

#endif
