// sum(exp(a b + c)) in one pass.
#pragma once
#include "simd.h"

INL vf vexp(vf x) {
  vf t = x * 1.44269504088896341f;
  vf hi = bc(127.f), lo = bc(-126.f);
  t = t > hi ? hi : t;
  t = t < lo ? lo : t;
  vf m = t + 12582912.f;
  vi mi = (vi)m - (vi)bc(12582912.f);
  vf nf = __builtin_convertvector(mi, vf);
  vf f = t - nf;
  vf p = bc(1.33336498402e-3f);
  p = p * f + 9.61793571889e-3f;
  p = p * f + 5.55040986e-2f;
  p = p * f + 0.240226507f;
  p = p * f + 0.693147182f;
  p = p * f + 1.f;
  vi e = (mi + 127) << 23;
  return p * (vf)e;
}
EX double expchain(const float *a, const float *b, const float *c, size_t i0, size_t i1) {
  double tot = 0;
  for (size_t i = i0; i < i1;) {
    size_t e = i + 65536 < i1 ? i + 65536 : i1;
    vf s0 = bc(0), s1 = bc(0);
    for (; i + 2 * VL <= e; i += 2 * VL) {
      s0 += vexp(ld(a + i) * ld(b + i) + ld(c + i));
      s1 += vexp(ld(a + i + VL) * ld(b + i + VL) + ld(c + i + VL));
    }
    tot += hsum(s0 + s1);
    if (i < e)
      break;
  }
  return tot;
}
