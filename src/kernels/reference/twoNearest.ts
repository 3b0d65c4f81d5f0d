/** Of each row of `a` the nearest and second nearest row of `b`: [m, 4] as index, distance, index, distance; −1 where there is none. */
function nearest(m: number, n: number, distance: (i: number, j: number) => number): Int32Array {
  const out = new Int32Array(4 * m).fill(-1);
  for (let i = 0; i < m; i++) {
    const order = Array.from({ length: n }, (_, j) => ({ j, d: distance(i, j) })).sort((p, q) => p.d - q.d || p.j - q.j);
    for (const [k, { j, d }] of order.slice(0, 2).entries()) out.set([j, d], 4 * i + 2 * k);
  }
  return out;
}
/** Squared Euclidean distances of rows of `width` bytes. */
export const twoNearest = (a: Uint8Array, b: Uint8Array, width: number): Int32Array =>
  nearest(a.length / width, b.length / width, (i, j) => {
    let s = 0;
    for (let k = 0; k < width; k++) s += (a[i * width + k] - b[j * width + k]) ** 2;
    return s;
  });
/** Numbers of differing bits of rows of `width` bytes. */
export const twoNearestBits = (a: Uint8Array, b: Uint8Array, width: number): Int32Array =>
  nearest(a.length / width, b.length / width, (i, j) => {
    let s = 0;
    for (let k = 0; k < width; k++) for (let v = a[i * width + k] ^ b[j * width + k]; v > 0; v &= v - 1) s++;
    return s;
  });
