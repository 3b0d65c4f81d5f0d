// Complex FFT: Stockham radix 4 and 2, VL sequences at once in the lanes, real and imaginary parts split in scratch.
#pragma once
#include "simd.h"

// tw: interleaved cos,sin of exp(-2 pi i k/n), k<n. dir=+1 forward, -1 inverse (unscaled)
INL void fftlanes(float *a, float *b, int n, const float *tw, float dir, float **res) { // a,b: [n][2][VL]
  float *x = a, *y = b;
  int l = n, m = 1; // l = current length, m = stride
  while (l > 1) {
    if ((l & 3) == 0) {
      int q = l >> 2;
      for (int p = 0; p < q; p++) {
        int k = p * m;
        float w1r = tw[2 * k], w1i = dir * tw[2 * k + 1], w2r = tw[4 * k], w2i = dir * tw[4 * k + 1], w3r = tw[6 * k],
              w3i = dir * tw[6 * k + 1];
        for (int j = 0; j < m; j++) {
          const float *x0 = x + (size_t)(j + m * p) * 2 * VL, *x1 = x0 + (size_t)m * q * 2 * VL, *x2 = x1 + (size_t)m * q * 2 * VL,
                      *x3 = x2 + (size_t)m * q * 2 * VL;
          vf ar = ld(x0), ai = ld(x0 + VL), br = ld(x1), bi = ld(x1 + VL), cr = ld(x2), ci = ld(x2 + VL), dr = ld(x3), di = ld(x3 + VL);
          vf s0r = ar + cr, s0i = ai + ci, s1r = ar - cr, s1i = ai - ci, s2r = br + dr, s2i = bi + di, s3r = (br - dr) * dir,
             s3i = (bi - di) * dir; // -i*dir*(b-d)
          float *o = y + (size_t)(j + m * 4 * p) * 2 * VL;
          size_t os = (size_t)m * 2 * VL;
          st(o, s0r + s2r);
          st(o + VL, s0i + s2i);
          vf tr = s1r + s3i, ti = s1i - s3r;
          st(o + os, tr * w1r - ti * w1i);
          st(o + os + VL, tr * w1i + ti * w1r);
          tr = s0r - s2r;
          ti = s0i - s2i;
          st(o + 2 * os, tr * w2r - ti * w2i);
          st(o + 2 * os + VL, tr * w2i + ti * w2r);
          tr = s1r - s3i;
          ti = s1i + s3r;
          st(o + 3 * os, tr * w3r - ti * w3i);
          st(o + 3 * os + VL, tr * w3i + ti * w3r);
        }
      }
      l = q;
      m *= 4;
    } else {
      int q = l >> 1;
      for (int p = 0; p < q; p++) {
        int k = p * m;
        float w1r = tw[2 * k], w1i = dir * tw[2 * k + 1];
        for (int j = 0; j < m; j++) {
          const float *x0 = x + (size_t)(j + m * p) * 2 * VL, *x1 = x0 + (size_t)m * q * 2 * VL;
          vf ar = ld(x0), ai = ld(x0 + VL), br = ld(x1), bi = ld(x1 + VL);
          float *o = y + (size_t)(j + m * 2 * p) * 2 * VL;
          size_t os = (size_t)m * 2 * VL;
          st(o, ar + br);
          st(o + VL, ai + bi);
          vf tr = ar - br, ti = ai - bi;
          st(o + os, tr * w1r - ti * w1i);
          st(o + os + VL, tr * w1i + ti * w1r);
        }
      }
      l = q;
      m *= 2;
    }
    float *t = x;
    x = y;
    y = t;
  }
  *res = x;
}
// transform `cnt` sequences (multiple of VL), element stride es (complex), sequence stride ss (complex); interleaved data
EX void fft_axis(float *data, int n, int es, int ss, int c0, int c1, const float *tw, float dir, float *ws) {
  float *a = ws, *b = ws + (size_t)n * 2 * VL;
  for (int c = c0; c < c1; c += VL) {
    float *d = data + (size_t)c * ss * 2;
    float *r;
    for (int k = 0; k < n; k++) {
      const float *p = d + (size_t)k * es * 2;
      float *q = a + (size_t)k * 2 * VL;
      for (int j = 0; j < VL; j++) {
        q[j] = p[(size_t)j * ss * 2];
        q[VL + j] = p[(size_t)j * ss * 2 + 1];
      }
    }
    fftlanes(a, b, n, tw, dir, &r);
    for (int k = 0; k < n; k++) {
      float *p = d + (size_t)k * es * 2;
      const float *q = r + (size_t)k * 2 * VL;
      for (int j = 0; j < VL; j++) {
        p[(size_t)j * ss * 2] = q[j];
        p[(size_t)j * ss * 2 + 1] = q[VL + j];
      }
    }
  }
}
// ss==1 variant (columns): contiguous lanes -> the compiler can shuffle
EX void fft_cols(float *data, int n, int es, int c0, int c1, const float *tw, float dir, float *ws) {
  float *a = ws, *b = ws + (size_t)n * 2 * VL;
  for (int c = c0; c < c1; c += VL) {
    float *d = data + (size_t)c * 2;
    float *r;
    for (int k = 0; k < n; k++) {
      const float *p = d + (size_t)k * es * 2;
      float *q = a + (size_t)k * 2 * VL;
      for (int j = 0; j < VL; j++) {
        q[j] = p[2 * j];
        q[VL + j] = p[2 * j + 1];
      }
    }
    fftlanes(a, b, n, tw, dir, &r);
    for (int k = 0; k < n; k++) {
      float *p = d + (size_t)k * es * 2;
      const float *q = r + (size_t)k * 2 * VL;
      for (int j = 0; j < VL; j++) {
        p[2 * j] = q[j];
        p[2 * j + 1] = q[VL + j];
      }
    }
  }
}
