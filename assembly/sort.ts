/** A float as an integer of the same order; −0 equals 0, NaN is the largest whichever way round. */
// @ts-ignore: decorator
@inline function keyOf(x: f32, descending: i32): u32 {
  if (x != x) return 0xffffffff;
  const bits = reinterpret<u32>(x + 0);
  const key: u32 = (bits >> 31) != 0 ? ~bits : bits | 0x80000000;
  return descending != 0 ? ~key : key;
}
export function argsortWorkspace(n: i32): i32 { return 12 * n + 4096; }

/**
 * Where each row's elements come from when it is sorted: indices [rows, n] i32, stable, NaN last. Radix sort, four passes of eight bits.
 * Slabs: rows. Workspace: argsortWorkspace(n).
 */
export function argsortRows(src: usize, indices: usize, n: i32, descending: i32, ws: usize, r0: i32, r1: i32): void {
  const size: usize = <usize>n << 2, counts = ws;
  for (let r = r0; r < r1; r++) {
    let keys = ws + 4096, places = indices + <usize>r * size, otherKeys = keys + size, otherPlaces = otherKeys + size;
    memory.fill(counts, 0, 4096);
    for (let i = 0; i < n; i++) {
      const o: usize = <usize>i << 2, k = keyOf(load<f32>(src + <usize>r * size + o), descending);
      store<u32>(keys + o, k);
      store<i32>(places + o, i);
      for (let d: u32 = 0; d < 4; d++) {
        const c = counts + ((d << 8 | ((k >> (d << 3)) & 255)) << 2);
        store<u32>(c, load<u32>(c) + 1);
      }
    }
    for (let d: u32 = 0; d < 4; d++) {
      const table = counts + (d << 10);
      for (let b: usize = 0, sum: u32 = 0; b < 1024; b += 4) { const c = load<u32>(table + b); store<u32>(table + b, sum); sum += c; }
      for (let o: usize = 0; o < size; o += 4) {
        const k = load<u32>(keys + o), t = table + (((k >> (d << 3)) & 255) << 2), to: usize = <usize>load<u32>(t) << 2;
        store<u32>(t, <u32>(to >> 2) + 1);
        store<u32>(otherKeys + to, k);
        store<i32>(otherPlaces + to, load<i32>(places + o));
      }
      let swap = keys; keys = otherKeys; otherKeys = swap;
      swap = places; places = otherPlaces; otherPlaces = swap;
    }
  }
}
