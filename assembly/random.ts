// A counter-based generator: number i of a stream is a hash of (key, i), so that any cut into slabs gives the same numbers.
// @ts-ignore: decorator
@inline function mix(x: u64): u64 { // finaliser of splitmix64: Steele, Lea & Flood (2014), Fast splittable pseudorandom number generators
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}
// @ts-ignore: decorator
@inline function hash(low: i32, high: i32, i: i32): u64 {
  const key = (<u64><u32>high << 32) | <u64><u32>low;
  return mix(mix(key) + <u64><u32>i * 0x9e3779b97f4a7c15);
}
/** dst[i] = a + (b − a) u, u uniform on [0, 1) with 24 bits. */
export function randomUniform(dst: usize, low: i32, high: i32, a: f32, b: f32, i0: i32, i1: i32): void {
  const width = b - a;
  for (let i = i0; i < i1; i++) store<f32>(dst + (<usize>i << 2), a + width * (<f32>(hash(low, high, i) >> 40) * <f32>(1.0 / 16777216.0)));
}
/** The 64 bits of a hash as two uniform numbers, u > 0: u goes to dst[i], v to dst[m + i]. */
export function randomPairs(dst: usize, low: i32, high: i32, m: i32, i0: i32, i1: i32): void {
  for (let i = i0; i < i1; i++) {
    const h = hash(low, high, i), p = dst + (<usize>i << 2);
    store<f32>(p, <f32>((h >> 40) + 1) * <f32>(1.0 / 16777216.0));
    store<f32>(p + (<usize>m << 2), <f32>((h >> 8) & 0xffffff) * <f32>(1.0 / 16777216.0));
  }
}
