import type { Drawn } from "./canvas.js";

/**
 * The least cut between source and sink in a graph of nodes 0 … n − 1 with undirected neighbour capacities, by Dinic's algorithm.
 * @param edges  triples (p, q, capacity), flat
 * @returns 1 for nodes on the source's side
 * @see Dinic (1970), Algorithm for solution of a problem of maximum flow in networks with power estimation
 */
export function leastCut(n: number, edges: readonly number[], sources: readonly number[], sinks: readonly number[]): Uint8Array {
  const [s, t] = [n, n + 1];
  const big = 1e12;
  const m = edges.length / 3 + sources.length + sinks.length;
  const [from, to] = [new Int32Array(2 * m), new Int32Array(2 * m)];
  const capacity = new Float64Array(2 * m);
  let k = 0;
  const add = (p: number, q: number, forward: number, back: number) => {
    [from[k], to[k], capacity[k++]] = [p, q, forward];
    [from[k], to[k], capacity[k++]] = [q, p, back];
  };
  for (let i = 0; i < edges.length; i += 3) add(edges[i], edges[i + 1], edges[i + 2], edges[i + 2]);
  for (const p of sources) add(s, p, big, 0);
  for (const p of sinks) add(p, t, big, 0);
  // Arcs by their tail; arc e and e ^ 1 are each other's reverse.
  const first = new Int32Array(n + 3);
  for (let e = 0; e < 2 * m; e++) first[from[e] + 1]++;
  for (let v = 0; v < n + 2; v++) first[v + 1] += first[v];
  const arcs = new Int32Array(2 * m);
  const fill = first.slice();
  for (let e = 0; e < 2 * m; e++) arcs[fill[from[e]]++] = e;
  const level = new Int32Array(n + 2);
  const queue = new Int32Array(n + 2);
  const next = new Int32Array(n + 2);
  const path = new Int32Array(n + 2);
  const least = 1e-9;
  const search = (): boolean => {
    level.fill(-1);
    level[s] = 0;
    queue[0] = s;
    for (let head = 0, tail = 1; head < tail; head++) {
      const v = queue[head];
      for (let a = first[v]; a < first[v + 1]; a++) {
        const e = arcs[a];
        if (capacity[e] > least && level[to[e]] < 0) {
          level[to[e]] = level[v] + 1;
          queue[tail++] = to[e];
        }
      }
    }
    return level[t] >= 0;
  };
  while (search()) {
    next.set(first.subarray(0, n + 2));
    let depth = 0;
    for (let v = s; ; ) {
      if (v === t) {
        let flow = big;
        for (let d = 0; d < depth; d++) flow = Math.min(flow, capacity[path[d]]);
        let back = depth;
        for (let d = depth - 1; d >= 0; d--) {
          capacity[path[d]] -= flow;
          capacity[path[d] ^ 1] += flow;
          if (capacity[path[d]] <= least) back = d;
        }
        depth = back;
        v = from[path[depth]];
        continue;
      }
      let moved = false;
      for (; next[v] < first[v + 1]; next[v]++) {
        const e = arcs[next[v]];
        if (capacity[e] > least && level[to[e]] === level[v] + 1) {
          path[depth++] = e;
          v = to[e];
          moved = true;
          break;
        }
      }
      if (moved) continue;
      if (v === s) break;
      level[v] = -1;
      v = from[path[--depth]];
    }
  }
  return Uint8Array.from({ length: n }, (_, v) => (level[v] >= 0 ? 1 : 0));
}

/**
 * Which view shows each pixel of a (coarse) canvas: views are laid on one after the other, and where a new one overlaps what is there the border between
 * them is the cut along which they differ least,  Σ over cut neighbours of |C(p) − N(p)| + |C(q) − N(q)|.
 * @param order  numbers of views, the first is laid first
 * @returns numbers of views, −1 where none reaches
 * @see Kwatra, Schödl, Essa, Turk, Bobick (2003), Graphcut textures, SIGGRAPH
 */
export function seams(drawn: readonly Drawn[], order: readonly number[], width: number, height: number): Int16Array {
  const label = new Int16Array(width * height).fill(-1);
  const channels = drawn[0].channels;
  const composite = new Float32Array(channels * width * height);
  const plane = width * height;
  let [range, seen] = [0, 0];
  for (const { values } of drawn)
    for (let i = 0; i < values.length; i += 7) {
      range += Math.abs(values[i]);
      seen++;
    }
  // What a step of the border costs where nothing differs: short borders.
  const floor = 0.01 * (range / Math.max(1, seen)) + 1e-12;
  for (const v of order) {
    const { box, values, valid } = drawn[v];
    const [bw, bh] = [box.right - box.left, box.bottom - box.top];
    const node = new Int32Array(bw * bh).fill(-1);
    const nodes: number[] = [];
    for (let j = 0; j < bh; j++)
      for (let i = 0; i < bw; i++) {
        const k = j * bw + i;
        if (valid[k] && label[(j + box.top) * width + i + box.left] >= 0) {
          node[k] = nodes.length;
          nodes.push(k);
        }
      }
    const difference = Float64Array.from(nodes, (k) => {
      const at = (Math.floor(k / bw) + box.top) * width + (k % bw) + box.left;
      let d = 0;
      for (let c = 0; c < channels; c++) d += Math.abs(composite[c * plane + at] - values[c * bw * bh + k]);
      return d / channels;
    });
    const edges: number[] = [];
    const [sources, sinks]: [number[], number[]] = [[], []];
    for (const [p, k] of nodes.entries()) {
      const [i, j] = [k % bw, Math.floor(k / bw)];
      let [old, fresh] = [false, false];
      for (const [di, dj] of [
        [1, 0],
        [0, 1],
        [-1, 0],
        [0, -1],
      ]) {
        const [x, y] = [i + di, j + dj];
        const inside = x >= 0 && y >= 0 && x < bw && y < bh;
        const q = inside ? node[y * bw + x] : -1;
        if (q >= 0) {
          if (di + dj > 0) edges.push(p, q, difference[p] + difference[q] + floor);
          continue;
        }
        const [X, Y] = [x + box.left, y + box.top];
        const there = X >= 0 && Y >= 0 && X < width && Y < height;
        if (there && label[Y * width + X] >= 0) old = true;
        else if (inside && valid[y * bw + x]) fresh = true;
      }
      if (old && !fresh) sources.push(p);
      else if (fresh && !old) sinks.push(p);
    }
    // Nothing of the new view alone: it adds nothing there. Nothing of the old alone: the new covers it.
    const side =
      sources.length > 0 && sinks.length > 0 ? leastCut(nodes.length, edges, sources, sinks) : new Uint8Array(nodes.length).fill(1);
    for (let j = 0; j < bh; j++)
      for (let i = 0; i < bw; i++) {
        const k = j * bw + i;
        if (!valid[k] || (node[k] >= 0 && side[node[k]])) continue;
        const at = (j + box.top) * width + i + box.left;
        label[at] = v;
        for (let c = 0; c < channels; c++) composite[c * plane + at] = values[c * bw * bh + k];
      }
  }
  return label;
}
