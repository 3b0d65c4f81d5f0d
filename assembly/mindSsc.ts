import { expOfNegative } from "./exp";
import { add, fma, ld, mul, splat, st, sub } from "./simd";

/**
 * Self-similarity context of volumes [V, D, H, W] (see the twin for the formula): twelve channels, or four of a plane.
 * Two pairs of neighbours share one filtered image of squared differences, so six of these (two) are made for a block of planes × rows, from
 * the block with its rim copied once into rows that carry their borders; sums are direct, no running sum: an error stays in its patch.
 * Slabs: i = (volume·⌈D / planes⌉ + block of z)·⌈H / rows⌉ + strip.
 */
// Of difference e: second − first as signs of z, y, x; and where its two pairs are read, z and y of the first (x: the second pair of 0 … 3 is one dilation to the left).
// @ts-ignore: decorator
@inline function dz(e: i32): i32 { return e == 2 || e == 4 ? 1 : e == 3 || e == 5 ? -1 : 0; }
// @ts-ignore: decorator
@inline function dy(e: i32): i32 { return e == 0 || e > 3 ? 1 : e == 1 ? -1 : 0; }
// @ts-ignore: decorator
@inline function dx(e: i32): i32 { return e < 4 ? 1 : 0; }
/** first of pair j (0, 1): −(the part of second − first along the later axis) … written out. */
// @ts-ignore: decorator
@inline function firstZ(e: i32, j: i32): i32 { return e < 2 || j == 1 ? 0 : e == 2 || e == 4 ? -1 : 1; }
// @ts-ignore: decorator
@inline function firstY(e: i32, j: i32): i32 { return e < 2 ? (j == 0 ? (e == 0 ? -1 : 1) : 0) : e < 4 ? 0 : j == 0 ? 0 : -1; }
// @ts-ignore: decorator
@inline function firstX(e: i32, j: i32): i32 { return e < 4 && j == 1 ? -1 : 0; }

// @ts-ignore: decorator
@inline function wide(n: i32): i32 { return ((n + 3) & ~3) + 4; }
/** Bytes for a block: its padded rows, one image of sums, the six (two) that are kept, and a table of pointers. */
export function mindSscWorkspace(planar: i32, W: i32, planes: i32, rows: i32, rz: i32, ry: i32, rx: i32, Dz: i32, Dy: i32, Dx: i32): i32 {
  const source = (planes + 2 * (Dz + rz)) * (rows + 2 * (Dy + ry)) * wide(W + 2 * (Dx + rx));
  const S = wide(W + Dx + 2 * rx);
  return 4 * (source + (planes + Dz + 2 * rz) * (rows + Dy + 2 * ry) * S + (planar ? 2 : 6) * (planes + Dz) * (rows + Dy) * S) + 12 * 32 + 1024;
}

/** Store the first `count` floats of a group. */
// @ts-ignore: decorator
@inline function put(p: usize, v: v128, count: i32): void {
  if (count >= 4) { st(p, v); return; }
  store<f32>(p, f32x4.extract_lane(v, 0));
  if (count > 1) store<f32>(p + 4, f32x4.extract_lane(v, 1));
  if (count > 2) store<f32>(p + 8, f32x4.extract_lane(v, 2));
}
/** An image row with its border values on either side. */
// @ts-ignore: decorator
@inline function padRow(from: usize, to: usize, W: i32, rim: i32): void {
  const a = load<f32>(from), b = load<f32>(from + (<usize>(W - 1) << 2));
  for (let x = 0; x < rim; x++) store<f32>(to + (<usize>x << 2), a);
  memory.copy(to + (<usize>rim << 2), from, <usize>W << 2);
  for (let x = 0; x < rim; x++) store<f32>(to + (<usize>(rim + W + x) << 2), b);
}
/** to_t = Σ_{j ≤ 2r} from_{t + j·step}, t over `bytes`; in place is allowed, for every sum only reads what lies ahead. */
// @ts-ignore: decorator
@inline function sumAhead(from: usize, to: usize, bytes: usize, step: usize, r: i32): void {
  if (r == 0) { if (from != to) memory.copy(to, from, bytes); return; }
  if (r == 1) {
    for (let t: usize = 0; t < bytes; t += 16) st(to + t, add(add(ld(from + t), ld(from + t + step)), ld(from + t + 2 * step)));
    return;
  }
  const all = step * (2 * r + 1);
  for (let t: usize = 0; t < bytes; t += 16) {
    let s = ld(from + t);
    for (let j = step; j < all; j += step) s = add(s, ld(from + t + j));
    st(to + t, s);
  }
}

/** g = 0: out [V, K, D, H, W] takes the descriptors; else g their cotangent, and out that of the distances, ∂/∂D_k. scale = 1 / voxels of a patch. */
export function mindSscChannels(
  image: usize, g: usize, out: usize, planar: i32, D: i32, H: i32, W: i32, rz: i32, ry: i32, rx: i32, Dz: i32, Dy: i32, Dx: i32,
  planes: i32, rows: i32, scale: f32, floor: f32, ws: usize, i0: i32, i1: i32,
): void {
  const strips = (H + rows - 1) / rows, blocks = (D + planes - 1) / planes, E = planar ? 2 : 6, K = 2 * E, n4: usize = <usize>(D * H * W) << 2;
  const rimZ = Dz + rz, rimY = Dy + ry, rimX = Dx + rx, pw: usize = <usize>wide(W + 2 * rimX) << 2, S: usize = <usize>wide(W + Dx + 2 * rx) << 2;
  const deep = planes + 2 * rimZ, high = rows + 2 * rimY;
  const source = ws, sums = source + pw * deep * high, kept = sums + S * (planes + Dz + 2 * rz) * (rows + Dy + 2 * ry);
  const each = S * (planes + Dz) * (rows + Dy), table = kept + E * each, hold = table + 12 * 8;
  const patch = splat(scale), eps = splat(floor), mean = splat(<f32>1 / <f32>K), least = splat(1e-37);
  for (let i = i0; i < i1; i++) {
    const v = i / (blocks * strips), z0 = (i / strips) % blocks * planes, y0 = (i % strips) * rows;
    const nz = min(planes, D - z0), ny = min(rows, H - y0), I = image + v * n4;
    for (let z = 0; z < nz + 2 * rimZ; z++) for (let y = 0; y < ny + 2 * rimY; y++) {
      const zi = max(0, min(D - 1, z0 - rimZ + z)), yi = max(0, min(H - 1, y0 - rimY + y));
      padRow(I + (<usize>((zi * H + yi) * W) << 2), source + <usize>(z * high + y) * pw, W, rimX);
    }
    for (let e = 0; e < E; e++) {
      // Block of sums: read at z0 + firstZ·Dz …, so it begins at the lower of the two.
      const az = min(firstZ(e, 0), firstZ(e, 1)) * Dz, ay = min(firstY(e, 0), firstY(e, 1)) * Dy;
      const mz = nz + abs(firstZ(e, 0) - firstZ(e, 1)) * Dz, my = ny + abs(firstY(e, 0) - firstY(e, 1)) * Dy;
      const other: isize = (<isize>(dz(e) * Dz * high + dy(e) * Dy)) * <isize>pw + (<isize>(dx(e) * Dx) << 2);
      const lz = mz + 2 * rz, ly = my + 2 * ry, xs = <usize>(W + Dx + 2 * rx) << 2, boxed = <usize>(W + Dx) << 2;
      for (let z = 0; z < lz; z++) {
        const sheet = sums + <usize>(z * ly) * S;
        for (let y = 0; y < ly; y++) {
          // Sample u = x − Dx − rx of the image is sample 0 of the padded row.
          const p = source + <usize>((rimZ + az - rz + z) * high + rimY + ay - ry + y) * pw, q = p + other, s = sheet + <usize>y * S;
          for (let t: usize = 0; t < xs; t += 16) {
            const d = sub(ld(p + t), ld(q + t));
            st(s + t, mul(d, d));
          }
          sumAhead(s, s, boxed, 4, rx);
        }
        for (let y = 0; y < my; y++) sumAhead(sheet + <usize>y * S, sheet + <usize>y * S, boxed, S, ry);
      }
      const to = kept + e * each, step = S * ly;
      for (let z = 0; z < mz; z++) for (let y = 0; y < my; y++) sumAhead(sums + <usize>(z * ly + y) * S, to + <usize>(z * my + y) * S, boxed, step, rz);
    }
    for (let z = 0; z < nz; z++) for (let y = 0; y < ny; y++) {
      for (let e = 0; e < E; e++) for (let j = 0; j < 2; j++) {
        const az = min(firstZ(e, 0), firstZ(e, 1)), ay = min(firstY(e, 0), firstY(e, 1)), my = ny + abs(firstY(e, 0) - firstY(e, 1)) * Dy;
        const row = (z + (firstZ(e, j) - az) * Dz) * my + y + (firstY(e, j) - ay) * Dy;
        store<u32>(table + (<usize>(2 * e + j) << 3), <u32>(kept + e * each + <usize>row * S + (<usize>((1 + firstX(e, j)) * Dx) << 2)));
      }
      const at = <usize>(((z0 + z) * H + y0 + y) * W) << 2, to = out + <usize>(v * K) * n4 + at;
      for (let x = 0; x < W; x += 4) {
        const t: usize = <usize>x << 2;
        let low = ld(load<u32>(table) + t), sum = low;
        for (let k: usize = 8; k < <usize>K << 3; k += 8) {
          const d = ld(load<u32>(table + k) + t);
          low = f32x4.pmin(low, d);
          sum = add(sum, d);
        }
        // Sums are scaled here: D = patch·sum. Where all distances are 0 the descriptor is 1.
        const V = f32x4.pmax(least, fma(patch, fma(mean, sum, f32x4.neg(low)), eps)), by = f32x4.div(patch, V);
        if (g == 0) {
          for (let k: usize = 0; k < <usize>K; k++) put(to + k * n4 + t, expOfNegative(mul(by, sub(low, ld(load<u32>(table + (k << 3)) + t)))), W - x);
          continue;
        }
        const inverse = f32x4.div(splat(1), V), from = g + <usize>(v * K) * n4 + at + t;
        let hu = splat(0), h1 = splat(0);
        for (let k: usize = 0; k < <usize>K; k++) {
          const u = mul(by, sub(ld(load<u32>(table + (k << 3)) + t), low)), h = f32x4.neg(mul(inverse, mul(ld(from + k * n4), expOfNegative(f32x4.neg(u)))));
          hu = fma(h, u, hu);
          h1 = add(h1, h);
          st(hold + (k << 4), h);
        }
        hu = mul(hu, mean);
        const total = sub(h1, mul(hu, splat(<f32>K)));
        let found = splat(0);
        for (let k: usize = 0; k < <usize>K; k++) {
          const mine = v128.andnot(f32x4.eq(low, ld(load<u32>(table + (k << 3)) + t)), found);
          found = v128.or(found, mine);
          put(to + k * n4 + t, sub(sub(ld(hold + (k << 4)), hu), v128.and(mine, total)), W - x);
        }
      }
    }
  }
}

// ---- the gradient: ∂/∂D_k spread to where patches were read, summed over patches (boxSum), times the differences, borders folded back ----
/** Rows i of the frame [D + 2·rim, …] of one volume: Σ over the two pairs of difference e of ∂/∂D at u − rim − first. distances: [K, D, H, W]. */
export function mindSscSpread(
  distances: usize, out: usize, e: i32, D: i32, H: i32, W: i32, rz: i32, ry: i32, rx: i32, Dz: i32, Dy: i32, Dx: i32, i0: i32, i1: i32,
): void {
  const rimZ = Dz + rz, rimY = Dy + ry, rimX = Dx + rx, Wp = W + 2 * rimX, Hp = H + 2 * rimY, n4: usize = <usize>(D * H * W) << 2;
  for (let i = i0; i < i1; i++) {
    const to = out + (<usize>(i * Wp) << 2);
    memory.fill(to, 0, <usize>Wp << 2);
    for (let j = 0; j < 2; j++) {
      const z = i / Hp - rimZ - firstZ(e, j) * Dz, y = i % Hp - rimY - firstY(e, j) * Dy;
      if (z < 0 || z >= D || y < 0 || y >= H) continue;
      const from = distances + <usize>(2 * e + j) * n4 + (<usize>((z * H + y) * W) << 2), at = to + (<usize>(rimX + firstX(e, j) * Dx) << 2);
      let x = 0;
      for (; x + 4 <= W; x += 4) st(at + (<usize>x << 2), add(ld(at + (<usize>x << 2)), ld(from + (<usize>x << 2))));
      for (; x < W; x++) store<f32>(at + (<usize>x << 2), load<f32>(at + (<usize>x << 2)) + load<f32>(from + (<usize>x << 2)));
    }
  }
}
export function mindSscPullWorkspace(W: i32, rx: i32, Dx: i32): i32 { return 3 * 4 * (wide(W + 2 * (Dx + rx)) + wide(Dx) + 16); }
/** Rows i of the frame: sum (+)= factor·((P(u) − P(u + δ)) S(u) − (P(u − δ) − P(u)) S(u − δ)), P the image with its borders, S the patch sums of difference e. */
export function mindSscPull(
  image: usize, S: usize, sum: usize, e: i32, D: i32, H: i32, W: i32, rz: i32, ry: i32, rx: i32, Dz: i32, Dy: i32, Dx: i32,
  factor: f32, ws: usize, i0: i32, i1: i32,
): void {
  const rimZ = Dz + rz, rimY = Dy + ry, rimX = Dx + rx, Wp = W + 2 * rimX, Hp = H + 2 * rimY, Dp = D + 2 * rimZ;
  const oz = dz(e) * Dz, oy = dy(e) * Dy, ox = dx(e) * Dx, row: usize = <usize>(wide(Wp) + wide(Dx) + 16) << 2, f = splat(factor);
  const here = ws, ahead = ws + row, behind = ws + 2 * row;
  memory.fill(ws, 0, 3 * row);
  for (let i = i0; i < i1; i++) {
    const z = i / Hp, y = i % Hp, to = sum + (<usize>(i * Wp) << 2), own = S + (<usize>(i * Wp) << 2);
    padRow(borderRow(image, z - rimZ, y - rimY, D, H, W), here, W, rimX);
    if (e == 0) memory.fill(to, 0, <usize>Wp << 2);
    if (z + oz >= 0 && z + oz < Dp && y + oy >= 0 && y + oy < Hp) {
      padRow(borderRow(image, z + oz - rimZ, y + oy - rimY, D, H, W), ahead, W, rimX);
      // Beyond the frame's right end no patch reads: S is 0 in the last Dx columns.
      const q = ahead + (<usize>ox << 2);
      let x: usize = 0;
      const end: usize = <usize>Wp << 2;
      for (; x + 16 <= end; x += 16) st(to + x, fma(f, mul(sub(ld(here + x), ld(q + x)), ld(own + x)), ld(to + x)));
      for (; x < end; x += 4) store<f32>(to + x, load<f32>(to + x) + factor * (load<f32>(here + x) - load<f32>(q + x)) * load<f32>(own + x));
    }
    if (z - oz >= 0 && z - oz < Dp && y - oy >= 0 && y - oy < Hp) {
      padRow(borderRow(image, z - oz - rimZ, y - oy - rimY, D, H, W), behind, W, rimX);
      const other = S + (<usize>(((z - oz) * Hp + y - oy) * Wp) << 2), back: usize = <usize>ox << 2, end: usize = <usize>(Wp - ox) << 2;
      let x: usize = 0;
      for (; x + 16 <= end; x += 16) st(to + back + x, fma(f, mul(sub(ld(here + back + x), ld(behind + x)), ld(other + x)), ld(to + back + x)));
      for (; x < end; x += 4)
        store<f32>(to + back + x, load<f32>(to + back + x) + factor * (load<f32>(here + back + x) - load<f32>(behind + x)) * load<f32>(other + x));
    }
  }
}
// @ts-ignore: decorator
@inline function borderRow(image: usize, z: i32, y: i32, D: i32, H: i32, W: i32): usize {
  return image + (<usize>((max(0, min(D - 1, z)) * H + max(0, min(H - 1, y))) * W) << 2);
}
/** Rows i of the image: the sum over all samples of the frame that show it. */
export function mindSscFold(sum: usize, out: usize, D: i32, H: i32, W: i32, rimZ: i32, rimY: i32, rimX: i32, i0: i32, i1: i32): void {
  const Wp = W + 2 * rimX, Hp = H + 2 * rimY;
  for (let i = i0; i < i1; i++) {
    const z = i / H, y = i % H, to = out + (<usize>(i * W) << 2);
    memory.fill(to, 0, <usize>W << 2);
    for (let zz = z == 0 ? 0 : z + rimZ; zz <= (z == D - 1 ? D - 1 + 2 * rimZ : z + rimZ); zz++)
      for (let yy = y == 0 ? 0 : y + rimY; yy <= (y == H - 1 ? H - 1 + 2 * rimY : y + rimY); yy++) {
        const from = sum + (<usize>((zz * Hp + yy) * Wp + rimX) << 2);
        let x = 0;
        for (; x + 4 <= W; x += 4) st(to + (<usize>x << 2), add(ld(to + (<usize>x << 2)), ld(from + (<usize>x << 2))));
        for (; x < W; x++) store<f32>(to + (<usize>x << 2), load<f32>(to + (<usize>x << 2)) + load<f32>(from + (<usize>x << 2)));
        let left: f32 = 0, right: f32 = 0;
        for (let k = 1; k <= rimX; k++) {
          left += load<f32>(from - (<usize>k << 2));
          right += load<f32>(from + (<usize>(W - 1 + k) << 2));
        }
        const last = to + (<usize>(W - 1) << 2);
        store<f32>(to, load<f32>(to) + left);
        store<f32>(last, load<f32>(last) + right);
      }
  }
}
