/** Plain twin of `warpLinear3`: out(p) = image(p + u(p)), trilinear, clamped at the border; u in voxels, planes x, y, z. */
export function warpLinear3(
  image: ArrayLike<number>,
  u: ArrayLike<number>,
  out: { [i: number]: number },
  [D, H, W]: readonly [number, number, number],
  [OD, OH, OW]: readonly [number, number, number],
): void {
  const n = OD * OH * OW;
  const clamp = (v: number, hi: number) => Math.min(hi, Math.max(0, v));
  for (let z = 0, i = 0; z < OD; z++)
    for (let y = 0; y < OH; y++)
      for (let x = 0; x < OW; x++, i++) {
        const fx = clamp(x + u[i], W - 1);
        const fy = clamp(y + u[n + i], H - 1);
        const fz = clamp(z + u[2 * n + i], D - 1);
        const ix = Math.max(0, Math.min(Math.floor(fx), W - 2));
        const iy = Math.max(0, Math.min(Math.floor(fy), H - 2));
        const iz = Math.max(0, Math.min(Math.floor(fz), D - 2));
        const tx = fx - ix;
        const ty = fy - iy;
        const tz = fz - iz;
        let sum = 0;
        for (let c = 0; c < 8; c++) {
          const w = (c & 1 ? tx : 1 - tx) * (c & 2 ? ty : 1 - ty) * (c & 4 ? tz : 1 - tz);
          if (w !== 0) sum += w * image[((iz + (c >> 2)) * H + iy + ((c >> 1) & 1)) * W + ix + (c & 1)];
        }
        out[i] = sum;
      }
}
