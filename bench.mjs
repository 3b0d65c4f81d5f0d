import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { Engine } from "../sampling/src/kernels/engine.ts";
import * as s from "../sampling/src/kernels/sampling.ts";
const nat = spawn("/tmp/w/native/nat"); const rl = createInterface({ input: nat.stdout }); const q = [];
rl.on("line", (l) => q.shift()(l));
const native = (name, T) => new Promise((r) => { q.push((l) => r(parseFloat(l.split(" ")[0]))); nat.stdin.write(`${name} ${T}\n`); });
const e = new Engine({ threads: 2 });
const D = 160, H = 192, W = 160, n = D * H * W;
const I = e.allocate(4 * n), J = e.allocate(4 * n), U = e.allocate(12 * n), O = e.allocate(12 * n), G = e.allocate(12 * n), V = e.allocate(12*n), P = e.allocate(12*n);
{ const i = e.f32(I, n), u = e.f32(U, 3 * n), j = e.f32(J, n), v= e.f32(V,3*n), p = e.f32(P, 3*n);
for (let z = 0, k = 0; z < D; z++) for (let y = 0; y < H; y++) for (let x = 0; x < W; x++, k++) {
  i[k] = 0.5 + 0.3 * Math.sin(x * 0.11 + y * 0.07) + 0.2 * Math.cos(z * 0.13 - x * 0.05);
  j[k] = 0.5 + 0.3 * Math.sin(x * 0.11 + y * 0.07+.4) + 0.2 * Math.cos(z * 0.13 - x * 0.05+.3);
  u[k] = 4 * Math.sin(y * 0.09 + z * 0.03); u[n + k] = 4 * Math.cos(x * 0.07 + z * 0.05); u[2 * n + k] = 4 * Math.sin(x * 0.05 + y * 0.06);
  v[k]=u[k];v[n+k]=u[n+k];v[2*n+k]=u[2*n+k]; p[3*k]=x+u[k];p[3*k+1]=y+u[n+k];p[3*k+2]=z+u[2*n+k]; } }
const img = { at: I, channels: 1, size: [D, H, W] }, pos = { field: U, size: [D, H, W] };
export const rows = {
  "warp value": ["warp_fwd", () => s.sampleLinear(e, img, pos, O)],
  "warp old": ["warp_fwd", () => e.parallel("warpLinear3", [I, U, O, D, H, W, D, H, W], { extent: D * H, grain: 250 })],
  "warp gradient": ["warp_bwd", () => s.sampleLinearGradient(e, img, pos, J, G)],
  "points value": ["warp_fwd", () => s.sampleLinear(e, img, {points: P, count: n}, O)],
  "points gradient": ["warp_bwd", () => s.sampleLinearGradient(e, img, {points: P, count: n}, J, G)],
  "warp both": ["warp_bwd", () => s.sampleLinearBoth(e, img, pos, O, G)],
  "affine": ["warp_fwd", () => s.sampleLinear(e, img, { size: [D, H, W], base: [1, 0.02, 0, 1, -0.02, 1, 0.01, 0, 0, 0, 1, 2.5] }, O)],
  "constant": ["warp_fwd", () => s.sampleLinear(e, img, pos, O, { border: "constant" })],
  "compose": ["warp_fwd", () => s.composeFields(e, V, [D, H, W], U, [D, H, W], O)],
};
import * as extra from "./extra.mjs"; Object.assign(rows, extra.rows({ e, s, I, J, U, V, P, O, G, D, H, W, n, img, pos }));
const pick = process.argv[2] ? Object.keys(rows).filter((k) => k.match(process.argv[2])) : Object.keys(rows);
const reps = +(process.argv[3] ?? 7), med = (a) => a.sort((x, y) => x - y)[a.length >> 1];
for (const name of pick) { const [nn, f] = rows[name]; const a = [], b = [], c = [];
  for (let k = 0; k <= reps; k++) { const t = await native(nn, 1); e.threads = 1; let t0 = performance.now(); f(); const w = performance.now() - t0; e.threads = 2; t0 = performance.now(); f(); const w2 = performance.now() - t0; if (k) { a.push(t); b.push(w); c.push(w2); } }
  const mn = (x) => Math.min(...x);
  console.log(name.padEnd(18), `native ${med(a).toFixed(1)} ours ${med(b).toFixed(1)} ms  ratio ${(med(b) / med(a)).toFixed(2)} (min ${(mn(b) / mn(a)).toFixed(2)})  2 threads ${(med(b) / med(c)).toFixed(2)}x (min ${(mn(b)/mn(c)).toFixed(2)})`); }
e.close(); nat.kill();
