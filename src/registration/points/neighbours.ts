import type { Cloud } from "./pointSet.js";

/** The k nearest of `cloud` to each query: row i of `index` and `distance`, nearest first; −1 and Infinity where there are fewer. */
export interface Neighbours {
  readonly k: number;
  readonly index: Int32Array;
  readonly distance: Float64Array;
}

/**
 * k nearest points within a radius, by a k-d tree of leaves of 8 points. O(n log n).
 * Ties in distance go to the point of the smaller coordinates, so that the order of the cloud does not matter.
 */
export function nearest(cloud: Cloud, queries: Cloud, k: number, reach = Number.POSITIVE_INFINITY): Neighbours {
  const { dimension: d, count: n, points } = cloud;
  const order = Int32Array.from({ length: n }, (_, i) => i);
  interface Node {
    readonly from: number;
    readonly to: number;
    readonly axis: number;
    readonly split: number;
    readonly low?: Node;
    readonly high?: Node;
  }
  const build = (from: number, to: number): Node => {
    if (to - from <= 8) return { from, to, axis: -1, split: 0 };
    let axis = 0;
    let widest = -1;
    for (let a = 0; a < d; a++) {
      let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      for (let i = from; i < to; i++) {
        const v = points[order[i] * d + a];
        if (v < low) low = v;
        if (v > high) high = v;
      }
      if (high - low > widest) [axis, widest] = [a, high - low];
    }
    if (widest === 0) return { from, to, axis: -1, split: 0 }; // all on one spot
    order.subarray(from, to).sort((a, b) => points[a * d + axis] - points[b * d + axis]);
    const middle = (from + to) >> 1;
    return { from, to, axis, split: points[order[middle] * d + axis], low: build(from, middle), high: build(middle, to) };
  };
  const root = build(0, n);
  const index = new Int32Array(queries.count * k).fill(-1);
  const distance = new Float64Array(queries.count * k).fill(Number.POSITIVE_INFINITY);
  const before = (a: number, b: number) => {
    for (let c = 0; c < d; c++) if (points[a * d + c] !== points[b * d + c]) return points[a * d + c] < points[b * d + c];
    return a < b;
  };
  for (let q = 0; q < queries.count; q++) {
    const base = q * k;
    let worst = reach * reach;
    let held = 0;
    const visit = (node: Node) => {
      if (node.axis >= 0) {
        const gap = queries.points[q * d + node.axis] - node.split;
        const [first, second] = gap < 0 ? [node.low, node.high] : [node.high, node.low];
        visit(first as Node);
        if (gap * gap <= worst) visit(second as Node);
        return;
      }
      for (let t = node.from; t < node.to; t++) {
        const i = order[t];
        let s = 0;
        for (let a = 0; a < d; a++) s += (points[i * d + a] - queries.points[q * d + a]) ** 2;
        if (s > worst) continue;
        if (held === k && s === worst && !before(i, index[base + k - 1])) continue;
        let at = held < k ? held++ : k - 1;
        while (at > 0 && (distance[base + at - 1] > s || (distance[base + at - 1] === s && before(i, index[base + at - 1])))) {
          distance[base + at] = distance[base + at - 1];
          index[base + at] = index[base + at - 1];
          at--;
        }
        distance[base + at] = s;
        index[base + at] = i;
        if (held === k) worst = distance[base + k - 1];
      }
    };
    visit(root);
    for (let j = 0; j < held; j++) distance[base + j] = Math.sqrt(distance[base + j]);
  }
  return { k, index, distance };
}

/** m points spread as evenly as possible: the one nearest the centre first, then always the one farthest from those taken. */
export function spread(cloud: Cloud, m: number): Cloud {
  const { dimension: d, count: n, points } = cloud;
  if (m >= n) return cloud;
  const centre = new Float64Array(d);
  for (let i = 0; i < n * d; i++) centre[i % d] += points[i] / n;
  const far = new Float64Array(n).fill(Number.POSITIVE_INFINITY);
  let next = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < n; i++) {
    let s = 0;
    for (let a = 0; a < d; a++) s += (points[i * d + a] - centre[a]) ** 2;
    if (s < least) [next, least] = [i, s];
  }
  const out = new Float64Array(m * d);
  let taken = 0;
  for (; taken < m; taken++) {
    for (let a = 0; a < d; a++) out[taken * d + a] = points[next * d + a];
    const from = next;
    let most = -1;
    for (let i = 0; i < n; i++) {
      let s = 0;
      for (let a = 0; a < d; a++) s += (points[i * d + a] - points[from * d + a]) ** 2;
      if (s < far[i]) far[i] = s;
      if (far[i] > most) [next, most] = [i, far[i]];
    }
    if (most === 0) break; // nothing but copies is left
  }
  const count = Math.min(m, taken + 1);
  return { dimension: cloud.dimension, count, points: out.subarray(0, count * d) };
}
