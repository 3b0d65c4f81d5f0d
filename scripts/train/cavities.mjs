/*
 * Cavities of left ventricles in short-axis cine pictures, without a contour by hand: in each picture of a patient what is bright, round and near where the round bright
 * things of all the patient's pictures are; its convex hull, so that the papillary muscles are inside as they are in contours by hand.
 */

/** Otsu's threshold of values. */
function otsu(values) {
  const top = values.reduce((a, b) => Math.max(a, b), 1e-6);
  const counts = new Float64Array(128);
  for (const v of values) counts[Math.min(127, Math.floor((128 * v) / top))]++;
  const all = counts.reduce((s, n, i) => s + n * i, 0);
  let [n0, s0, best, at] = [0, 0, -1, 64];
  for (let i = 0; i < 127; i++) {
    n0 += counts[i];
    s0 += counts[i] * i;
    const n1 = values.length - n0;
    if (n0 === 0 || n1 === 0) continue;
    const between = n0 * n1 * (s0 / n0 - (all - s0) / n1) ** 2;
    if (between > best) [best, at] = [between, i];
  }
  return ((at + 1) * top) / 128;
}
/** 1 where all samples within the radius are. */
function eroded(mask, w, h, radius) {
  const out = new Uint8Array(w * h);
  const r = Math.ceil(radius);
  for (let y = r; y < h - r; y++)
    for (let x = r; x < w - r; x++) {
      let all = mask[y * w + x];
      for (let dy = -r; dy <= r && all; dy++)
        for (let dx = -r; dx <= r && all; dx++) if (dy * dy + dx * dx <= radius * radius) all &= mask[(y + dy) * w + x + dx];
      out[y * w + x] = all;
    }
  return out;
}
/** Lists of samples that hang together. */
function components(mask, w, h) {
  const seen = Uint8Array.from(mask, (v) => 1 - v);
  const found = [];
  for (let start = 0; start < w * h; start++) {
    if (seen[start]) continue;
    const list = [start];
    seen[start] = 1;
    for (let k = 0; k < list.length; k++) {
      const [x, y] = [list[k] % w, Math.floor(list[k] / w)];
      for (const [i, inside] of [
        [list[k] - 1, x > 0],
        [list[k] + 1, x < w - 1],
        [list[k] - w, y > 0],
        [list[k] + w, y < h - 1],
      ])
        if (inside && !seen[i]) {
          seen[i] = 1;
          list.push(i);
        }
    }
    found.push(list);
  }
  return found;
}
/** The convex hull of points [x, y], against the clock. */
function hull(points) {
  const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const turn = (o, a, b) => (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]);
  const half = (list) => {
    const out = [];
    for (const p of list) {
      while (out.length > 1 && turn(out.at(-2), out.at(-1), p) <= 0) out.pop();
      out.push(p);
    }
    return out.slice(0, -1);
  };
  return [...half(sorted), ...half(sorted.reverse())];
}
/** The samples of a convex polygon. */
function filled(polygon, w, h) {
  const out = new Uint8Array(w * h);
  const xs = polygon.map((p) => p[0]);
  const ys = polygon.map((p) => p[1]);
  for (let y = Math.min(...ys); y <= Math.max(...ys); y++)
    for (let x = Math.min(...xs); x <= Math.max(...xs); x++)
      out[y * w + x] = polygon.every((a, i) => {
        const b = polygon[(i + 1) % polygon.length];
        return (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) >= -1e-9;
      })
        ? 1
        : 0;
  return out;
}
/** Where what moves has its middle: the centroid of the squared differences of neighbours, twice, the second time near the first. */
function moving(pictures, w, h) {
  const change = new Float64Array(w * h);
  for (let k = 0; k + 1 < pictures.length; k += 2)
    for (let i = 0; i < w * h; i++) change[i] += (pictures[k].values[i] - pictures[k + 1].values[i]) ** 2;
  let at = [w / 2, h / 2];
  for (const reach of [0.22 * w, 0.14 * w, 0.14 * w]) {
    let [s, sx, sy] = [1e-12, 0, 0];
    for (let i = 0; i < w * h; i++) {
      const [x, y] = [i % w, Math.floor(i / w)];
      const v = change[i] * Math.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * reach * reach));
      s += v;
      sx += v * x;
      sy += v * y;
    }
    at = [sx / s, sy / s];
  }
  return at;
}
/** The share of directions in which it is dark outside: the mean of 2 to 5 samples beyond the outline below 0.65 of the inside. */
function surrounded(values, side, core, middle, outline, radius) {
  const inside = core.reduce((s, i) => s + values[i], 0) / core.length;
  let dark = 0;
  for (let k = 0; k < 24; k++) {
    const [dx, dy] = [Math.cos((k * Math.PI) / 12), Math.sin((k * Math.PI) / 12)];
    // How far the outline reaches in that direction.
    const far = Math.max(...outline.map(([x, y]) => (x - middle[0]) * dx + (y - middle[1]) * dy)) + radius;
    let sum = 0;
    for (let r = 2; r <= 5; r++) {
      const [x, y] = [Math.round(middle[0] + (far + r) * dx), Math.round(middle[1] + (far + r) * dy)];
      sum += values[Math.min(side - 1, Math.max(0, y)) * side + Math.min(side - 1, Math.max(0, x))];
    }
    if (sum / 4 < 0.65 * inside) dark++;
  }
  return dark / 24;
}

/**
 * For each picture {width, height, values} of one patient, in the order of slices and phases: its cavity, 0 or 1 for each sample, with its middle and area; undefined
 * where nothing round and bright with dark about it is found near the patient's other cavities.
 */
export function cavities(pictures) {
  const { width, height } = pictures[0];
  const [mx, my] = moving(pictures, width, height).map(Math.round);
  // All work is done on a window about that place.
  const reach = Math.min(Math.round(0.22 * width), mx, my, width - 1 - mx, height - 1 - my);
  const side = 2 * reach + 1;
  const rim = Float64Array.from({ length: side * side }, (_, i) => Math.hypot((i % side) - reach, Math.floor(i / side) - reach));
  const found = pictures.map(({ values }) => {
    const cut = Float32Array.from(rim, (_, i) => values[(my - reach + Math.floor(i / side)) * width + mx - reach + (i % side)]);
    const level = otsu(cut.filter((_, i) => rim[i] < reach));
    const list = [];
    for (const share of [0.45, 0.6, 0.75, 0.9, 1.05])
      for (const radius of [1, 2, 3, 4]) {
        const bright = Uint8Array.from(cut, (v, i) => (v > share * level && rim[i] < reach ? 1 : 0));
        for (const core of components(eroded(bright, side, side, radius), side, side)) {
          if (core.length < 12) continue;
          const outline = hull(core.map((i) => [i % side, Math.floor(i / side)]));
          if (outline.length < 3) continue;
          const middle = [0, 1].map((a) => core.reduce((s, i) => s + (a === 0 ? i % side : Math.floor(i / side)), 0) / core.length);
          const farthest = Math.max(...outline.map((p) => Math.hypot(p[0] - middle[0], p[1] - middle[1]))) + radius;
          const grown = core.length + 2 * radius * Math.sqrt(Math.PI * core.length) + Math.PI * radius * radius;
          const round = grown / (Math.PI * (farthest + 0.5) ** 2);
          const off = Math.hypot(middle[0] - reach, middle[1] - reach);
          // What the window's rim cuts off is no whole thing, and muscle is all about a left ventricle.
          if (round < 0.4 || core.some((i) => rim[i] >= reach - radius - 1)) continue;
          const muscle = surrounded(cut, side, core, middle, outline, radius);
          list.push({ middle, outline, radius, muscle, worth: muscle ** 3 * round ** 2 * grown ** 0.5 * Math.exp(-((off / reach) ** 2)) });
        }
      }
    return list;
  });
  const close = (c, place, spread) => Math.exp(-((c.middle[0] - place[0]) ** 2 + (c.middle[1] - place[1]) ** 2) / (2 * spread * spread));
  // The place that most pictures have something large and round at.
  let [best, place] = [-1, [reach, reach]];
  for (const { middle } of found.flat()) {
    const votes = found.reduce((s, list) => s + Math.max(0, ...list.map((c) => c.worth * close(c, middle, 6))), 0);
    if (votes > best) [best, place] = [votes, middle];
  }
  return found.map((list) => {
    const [first] = list
      .filter((c) => c.muscle > 0.7 && Math.hypot(c.middle[0] - place[0], c.middle[1] - place[1]) < 14)
      .sort((a, b) => b.worth * close(b, place, 8) - a.worth * close(a, place, 8));
    if (!first) return undefined;
    // Grown by as much as it was eroded.
    const grown = hull(
      first.outline.flatMap(([x, y]) =>
        Array.from({ length: 16 }, (_, k) => [
          Math.round(mx - reach + x + first.radius * Math.cos((k * Math.PI) / 8)),
          Math.round(my - reach + y + first.radius * Math.sin((k * Math.PI) / 8)),
        ]),
      ),
    );
    const mask = filled(grown, width, height);
    const area = mask.reduce((a, b) => a + b, 0);
    let [x, y] = [0, 0];
    mask.forEach((v, i) => {
      if (v) [x, y] = [x + (i % width) / area, y + Math.floor(i / width) / area];
    });
    return { mask, area, middle: [x, y] };
  });
}
/** 2 |a ∩ b| / (|a| + |b|). */
export const dice = (a, b) => {
  let [both, sum] = [0, 0];
  a.forEach((v, i) => {
    both += v & b[i];
    sum += v + b[i];
  });
  return sum === 0 ? 1 : (2 * both) / sum;
};
