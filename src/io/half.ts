/** A half float, IEEE 754 binary16, from its bits. */
export function halfToFloat(h: number): number {
  const exponent = (h >> 10) & 31;
  const fraction = h & 1023;
  const sign = h & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const one = new Float32Array(1);
const oneBits = new Uint32Array(one.buffer);
const bitsOf = (v: number): number => {
  one[0] = v;
  return oneBits[0];
};
/** m without its last `shift` bits, to the nearest, ties to even. */
function rounded(m: number, shift: number): number {
  const kept = m >>> shift;
  const rest = m & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept;
}

/** The bits of the half float nearest to an f32, ties to even. */
export function floatToHalf(v: number): number {
  const bits = bitsOf(v);
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 255;
  const fraction = bits & 0x7fffff;
  if (exponent === 255) return sign | 0x7c00 | (fraction ? 0x200 : 0);
  const e = exponent - 112;
  if (e >= 31) return sign | 0x7c00;
  if (e < -10) return sign;
  // A carry out of the fraction goes into the exponent, which is right, up to infinity.
  return sign | (e > 0 ? (e << 10) + rounded(fraction, 13) : rounded(fraction | 0x800000, 14 - e));
}

/** A brain float, the upper half of an f32, from its bits. */
export function bfloatToFloat(b: number): number {
  oneBits[0] = b << 16;
  return one[0];
}
/** The bits of the brain float nearest to an f32, ties to even. */
export function floatToBfloat(v: number): number {
  const bits = bitsOf(v);
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40; // a NaN stays one
  return ((bits >>> 16) + ((bits & 0xffff) > 0x8000 || ((bits & 0xffff) === 0x8000 && (bits >>> 16) & 1) ? 1 : 0)) & 0xffff;
}
