import { nearest } from "./neighbours.js";
import type { Cloud } from "./pointSet.js";

export interface BeliefOptions {
  /** How far a partner may be, mm. */
  readonly reach: number;
  /** Candidates a point, the nearest within reach. */
  readonly candidates: number;
  /** Neighbours a point in the graph. */
  readonly neighbours: number;
  /** Displacements of neighbours at distance r may differ by slack + stretch · r. */
  readonly slack: number;
  readonly stretch: number;
  readonly iterations: number;
}
export interface Matches {
  /** Expected displacement of every point, given that it has a partner: d numbers a point. */
  readonly displacement: Float64Array;
  /** Probability that it has one among its candidates. */
  readonly weight: Float64Array;
}

/** Half of the points have no partner; half of the partners found do not move as their neighbours say. Broad middles, not fitted. */
const alone = 0.5;
const strayed = 0.3;
/** Neighbours tell each other the same news along many loops; half of the logarithm of a message makes up for hearing it twice. */
const tempering = 0.5;
const damping = 0.3;

/**
 * Which point belongs to which, from coordinates alone: sum-product belief propagation on a graph of near neighbours.
 *
 * A point's state is its partner c among the moving points near its present place y, or none. Neighbours i, j agree when their
 * displacements do: ψ = (1 − |uᵢ − uⱼ|²/h²)²₊ with h = slack + stretch |xᵢ − xⱼ|, divided by its mean over the ball of the reach, so that a message is the
 * ratio of "moves along" to "moved by chance"; with probability `strayed` a neighbour says nothing. One constellation of points that many agree on wins over
 * nearer partners that nobody shares, without any descriptor.
 * @param x  where the graph is built   @param y  where the points are now   @param moving  the candidates
 * @see Pearl (1988), Probabilistic Reasoning in Intelligent Systems; Hansen & Heinrich (2021), Deep learning based geometric registration
 *      for medical images: how accurate can we get without visual features?, IPMI (graphs of keypoints, candidates near by)
 */
export function propagateBeliefs(x: Cloud, y: Cloud, moving: Cloud, o: BeliefOptions): Matches {
  const d = x.dimension;
  const n = x.count;
  const k = Math.min(o.candidates, moving.count);
  const { index } = nearest(moving, y, k, o.reach);
  const u = new Float64Array(n * k * d);
  const known = new Int32Array(n);
  for (let i = 0; i < n; i++)
    for (let c = 0; c < k && index[i * k + c] >= 0; c++) {
      known[i]++;
      for (let a = 0; a < d; a++) u[(i * k + c) * d + a] = moving.points[index[i * k + c] * d + a] - y.points[i * d + a];
    }
  const { from, to } = graphOf(x, o.neighbours);
  const m = from.length;

  // The agreements that are not 0, edge by edge: about one in a hundred.
  const start = new Int32Array(m + 1);
  const left: number[] = [];
  const right: number[] = [];
  const agree: number[] = [];
  const ball = d === 3 ? (4 / 3) * Math.PI * o.reach ** 3 : Math.PI * o.reach ** 2;
  for (let e = 0; e < m; e++) {
    const [i, j] = [from[e], to[e]];
    let r = 0;
    for (let a = 0; a < d; a++) r += (x.points[i * d + a] - x.points[j * d + a]) ** 2;
    const h = o.slack + o.stretch * Math.sqrt(r);
    const h2 = h * h;
    // ∫ (1 − r²/h²)² over the ball of radius h: 32π h³/105 in space, π h²/3 in the plane
    const ratio = ball / (d === 3 ? (32 * Math.PI * h * h2) / 105 : (Math.PI * h2) / 3);
    for (let c = 0; c < known[i]; c++)
      for (let b = 0; b < known[j]; b++) {
        let s = 0;
        for (let a = 0; a < d; a++) s += (u[(i * k + c) * d + a] - u[(j * k + b) * d + a]) ** 2;
        if (s >= h2) continue;
        left.push(c);
        right.push(b);
        agree.push(ratio * (1 - s / h2) ** 2);
      }
    start[e + 1] = left.length;
  }
  const [lefts, rights, psi] = [Int32Array.from(left), Int32Array.from(right), Float64Array.from(agree)];

  // log messages: forward (to[e] hears) in the first half, backward in the second
  const message = new Float64Array(2 * m * k);
  const belief = new Float64Array(n * k);
  const prior = new Float64Array(n);
  for (let i = 0; i < n; i++) prior[i] = known[i] > 0 ? Math.log((1 - alone) / known[i]) : 0;
  const gather = () => {
    for (let i = 0; i < n; i++) belief.fill(prior[i], i * k, i * k + known[i]);
    for (let e = 0; e < m; e++) {
      const [f, t] = [from[e] * k, to[e] * k];
      for (let c = 0; c < known[to[e]]; c++) belief[t + c] += tempering * message[e * k + c];
      for (let c = 0; c < known[from[e]]; c++) belief[f + c] += tempering * message[(m + e) * k + c];
    }
  };
  const none = Math.log(alone);
  const p = new Float64Array(k);
  const news = new Float64Array(k);
  /** Probabilities of i's candidates without what the listener said itself; returns their sum. */
  const cavity = (i: number, heard: number): number => {
    let top = none;
    for (let c = 0; c < known[i]; c++) {
      p[c] = belief[i * k + c] - (heard >= 0 ? tempering * message[heard * k + c] : 0);
      if (p[c] > top) top = p[c];
    }
    let total = Math.exp(none - top);
    for (let c = 0; c < known[i]; c++) {
      p[c] = Math.exp(p[c] - top);
      total += p[c];
    }
    let partner = 0;
    for (let c = 0; c < known[i]; c++) {
      p[c] /= total;
      partner += p[c];
    }
    return partner;
  };
  const next = new Float64Array(message.length);
  for (let iteration = 0; iteration < o.iterations; iteration++) {
    gather();
    for (let e = 0; e < m; e++)
      for (const back of [false, true]) {
        const [speaker, listener, slot, heard] = back ? [to[e], from[e], m + e, e] : [from[e], to[e], e, m + e];
        const partner = cavity(speaker, heard);
        news.fill(strayed * partner + 1 - partner);
        const [source, target] = back ? [rights, lefts] : [lefts, rights];
        for (let q = start[e]; q < start[e + 1]; q++) news[target[q]] += (1 - strayed) * p[source[q]] * psi[q];
        for (let c = 0; c < known[listener]; c++) next[slot * k + c] = damping * message[slot * k + c] + (1 - damping) * Math.log(news[c]);
      }
    message.set(next);
  }
  gather();
  const displacement = new Float64Array(n * d);
  const weight = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    weight[i] = cavity(i, -1);
    if (!(weight[i] > 0)) continue;
    for (let c = 0; c < known[i]; c++) for (let a = 0; a < d; a++) displacement[i * d + a] += (p[c] / weight[i]) * u[(i * k + c) * d + a];
  }
  return { displacement, weight };
}

/** Every point and its k nearest others; each edge once. */
function graphOf(x: Cloud, neighbours: number): { from: Int32Array; to: Int32Array } {
  const k = Math.min(neighbours + 1, x.count);
  const { index } = nearest(x, x, k);
  const edges = new Set<number>();
  for (let i = 0; i < x.count; i++)
    for (let c = 0; c < k; c++) {
      const j = index[i * k + c];
      if (j >= 0 && j !== i) edges.add(Math.min(i, j) * x.count + Math.max(i, j));
    }
  const all = Float64Array.from(edges);
  return { from: Int32Array.from(all, (e) => Math.floor(e / x.count)), to: Int32Array.from(all, (e) => e % x.count) };
}
