import { fma, ld, splat, st } from "./simd";
import { clearTiles, pack4, tile4x8, tile4x8by3, transposeStore } from "./tile";

/**
 * Convolution (correlation, as networks mean it) in up to three dimensions as an implicit matrix product:
 *   out[b, o, p] = Σ_{c, t} w[o, c, t] · x[b, c, p·stride − padding + t·dilation],   x = 0 outside.
 * One unit of work is 64 or more consecutive output positions of one image and group. Its inputs are packed, channel block by channel
 * block, into panels [k = (c, t)][8 positions] that stay in the first-level cache while every output channel uses them.
 * Positions run over row ends, so no width wastes lanes; a panel that crosses a row end is packed in segments with masks.
 * The geometry comes in a block of 32-bit integers, `G`:
 */
// @ts-ignore: decorator
@inline function at(G: usize, i: i32): i32 { return load<i32>(G + (<usize>i << 2)); }
const I = 0, O = 1, GROUPS = 2, BATCH = 3; // channels in and out of one group
const D = 4, H = 5, W = 6; // input
const OD = 7, OH = 8, OW = 9; // positions computed
const KD = 10, KH = 11, KW = 12;
const SZ = 13, SY = 14, SX = 15, PZ = 16, PY = 17, PX = 18, DZ = 19, DY = 20, DX = 21; // stride, padding (may be negative), dilation
const FD = 22, FH = 23, FW = 24, LZ = 25, LY = 26, LX = 27, RZ = 28, RY = 29, RX = 30; // position p is written at p·L + R in [FD, FH, FW]

/** One stretch of positions inside one output row: first and last lane, input coordinates of tap 0 at lane 0. */
const LA = 0, LB = 4, SEG_Z = 8, SEG_Y = 12, SEG_X = 16, KIND = 20, PANEL = 24, segmentBytes: usize = 32;
/**
 * Kinds: any (lanes checked one by one), near (every tap touches the row: masked vectors), inner (all taps inside, stride 1), and for
 * three neighbouring taps and a panel inside one output row the compact forms of the last two: ten input values for all three.
 */
const ANY = 0, NEAR = 1, INNER = 2, COMPACT_NEAR = 3, COMPACT_INNER = 4;

/**
 * Packs weights into strips of four output channels, wp [group][⌈O/4⌉][I·T][4], zero past O. Element (g, o, i, tz, ty, tx) lies at
 * w + 4 (base + g·gs + o·os + i·is + tz·ts + ty·us + tx·vs); negative steps flip. Slabs: strips, g·⌈O/4⌉ + strip.
 */
export function convPackWeights(
  w: usize, wp: usize, nO: i32, nI: i32, kd: i32, kh: i32, kw: i32, base: i32, gs: i32, os: i32, is: i32, ts: i32, us: i32, vs: i32, i0: i32, i1: i32,
): void {
  const strips = (nO + 3) >> 2;
  let to = wp + (<usize>i0 * nI * kd * kh * kw << 4);
  for (let s = i0; s < i1; s++) {
    const o0 = (s % strips) << 2, first = base + s / strips * gs + o0 * os;
    for (let i = 0; i < nI; i++)
      for (let z = 0; z < kd; z++)
        for (let y = 0; y < kh; y++)
          for (let x = 0; x < kw; x++) {
            let from = first + i * is + z * ts + y * us + x * vs;
            for (let l = 0; l < 4; l++, to += 4, from += os) store<f32>(to, o0 + l < nO ? load<f32>(w + (<usize>from << 2)) : 0);
          }
  }
}

/** Lanes l of a vector for which first + l·step is inside [0, W). */
// @ts-ignore: decorator
@inline function inside(first: i32, step: i32, l: v128, width: v128): v128 {
  return i32x4.lt_u(i32x4.add(i32x4.splat(first), i32x4.mul(l, i32x4.splat(step))), width);
}

/** Lane masks of a segment for each tap along x: inside [la, lb) and inside the row. */
function segmentMasks(ix: i32, w: i32, sx: i32, kw: i32, dx: i32, la: i32, lb: i32, to: usize): void {
  const l0 = i32x4(0, 1, 2, 3), l1 = i32x4(4, 5, 6, 7), width = i32x4.splat(w), first = i32x4.splat(la), count = i32x4.splat(lb - la);
  const m0 = i32x4.lt_u(i32x4.sub(l0, first), count), m1 = i32x4.lt_u(i32x4.sub(l1, first), count);
  for (let k = 0; k < kw; k++, ix += dx, to += 32) {
    st(to, v128.and(m0, inside(ix, sx, l0, width))); st(to + 16, v128.and(m1, inside(ix, sx, l1, width)));
  }
}
/** Four elements from p on, every one or every second. */
// @ts-ignore: decorator
@inline function everySecond(p: usize, sx: i32): v128 { return sx == 1 ? ld(p) : v128.shuffle<f32>(ld(p), ld(p, 16), 0, 2, 4, 6); }

/**
 * Packs the taps of one input row for one segment of a panel: to[kx][l] = row[ix + l·sx + kx·dx], 0 outside the row, at p = row + 4 ix.
 * A first segment (la = 0) also writes zeros to the lanes behind it; later ones add their lanes. Strides 1 and 2.
 * Reads at most 15 elements past the row and 14 before it, masked away.
 */
function packNear(p: usize, masks: usize, sx: i32, kw: i32, dx: usize, la: i32, to: usize): void {
  const half: usize = <usize>sx << 4;
  for (const end = to + (<usize>kw << 5); to < end; to += 32, p += dx, masks += 32) {
    let u = v128.and(everySecond(p, sx), ld(masks)), v = v128.and(everySecond(p + half, sx), ld(masks, 16));
    if (la > 0) { u = v128.or(u, ld(to)); v = v128.or(v, ld(to, 16)); }
    st(to, u); st(to + 16, v);
  }
}
/** The same one element at a time, for any stride and any distance from the row. */
function packAny(row: usize, ix: i32, w: i32, sx: i32, kw: i32, dx: i32, la: i32, lb: i32, to: usize): void {
  for (let k = 0; k < kw; k++, ix += dx, to += 32) {
    if (la == 0) { st(to, splat(0)); st(to + 16, splat(0)); }
    for (let l = la, x = ix + la * sx; l < lb; l++, x += sx) if (<u32>x < <u32>w) store<f32>(to + (<usize>l << 2), load<f32>(row + (<usize>x << 2)));
  }
}
// @ts-ignore: decorator
@inline function packZero(to: usize, bytes: usize): void { for (const end = to + bytes; to < end; to += 16) st(to, splat(0)); }

/**
 * Convolution forward over packed weights (`convPackWeights`); with a lattice (L, R) in G also one phase of its adjoint.
 * `cb` input channels are packed at a time. `unit` is a multiple of eight. Workspace: 4·unit·(8 + 8·KW + cb·T + 4⌈O/4⌉) bytes. Slabs: units, (b·groups + g)·⌈P/unit⌉ + unit.
 */
export function convForward(x: usize, wp: usize, out: usize, G: usize, cb: i32, unit: i32, ws: usize, i0: i32, i1: i32): void {
  const nI = at(G, I), nO = at(G, O), groups = at(G, GROUPS), d = at(G, D), h = at(G, H), w = at(G, W), oh = at(G, OH), ow = at(G, OW);
  const kd = at(G, KD), kh = at(G, KH), kw = at(G, KW), sx = at(G, SX), dz = at(G, DZ), dy = at(G, DY), dx = at(G, DX);
  const P = at(G, OD) * oh * ow, units = (P + unit - 1) / unit, T = kd * kh * kw, K = nI * T, strips = (nO + 3) >> 2;
  const plane: usize = <usize>(d * h * w) << 2, rowBytes: usize = <usize>w << 2, reach = (kw - 1) * dx, step: usize = <usize>dx << 2, rowStep: usize = <usize>dy * rowBytes, rowsBytes: usize = <usize>kh * 48;
  const full: usize = <usize>at(G, FD) * at(G, FH) * at(G, FW) << 2;
  const dense = at(G, LX) == 1 && at(G, LY) == 1 && at(G, LZ) == 1;
  const masks = ws + <usize>unit * segmentBytes, panels = masks + <usize>(unit * kw) * 32, accumulators = panels + <usize>(unit * cb * T) * 4, tileBytes: usize = <usize>strips << 7;
  for (let i = i0; i < i1; i++) {
    const bg = i / units, g = bg % groups, p0 = i % units * unit, p1 = min(p0 + unit, P), tiles = (p1 - p0 + 7) >> 3;
    const from = x + <usize>(bg * nI) * plane, weights = wp + (<usize>(g * strips) * K << 4), to = out + <usize>(bg * nO) * full;
    clearTiles(accumulators, tiles * strips);
    const maskBytes: usize = <usize>kw << 5;
    // Segments: cut the unit at row ends and at every eighth position.
    let segments = ws;
    for (let p = p0; p < p1; ) {
      const px = p % ow, py = p / ow % oh, pz = p / ow / oh, tile = (p - p0) >> 3, la = (p - p0) & 7, n = min(min(8 - la, ow - px), p1 - p);
      const ix = (px - la) * sx - at(G, PX);
      store<i32>(segments + LA, la); store<i32>(segments + LB, la + n);
      store<i32>(segments + SEG_Z, pz * at(G, SZ) - at(G, PZ)); store<i32>(segments + SEG_Y, py * at(G, SY) - at(G, PY)); store<i32>(segments + SEG_X, ix);
      const near = sx <= 2 && ix > -8 * sx && ix + reach < w, mask = masks + (segments - ws) / segmentBytes * maskBytes;
      if (near && sx == 1 && kw == 3 && dx == 1 && la == 0 && (n == 8 || p + n == p1)) {
        const inner = ix >= 0 && ix + 10 <= w;
        store<i32>(segments + KIND, inner ? COMPACT_INNER : COMPACT_NEAR);
        const width = i32x4.splat(w);
        st(mask, inside(ix, 1, i32x4(0, 1, 2, 3), width)); st(mask + 16, inside(ix, 1, i32x4(4, 5, 6, 7), width)); st(mask + 32, inside(ix, 1, i32x4(8, 9, 10, 11), width));
      } else {
        store<i32>(segments + KIND, sx == 1 && n == 8 && ix >= 0 && ix + reach + 8 <= w ? INNER : near ? NEAR : ANY);
        if (near) segmentMasks(ix, w, sx, kw, dx, la, la + n, mask);
      }
      store<i32>(segments + PANEL, tile);
      segments += segmentBytes; p += n;
    }
    for (let c0 = 0; c0 < nI; c0 += cb) {
      const cn = min(cb, nI - c0), n = cn * T, panelBytes: usize = <usize>n << 5;
      for (let c = 0; c < cn; c++) {
        const channel = from + <usize>(c0 + c) * plane;
        for (let s = ws, mask = masks; s < segments; s += segmentBytes, mask += maskBytes) {
          const kind = load<i32>(s + KIND), compact = kind >= COMPACT_NEAR, each: usize = compact ? 48 : maskBytes;
          const la = load<i32>(s + LA), lb = load<i32>(s + LB), iz = load<i32>(s + SEG_Z), iy = load<i32>(s + SEG_Y), ix = load<i32>(s + SEG_X);
          let q = panels + <usize>load<i32>(s + PANEL) * panelBytes + <usize>(c * kd * kh) * each;
          if (kind == COMPACT_INNER && iy >= 0 && iy + (kh - 1) * dy < h) { // most panels of a large image: nothing to check but z
            for (let kz = 0, z = iz; kz < kd; kz++, z += dz) {
              const end = q + rowsBytes;
              if (<u32>z >= <u32>d) { packZero(q, rowsBytes); q = end; continue; }
              for (let p = channel + <usize>(z * h + iy) * rowBytes + (<usize>ix << 2); q < end; q += 48, p += rowStep) {
                st(q, ld(p)); st(q + 16, ld(p, 16)); st(q + 32, ld(p, 32));
              }
            }
            continue;
          }
          for (let kz = 0, z = iz; kz < kd; kz++, z += dz)
            for (let ky = 0, y = iy; ky < kh; ky++, y += dy, q += each) {
              if (<u32>z >= <u32>d || <u32>y >= <u32>h) {
                if (la == 0) packZero(q, each);
                continue;
              }
              const row = channel + <usize>(z * h + y) * rowBytes;
              let p = row + (<usize>ix << 2);
              if (compact) {
                st(q, v128.and(ld(p), ld(mask))); st(q + 16, v128.and(ld(p, 16), ld(mask, 16))); st(q + 32, v128.and(ld(p, 32), ld(mask, 32)));
              } else if (kind == INNER) {
                for (let to = q, end = q + each; to < end; p += step, to += 32) { st(to, ld(p)); st(to + 16, ld(p, 16)); }
              } else if (kind == NEAR) packNear(p, mask, sx, kw, step, la, q);
              else packAny(row, ix, w, sx, kw, dx, la, lb, q);
            }
        }
      }
      // A tile's first segment knows how its panel is packed: compact ones have no other segment.
      for (let s = ws; s < segments; s += segmentBytes) {
        if (load<i32>(s + LA) != 0) continue;
        const t: usize = load<i32>(s + PANEL), panel = panels + t * panelBytes;
        let a = weights + (<usize>(c0 * T) << 4), acc = accumulators + t * tileBytes;
        if (load<i32>(s + KIND) >= COMPACT_NEAR) for (let o = 0; o < strips; o++, a += <usize>K << 4, acc += 128) tile4x8by3(a, panel, cn * kd * kh, acc);
        else for (let o = 0; o < strips; o++, a += <usize>K << 4, acc += 128) tile4x8(a, panel, n, acc);
      }
    }
    if (dense)
      for (let o = 0; o < nO; o++) {
        let q = to + <usize>o * full + (<usize>p0 << 2), acc = accumulators + (<usize>o << 5);
        for (let p = p0; p < p1; p += 8, q += 32, acc += tileBytes) {
          if (p + 8 <= p1) { st(q, ld(acc)); st(q + 16, ld(acc, 16)); }
          else for (let l: usize = 0; l < <usize>(p1 - p) << 2; l += 4) store<f32>(q + l, load<f32>(acc + l));
        }
      }
    else { // on a lattice: the places of the unit first (the segments are done with), then channel by channel
      const places = ws;
      for (let p = p0; p < p1; p++) {
        const pz = p / ow / oh * at(G, LZ) + at(G, RZ), py = p / ow % oh * at(G, LY) + at(G, RY), px = p % ow * at(G, LX) + at(G, RX);
        store<i32>(places + (<usize>(p - p0) << 2), ((pz * at(G, FH) + py) * at(G, FW) + px) << 2);
      }
      for (let o = 0; o < nO; o++) {
        const q = to + <usize>o * full, acc = accumulators + (<usize>o << 5);
        for (let k = 0; k < p1 - p0; k++)
          store<f32>(q + <usize>load<u32>(places + (<usize>k << 2)), load<f32>(acc + <usize>(k >> 3) * tileBytes + (<usize>(k & 7) << 2)));
      }
    }
  }
}

/**
 * The same for very few output channels in a group, stride 1 along x and no lattice: a strip of four would compute for nothing.
 * The input rows of one output row are copied with their zeros around; then sixteen positions at a time stay in registers.
 * `pitch` bytes from row to row of the copy, at least 4 (OW + (KW − 1) DX + 16). Workspace: 64 + I·KD·KH·pitch. Slabs: output rows, ((b·groups + g)·OD + z)·OH + y.
 */
export function convFew(x: usize, wp: usize, out: usize, G: usize, pitch: i32, ws: usize, r0: i32, r1: i32): void {
  const nI = at(G, I), nO = at(G, O), groups = at(G, GROUPS), d = at(G, D), h = at(G, H), w = at(G, W), od = at(G, OD), oh = at(G, OH), ow = at(G, OW);
  const kd = at(G, KD), kh = at(G, KH), kw = at(G, KW), px = at(G, PX), rowBytes: usize = <usize>w << 2, plane: usize = <usize>(d * h) * rowBytes;
  const step: usize = <usize>at(G, DX) << 2, span: usize = <usize>kw * step, volume: usize = <usize>(od * oh * ow) << 2, K = nI * kd * kh * kw;
  // Columns of the row that the copy holds: copy[i] = row[i − px].
  const need = ow + (kw - 1) * at(G, DX), first = max(0, px), count = min(w - max(0, -px), need - first), top = ws + 64;
  for (let r = r0; r < r1; r++) {
    const bg = r / oh / od, oz = r / oh % od, oy = r % oh;
    let q = top;
    for (let c = 0; c < nI; c++)
      for (let kz = 0, z = oz * at(G, SZ) - at(G, PZ); kz < kd; kz++, z += at(G, DZ))
        for (let ky = 0, y = oy * at(G, SY) - at(G, PY); ky < kh; ky++, y += at(G, DY), q += pitch) {
          if (<u32>z >= <u32>d || <u32>y >= <u32>h || count <= 0) { memory.fill(q, 0, <usize>need << 2); continue; }
          for (let i = 0; i < first; i += 4) st(q + (<usize>i << 2), splat(0));
          const from = x + <usize>(bg * nI + c) * plane + <usize>(z * h + y) * rowBytes + (<usize>max(0, -px) << 2), to = q + (<usize>first << 2);
          for (let i: usize = 0, end: usize = <usize>count << 2; i < end; i += 16) st(to + i, ld(from + i));
          for (let i = first + count; i < need; i += 4) st(q + (<usize>i << 2), splat(0));
        }
    for (let o = 0; o < nO; o++) {
      const to = out + <usize>(bg * nO + o) * volume + (<usize>((oz * oh + oy) * ow) << 2), weights = wp + (<usize>(bg % groups * K) << 4) + (<usize>o << 2);
      for (let i = 0; i < ow; i += 16) {
        const l = ow >= 16 ? min(i, ow - 16) : 0;
        let s0 = splat(0), s1 = splat(0), s2 = splat(0), s3 = splat(0), a = weights;
        for (let row = top + (<usize>l << 2); row < q; row += pitch)
          for (let t = row, end = row + span; t < end; t += step, a += 16) {
            const v = v128.load32_splat(a);
            s0 = fma(v, ld(t), s0); s1 = fma(v, ld(t, 16), s1); s2 = fma(v, ld(t, 32), s2); s3 = fma(v, ld(t, 48), s3);
          }
        const p = ow >= 16 ? to + (<usize>l << 2) : ws;
        st(p, s0); st(p + 16, s1); st(p + 32, s2); st(p + 48, s3);
        if (ow < 16) memory.copy(to, ws, <usize>ow << 2);
      }
    }
  }
}

/** Positions of one block of the weight gradient: the depth of its matrix product. */
const block: i32 = 256;

/** Copies n elements of a row from column ix on, every sx-th, to `to`; 0 outside [0, W). May write three elements past n. */
function gatherRow(row: usize, ix: i32, w: i32, sx: i32, n: i32, to: usize): void {
  const zero = splat(0);
  // First and last position inside the row.
  const a = ix >= 0 ? 0 : min(n, (sx - 1 - ix) / sx), b = ix >= w ? a : max(a, min(n, (w - 1 - ix) / sx + 1));
  let l = 0;
  for (; l < a; l += 4) st(to + (<usize>l << 2), zero);
  l = a;
  const p = row + (<usize>ix << 2);
  if (sx == 1) for (; l < b; l += 4) st(to + (<usize>l << 2), ld(p + (<usize>l << 2)));
  else for (; l < b; l++) store<f32>(to + (<usize>l << 2), load<f32>(p + (<usize>(l * sx) << 2)));
  for (l = b; l < n; l += 4) st(to + (<usize>l << 2), zero);
}

/** Eight rows of n elements into a panel [n][8], rounded up to whole fours. */
function transposePanel(a: usize, b: usize, c: usize, d: usize, e: usize, f: usize, g: usize, h: usize, n: i32, panel: usize): void {
  for (let k: usize = 0, end: usize = <usize>n << 2; k < end; k += 16, panel += 128) {
    transposeStore(ld(a + k), ld(b + k), ld(c + k), ld(d + k), panel, 32);
    transposeStore(ld(e + k), ld(f + k), ld(g + k), ld(h + k), panel + 16, 32);
  }
}

/** Address of column c, a channel and a tap, for output position p when input and output rows are alike: the image, shifted. */
// @ts-ignore: decorator
@inline function shifted(xs: usize, G: usize, c: i32, N: i32, T: i32, p: i32): usize {
  c = min(c, N - 1);
  const t = c % T, kw = at(G, KW), kh = at(G, KH), h = at(G, H), w = at(G, W);
  const oz = t / kw / kh * at(G, DZ) - at(G, PZ), oy = t / kw % kh * at(G, DY) - at(G, PY), ox = t % kw * at(G, DX) - at(G, PX);
  return xs + (<usize>(c / T * at(G, D) * h * w + (oz * h + oy) * w + ox + p) << 2);
}
/**
 * Packs panel j for n positions from p0 when stride is 1 and rows and planes of input and output have one size: each column is the
 * image shifted, taken as it lies in memory, and what came from across a border is zeroed afterwards.
 * @returns false, and nothing, when a shift leads outside [low, high)
 */
function packShifted(xs: usize, low: usize, high: usize, panel: usize, G: usize, j: i32, N: i32, T: i32, p0: i32, n: i32): bool {
  const c = j << 3, bytes: usize = <usize>n << 2;
  const q0 = shifted(xs, G, c, N, T, p0), q1 = shifted(xs, G, c + 1, N, T, p0), q2 = shifted(xs, G, c + 2, N, T, p0), q3 = shifted(xs, G, c + 3, N, T, p0);
  const q4 = shifted(xs, G, c + 4, N, T, p0), q5 = shifted(xs, G, c + 5, N, T, p0), q6 = shifted(xs, G, c + 6, N, T, p0), q7 = shifted(xs, G, c + 7, N, T, p0);
  const first = min(min(min(q0, q1), min(q2, q3)), min(min(q4, q5), min(q6, q7))), last = max(max(max(q0, q1), max(q2, q3)), max(max(q4, q5), max(q6, q7)));
  if (first < low || last + bytes > high) return false;
  transposePanel(q0, q1, q2, q3, q4, q5, q6, q7, n, panel);
  const kw = at(G, KW), kh = at(G, KH), d = at(G, D), h = at(G, H), w = at(G, W), px0 = p0 % w, py0 = p0 / w % h, pz0 = p0 / w / h;
  for (let l = 0; l < 8 && c + l < N; l++) {
    const t = (c + l) % T;
    const oz = t / kw / kh * at(G, DZ) - at(G, PZ), oy = t / kw % kh * at(G, DY) - at(G, PY), ox = t % kw * at(G, DX) - at(G, PX);
    if (oz == 0 && oy == 0 && ox == 0) continue;
    let q = panel + (<usize>l << 2);
    for (let k = 0, px = px0, y = py0 + oy, z = pz0 + oz; k < n; ) {
      const len = min(w - px, n - k), next = q + (<usize>len << 5);
      if (<u32>z >= <u32>d || <u32>y >= <u32>h) for (; q < next; q += 32) store<f32>(q, 0);
      else if (ox < 0) for (const end = q + (<usize>min(len, max(0, -ox - px)) << 5); q < end; q += 32) store<f32>(q, 0);
      else for (q += <usize>min(len, max(0, w - ox - px)) << 5; q < next; q += 32) store<f32>(q, 0);
      q = next; k += len; px = 0;
      if (++y - oy == h) { y = oy; z++; }
    }
  }
  return true;
}

/**
 * Gradient of a convolution with respect to its weights, partial sums: for the column group q and the chunk of blocks s,
 *   part[s][group][o][(c, t)] = Σ_{positions of the chunk} g[b, o, p] · x[b, c, p·stride − padding + t·dilation].
 * A matrix product over positions: blocks of 256 are packed with positions down and output channels or columns across; each
 * block adds its f32 tiles to f64. part is [S][groups][⌈O/4⌉][⌈I·T/8⌉][4][8] f64, zeroed here.
 * Workspace: 128 + 8·4·(256 + 16) + 256·32 + 256·16⌈O/4⌉ bytes. Slabs: (s·groups + group)·⌈columns/width⌉ + q, columns in panels of 8.
 */
export function convWeights(x: usize, g: usize, part: usize, G: usize, blocksPerChunk: i32, width: i32, ws: usize, i0: i32, i1: i32): void {
  const nI = at(G, I), nO = at(G, O), groups = at(G, GROUPS), batch = at(G, BATCH), d = at(G, D), h = at(G, H), w = at(G, W), oh = at(G, OH), ow = at(G, OW);
  const kh = at(G, KH), kw = at(G, KW), T = at(G, KD) * kh * kw, N = nI * T, sx = at(G, SX);
  const P = at(G, OD) * oh * ow, blocks = (P + block - 1) / block, panels = (N + 7) >> 3, strips = (nO + 3) >> 2, columnGroups = (panels + width - 1) / width;
  const plane: usize = <usize>(d * h * w) << 2, xEnd = x + <usize>(batch * groups * nI) * plane;
  const same = ow == w && oh == h && sx == 1 && at(G, SY) == 1 && at(G, SZ) == 1;
  const tile = ws, rows = ws + 128, rowBytes: usize = (block + 16) << 2, panel = rows + 8 * rowBytes, strip = panel + (block << 5);
  for (let i = i0; i < i1; i++) {
    const s = i / columnGroups / groups, group = i / columnGroups % groups, j0 = i % columnGroups * width, j1 = min(j0 + width, panels);
    const sums = part + (<usize>((s * groups + group) * strips * panels) << 8);
    for (let o = 0; o < strips; o++) memory.fill(sums + (<usize>(o * panels + j0) << 8), 0, <usize>(j1 - j0) << 8);
    for (let m = s * blocksPerChunk, end = min(batch * blocks, m + blocksPerChunk); m < end; m++) {
      const b = m / blocks, p0 = m % blocks * block, n = min(block, P - p0);
      const gs = g + ((<usize>((b * groups + group) * nO) * P + p0) << 2), xs = x + <usize>((b * groups + group) * nI) * plane;
      for (let o = 0; o < strips; o++) pack4(gs + (<usize>(o << 2) * P << 2), <usize>P << 2, 4, min(4, nO - (o << 2)), n, strip + (<usize>(o * block) << 4), 16);
      for (let j = j0; j < j1; j++) {
        if (!same || !packShifted(xs, x, xEnd, panel, G, j, N, T, p0, n)) {
          let to = rows;
          for (let c = j << 3; c < (j << 3) + 8; c++, to += rowBytes) {
            if (c >= N) { memory.fill(to, 0, <usize>n << 2); continue; }
            const t = c % T, channel = xs + <usize>(c / T) * plane;
            const oz = t / kw / kh * at(G, DZ) - at(G, PZ), oy = t / kw % kh * at(G, DY) - at(G, PY), ox = t % kw * at(G, DX) - at(G, PX);
            for (let p = p0, px = p % ow, py = p / ow % oh, pz = p / ow / oh, q = to; p < p0 + n; ) {
              const z = pz * at(G, SZ) + oz, y = py * at(G, SY) + oy, len = min(ow - px, p0 + n - p);
              if (<u32>z < <u32>d && <u32>y < <u32>h) gatherRow(channel + (<usize>((z * h + y) * w) << 2), px * sx + ox, w, sx, len, q);
              else memory.fill(q, 0, <usize>len << 2);
              p += len; q += <usize>len << 2; px = 0;
              if (++py == oh) { py = 0; pz++; }
            }
          }
          transposePanel(rows, rows + rowBytes, rows + 2 * rowBytes, rows + 3 * rowBytes, rows + 4 * rowBytes, rows + 5 * rowBytes, rows + 6 * rowBytes, rows + 7 * rowBytes, n, panel);
        }
        for (let o = 0; o < strips; o++) {
          clearTiles(tile, 1);
          tile4x8(strip + (<usize>(o * block) << 4), panel, n, tile);
          const sum = sums + (<usize>(o * panels + j) << 8);
          for (let l: usize = 0; l < 128; l += 8) {
            const v = f64x2.promote_low_f32x4(v128.load64_zero(tile + l));
            v128.store(sum + (l << 1), f64x2.add(v128.load(sum + (l << 1)), v));
          }
        }
      }
    }
  }
}

/** Adds the partial weight gradients of `convWeights` in the order of their chunks: gw [groups·O][N]. Slabs: rows of gw. */
export function convWeightsSum(part: usize, gw: usize, S: i32, groups: i32, nO: i32, N: i32, i0: i32, i1: i32): void {
  const panels = (N + 7) >> 3, strips = (nO + 3) >> 2, chunk: usize = <usize>(groups * strips * panels) << 8;
  for (let r = i0; r < i1; r++) {
    const o = r % nO, first = part + (<usize>((r / nO * strips + (o >> 2)) * panels) << 8) + (<usize>(o & 3) << 6);
    let to = gw + (<usize>(r * N) << 2);
    for (let c = 0; c < N; c++, to += 4) {
      let sum: f64 = 0, p = first + (<usize>(c >> 3) << 8) + (<usize>(c & 7) << 3);
      for (let s = 0; s < S; s++, p += chunk) sum += load<f64>(p);
      store<f32>(to, <f32>sum);
    }
  }
}
