/** Costs C(t, s) of shifts s at the nodes t of a lattice. */
export interface CostVolume {
  /** [nodes, shifts], both x fastest; shifts from −radius up. */
  readonly costs: Float32Array;
  /** Nodes along [z, y, x]. */
  readonly nodes: readonly [number, number, number];
  /** Largest shift along [z, y, x]. */
  readonly radius: readonly [number, number, number];
  /** Length of one step along [z, y, x], in one unit for all. */
  readonly step: readonly [number, number, number];
}
export interface ShiftField {
  /** Planes z, y, x on the nodes, in steps. */
  readonly shifts: readonly [Float32Array, Float32Array, Float32Array];
  /** How much the node's costs tell its shifts apart: the variance over shifts, 1 on average. */
  readonly clear: Float32Array;
}

/** Coupling λ of each round, in units of the costs' mean spread per squared unit of length: from free choice to hardly any. */
const couplings = [0.004, 0.012, 0.04, 0.12, 0.4, 1.2];
type Three = readonly [number, number, number];

/** Mean of each node with its neighbours, 1 2 1 along every axis, for planes that lie one node after another. */
function joined(x: Float32Array, nodes: Three, inner: number): Float32Array {
  let from = x;
  for (let axis = 0; axis < 3; axis++) {
    const n = nodes[axis];
    if (n === 1) continue;
    const block = nodes.slice(axis + 1).reduce((p, v) => p * v, 1) * inner;
    const outer = nodes.slice(0, axis).reduce((p, v) => p * v, 1);
    const to = new Float32Array(from.length);
    for (let o = 0; o < outer; o++)
      for (let i = 0; i < n; i++) {
        const at = (o * n + i) * block;
        const before = i === 0 ? at : at - block;
        const after = i === n - 1 ? at : at + block;
        for (let k = 0; k < block; k++) to[at + k] = 0.5 * from[at + k] + 0.25 * (from[before + k] + from[after + k]);
      }
    from = to;
  }
  return from;
}

/** Σ w v / Σ w in a neighbourhood, twice 1 2 1: what is not clear takes its value from what is. */
function smoothed(values: readonly Float32Array[], weight: Float32Array, nodes: Three): Float32Array[] {
  const around = (x: Float32Array) => joined(joined(x, nodes, 1), nodes, 1);
  const below = around(weight);
  return values.map((v) => around(v.map((x, k) => x * weight[k])).map((x, k) => x / below[k]));
}

/**
 * A smooth field of shifts of low cost: alternately, with λ rising from round to round,
 *   v_t = argmin_s C(t, s) + λ |s − u_t|²,   u = smooth(v),
 * two easy steps of one minimisation: each v is a search over a table, each u a filter. The search is complete, so that the field may be far from zero.
 * Costs are first averaged with those of the neighbouring nodes. In the end v is refined between shifts by a parabola through its costs.
 * @see Steinbrücker, Pock, Cremers (2009), Large displacement optical flow computation without warping, ICCV
 * @see Heinrich, Papież, Schnabel, Handels (2014), Non-parametric discrete registration with convex optimisation, WBIR
 */
export function coupledConvex({ costs: given, nodes, radius, step }: CostVolume): ShiftField {
  const [sz, sy, sx] = radius.map((r) => 2 * r + 1);
  const m = sz * sy * sx;
  const count = nodes[0] * nodes[1] * nodes[2];
  const costs = joined(given, nodes, m);
  const clear = new Float32Array(count);
  let all = 0;
  for (let t = 0; t < count; t++) {
    let [sum, squares] = [0, 0];
    for (let k = 0; k < m; k++) {
      const c = costs[t * m + k];
      sum += c;
      squares += c * c;
    }
    clear[t] = Math.max(0, squares / m - (sum / m) ** 2);
    all += clear[t];
  }
  const mean = all / Math.max(1, count);
  const spread = Math.sqrt(mean);
  for (let t = 0; t < count; t++) clear[t] = mean > 0 ? clear[t] / mean : 1;
  const weight = clear.map((c) => c + 1e-3);
  let u: Float32Array[] = [0, 1, 2].map(() => new Float32Array(count));
  for (const [round, coupling] of couplings.entries()) {
    const λ = coupling * spread;
    const last = round === couplings.length - 1;
    const v = [0, 1, 2].map(() => new Float32Array(count));
    const [pz, py, px] = [sz, sy, sx].map((n) => new Float64Array(n));
    for (let t = 0; t < count; t++) {
      for (const [axis, p] of [pz, py, px].entries())
        for (let i = 0; i < p.length; i++) p[i] = round === 0 ? 0 : λ * (step[axis] * (i - radius[axis] - u[axis][t])) ** 2;
      // Where no shift costs less than none, there is none.
      const none = (m - 1) / 2;
      let [best, value] = [none, costs[t * m + none] + pz[radius[0]] + py[radius[1]] + px[radius[2]]];
      for (let z = 0, k = t * m; z < sz; z++)
        for (let y = 0; y < sy; y++) {
          const plane = pz[z] + py[y];
          for (let x = 0; x < sx; x++, k++) {
            const c = costs[k] + plane + px[x];
            if (c < value) [best, value] = [k - t * m, c];
          }
        }
      const at = [Math.floor(best / (sx * sy)), Math.floor(best / sx) % sy, best % sx];
      const strides = [sx * sy, sx, 1];
      for (let axis = 0; axis < 3; axis++) {
        const i = at[axis];
        let part = 0;
        if (last && i > 0 && i < 2 * radius[axis]) {
          const [l, c, r] = [-1, 0, 1].map((j) => costs[t * m + best + j * strides[axis]]);
          const bend = l - 2 * c + r;
          if (bend > 0) part = Math.max(-0.5, Math.min(0.5, (0.5 * (l - r)) / bend));
        }
        v[axis][t] = i - radius[axis] + part;
      }
    }
    u = smoothed(v, weight, nodes);
  }
  return { shifts: u as unknown as ShiftField["shifts"], clear };
}
