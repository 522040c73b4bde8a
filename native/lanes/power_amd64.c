/* A power of eight elements, by windows of 4 bits: the exponent is the same for all, and no secret. */

#include "kernels.h"
#include "field.h"

#define WINDOW 16

void lanes_power(uint64_t *elements, int64_t blocks, const uint8_t *digits, int64_t count) {
  for (int64_t block = 0; block < blocks; block++, elements += LANES * WORDS) {
    fe powers[WINDOW];
    powers[0] = broadcast_element(ONE);
    powers[1] = load(elements, WORDS);
    for (int i = 2; i < WINDOW; i++) powers[i] = mul(powers[i - 1], powers[1]);
    fe x = powers[digits[0]];
    for (int64_t i = 1; i < count; i++) {
      for (int j = 0; j < 4; j++) x = square(x);
      if (digits[i]) x = mul(x, powers[digits[i]]);
    }
    store(elements, WORDS, x);
  }
}
