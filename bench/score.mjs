// The figures of merit, each a few lines of its own: they share no code with the library.

/** RAS mm ↔ LPS mm: x and y change sign. */
export const flip = (points) => points.map(([x, y, z]) => [-x, -y, z]);

/** Target registration error: distances between mapped and true points. */
export function distances(mapped, truth) {
  if (mapped.length !== truth.length) throw new Error(`bench: ${mapped.length} points came back, ${truth.length} were sent`);
  return mapped.map((p, i) => Math.hypot(...p.map((v, k) => v - truth[i][k])));
}
export const mean = (values) => values.reduce((s, v) => s + v, 0) / values.length;
/** Linear interpolation between order statistics (numpy's default). */
export function percentile(values, q) {
  const a = Float64Array.from(values).sort();
  const at = (q / 100) * (a.length - 1);
  const k = Math.floor(at);
  return a[k] + (at - k) * ((a[k + 1] ?? a[k]) - a[k]);
}

/** Dice of one label, 2 |A ∩ B| / (|A| + |B|), for each label asked; a label in neither image does not count. */
export function dice(a, b, labels) {
  if (a.length !== b.length) throw new Error(`bench: label images of ${a.length} and ${b.length} voxels; they must be on one grid`);
  const inA = new Map();
  const inB = new Map();
  const inBoth = new Map();
  const more = (m, k) => m.set(k, (m.get(k) ?? 0) + 1);
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== 0) more(inA, a[i]);
    if (b[i] !== 0) more(inB, b[i]);
    if (a[i] !== 0 && a[i] === b[i]) more(inBoth, a[i]);
  }
  const asked = labels ?? [...inA.keys()];
  return mean(asked.map((l) => (2 * (inBoth.get(l) ?? 0)) / ((inA.get(l) ?? 0) + (inB.get(l) ?? 0))).filter((v) => !Number.isNaN(v)));
}

/** 4×4 (or 3×3 in 2-D) homogeneous matrix, rows of numbers, applied to points. */
export const applyMatrix = (m, points) => points.map((p) => p.map((_, r) => p.reduce((s, v, c) => s + m[r][c] * v, m[r][p.length])));

/** y = x + u(x) from a displacement field (LPS mm, components as planes), linear between grid points, clamped at the border. */
export function applyField(field, points) {
  const { size, spacing, origin, direction, values } = field;
  const d = size.length;
  const n = size.reduce((a, b) => a * b, 1);
  return points.map((p) => {
    const index = size.map((_, a) => {
      let s = 0;
      for (let r = 0; r < d; r++) s += direction[r * d + a] * (p[r] - origin[r]); // the inverse of a rotation is its transpose
      return Math.min(Math.max(s / spacing[a], 0), size[a] - 1);
    });
    const low = index.map((v, a) => Math.min(Math.floor(v), Math.max(0, size[a] - 2)));
    return p.map((v, c) => {
      let u = 0;
      for (let corner = 0; corner < 1 << d; corner++) {
        let weight = 1;
        let at = 0;
        for (let a = d - 1; a >= 0; a--) {
          const up = (corner >> a) & 1;
          const t = index[a] - low[a];
          weight *= up ? t : 1 - t;
          at = at * size[a] + Math.min(low[a] + up, size[a] - 1);
        }
        if (weight > 0) u += weight * values[c * n + at];
      }
      return v + u;
    });
  });
}

/** The points a program maps and the field it writes must be one transform: mean difference at most a tenth of a voxel. */
export function insistOnOneTransform(field, points, mapped) {
  const apart = mean(distances(mapped, applyField(field, points))) / Math.max(...field.spacing);
  if (!(apart <= 0.1)) throw new Error(`the written field and the mapped points differ by ${apart.toFixed(3)} voxels on average`);
}

/** Share of voxels where det(I + ∂u/∂x) ≤ 0, in percent; central differences, one-sided at the border. */
export function foldedPercent(field) {
  const { size, spacing, direction, values } = field;
  const d = size.length;
  const [W, H, D = 1] = size;
  const n = W * H * D;
  const step = [1, W, W * H];
  let folded = 0;
  const g = new Float64Array(d * d);
  for (let z = 0; z < D; z++)
    for (let y = 0; y < H; y++)
      for (let x = 0; x < W; x++) {
        const i = (z * H + y) * W + x;
        const at = [x, y, z];
        for (let c = 0; c < d; c++) {
          // ∂u_c along the axes of the grid, then turned to the axes of space
          for (let r = 0; r < d; r++) g[c * d + r] = c === r ? 1 : 0;
          for (let a = 0; a < d; a++) {
            const up = at[a] < size[a] - 1 ? 1 : 0;
            const down = at[a] > 0 ? 1 : 0;
            if (up + down === 0) continue;
            const slope = (values[c * n + i + up * step[a]] - values[c * n + i - down * step[a]]) / ((up + down) * spacing[a]);
            for (let r = 0; r < d; r++) g[c * d + r] += slope * direction[r * d + a];
          }
        }
        const det =
          d === 2
            ? g[0] * g[3] - g[1] * g[2]
            : g[0] * (g[4] * g[8] - g[5] * g[7]) - g[1] * (g[3] * g[8] - g[5] * g[6]) + g[2] * (g[3] * g[7] - g[4] * g[6]);
        if (det <= 0) folded++;
      }
  return (100 * folded) / n;
}

/** Moving labels on the grid of a displacement field: nearest neighbour at x + u(x), 0 outside. */
export function carryLabels(labels, field) {
  const { size, spacing, origin, direction, values } = field;
  const d = size.length;
  const [W, H, D = 1] = size;
  const n = W * H * D;
  const out = new Int32Array(n);
  const p = new Float64Array(d);
  for (let z = 0, i = 0; z < D; z++)
    for (let y = 0; y < H; y++)
      for (let x = 0; x < W; x++, i++) {
        const index = [x, y, z];
        for (let r = 0; r < d; r++) {
          p[r] = origin[r] + values[r * n + i];
          for (let c = 0; c < d; c++) p[r] += direction[r * d + c] * spacing[c] * index[c];
        }
        let at = 0;
        for (let a = d - 1; a >= 0 && at >= 0; a--) {
          let s = 0;
          for (let r = 0; r < d; r++) s += labels.direction[r * d + a] * (p[r] - labels.origin[r]);
          const v = Math.round(s / labels.spacing[a]);
          at = v >= 0 && v < labels.size[a] ? at * labels.size[a] + v : -1;
        }
        if (at >= 0) out[i] = labels.values[at];
      }
  return out;
}

/** The displacement field of the identity on an image's grid. */
export const zeroField = (image) => ({
  ...image,
  components: image.size.length,
  values: new Float32Array(image.size.reduce((a, b) => a * b, image.size.length)),
});
