// Direct convolution 3x3 and 3x3x3, 'same' size, channels first: register tiles of OB channels by XV vectors over a zero-padded copy.
#pragma once
#include "simd.h"

// pad: in [C][D][H][W] -> out [C][D+2pz][H+2][WS], WS = W+2 rounded so that vector over-reads stay inside
EX int conv_ws(int W) { return ((W + 2 + 15) / 16) * 16 + 16; }
EX void padcopy(const float *in, float *out, int C, int D, int H, int W, int pz) {
  int WS = conv_ws(W);
  int DP = D + 2 * pz, HP = H + 2;
  for (int c = 0; c < C; c++)
    for (int z = 0; z < DP; z++)
      for (int y = 0; y < HP; y++) {
        float *o = out + (((size_t)c * DP + z) * HP + y) * WS;
        int zz = z - pz, yy = y - 1;
        if (zz < 0 || zz >= D || yy < 0 || yy >= H) {
          for (int x = 0; x < WS; x++)
            o[x] = 0;
          continue;
        }
        const float *p = in + (((size_t)c * D + zz) * H + yy) * W;
        o[0] = 0;
        for (int x = 0; x < W; x++)
          o[x + 1] = p[x];
        for (int x = W + 1; x < WS; x++)
          o[x] = 0;
      }
}
#if VL == 4
#define OB 4
#define XV 2
#define OBW 4
#else
#define OB 8
#define XV 2
#define OBW 4
#endif
EX int conv_ob() { return OB; }
// w [OC][IC][KD][3][3] -> wp [OC/OB][IC][KD][3][3][OB]; flip!=0: transposed + flipped (for backward input)
EX void packw(const float *w, float *wp, int OC, int IC, int KD, int flip) {
  int K = KD * 9;
  for (int ob = 0; ob < OC / OB; ob++)
    for (int ic = 0; ic < IC; ic++)
      for (int k = 0; k < K; k++)
        for (int j = 0; j < OB; j++) {
          int oc = ob * OB + j;
          wp[(((size_t)ob * IC + ic) * K + k) * OB + j] =
              flip ? w[((size_t)ic * OC + oc) * K + (K - 1 - k)] : w[((size_t)oc * IC + ic) * K + k];
        }
}
template <int NX> INL void convtile(const float *ip, size_t cs, size_t zs, int WS, const float *wp, int IC, int KD, float *op, size_t ocs) {
  vf acc[OB][NX];
  for (int j = 0; j < OB; j++)
    for (int i = 0; i < NX; i++)
      acc[j][i] = bc(0);
  for (int ic = 0; ic < IC; ic++)
    for (int kz = 0; kz < KD; kz++) {
      const float *p = ip + ic * cs + kz * zs;
#pragma GCC unroll 1
      for (int ky = 0; ky < 3; ky++, p += WS) {
#pragma GCC unroll 3
        for (int kx = 0; kx < 3; kx++, wp += OB) {
          vf v[NX];
          for (int i = 0; i < NX; i++)
            v[i] = ld(p + kx + i * VL);
#pragma GCC unroll 8
          for (int j = 0; j < OB; j++) {
            vf w = bc(wp[j]);
            for (int i = 0; i < NX; i++)
              acc[j][i] += w * v[i];
          }
        }
      }
    }
  for (int j = 0; j < OB; j++)
    for (int i = 0; i < NX; i++)
      st(op + j * ocs + i * VL, acc[j][i]);
}
// ip padded [IC][DP][H+2][WS]; out [OC][D][H][W]; W % VL == 0; job range over (z*H+y) rows r0..r1
EX void conv_fwd(const float *ip, const float *wp, float *out, int IC, int OC, int D, int H, int W, int KD, int r0, int r1) {
  int WS = conv_ws(W), HP = H + 2, DP = KD == 3 ? D + 2 : D;
  size_t zs = (size_t)HP * WS, cs = zs * DP, ocs = (size_t)D * H * W;
  for (int r = r0; r < r1; r++) {
    int z = r / H, y = r % H;
    const float *p = ip + (size_t)z * zs + (size_t)y * WS;
    float *o = out + ((size_t)z * H + y) * W;
    for (int ob = 0; ob < OC / OB; ob++) {
      const float *w = wp + (size_t)ob * OB * IC * KD * 9;
      float *oo = o + (size_t)ob * OB * ocs;
      int x = 0;
      for (; x + XV * VL <= W; x += XV * VL)
        convtile<XV>(p + x, cs, zs, WS, w, IC, KD, oo + x, ocs);
      for (; x < W; x += VL)
        convtile<1>(p + x, cs, zs, WS, w, IC, KD, oo + x, ocs);
    }
  }
}
// weight gradient: gw [OC][IC][KD][3][3] += ; go [OC][D][H][W], ip padded; oc block range b0..b1 (blocks of 4)
#define YB 16
EX void conv_bww(const float *ip, const float *go, float *gw, int IC, int OC, int D, int H, int W, int KD, int b0, int b1) {
  int WS = conv_ws(W), HP = H + 2, DP = KD == 3 ? D + 2 : D;
  size_t zs = (size_t)HP * WS, cs = zs * DP, ocs = (size_t)D * H * W;
  for (int z = 0; z < D; z++)
    for (int y0 = 0; y0 < H; y0 += YB) {
      int y1 = y0 + YB < H ? y0 + YB : H;
      for (int ob = b0; ob < b1; ob++)
        for (int ic = 0; ic < IC; ic++)
          for (int kz = 0; kz < KD; kz++)
            for (int ky = 0; ky < 3; ky++) {
              vf a[OBW][3];
              for (int j = 0; j < OBW; j++)
                for (int k = 0; k < 3; k++)
                  a[j][k] = bc(0);
              for (int y = y0; y < y1; y++) {
                const float *g = go + (size_t)ob * OBW * ocs + ((size_t)z * H + y) * W;
                const float *p = ip + ic * cs + (size_t)(z + kz) * zs + (size_t)(y + ky) * WS;
                for (int x = 0; x < W; x += VL) {
                  vf v0 = ld(p + x), v1 = ld(p + x + 1), v2 = ld(p + x + 2);
                  for (int j = 0; j < OBW; j++) {
                    vf q = ld(g + j * ocs + x);
                    a[j][0] += q * v0;
                    a[j][1] += q * v1;
                    a[j][2] += q * v2;
                  }
                }
              }
              for (int j = 0; j < OBW; j++)
                for (int k = 0; k < 3; k++)
                  gw[((((size_t)(ob * OBW + j) * IC + ic) * KD + kz) * 3 + ky) * 3 + k] += hsum(a[j][k]);
            }
    }
}
