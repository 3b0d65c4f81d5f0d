import type { Lattice, Samples } from "../evaluation/lattice.js";
import type { Plane } from "./picture.js";

/** One way to look at an image: which index axes run right and down, and what stands at the four sides. */
export interface View {
  /** What it is called. */
  readonly name: string;
  /** Index axes across, down and through (through is −1 for a picture). */
  readonly across: number;
  /** The axis that goes down the picture. */
  readonly down: number;
  /** The axis that is looked along. */
  readonly through: number;
  /** Whether the first axis runs to the left. */
  readonly flipAcross: boolean;
  /** Whether the second axis runs up. */
  readonly flipDown: boolean;
  /** Samples along x. */
  readonly width: number;
  /** Samples along y. */
  readonly height: number;
  /** Physical size, width over height. */
  readonly aspect: number;
  /** Letters at the left, right, top and bottom, empty for pictures. */
  readonly letters: readonly [string, string, string, string];
  /** Slices shown, as indices of the axis through. */
  readonly slices: readonly number[];
}

const towards = [
  ["L", "R"],
  ["P", "A"],
  ["S", "I"],
] as const;

/**
 * The views of an image. A picture (2-D) has one, as stored. A volume has three, in radiological convention: axial with the patient's left at
 * the right and front at the top, coronal with the left at the right and the head at the top, sagittal with the front at the left and the head
 * at the top; physical space is LPS. Oblique grids are shown along their own axes, named after the nearest anatomical ones.
 * @param count  slices for each view, spread evenly over the middle 80 % of the axis
 */
export function views(grid: Lattice, count = 9): View[] {
  const { size, spacing } = grid;
  if (size.length === 2)
    return [
      {
        name: "picture",
        across: 0,
        down: 1,
        through: -1,
        flipAcross: false,
        flipDown: false,
        width: size[0],
        height: size[1],
        aspect: (size[0] * spacing[0]) / (size[1] * spacing[1]),
        letters: ["", "", "", ""],
        slices: [0],
      },
    ];
  const { axis, sign } = anatomicalAxes(grid);
  const view = (name: string, physicalAcross: number, physicalDown: number, physicalThrough: number): View => {
    const across = axis[physicalAcross];
    const down = axis[physicalDown];
    const through = axis[physicalThrough];
    // Right is + (left of the patient, or back); down is + for P and − for S.
    const headUp = physicalDown === 2;
    const n = size[through];
    const slices = Array.from({ length: Math.min(count, n) }, (_, i) =>
      n <= count ? i : Math.round((n - 1) * (0.1 + (0.8 * i) / (count - 1))),
    );
    return {
      name,
      across,
      down,
      through,
      flipAcross: sign[physicalAcross] < 0,
      flipDown: headUp ? sign[2] > 0 : sign[physicalDown] < 0,
      width: size[across],
      height: size[down],
      aspect: (size[across] * spacing[across]) / (size[down] * spacing[down]),
      letters: [
        towards[physicalAcross][1],
        towards[physicalAcross][0],
        towards[physicalDown][headUp ? 0 : 1],
        towards[physicalDown][headUp ? 1 : 0],
      ],
      slices,
    };
  };
  return [view("axial", 0, 1, 2), view("coronal", 0, 2, 1), view("sagittal", 1, 2, 0)];
}

/** For each physical axis x, y, z the index axis that is nearest to it and whether they point the same way. */
function anatomicalAxes({ direction }: Lattice): { axis: number[]; sign: number[] } {
  const m = direction ?? [1, 0, 0, 0, 1, 0, 0, 0, 1];
  const permutations = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ];
  const score = (p: number[]) => Math.abs(m[p[0]]) + Math.abs(m[3 + p[1]]) + Math.abs(m[6 + p[2]]);
  const axis = permutations.reduce((best, p) => (score(p) > score(best) + 1e-9 ? p : best));
  return { axis, sign: axis.map((k, r) => (m[3 * r + k] < 0 ? -1 : 1)) };
}

/** The plane that a view shows of one channel of an image (x fastest), averaged over blocks when it is wider or higher than `most` pixels; `of` is taken of every value first. */
export function slice(
  values: Samples,
  grid: Lattice,
  view: View,
  at: number,
  { most = 1024, channel = 0, of }: { most?: number; channel?: number; of?: (value: number) => number } = {},
): Plane {
  const strides = grid.size.map((_, k) => grid.size.slice(0, k).reduce((s, v) => s * v, 1));
  const n = grid.size.reduce((s, v) => s * v, 1);
  const right = strides[view.across] * (view.flipAcross ? -1 : 1);
  const down = strides[view.down] * (view.flipDown ? -1 : 1);
  const start =
    channel * n +
    (view.flipAcross ? (view.width - 1) * strides[view.across] : 0) +
    (view.flipDown ? (view.height - 1) * strides[view.down] : 0) +
    (view.through < 0 ? 0 : at * strides[view.through]);
  const block = Math.max(1, Math.ceil(Math.max(view.width, view.height) / most));
  const width = Math.ceil(view.width / block);
  const height = Math.ceil(view.height / block);
  const out = new Float32Array(width * height);
  if (block === 1 && !of) {
    for (let y = 0, i = 0; y < height; y++) for (let x = 0, j = start + y * down; x < width; x++, i++, j += right) out[i] = values[j];
    return { width, height, values: out };
  }
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      let sum = 0;
      let count = 0;
      const yEnd = Math.min(view.height, (y + 1) * block);
      const xEnd = Math.min(view.width, (x + 1) * block);
      for (let yy = y * block; yy < yEnd; yy++)
        for (let xx = x * block; xx < xEnd; xx++) {
          const value = values[start + yy * down + xx * right];
          sum += of ? of(value) : value;
          count++;
        }
      out[y * width + x] = sum / count;
    }
  return { width, height, values: out };
}
