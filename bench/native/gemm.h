// Matrix product C = A B, row-major, any size: A packed in strips of MR rows, B in panels of two vectors, depth blocked for the first-level
// cache, rows for the second. Register tile MR × 2 vectors.
#pragma once
#include "simd.h"
#if VL == 16
#define MR 12
#else
#define MR 6
#endif
#define NR (2 * VL)
#define KC 256
#define MC 120

template <bool FIRST> INL void gemmtile(const float *a, const float *b, int n, float *c, size_t ldc) {
  vf acc[MR][2];
  for (int i = 0; i < MR; i++)
    for (int j = 0; j < 2; j++)
      acc[i][j] = bc(0);
  for (int k = 0; k < n; k++, a += MR, b += NR) {
    vf u = ld(b), v = ld(b + VL);
#pragma GCC unroll 12
    for (int i = 0; i < MR; i++) {
      vf w = bc(a[i]);
      acc[i][0] += w * u;
      acc[i][1] += w * v;
    }
  }
  for (int i = 0; i < MR; i++)
    for (int j = 0; j < 2; j++) {
      float *q = c + i * ldc + j * VL;
      st(q, FIRST ? acc[i][j] : ld(q) + acc[i][j]);
    }
}
// B [K][N] -> panels [N/NR][K][NR], zero past N; panel range p0..p1
EX void gemmpack(const float *B, float *P, int K, int N, int p0, int p1) {
  for (int p = p0; p < p1; p++)
    for (int k = 0; k < K; k++)
      for (int j = 0; j < NR; j++)
        P[((size_t)p * K + k) * NR + j] = p * NR + j < N ? B[(size_t)k * N + p * NR + j] : 0;
}
// rows r0..r1 of C; ws: MC*KC + MR*NR floats
EX void gemmrows(const float *A, const float *P, float *C, int K, int N, int r0, int r1, float *ws) {
  float *tail = ws + MC * KC;
  for (int m0 = r0; m0 < r1; m0 += MC) {
    int m1 = m0 + MC < r1 ? m0 + MC : r1;
    for (int k0 = 0; k0 < K; k0 += KC) {
      int n = k0 + KC < K ? KC : K - k0;
      float *q = ws;
      for (int r = m0; r < m1; r += MR, q += MR * n)
        for (int k = 0; k < n; k++)
          for (int i = 0; i < MR; i++)
            q[k * MR + i] = r + i < m1 ? A[(size_t)(r + i) * K + k0 + k] : 0;
      for (int j = 0; j < N; j += NR) {
        const float *b = P + ((size_t)(j / NR) * K + k0) * NR;
        q = ws;
        for (int r = m0; r < m1; r += MR, q += MR * n) {
          float *c = C + (size_t)r * N + j;
          if (r + MR <= m1 && j + NR <= N) {
            if (k0 == 0) gemmtile<true>(q, b, n, c, N);
            else gemmtile<false>(q, b, n, c, N);
          } else {
            gemmtile<true>(q, b, n, tail, NR);
            for (int i = 0; i < MR && r + i < m1; i++)
              for (int x = 0; x < NR && j + x < N; x++) c[(size_t)i * N + x] = tail[i * NR + x] + (k0 ? c[(size_t)i * N + x] : 0);
          }
        }
      }
    }
  }
}
