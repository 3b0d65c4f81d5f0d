import { basename } from "node:path";
import { FormatError } from "../../core/errors.js";
import { jacobianDeterminant, jacobianSummary } from "../../evaluation/index.js";
import type { Grid } from "../../image/index.js";
import { formatOfName, type RawImage, readPoints } from "../../io/index.js";
import { readBytes } from "../../io/node.js";
import { plain } from "../../report/linePlot.js";
import {
  AffineTransform,
  BSplineTransform,
  CompositeTransform,
  DisplacementTransform,
  HomographyTransform,
  InverseThinPlateSpline,
  nearestSimilarity,
  ThinPlateSplineTransform,
  TimeVelocityTransform,
  type Transform,
  VelocityTransform,
} from "../../transforms/index.js";
import type { CommandDefinition } from "../command.js";
import { loadImage, loadTransform } from "../inputs.js";
import type { Session } from "../session.js";

/** `pullback info FILES`: what a file holds. */
export const command: CommandDefinition = {
  name: "info",
  summary: "say what a file holds",
  examples: ["pullback info brain.nii.gz", "pullback info out/transform.json --json"],
  arguments: [{ name: "<files...>", help: "images, transforms or tables of points" }],
  options: [],
  async run(session, files) {
    const all: Record<string, unknown>[] = [];
    for (const path of files) all.push(await about(session, path));
    return {
      json: { files: all, outputs: [] },
      lines: all.flatMap((a, k) => [...(k > 0 ? [""] : []), ...listing(a)]),
    };
  },
};

async function about(session: Session, path: string): Promise<Record<string, unknown>> {
  session.reading();
  if (/\.csv$/i.test(path)) return aboutPoints(path);
  if (/\.(json|tfm|txt|mat|h5|hdf5)$/i.test(path)) return { file: path, ...aboutTransform(await loadTransform(session, path)) };
  return aboutImage(path, (await loadImage(session, path)).raw);
}

function aboutImage(path: string, raw: RawImage): Record<string, unknown> {
  const { data } = raw;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  let sum = 0;
  let notFinite = 0;
  for (let i = 0; i < data.length; i++) {
    const x = data[i];
    if (!Number.isFinite(x)) {
      notFinite++;
      continue;
    }
    if (x < low) low = x;
    if (x > high) high = x;
    sum += x;
  }
  const finite = data.length - notFinite;
  return {
    file: path,
    kind: "image",
    format: raw.meta.format ?? formatOfName(path),
    size: raw.size,
    spacing: raw.spacing,
    origin: raw.origin,
    direction: raw.direction,
    axes: raw.size.length === 3 ? axes(raw.direction) : undefined,
    channels: raw.channels,
    channelKind: raw.channelKind,
    type: data.constructor.name.replace("Array", "").toLowerCase(),
    min: finite > 0 ? low : null,
    max: finite > 0 ? high : null,
    mean: finite > 0 ? sum / finite : null,
    notFinite,
  };
}

/** Where each index axis points, e.g. "LPS": towards left, back, head. */
function axes(direction: readonly number[]): string {
  const letters = [
    ["L", "R"],
    ["P", "A"],
    ["S", "I"],
  ];
  return [0, 1, 2]
    .map((j) => {
      const column = [0, 1, 2].map((i) => direction[3 * i + j]);
      const k = column.reduce((best, x, i) => (Math.abs(x) > Math.abs(column[best]) ? i : best), 0);
      return letters[k][column[k] < 0 ? 1 : 0];
    })
    .join("");
}

function aboutPoints(path: string): Record<string, unknown> {
  let table: ReturnType<typeof readPoints>;
  try {
    table = readPoints(readBytes(path));
  } catch (error) {
    if (error instanceof FormatError && !error.message.includes(basename(path)))
      throw new FormatError(`${path}: ${error.message}`, error.details, { cause: error });
    throw error;
  }
  const { dimension: d, count, points, columns } = table;
  const range = (pick: (...v: number[]) => number) =>
    Array.from({ length: d }, (_, k) =>
      Array.from({ length: count }, (_, i) => points[i * d + k]).reduce((a, b) => pick(a, b), points[k] ?? Number.NaN),
    );
  return {
    file: path,
    kind: "points",
    dimension: d,
    count,
    low: range(Math.min),
    high: range(Math.max),
    furtherColumns: [...columns.keys()],
  };
}

/** Kinds, spaces, and what a person asks of each part. */
export function aboutTransform(t: Transform): Record<string, unknown> {
  const parts = t instanceof CompositeTransform ? t.parts : [t];
  return {
    kind: "transform",
    dimension: t.dimension,
    from: { name: t.from.name, size: t.from.grid?.size, spacing: t.from.grid?.spacing },
    to: { name: t.to.name, size: t.to.grid?.size, spacing: t.to.grid?.spacing },
    parts: parts.map(aboutPart),
  };
}

function aboutPart(part: Transform): Record<string, unknown> {
  if (part instanceof AffineTransform) {
    const d = part.dimension;
    const { rotation, scale } = nearestSimilarity(part.map.matrix, d);
    const trace = Array.from({ length: d }, (_, i) => rotation[i * d + i]).reduce((a, b) => a + b, 0);
    const cosine = d === 2 ? trace / 2 : (trace - 1) / 2;
    return {
      kind: "affine",
      model: part.model,
      matrix: Array.from({ length: d }, (_, i) => part.map.matrix.slice(i * d, i * d + d)),
      offset: part.map.offset,
      rotationDegrees: (Math.acos(Math.max(-1, Math.min(1, cosine))) * 180) / Math.PI,
      scale,
    };
  }
  if (part instanceof HomographyTransform)
    return { kind: "homography", matrix: Array.from({ length: 3 }, (_, i) => part.matrix.slice(3 * i, 3 * i + 3)) };
  const plate = part instanceof InverseThinPlateSpline ? part.of : part;
  if (plate instanceof ThinPlateSplineTransform)
    return { kind: "thinPlateSpline", landmarks: plate.fixed.shape[0], lambda: plate.lambda, inverted: part !== plate };
  // Splines are looked at where they are fixed to, or at their own control points.
  const grid =
    part instanceof DisplacementTransform || part instanceof VelocityTransform || part instanceof TimeVelocityTransform
      ? part.grid
      : part.from.grid;
  const on = part instanceof BSplineTransform ? (grid ?? part.controlGrid) : grid;
  if (!on) return { kind: part.kind };
  const about = { kind: part.kind, size: on.size, spacing: on.spacing, ...sizes(part.displacement(on).data, on) };
  if (part instanceof BSplineTransform)
    return {
      ...about,
      controlPoints: part.controlGrid.size,
      controlSpacing: part.controlGrid.spacing,
      inverseStored: part.backward !== undefined,
    };
  if (part instanceof VelocityTransform) return { ...about, squarings: part.squarings };
  if (part instanceof TimeVelocityTransform) return { ...about, velocities: part.velocity.shape[0], steps: part.steps };
  return part instanceof DisplacementTransform ? { ...about, inverseStored: part.backward !== undefined } : about;
}

/** How long the vectors of a displacement are, and what it does to volumes. */
function sizes(u: ArrayLike<number>, grid: Grid): Record<string, unknown> {
  const d = grid.size.length;
  const n = u.length / d;
  let largest = 0;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    let square = 0;
    for (let c = 0; c < d; c++) square += u[c * n + i] ** 2;
    const length = Math.sqrt(square);
    sum += length;
    if (length > largest) largest = length;
  }
  const j = jacobianSummary(jacobianDeterminant(u, grid));
  return { largestMm: largest, meanMm: sum / n, jacobian: { min: j.min, max: j.max, folded: j.folded, sdLog: j.sdLog } };
}

/** A table of names and values for a person; nested objects are indented. */
export function listing(object: Record<string, unknown>, indent = ""): string[] {
  const rows = Object.entries(object).filter(([, value]) => value !== undefined);
  const wide = Math.max(...rows.map(([k]) => k.length));
  return rows.flatMap(([key, value]) => {
    if (Array.isArray(value) && value.some((x) => typeof x === "object" && x !== null && !Array.isArray(x)))
      return value.flatMap((x, k) => [`${indent}${key} ${k + 1}`, ...listing(x as Record<string, unknown>, `${indent}  `)]);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return [`${indent}${key}`, ...listing(value as Record<string, unknown>, `${indent}  `)];
    return [`${indent}${key.padEnd(wide)}  ${words(value)}`];
  });
}
const words = (value: unknown): string =>
  typeof value === "number"
    ? plain(value)
    : Array.isArray(value)
      ? value.length === 0
        ? "none"
        : value.map(words).join(Array.isArray(value[0]) ? " | " : " ")
      : String(value);
