#pragma once
/* Sixteen bytes at a time, for the inner loops over heads: Swift's own vectors have no way to get a
   bit for each byte that an optimiser would not take apart. Bit n of an answer is about byte n. A
   processor without SSE2 goes through the bytes one by one. */
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>

typedef __m128i methodgate_bytes;

static inline methodgate_bytes methodgate_load(const uint8_t *bytes) {
  return _mm_loadu_si128((const __m128i *)bytes);
}
static inline methodgate_bytes methodgate_up_to(methodgate_bytes bytes, uint8_t last) {
  return _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8((char)last)), bytes);
}
static inline methodgate_bytes methodgate_equal(methodgate_bytes bytes, uint8_t byte) {
  return _mm_cmpeq_epi8(bytes, _mm_set1_epi8((char)byte));
}
static inline methodgate_bytes methodgate_either(methodgate_bytes a, methodgate_bytes b) {
  return _mm_or_si128(a, b);
}
/* Letters, with the case bit set, less `a`: at most 25. */
static inline methodgate_bytes methodgate_letters(methodgate_bytes bytes) {
  __m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
  return methodgate_up_to(_mm_sub_epi8(folded, _mm_set1_epi8(0x61)), 25);
}
static inline uint32_t methodgate_bits(methodgate_bytes found) {
  return (uint32_t)_mm_movemask_epi8(found);
}
#else
typedef struct {
  uint8_t at[16];
} methodgate_bytes;

#define METHODGATE_EACH(TEST)               \
  methodgate_bytes found;                   \
  for (int n = 0; n < 16; n++) {            \
    found.at[n] = (TEST) ? 0xff : 0;        \
  }                                         \
  return found

static inline methodgate_bytes methodgate_load(const uint8_t *bytes) {
  methodgate_bytes loaded;
  for (int n = 0; n < 16; n++) loaded.at[n] = bytes[n];
  return loaded;
}
static inline methodgate_bytes methodgate_up_to(methodgate_bytes bytes, uint8_t last) {
  METHODGATE_EACH(bytes.at[n] <= last);
}
static inline methodgate_bytes methodgate_equal(methodgate_bytes bytes, uint8_t byte) {
  METHODGATE_EACH(bytes.at[n] == byte);
}
static inline methodgate_bytes methodgate_either(methodgate_bytes a, methodgate_bytes b) {
  METHODGATE_EACH(a.at[n] | b.at[n]);
}
static inline methodgate_bytes methodgate_letters(methodgate_bytes bytes) {
  METHODGATE_EACH((uint8_t)((bytes.at[n] | 0x20) - 0x61) <= 25);
}
static inline uint32_t methodgate_bits(methodgate_bytes found) {
  uint32_t bits = 0;
  for (int n = 0; n < 16; n++) bits |= (uint32_t)(found.at[n] & 1) << n;
  return bits;
}
#undef METHODGATE_EACH
#endif

static inline uint32_t methodgate_find_equal(const uint8_t *bytes, uint8_t byte) {
  return methodgate_bits(methodgate_equal(methodgate_load(bytes), byte));
}
/* Control bytes: below 0x20, and 0x7f. */
static inline uint32_t methodgate_find_controls(const uint8_t *bytes) {
  methodgate_bytes all = methodgate_load(bytes);
  return methodgate_bits(
      methodgate_either(methodgate_up_to(all, 0x1f), methodgate_equal(all, 0x7f)));
}
/* What may not stand in a request target: controls, space and `#`. */
static inline uint32_t methodgate_find_ends_of_target(const uint8_t *bytes) {
  methodgate_bytes all = methodgate_load(bytes);
  methodgate_bytes low = methodgate_either(methodgate_up_to(all, 0x20), methodgate_equal(all, 0x7f));
  return methodgate_bits(methodgate_either(low, methodgate_equal(all, 0x23)));
}
/* What ends a path: the same and `?`. */
static inline uint32_t methodgate_find_ends_of_path(const uint8_t *bytes) {
  methodgate_bytes all = methodgate_load(bytes);
  methodgate_bytes low = methodgate_either(methodgate_up_to(all, 0x20), methodgate_equal(all, 0x7f));
  methodgate_bytes marks = methodgate_either(methodgate_equal(all, 0x23), methodgate_equal(all, 0x3f));
  return methodgate_bits(methodgate_either(low, marks));
}
/* Everything but letters and `-`, of which most field names are made. */
static inline uint32_t methodgate_find_unusual_in_name(const uint8_t *bytes) {
  methodgate_bytes all = methodgate_load(bytes);
  return methodgate_bits(methodgate_either(methodgate_letters(all), methodgate_equal(all, 0x2d))) ^
         0xffff;
}
