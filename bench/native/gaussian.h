// Separable Gaussian of radius R (replicated border): a ring of 2R + 1 planes filtered along y and x, then combined along z.
#pragma once
#include "simd.h"

EX size_t gauss_ws(int H, int W, int R) { return (size_t)(2 * R + 1) * H * W + W + 2 * R + 4 * VL + 64; }
EX void gauss3(const float *in, float *out, int D, int H, int W, const float *w, int R, int z0, int z1, float *ws) {
  const int HW = H * W, K = 2 * R + 1;
  float *ring = ws, *row = ws + (size_t)K * HW + 16;
  int done = z0 - R; // next plane index to compute
  for (int z = z0; z < z1; z++) {
    for (; done <= z + R; done++) {
      if (done < 0 || done >= D)
        continue;
      const float *p = in + (size_t)done * HW;
      float *q = ring + (size_t)(done % K) * HW;
      for (int y = 0; y < H; y++) {
        const float *rp[33];
        for (int k = 0; k < K; k++) {
          int yy = y + k - R;
          yy = yy < 0 ? 0 : yy >= H ? H - 1 : yy;
          rp[k] = p + yy * W;
        }
        float *c = row + R;
        for (int x = 0; x < W; x += VL) {
          vf s = ld(rp[R] + x) * w[0];
          for (int k = 1; k <= R; k++)
            s += w[k] * (ld(rp[R - k] + x) + ld(rp[R + k] + x));
          st(c + x, s);
        }
        float l = c[0], r = c[W - 1];
        for (int k = 1; k <= R; k++) {
          c[-k] = l;
          c[W - 1 + k] = r;
        }
        float *o = q + y * W;
        for (int x = 0; x < W; x += VL) {
          vf s = ld(c + x) * w[0];
          for (int k = 1; k <= R; k++)
            s += w[k] * (ld(c + x - k) + ld(c + x + k));
          st(o + x, s);
        }
      }
    }
    const float *rp[33];
    for (int k = 0; k < K; k++) {
      int zz = z + k - R;
      zz = zz < 0 ? 0 : zz >= D ? D - 1 : zz;
      rp[k] = ring + (size_t)(zz % K) * HW;
    }
    float *o = out + (size_t)z * HW;
    for (int x = 0; x < HW; x += VL) {
      vf s = ld(rp[R] + x) * w[0];
      for (int k = 1; k <= R; k++)
        s += w[k] * (ld(rp[R - k] + x) + ld(rp[R + k] + x));
      st(o + x, s);
    }
  }
}
