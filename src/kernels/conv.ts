import type { Engine } from "./engine.js";
import { grainFor } from "./gemm.js";
import type { ConvolutionShape, Triple } from "./reference/conv.js";

export type { ConvolutionShape, Triple } from "./reference/conv.js";

const volume = ([z, y, x]: Triple): number => z * y * x;

/** The geometry block of assembly/conv.ts, in its order. */
interface Geometry {
  readonly inputs: number;
  readonly outputs: number;
  readonly groups: number;
  readonly batch: number;
  readonly size: Triple;
  readonly positions: Triple;
  readonly kernel: Triple;
  readonly stride: Triple;
  readonly padding: Triple;
  readonly dilation: Triple;
  readonly full: Triple;
  readonly lattice: Triple;
  readonly offset: Triple;
}
/** How weights are read for packing: address steps in elements. */
interface WeightSteps {
  readonly base: number;
  readonly group: number;
  readonly output: number;
  readonly input: number;
  readonly tap: Triple;
}

/** Run `use` with the geometry written into the engine's memory. */
function withGeometry(e: Engine, g: Geometry, use: (at: number) => void): void {
  const words = [
    ...[g.inputs, g.outputs, g.groups, g.batch, ...g.size, ...g.positions, ...g.kernel],
    ...[...g.stride, ...g.padding, ...g.dilation, ...g.full, ...g.lattice, ...g.offset],
  ];
  const at = e.allocate(words.length * 4);
  e.i32(at, words.length).set(words);
  try {
    use(at);
  } finally {
    e.free(at);
  }
}

/** A pointwise kernel does not care about rows: one long row wastes no lanes and no edges. */
function simplified(g: Geometry): Geometry {
  const ones = (t: Triple) => t.every((v) => v === 1);
  const plain =
    ones(g.kernel) && ones(g.stride) && ones(g.lattice) && g.padding.every((v) => v === 0) && g.size.join() === g.positions.join();
  if (!plain) return g;
  const line: Triple = [1, 1, volume(g.size)];
  return { ...g, size: line, positions: line, full: line };
}

function forward(e: Engine, x: number, w: number, out: number, geometry: Geometry, steps: WeightSteps): void {
  const taps = volume(geometry.kernel);
  const positions = volume(geometry.positions);
  const strips = Math.ceil(geometry.outputs / 4);
  if (positions === 0 || geometry.outputs === 0 || geometry.batch === 0) return;
  const packed = e.allocate(geometry.groups * strips * geometry.inputs * taps * 16);
  try {
    e.parallel(
      "convPackWeights",
      [w, packed, geometry.outputs, geometry.inputs, ...geometry.kernel, steps.base, steps.group, steps.output, steps.input, ...steps.tap],
      { extent: geometry.groups * strips, grain: grainFor(geometry.groups * strips, geometry.inputs * taps * 32) },
    );
    if (few(e, x, packed, out, geometry)) return;
    const g = simplified(geometry);
    // Channel blocks: panel and weights of one block fit the first-level cache.
    const atOnce = Math.max(1, Math.floor(288 / Math.max(1, taps)));
    const blocks = Math.max(1, Math.ceil(g.inputs / atOnce));
    const channels = Math.max(1, Math.ceil(g.inputs / blocks));
    withGeometry(e, g, (at) => {
      const unit = positions >= 4096 ? 128 : 64; // longer runs of memory, or more units for small images
      const extent = g.batch * g.groups * Math.ceil(positions / unit);
      e.parallel("convForward", [x, packed, out, at, channels, unit], {
        extent,
        grain: grainFor(extent, unit * (strips * 4 + 4) * Math.max(1, g.inputs * taps)),
        workspace: 4 * unit * (8 + 8 * g.kernel[2] + channels * taps + 4 * strips),
      });
    });
  } finally {
    e.free(packed);
  }
}

/** One or two output channels a group take a kernel that does not compute four: depthwise 3×3 three times faster, 16 to 1 twice. */
function few(e: Engine, x: number, packed: number, out: number, g: Geometry): boolean {
  const [, , width] = g.positions;
  const reach = (g.kernel[2] - 1) * g.dilation[2];
  const rows = g.inputs * g.kernel[0] * g.kernel[1];
  const pitch = Math.ceil((width + reach + 20) / 16) * 64;
  const fits = g.outputs <= 2 && g.stride[2] === 1 && g.lattice.every((v) => v === 1) && width >= 8 && reach <= 4 * width;
  if (!fits || rows * pitch > 2 ** 19 || rows * g.kernel[2] === 0) return false;
  withGeometry(e, g, (at) => {
    const extent = g.batch * g.groups * g.positions[0] * g.positions[1];
    e.parallel("convFew", [x, packed, out, at, pitch], {
      extent,
      grain: grainFor(extent, width * rows * (g.outputs * g.kernel[2] + 2)),
      workspace: 64 + rows * pitch,
    });
  });
  return true;
}

const one: Triple = [1, 1, 1];
const none: Triple = [0, 0, 0];

/** Convolution, out = x ∗ w as `ConvolutionShape` defines it; f32 at the addresses x, w, out. */
export function convolution(e: Engine, x: number, w: number, out: number, s: ConvolutionShape): void {
  const inputs = s.inputs / s.groups;
  const outputs = s.outputs / s.groups;
  const [, KH, KW] = s.kernel;
  const taps = volume(s.kernel);
  forward(
    e,
    x,
    w,
    out,
    { ...s, inputs, outputs, positions: s.outputSize, full: s.outputSize, lattice: one, offset: none },
    { base: 0, group: outputs * inputs * taps, output: inputs * taps, input: taps, tap: [KH * KW, KW, 1] },
  );
}

/** Along one axis, the inputs i = stride·j + phase see the taps last, last − step, … ≥ 0, at g[j − padding + m·dilation] for m = 0, 1, … */
interface Phase {
  readonly phase: number;
  readonly positions: number;
  readonly taps: number;
  readonly last: number;
  readonly step: number;
  readonly padding: number;
  readonly dilation: number;
}
function phases(size: number, kernel: number, stride: number, padding: number, dilation: number): Phase[] {
  const result: Phase[] = [];
  for (let phase = 0; phase < Math.min(stride, size); phase++) {
    const seen: number[] = [];
    for (let k = 0; k < kernel; k++) if ((phase + padding - k * dilation) % stride === 0) seen.push(k);
    const last = seen.at(-1) ?? 0;
    const step = seen.length > 1 ? seen[1] - seen[0] : 1;
    result.push({
      phase,
      positions: Math.ceil((size - phase) / stride),
      taps: seen.length,
      last,
      step,
      padding: seen.length > 0 ? -(phase + padding - last * dilation) / stride : 0,
      dilation: seen.length > 1 ? (step * dilation) / stride : 1,
    });
  }
  return result;
}

/**
 * Adjoint of the convolution with respect to x, gx = Σ w g: the transposed convolution; f32 at the addresses g, w, gx.
 * A stride cuts x into phases (a lattice each); every phase is a plain convolution of g with the flipped taps that reach it,
 * so no zeros are multiplied.
 */
export function convolutionInput(e: Engine, g: number, w: number, gx: number, s: ConvolutionShape): void {
  const inputs = s.inputs / s.groups;
  const outputs = s.outputs / s.groups;
  const [, KH, KW] = s.kernel;
  const taps = volume(s.kernel);
  const along = (axis: number) => phases(s.size[axis], s.kernel[axis], s.stride[axis], s.padding[axis], s.dilation[axis]);
  for (const z of along(0))
    for (const y of along(1))
      for (const x of along(2))
        forward(
          e,
          g,
          w,
          gx,
          {
            inputs: outputs,
            outputs: inputs,
            groups: s.groups,
            batch: s.batch,
            size: s.outputSize,
            positions: [z.positions, y.positions, x.positions],
            kernel: [z.taps, y.taps, x.taps],
            stride: one,
            padding: [z.padding, y.padding, x.padding],
            dilation: [z.dilation, y.dilation, x.dilation],
            full: s.size,
            lattice: s.stride,
            offset: [z.phase, y.phase, x.phase],
          },
          {
            base: (z.last * KH + y.last) * KW + x.last,
            group: outputs * inputs * taps,
            output: taps,
            input: inputs * taps,
            tap: [-z.step * KH * KW, -y.step * KW, -x.step],
          },
        );
}

/** Adjoint of the convolution with respect to w, gw = Σ_{b, p} g x; f32 at the addresses x, g, gw. Summed in f64, in one fixed order. */
export function convolutionWeights(e: Engine, x: number, g: number, gw: number, s: ConvolutionShape): void {
  const geometry = simplified({
    ...s,
    inputs: s.inputs / s.groups,
    outputs: s.outputs / s.groups,
    positions: s.outputSize,
    full: s.outputSize,
    lattice: one,
    offset: none,
  });
  const columns = geometry.inputs * volume(geometry.kernel);
  const rows = s.groups * geometry.outputs;
  if (columns === 0 || rows === 0) return;
  const panels = Math.ceil(columns / 8);
  const strips = Math.ceil(geometry.outputs / 4);
  const blocks = s.batch * Math.ceil(volume(geometry.positions) / 256);
  const width = Math.ceil(panels / Math.ceil(panels / 16));
  const groups = s.groups * Math.ceil(panels / width);
  const sums = s.groups * strips * panels * 256;
  // Enough chunks of positions for sixteen slabs, each of at least four blocks, in at most 64 MB of partial sums.
  const wanted = Math.max(1, Math.min(Math.ceil(16 / groups), Math.floor(blocks / 4), Math.floor(2 ** 26 / sums)));
  const blocksPerChunk = Math.max(1, Math.ceil(blocks / wanted));
  const chunks = Math.max(1, Math.ceil(blocks / blocksPerChunk));
  const part = e.allocate(chunks * sums);
  try {
    withGeometry(e, geometry, (at) => {
      e.parallel("convWeights", [x, g, part, at, blocksPerChunk, width], {
        extent: chunks * groups,
        grain: grainFor(chunks * groups, blocksPerChunk * 256 * width * 8 * (strips * 4 + 4)),
        workspace: 128 + 8 * (256 + 16) * 4 + 256 * 32 + strips * 256 * 16,
      });
    });
    e.parallel("convWeightsSum", [part, gw, chunks, s.groups, geometry.outputs, columns], {
      extent: rows,
      grain: grainFor(rows, columns * chunks * 4),
    });
  } finally {
    e.free(part);
  }
}
