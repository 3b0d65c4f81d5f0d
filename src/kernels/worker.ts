/**
 * The program of a pool worker, as text: it must start from a string, so that no bundler has to find a second file.
 * Control block (Int32): see `Control`. A job is open while `sequence` is even; a worker enters by raising `active` and then
 * reading `sequence` again, so the main thread, which closes a job before it waits for `active` = 0, never changes the
 * arguments under a worker. Slabs are claimed from `next`; results go to their slab's place, whoever computed them.
 */
export const workerSource = `
const run = ({ module, memory, control, id }) => {
  const c = new Int32Array(control), d = new Float64Array(control);
  const ex = new WebAssembly.Instance(module, { env: { memory, abort() { throw new Error("kernel assertion"); } } }).exports;
  const names = WebAssembly.Module.exports(module).map((e) => e.name);
  const extra = [];
  Atomics.add(c, 7, 1);
  for (;;) {
    let s = Atomics.load(c, 0);
    if (s & 1) {
      for (let spin = 0; spin < 3000 && s === Atomics.load(c, 0); spin++);
      Atomics.wait(c, 0, s);
      continue;
    }
    Atomics.add(c, 2, 1);
    s = Atomics.load(c, 0);
    if (s & 1) { Atomics.sub(c, 2, 1); Atomics.notify(c, 2); continue; }
    if (s === -2) return;
    if (id < c[11]) {
      let fn;
      const index = c[4];
      if (index >= 0) fn = ex[names[index]];
      else {
        fn = extra[-1 - index];
        if (!fn) {
          const bytes = new Uint8Array(memory.buffer, c[9] >>> 0, c[10]).slice();
          fn = extra[-1 - index] = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } }).exports.run;
        }
      }
      const args = Array.from(d.subarray(16, 16 + c[5])), total = c[3], grain = c[6], extent = c[8], ws = d[12];
      const wsArgs = ws > 0 ? [d[13] + id * ws] : [];
      for (;;) {
        const k = Atomics.add(c, 1, 1);
        if (k >= total || Atomics.load(c, 15)) break;
        const r = fn(...args, ...wsArgs, k * grain, Math.min(extent, (k + 1) * grain));
        d[64 + k] = r === undefined ? 0 : r;
      }
    }
    Atomics.sub(c, 2, 1);
    Atomics.notify(c, 2);
    while (Atomics.load(c, 0) === s) { Atomics.wait(c, 0, s); }
  }
};
if (typeof self !== "undefined" && typeof self.postMessage === "function" && typeof require === "undefined") self.onmessage = (e) => run(e.data);
else run(require("node:worker_threads").workerData);
`;

/** Places in the control block: Int32 words 0…15, Float64 from word 16 on (workspace 12–13, arguments 16–63, slab results 64…). */
export const Control = {
  sequence: 0,
  next: 1,
  active: 2,
  total: 3,
  kernel: 4,
  argumentCount: 5,
  grain: 6,
  ready: 7,
  extent: 8,
  codeAt: 9,
  codeBytes: 10,
  threads: 11,
  abort: 15,
  workspaceBytes: 12,
  workspaceAt: 13,
  arguments: 16,
  results: 64,
} as const;
/** Most slabs one call may have: the length of the table of partial results. */
export const maximumSlabs = 4096;
export const controlBytes = (64 + maximumSlabs) * 8;
