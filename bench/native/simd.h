// Vectors of VL floats by the compilers' vector extension: VL = 8 for g++ (AVX2 shapes), 16 for clang++ (AVX-512 shapes),
// the fastest choice of each. The bench takes the better of the builds it has.
#pragma once
#include <stddef.h>
#include <stdint.h>
#ifndef VL
#define VL 8
#endif
#define INL static inline __attribute__((always_inline))
#define EX static __attribute__((unused, noinline))
typedef float vf __attribute__((vector_size(VL * 4)));
typedef int32_t vi __attribute__((vector_size(VL * 4)));
typedef float f4 __attribute__((vector_size(16)));
typedef float vfu __attribute__((vector_size(VL * 4), aligned(4), may_alias));
typedef float f4u __attribute__((vector_size(16), aligned(4), may_alias));
INL vf ld(const float *p) { return *(const vfu *)p; }
INL void st(float *p, vf v) { *(vfu *)p = v; }
INL f4 ld4(const float *p) { return *(const f4u *)p; }
INL void st4(float *p, f4 v) { *(f4u *)p = v; }
INL vf bc(float x) {
  vf z = {};
  return z + x;
}
INL float hsum(vf v) {
  float s = 0;
  for (int i = 0; i < VL; i++)
    s += v[i];
  return s;
}
