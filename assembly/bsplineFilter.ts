import { fma, ld, mul, splat, st, sub } from "./simd";

/**
 * Coefficients of the cubic B-spline that interpolates the samples, in place along one axis of [outer, n, inner], mirrored at both ends:
 * the recursive filter 6 / ((1 − z q⁻¹)(1 − z q)) with the pole z = √3 − 2 and its exact initial values.
 * adjoint = 1: the transpose, which is the same filter between a doubling and a halving of the first and last sample
 * (the sampling matrix is symmetric after halving its end rows).
 * Slabs: `spans` blocks of at most `span` columns for each outer index. Unser, Aldroubi & Eden (1993), IEEE Trans. Signal Processing 41.
 */
const Z: f64 = -0.2679491924311227;

function scaleRow(p: usize, bytes: usize, s: f32): void {
  let x: usize = 0;
  for (; x + 16 <= bytes; x += 16) st(p + x, mul(splat(s), ld(p + x)));
  for (; x < bytes; x += 4) store<f32>(p + x, s * load<f32>(p + x));
}
/** p += s · q */
function addRow(p: usize, q: usize, bytes: usize, s: f32): void {
  let x: usize = 0;
  for (; x + 16 <= bytes; x += 16) st(p + x, fma(splat(s), ld(q + x), ld(p + x)));
  for (; x < bytes; x += 4) store<f32>(p + x, load<f32>(p + x) + s * load<f32>(q + x));
}
/** p = z (q − p) */
function backRow(p: usize, q: usize, bytes: usize): void {
  const z = <f32>Z;
  let x: usize = 0;
  for (; x + 16 <= bytes; x += 16) st(p + x, mul(splat(z), sub(ld(q + x), ld(p + x))));
  for (; x < bytes; x += 4) store<f32>(p + x, z * (load<f32>(q + x) - load<f32>(p + x)));
}

export function bsplineFilter(data: usize, n: i32, inner: i32, spans: i32, span: i32, adjoint: i32, i0: i32, i1: i32): void {
  if (n < 2) return;
  const stride: usize = <usize>inner << 2, last = <usize>(n - 1) * stride;
  let power = 1.0; // z^(2n − 2)
  for (let k = 0; k < min(2 * n - 2, 400); k++) power *= Z;
  if (inner == 1) {
    // Rows along x: the recursion itself is the dependency, so run in f64 scalars.
    for (let b = i0; b < i1; b++) for (let row = b * span; row < min((b + 1) * span, spans); row++) {
      const p = data + <usize>row * (<usize>n << 2);
      if (adjoint) { store<f32>(p, 2 * load<f32>(p)); store<f32>(p + last, 2 * load<f32>(p + last)); }
      let sum = <f64>load<f32>(p), zk = Z;
      let mirrored = power / Z; // z^(2n − 2 − k), below for k ≥ 1
      for (let k = 1; k < min(n - 1, 60); k++) { sum += (zk + mirrored) * <f64>load<f32>(p + (<usize>k << 2)); zk *= Z; mirrored /= Z; }
      if (n <= 61) sum += zk * <f64>load<f32>(p + last);
      let c = 6 * sum / (1 - power), before: f64 = 0;
      store<f32>(p, <f32>c);
      for (let k = 1; k < n; k++) { const q = p + (<usize>k << 2); before = c; c = 6 * <f64>load<f32>(q) + Z * c; store<f32>(q, <f32>c); }
      c = Z / (Z * Z - 1) * (c + Z * before);
      store<f32>(p + last, <f32>c);
      for (let k = n - 2; k >= 0; k--) { const q = p + (<usize>k << 2); c = Z * (c - <f64>load<f32>(q)); store<f32>(q, <f32>c); }
      if (adjoint) { store<f32>(p, 0.5 * load<f32>(p)); store<f32>(p + last, 0.5 * load<f32>(p + last)); }
    }
    return;
  }
  for (let b = i0; b < i1; b++) {
    const x = (b % spans) * span, bytes = <usize>min(span, inner - x) << 2;
    const p = data + <usize>(b / spans) * <usize>n * stride + (<usize>x << 2);
    if (adjoint) { scaleRow(p, bytes, 2); scaleRow(p + last, bytes, 2); }
    let zk = Z, mirrored = power / Z;
    for (let k = 1; k < min(n - 1, 60); k++) { addRow(p, p + <usize>k * stride, bytes, <f32>(zk + mirrored)); zk *= Z; mirrored /= Z; }
    if (n <= 61) addRow(p, p + last, bytes, <f32>zk);
    scaleRow(p, bytes, <f32>(6 / (1 - power)));
    for (let k = 1; k < n; k++) {
      const q = p + <usize>k * stride;
      scaleRow(q, bytes, 6); addRow(q, q - stride, bytes, <f32>Z);
    }
    addRow(p + last, p + last - stride, bytes, <f32>Z);
    scaleRow(p + last, bytes, <f32>(Z / (Z * Z - 1)));
    for (let k = n - 2; k >= 0; k--) { const q = p + <usize>k * stride; backRow(q, q + stride, bytes); }
    if (adjoint) { scaleRow(p, bytes, 0.5); scaleRow(p + last, bytes, 0.5); }
  }
}
