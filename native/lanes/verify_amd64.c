/* The check of eight signatures at once, each by itself: no sum over several, so no chance (spec 10-R04).

   The curve is -x^2 + y^2 = 1 + d x^2 y^2. -1 is a square and d is none, so the addition has no exceptions:
   small orders, doubling and the neutral element included. Coordinates are products, so < 2; what is multiplied
   is < 28 in all but is bounded line by line. */

#include "kernels.h"
#include "field.h"

#define KEY_WINDOW 4 /* bits of a digit of the challenge */
#define KEY_DIGITS 64
#define KEY_MULTIPLES 16
#define BASE_WINDOW 5 /* bits of a digit of the response */
#define BASE_DIGITS 51
#define BASE_MULTIPLES 32
#define BASE_ENTRY (3 * LIMBS) /* words of a multiple in the table of the base */

/* (X/Z, Y/Z) with T = XY/Z. */
typedef struct {
  fe x, y, z, t;
} point;

/* A point made ready to be added: Y+X, Y-X, 2d T, 2 Z. */
typedef struct {
  fe sum, difference, product, twice_z;
} addend;

INLINE point neutral(void) {
  const fe zero = {{_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(),
                    _mm512_setzero_si512()}};
  const fe one = broadcast_element(ONE);
  return (point){zero, one, one, zero};
}

/* add-2008-hwcd-3 of the Explicit-Formulas Database, with 2 Z1 Z2 given. */
INLINE point add_with(point p, fe sum, fe difference, fe product, fe d) {
  const fe a = mul(sub(p.y, p.x), difference); /* sub < 10 */
  const fe b = mul(add(p.y, p.x), sum);
  const fe c = mul(p.t, product);
  const fe e = sub(b, a), h = add(b, a);
  const fe f = sub(d, c), g = add(d, c); /* e, f < 14 */
  return (point){mul(e, f), mul(g, h), mul(f, g), mul(e, h)};
}

INLINE point add_point(point p, const addend *q) {
  return add_with(p, q->sum, q->difference, q->product, mul(p.z, q->twice_z));
}

/* dbl-2008-hwcd; T only where an addition follows. */
INLINE point twice(point p, int with_t) {
  const fe a = square(p.x), b = square(p.y), zz = square(p.z), s = square(add(p.x, p.y));
  const fe h = add(a, b), g = sub(b, a);
  const fe e = sub(s, h);                       /* 2 XY */
  const fe f = sub(g, reduce(add_loose(zz, zz))); /* g < 11, f < 19 */
  const fe n = sub(broadcast_element(R), h);    /* -(a + b) */
  return (point){mul(e, f), mul(g, n), mul(f, g), with_t ? mul(e, n) : p.t};
}

INLINE addend prepare(point p, fe twice_d) {
  return (addend){add(p.y, p.x), sub(p.y, p.x), mul(p.t, twice_d), add(p.z, p.z)};
}

/* Digits of 8 numbers, from the lowest. */
INLINE void split(const uint64_t *from, int64_t stride, int window, int count, uint64_t digits[][LANES]) {
  for (int lane = 0; lane < LANES; lane++, from += stride) {
    for (int i = 0; i < count; i++) {
      const int bit = i * window, word = bit / 64, shift = bit % 64;
      uint64_t v = from[word] >> shift;
      if (shift + window > 64 && word < 3) v |= from[word + 1] << (64 - shift);
      digits[i][lane] = v & ((1u << window) - 1);
    }
  }
}

/* Take, in each lane, that lane of the multiple that its digit names. */
INLINE addend pick(const addend *multiples, const uint64_t digit[LANES]) {
  const __m512i words = broadcast(sizeof(addend) / 8);
  const __m512i at = _mm512_add_epi64(_mm512_mullo_epi64(_mm512_loadu_si512(digit), words),
                                      _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7));
  addend q;
  fe *parts[4] = {&q.sum, &q.difference, &q.product, &q.twice_z};
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < LIMBS; j++)
      parts[i]->v[j] = _mm512_i64gather_epi64(at, (const long long *)multiples + (i * LIMBS + j) * LANES, 8);
  return q;
}

/* [c]A of each lane. */
static point multiply_key(fe x, fe y, const uint64_t *challenge, int64_t stride, fe twice_d) {
  uint64_t digits[KEY_DIGITS][LANES];
  addend multiples[KEY_MULTIPLES];
  const point first = {x, y, broadcast_element(ONE), mul(x, y)};
  point p = neutral();
  split(challenge, stride, KEY_WINDOW, KEY_DIGITS, digits);
  multiples[0] = prepare(p, twice_d);
  multiples[1] = prepare(first, twice_d);
  p = first;
  for (int i = 2; i < KEY_MULTIPLES; i++) {
    p = add_point(p, &multiples[1]);
    multiples[i] = prepare(p, twice_d);
  }
  p = neutral();
  for (int i = KEY_DIGITS - 1; i >= 0; i--) {
    for (int j = 0; j < KEY_WINDOW; j++) p = twice(p, j == KEY_WINDOW - 1);
    const addend q = pick(multiples, digits[i]);
    p = add_point(p, &q);
  }
  return p;
}

/* p - [s]B, with a table that has all multiples of -B that a digit can name, affine. */
static point add_base(point p, const uint64_t *response, int64_t stride, const uint64_t *base) {
  uint64_t digits[BASE_DIGITS][LANES];
  split(response, stride, BASE_WINDOW, BASE_DIGITS, digits);
  for (int i = 0; i < BASE_DIGITS; i++, base += BASE_MULTIPLES * BASE_ENTRY) {
    const __m512i at = _mm512_mullo_epi64(_mm512_loadu_si512(digits[i]), broadcast(BASE_ENTRY));
    fe parts[3];
    for (int j = 0; j < BASE_ENTRY; j++)
      parts[j / LIMBS].v[j % LIMBS] = _mm512_i64gather_epi64(at, (const long long *)base + j, 8);
    p = add_with(p, parts[0], parts[1], parts[2], add(p.z, p.z));
  }
  return p;
}

void lanes_verify(const struct lanes_claim *claims, int64_t blocks, const uint64_t *base, const uint64_t *twice_d,
                  uint8_t *valid) {
  const int64_t stride = sizeof(*claims) / 8;
  const fe d2 = broadcast_element(twice_d);
  for (int64_t block = 0; block < blocks; block++, claims += LANES, valid += LANES) {
    point p = multiply_key(load(claims->key, stride), load(claims->key + WORDS, stride), claims->challenge, stride, d2);
    const fe x = load(claims->r, stride), y = load(claims->r + WORDS, stride);
    p = add_with(p, add(y, x), sub(y, x), mul(mul(x, y), d2), add(p.z, p.z));
    p = add_base(p, claims->response, stride, base);
    for (int i = 0; i < 3; i++) p = twice(p, 0);
    const __mmask8 holds = is_zero(p.x) & is_zero(sub(p.y, p.z));
    for (int lane = 0; lane < LANES; lane++) valid[lane] = holds >> lane & 1;
  }
}
