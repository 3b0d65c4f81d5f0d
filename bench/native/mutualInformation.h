// Mattes mutual information, 32 bins: fixed image of order 0, moving image with cubic B-splines. Joint histogram (four copies) and
// derivative per sample.
#pragma once
#include "simd.h"

#define HS 40
EX void mi_hist(const float *f, const float *m, float *h, size_t i0, size_t i1) {
  const f4 c0 = {1.f / 6, 4.f / 6, 1.f / 6, 0}, c1 = {-.5f, 0, .5f, 0}, c2 = {.5f, -1, .5f, 0}, c3 = {-1.f / 6, .5f, -.5f, 1.f / 6};
  for (int i = 0; i < 4 * 32 * HS; i++)
    h[i] = 0;
  for (size_t i = i0; i + 4 <= i1; i += 4)
    for (int k = 0; k < 4; k++) {
      int fb = (int)(f[i + k] * 32.f);
      float mc = m[i + k] * 27.f + 2.f;
      int mb = (int)mc;
      float t = mc - mb;
      f4 w = c0 + t * (c1 + t * (c2 + t * c3));
      float *p = h + k * 32 * HS + fb * HS + mb;
      st4(p, ld4(p) + w);
    }
}
// per-sample derivative dMI/dm: T[fb][mb] = table; g = sum_k T * dB/dt * 27
EX void mi_grad(const float *f, const float *m, const float *T, float *g, size_t i0, size_t i1) {
  const f4 c1 = {-.5f, 0, .5f, 0}, c2 = {1, -2, 1, 0}, c3 = {-.5f, 1.5f, -1.5f, .5f};
  for (size_t i = i0; i < i1; i++) {
    int fb = (int)(f[i] * 32.f);
    float mc = m[i] * 27.f + 2.f;
    int mb = (int)mc;
    float t = mc - mb;
    f4 w = (c1 + t * (c2 + t * c3)) * ld4(T + fb * HS + mb);
    g[i] = 27.f * (w[0] + w[1] + w[2] + w[3]);
  }
}
