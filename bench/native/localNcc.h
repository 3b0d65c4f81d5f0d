// Local NCC over 9x9x9 windows, zero outside (n = 729 everywhere): sum of squared correlations, and its gradient image. z and y by running
// sums, x by 3 + 3 additions.
#pragma once
#include "simd.h"

// K-plane sliding box filter: z running sums, y running sums, x by 3+3 log-step.
// rowbuf layout: per quantity (W+8+VL*2) floats, 4 zeros each side.
#define RW(W) ((W) + 8 + 2 * VL)
INL void box9row(const float *s, float *t, float *o, int W) { // s has W+8 valid
  int x;
  for (x = 0; x < W + 6; x += VL)
    st(t + x, ld(s + x) + ld(s + x + 1) + ld(s + x + 2));
  for (x = 0; x < W; x += VL)
    st(o + x, ld(t + x) + ld(t + x + 3) + ld(t + x + 6));
}
EX size_t lncc_ws(int H, int W) { return (size_t)5 * H * W + 5 * RW(W) * 2 + RW(W) * 6 + 64; } // floats per thread
INL void addprod(float *zs, int HW, const float *I, const float *J, float s) {
  vf sg = bc(s);
  for (int i = 0; i < HW; i += VL) {
    vf a = ld(I + i), b = ld(J + i);
    vf sa = a * sg, sb = b * sg;
    st(zs + i, ld(zs + i) + sa);
    st(zs + HW + i, ld(zs + HW + i) + sb);
    st(zs + 2 * HW + i, ld(zs + 2 * HW + i) + sa * a);
    st(zs + 3 * HW + i, ld(zs + 3 * HW + i) + sb * b);
    st(zs + 4 * HW + i, ld(zs + 4 * HW + i) + sa * b);
  }
}
INL void addsubprod(float *zs, int HW, const float *I, const float *J, const float *P, const float *Q) {
  for (int i = 0; i < HW; i += VL) {
    vf a = ld(I + i), b = ld(J + i), c = ld(P + i), d = ld(Q + i);
    st(zs + i, ld(zs + i) + (a - c));
    st(zs + HW + i, ld(zs + HW + i) + (b - d));
    st(zs + 2 * HW + i, ld(zs + 2 * HW + i) + (a * a - c * c));
    st(zs + 3 * HW + i, ld(zs + 3 * HW + i) + (b * b - d * d));
    st(zs + 4 * HW + i, ld(zs + 4 * HW + i) + (a * b - c * d));
  }
}
// value: returns the sum of cc over z0..z1; writes A = 2 cov / den, C = 2 dcc/dvarJ and M = A meanI + C meanJ, which lncc_bwd box-sums again
EX double lncc_fwd(const float *I, const float *J, float *A, float *C, float *M, int D, int H, int W, int z0, int z1, float *ws) {
  const int HW = H * W, R = 4, rw = RW(W);
  float *zs = ws, *rs = ws + 5 * (size_t)HW, *bx = rs + 5 * rw, *t = bx + 5 * rw;
  for (size_t i = 0; i < (size_t)5 * HW; i++)
    zs[i] = 0;
  double tot = 0;
  const float inv = 1.f / 729.f;
  for (int z = z0 - R; z < z0 + R; z++)
    if (z >= 0 && z < D)
      addprod(zs, HW, I + (size_t)z * HW, J + (size_t)z * HW, 1);
  for (int z = z0; z < z1; z++) {
    int zi = z + R, zo = z - R - 1;
    if (z == z0)
      zo = -1; // first: nothing to remove
    if (zi < D && zo >= 0)
      addsubprod(zs, HW, I + (size_t)zi * HW, J + (size_t)zi * HW, I + (size_t)zo * HW, J + (size_t)zo * HW);
    else if (zi < D)
      addprod(zs, HW, I + (size_t)zi * HW, J + (size_t)zi * HW, 1);
    else if (zo >= 0)
      addprod(zs, HW, I + (size_t)zo * HW, J + (size_t)zo * HW, -1);
    for (int i = 0; i < 5 * rw; i++)
      rs[i] = 0;
    for (int k = 0; k < 5; k++)
      for (int y = 0; y < R; y++)
        for (int x = 0; x < W; x += VL)
          st(rs + k * rw + 4 + x, ld(rs + k * rw + 4 + x) + ld(zs + (size_t)k * HW + y * W + x));
    float srow = 0;
    for (int y = 0; y < H; y++) {
      int yi = y + R, yo = y - R - 1;
      for (int k = 0; k < 5; k++) {
        float *r = rs + k * rw + 4;
        const float *p = zs + (size_t)k * HW;
        if (yi < H && yo >= 0)
          for (int x = 0; x < W; x += VL)
            st(r + x, ld(r + x) + (ld(p + yi * W + x) - ld(p + yo * W + x)));
        else if (yi < H)
          for (int x = 0; x < W; x += VL)
            st(r + x, ld(r + x) + ld(p + yi * W + x));
        else if (yo >= 0)
          for (int x = 0; x < W; x += VL)
            st(r + x, ld(r + x) - ld(p + yo * W + x));
        box9row(rs + k * rw, t, bx + k * rw, W);
      }
      size_t o = (size_t)z * HW + y * W;
      vf acc = bc(0);
      for (int x = 0; x < W; x += VL) {
        vf sI = ld(bx + x), sJ = ld(bx + rw + x), sII = ld(bx + 2 * rw + x), sJJ = ld(bx + 3 * rw + x), sIJ = ld(bx + 4 * rw + x);
        vf mI = sI * inv, mJ = sJ * inv;
        vf cr = sIJ - mI * sJ, vI = sII - mI * sI, vJ = sJJ - mJ * sJ;
        vf den = vI * vJ + 1e-5f;
        vf id = 1.f / den;
        vf cc = cr * cr * id;
        acc += cc;
        vf a = 2.f * cr * id;
        vf c = -(cc * id) * vI * 2.f; // c = 2*dcc/dvJ
        st(A + o + x, a);
        st(C + o + x, c);
        st(M + o + x, a * mI + c * mJ);
      }
      srow += hsum(acc);
      if ((y & 15) == 15) {
        tot += srow;
        srow = 0;
      }
    }
    tot += srow;
  }
  return tot;
}
INL void add3(float *zs, int HW, const float *a, const float *c, const float *m, float s) {
  vf sg = bc(s);
  for (int i = 0; i < HW; i += VL) {
    st(zs + i, ld(zs + i) + sg * ld(a + i));
    st(zs + HW + i, ld(zs + HW + i) + sg * ld(c + i));
    st(zs + 2 * HW + i, ld(zs + 2 * HW + i) + sg * ld(m + i));
  }
}
INL void addsub3(float *zs, int HW, const float *a, const float *c, const float *m, size_t back) {
  for (int i = 0; i < HW; i += VL) {
    st(zs + i, ld(zs + i) + (ld(a + i) - ld(a - back + i)));
    st(zs + HW + i, ld(zs + HW + i) + (ld(c + i) - ld(c - back + i)));
    st(zs + 2 * HW + i, ld(zs + 2 * HW + i) + (ld(m + i) - ld(m - back + i)));
  }
}
// gradient of sum(cc) w.r.t. J
EX void lncc_bwd(const float *I, const float *J, const float *A, const float *C, const float *M, float *G, int D, int H, int W, int z0,
                 int z1, float *ws) {
  const int HW = H * W, R = 4, rw = RW(W);
  float *zs = ws, *rs = ws + 5 * (size_t)HW, *bx = rs + 5 * rw, *t = bx + 5 * rw;
  for (size_t i = 0; i < (size_t)3 * HW; i++)
    zs[i] = 0;
  for (int z = z0 - R; z < z0 + R; z++)
    if (z >= 0 && z < D)
      add3(zs, HW, A + (size_t)z * HW, C + (size_t)z * HW, M + (size_t)z * HW, 1);
  for (int z = z0; z < z1; z++) {
    int zi = z + R, zo = z - R - 1;
    if (z == z0)
      zo = -1;
    if (zi < D && zo >= 0)
      addsub3(zs, HW, A + (size_t)zi * HW, C + (size_t)zi * HW, M + (size_t)zi * HW, (size_t)(zi - zo) * HW);
    else if (zi < D)
      add3(zs, HW, A + (size_t)zi * HW, C + (size_t)zi * HW, M + (size_t)zi * HW, 1);
    else if (zo >= 0)
      add3(zs, HW, A + (size_t)zo * HW, C + (size_t)zo * HW, M + (size_t)zo * HW, -1);
    for (int i = 0; i < 3 * rw; i++)
      rs[i] = 0;
    for (int k = 0; k < 3; k++)
      for (int y = 0; y < R; y++)
        for (int x = 0; x < W; x += VL)
          st(rs + k * rw + 4 + x, ld(rs + k * rw + 4 + x) + ld(zs + (size_t)k * HW + y * W + x));
    for (int y = 0; y < H; y++) {
      int yi = y + R, yo = y - R - 1;
      for (int k = 0; k < 3; k++) {
        float *r = rs + k * rw + 4;
        const float *p = zs + (size_t)k * HW;
        if (yi < H && yo >= 0)
          for (int x = 0; x < W; x += VL)
            st(r + x, ld(r + x) + (ld(p + yi * W + x) - ld(p + yo * W + x)));
        else if (yi < H)
          for (int x = 0; x < W; x += VL)
            st(r + x, ld(r + x) + ld(p + yi * W + x));
        else if (yo >= 0)
          for (int x = 0; x < W; x += VL)
            st(r + x, ld(r + x) - ld(p + yo * W + x));
        box9row(rs + k * rw, t, bx + k * rw, W);
      }
      size_t o = (size_t)z * HW + y * W;
      for (int x = 0; x < W; x += VL)
        st(G + o + x, ld(I + o + x) * ld(bx + x) + ld(J + o + x) * ld(bx + rw + x) - ld(bx + 2 * rw + x));
    }
  }
}
