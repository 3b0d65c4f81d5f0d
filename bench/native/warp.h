// Trilinear warp out(p) = image(p + u(p)), clamped at the border, and its gradient with respect to u; u [3][D][H][W], planes x, y, z, in
// voxels.
#pragma once
#include "simd.h"

INL float fclamp(float a, float lo, float hi) {
  a = a < lo ? lo : a;
  return a > hi ? hi : a;
}
EX void warp_fwd(const float *__restrict img, const float *__restrict u, float *__restrict out, int D, int H, int W, int z0, int z1) {
  const size_t N = (size_t)D * H * W;
  const float *ux = u, *uy = u + N, *uz = u + 2 * N;
  const int HW = H * W;
  const float mx = W - 1, my = H - 1, mz = D - 1;
  for (int z = z0; z < z1; z++)
    for (int y = 0; y < H; y++) {
      size_t r = ((size_t)z * H + y) * W;
#pragma GCC ivdep
      for (int x = 0; x < W; x++) {
        size_t i = r + x;
        float fx = fclamp(x + ux[i], 0, mx), fy = fclamp(y + uy[i], 0, my), fz = fclamp(z + uz[i], 0, mz);
        int ix = (int)fx, iy = (int)fy, iz = (int)fz;
        ix = ix < W - 2 ? ix : W - 2;
        iy = iy < H - 2 ? iy : H - 2;
        iz = iz < D - 2 ? iz : D - 2;
        float tx = fx - ix, ty = fy - iy, tz = fz - iz;
        int b = iz * HW + iy * W + ix;
        float a0 = img[b], a1 = img[b + 1], b0 = img[b + W], b1 = img[b + W + 1];
        float c0 = img[b + HW], c1 = img[b + HW + 1], d0 = img[b + HW + W], d1 = img[b + HW + W + 1];
        a0 += tx * (a1 - a0);
        b0 += tx * (b1 - b0);
        c0 += tx * (c1 - c0);
        d0 += tx * (d1 - d0);
        a0 += ty * (b0 - a0);
        c0 += ty * (d0 - c0);
        out[i] = a0 + tz * (c0 - a0);
      }
    }
}
// gradient w.r.t. the field, given g = dL/dout ; gu [3][D][H][W]
EX void warp_bwd(const float *__restrict img, const float *__restrict u, const float *__restrict g, float *__restrict gu, int D, int H,
                 int W, int z0, int z1) {
  const size_t N = (size_t)D * H * W;
  const float *ux = u, *uy = u + N, *uz = u + 2 * N;
  float *gx = gu, *gy = gu + N, *gz = gu + 2 * N;
  const int HW = H * W;
  const float mx = W - 1, my = H - 1, mz = D - 1;
  for (int z = z0; z < z1; z++)
    for (int y = 0; y < H; y++) {
      size_t r = ((size_t)z * H + y) * W;
#pragma GCC ivdep
      for (int x = 0; x < W; x++) {
        size_t i = r + x;
        float px = x + ux[i], py = y + uy[i], pz = z + uz[i];
        float fx = fclamp(px, 0, mx), fy = fclamp(py, 0, my), fz = fclamp(pz, 0, mz);
        int ix = (int)fx, iy = (int)fy, iz = (int)fz;
        ix = ix < W - 2 ? ix : W - 2;
        iy = iy < H - 2 ? iy : H - 2;
        iz = iz < D - 2 ? iz : D - 2;
        float tx = fx - ix, ty = fy - iy, tz = fz - iz;
        int b = iz * HW + iy * W + ix;
        float a0 = img[b], a1 = img[b + 1], b0 = img[b + W], b1 = img[b + W + 1];
        float c0 = img[b + HW], c1 = img[b + HW + 1], d0 = img[b + HW + W], d1 = img[b + HW + W + 1];
        float da = a1 - a0, db = b1 - b0, dc = c1 - c0, dd = d1 - d0;
        a0 += tx * da;
        b0 += tx * db;
        c0 += tx * dc;
        d0 += tx * dd;
        da += ty * (db - da);
        dc += ty * (dd - dc);
        float dx = da + tz * (dc - da);
        float e = b0 - a0, f = d0 - c0;
        float dy = e + tz * (f - e);
        a0 += ty * e;
        c0 += ty * f;
        float dz = c0 - a0;
        float go = g[i];
        gx[i] = fx == px ? go * dx : 0.f;
        gy[i] = fy == py ? go * dy : 0.f;
        gz[i] = fz == pz ? go * dz : 0.f;
      }
    }
}
