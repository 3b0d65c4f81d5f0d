import { ld, st } from "./simd";

/**
 * Semi-global matching. Costs are bytes [y, x, d], d fastest, D a multiple of 16; path costs and their sums 16-bit numbers, so sums are exact and do not
 * depend on their order.
 */

// @ts-ignore: decorator
@inline function clampIndex(i: i32, n: i32): i32 { return i < 0 ? 0 : i >= n ? n - 1 : i; }

/** Census: 62 bits for each pixel, one for each neighbour of a 9 × 7 window that is darker than it, the border going on. Slabs: rows. */
export function census(image: usize, out: usize, H: i32, W: i32, y0: i32, y1: i32): void {
  for (let y = y0; y < y1; y++) {
    const row = image + (<usize>(y * W) << 2);
    for (let x = 0; x < W; x += 4) {
      const centre = ld(row + (<usize>x << 2)), interior = x >= 4 && x + 8 <= W;
      let low = i32x4.splat(0), high = low, count = 0;
      for (let dy = -3; dy <= 3; dy++) {
        const line = image + (<usize>(clampIndex(y + dy, H) * W) << 2);
        for (let dx = -4; dx <= 4; dx++) {
          if (dx == 0 && dy == 0) continue;
          let v: v128;
          if (interior) v = ld(line + (<usize>(x + dx) << 2));
          else v = f32x4(load<f32>(line + (<usize>clampIndex(x + dx, W) << 2)), load<f32>(line + (<usize>clampIndex(x + dx + 1, W) << 2)),
            load<f32>(line + (<usize>clampIndex(x + dx + 2, W) << 2)), load<f32>(line + (<usize>clampIndex(x + dx + 3, W) << 2)));
          const bit = f32x4.lt(v, centre); // −1 where darker
          if (count < 31) low = i32x4.sub(i32x4.shl(low, 1), bit);
          else high = i32x4.sub(i32x4.shl(high, 1), bit);
          count++;
        }
      }
      const to = out + (<usize>(y * W + x) << 3);
      for (let k = 0; k < min(4, W - x); k++) {
        const at = to + (<usize>k << 3);
        if (k == 0) { store<i32>(at, i32x4.extract_lane(low, 0)); store<i32>(at, i32x4.extract_lane(high, 0), 4); }
        else if (k == 1) { store<i32>(at, i32x4.extract_lane(low, 1)); store<i32>(at, i32x4.extract_lane(high, 1), 4); }
        else if (k == 2) { store<i32>(at, i32x4.extract_lane(low, 2)); store<i32>(at, i32x4.extract_lane(high, 2), 4); }
        else { store<i32>(at, i32x4.extract_lane(low, 3)); store<i32>(at, i32x4.extract_lane(high, 3), 4); }
      }
    }
  }
}

/** Costs: bits that differ between left(x, y) and right(x − d, y), d = first … first + D − 1; `outside` where x − d is beyond the border. Slabs: rows. */
export function censusCost(left: usize, right: usize, out: usize, H: i32, W: i32, D: i32, first: i32, outside: i32, y0: i32, y1: i32): void {
  for (let y = y0; y < y1; y++) {
    const r = right + (<usize>(y * W) << 3);
    for (let x = 0; x < W; x++) {
      const l = load<u64>(left + (<usize>(y * W + x) << 3)), to = out + <usize>(y * W + x) * <usize>D;
      const from = max(0, min(D, x - first - (W - 1))), until = max(0, min(D, x - first + 1)); // 0 ≤ x − first − k < W
      for (let k = 0; k < from; k++) store<u8>(to + k, <u8>outside);
      let p = r + (<usize>(x - first - from) << 3);
      for (let k = from; k < until; k++) { store<u8>(to + k, <u8>popcnt<u64>(l ^ load<u64>(p))); p -= 8; }
      for (let k = max(from, until); k < D; k++) store<u8>(to + k, <u8>outside);
    }
  }
}

/** Bytes of the state of one sweep. */
export function sgmSweepState(W: i32, D: i32): i32 { return 7 * (W + 2) * ((D + 16) * 2) + 7 * (W + 2) * 4 + 128 & ~63; }

// @ts-ignore: decorator
@inline const large: i16 = 0x3fff;

/**
 * Sweep 0 goes down and adds the paths that come from the left, from above and from above on both sides; sweep 1 goes up and takes the other four:
 *   L(p, d) = C(p, d) + min(L(q, d), L(q, d ± 1) + P1, min L(q, ·) + P2') − min L(q, ·),  q the pixel before p,
 * P2' = max(P1, P2 − fall · |I(p) − I(q)|). Sums of four go to volume `out` of the sweep. Rows i0 … i1 − 1 of each
 * sweep's own order are done, what the next rows need stays in `state`: a long sweep in several calls lets the engine of the host exchange slow first code
 * for fast. Slabs: sweeps.
 */
export function sgmSweep(cost: usize, image: usize, out: usize, H: i32, W: i32, D: i32, p1: i32, p2: i32, fall: f32, state: usize,
  i0: i32, i1: i32, s0: i32, s1: i32): void {
  const cell = <usize>(D + 16) << 1, line = cell * (W + 2), leastLine = <usize>(W + 2) << 2;
  const big = i16x8.splat(large), vp1 = i16x8.splat(<i16>p1);
  for (let sweep = s0; sweep < s1; sweep++) {
    const step = sweep == 0 ? 1 : -1, ws = state + sweep * sgmSweepState(W, D), least = ws + 7 * line;
    const sums = out + (<usize>sweep * <usize>(H * W) * <usize>D << 1);
    // Lines of path costs: horizontal, then two for each of the three other directions. Cell x + 1 is pixel x; those at both ends begin paths.
    if (i0 == 0) for (let at: usize = 0; at < 7 * line; at += 16) st(ws + at, big);
    for (let i = i0; i < i1; i++) {
      const y = sweep == 0 ? i : H - 1 - i, now = i & 1;
      for (let j = 0; j < W; j++) {
        const x = sweep == 0 ? j : W - 1 - j;
        const pixel = y * W + x, c = cost + <usize>pixel * <usize>D, sum = sums + (<usize>pixel * <usize>D << 1);
        const value = load<f32>(image + (<usize>pixel << 2));
        for (let k = 0; k < 4; k++) {
          // k 0: along the row; 1, 2, 3: from x − step, x, x + step of the row before.
          const qx = k == 0 ? x - step : k == 1 ? x - step : k == 2 ? x : x + step;
          const first = qx < 0 || qx >= W || (k > 0 && i == 0);
          const source = k == 0 ? 0 : 2 * k - now, target = k == 0 ? 0 : 2 * k - 1 + now;
          const to = ws + line * target + cell * (x + 1) + 16, toLeast = least + leastLine * target + (<usize>(x + 1) << 2);
          let lowest = i16x8.splat(0x7fff);
          if (first) {
            for (let d = 0; d < D; d += 8) {
              const v = v128.load_ext<u8>(c + d);
              st(to + (<usize>d << 1), v);
              lowest = i16x8.min_s(lowest, v);
              if (k == 0) st(sum + (<usize>d << 1), v);
              else st(sum + (<usize>d << 1), i16x8.add(v, ld(sum + (<usize>d << 1))));
            }
          } else {
            const from = ws + line * source + cell * (qx + 1) + 16, m = load<i32>(least + leastLine * source + (<usize>(qx + 1) << 2));
            const other = load<f32>(image + (<usize>(k == 0 ? pixel - step : (y - step) * W + qx) << 2));
            const jump = max(p1, p2 - <i32>(fall * abs<f32>(value - other)));
            const vm = i16x8.splat(<i16>m), vj = i16x8.splat(<i16>(m + jump));
            for (let d = 0; d < D; d += 8) {
              const at = <usize>d << 1, p = from + at;
              const near = i16x8.add(i16x8.min_s(ld(p - 2), ld(p + 2)), vp1);
              const v = i16x8.add(v128.load_ext<u8>(c + d), i16x8.sub(i16x8.min_s(i16x8.min_s(ld(p), near), vj), vm));
              st(to + at, v);
              lowest = i16x8.min_s(lowest, v);
              if (k == 0) st(sum + at, v);
              else st(sum + at, i16x8.add(v, ld(sum + at)));
            }
          }
          lowest = i16x8.min_s(lowest, v128.shuffle<i16>(lowest, lowest, 4, 5, 6, 7, 0, 1, 2, 3));
          lowest = i16x8.min_s(lowest, v128.shuffle<i16>(lowest, lowest, 2, 3, 0, 1, 6, 7, 4, 5));
          lowest = i16x8.min_s(lowest, v128.shuffle<i16>(lowest, lowest, 1, 0, 3, 2, 5, 4, 7, 6));
          store<i32>(toLeast, i16x8.extract_lane_s(lowest, 0));
        }
      }
    }
  }
}

/** Bytes of workspace of `sgmWinner`. */
export function sgmWinnerWorkspace(W: i32, D: i32): i32 { return 2 * D + 8 * W + 64; }
/**
 * The disparity with the smallest sum over both volumes, between samples by the parabola through it and its neighbours; in `check` what the right picture
 * says at that place: its own winner less the left one, whole numbers (large where the place is beyond the border). Slabs: rows.
 */
export function sgmWinner(sums: usize, out: usize, check: usize, H: i32, W: i32, D: i32, first: i32, ws: usize, y0: i32, y1: i32): void {
  const volume = <usize>(H * W) * <usize>D << 1, best = ws + (<usize>D << 1) + 32, which = best + (<usize>W << 2);
  for (let y = y0; y < y1; y++) {
    for (let x = 0; x < W; x++) { store<i32>(best + (<usize>x << 2), 0x7fffffff); store<i32>(which + (<usize>x << 2), 0); }
    for (let x = 0; x < W; x++) {
      const s = sums + (<usize>(y * W + x) * <usize>D << 1);
      let lowest = 0x7fffffff, d = 0;
      for (let k = 0; k < D; k += 8) st(ws + (<usize>k << 1), i16x8.add(ld(s + (<usize>k << 1)), ld(s + volume + (<usize>k << 1))));
      for (let k = 0; k < D; k++) {
        const v = <i32>load<i16>(ws + (<usize>k << 1)), xr = x - first - k;
        if (v < lowest) { lowest = v; d = k; }
        if (xr >= 0 && xr < W) {
          const b = best + (<usize>xr << 2);
          if (v < load<i32>(b)) { store<i32>(b, v); store<i32>(which + (<usize>xr << 2), k); }
        }
      }
      let place: f32 = <f32>d;
      if (d > 0 && d + 1 < D) {
        const a = <f32>load<i16>(ws + (<usize>(d - 1) << 1)), b = <f32>load<i16>(ws + (<usize>(d + 1) << 1)), c = <f32>lowest;
        const curve = a + b - <f32>2 * c;
        if (curve > 0) place += <f32>0.5 * (a - b) / curve;
      }
      const o = <usize>(y * W + x) << 2;
      store<f32>(out + o, <f32>first + place);
      store<f32>(check + o, <f32>d);
    }
    for (let x = 0; x < W; x++) {
      const o = <usize>(y * W + x) << 2, d = <i32>load<f32>(check + o), xr = x - first - d;
      store<f32>(check + o, xr >= 0 && xr < W ? <f32>(load<i32>(which + (<usize>xr << 2)) - d) : <f32>1e6);
    }
  }
}
