import { basename, extname, resolve } from "node:path";
import { ArgumentError, FormatError } from "../core/errors.js";
import { targetRegistrationError } from "../evaluation/index.js";
import { itkText, type PointTable, writePoints, writeTransform } from "../io/index.js";
import { type PointModel, pointMethods, type RegisterPointsResult, registerPoints } from "../registration/index.js";
import { type Dots, gallery, plain, scatterPicture, type Verdict } from "../report/index.js";
import { Tensor } from "../tensor/index.js";
import { AffineTransform, type Transform } from "../transforms/index.js";
import type { OptionDefinition, Options, Outcome } from "./command.js";
import { Exit } from "./exit.js";
import { loadPoints, loadTransform } from "./inputs.js";
import { choice, notNegative, option, positive } from "./options.js";
import type { Output } from "./output.js";
import { stopwatch } from "./registrationFiles.js";
import type { Session } from "./session.js";
import { version } from "./version.js";

/** Flags that only point files take, and the options of `registerPoints` that they set. */
const pointFlags = { matching: "method", outliers: "outliers", smoothness: "smoothnessMm", reach: "reachMm", stiffness: "lambda" } as const;
export const pointOptions: readonly OptionDefinition[] = [
  choice("--matching <name>", "point clouds, deformable: how partners are found", pointMethods),
  option(
    "--outliers <share>",
    "point clouds, linear models: share of moving's points without a partner (default 0.1)",
    notNegative,
    "a share from 0 up to 1",
  ),
  option(
    "--smoothness <mm>",
    "point clouds, deformable: width of the deformation's kernel (default: 2.3 times the points' spacing)",
    positive,
    "millimetres",
  ),
  option(
    "--reach <mm>",
    "point clouds, deformable: how far partners may be (default: 2.3 times the points' spacing)",
    positive,
    "millimetres",
  ),
  option(
    "--stiffness <lambda>",
    "paired points, --preset diffeo: 0 (default) goes through the points, more is smoother",
    notNegative,
    "a number that is not negative",
  ),
];
/** @throws ArgumentError when images come with options of points */
export function refusePointOptions(options: Options): void {
  const given = Object.keys(pointFlags).find((key) => options[key] !== undefined);
  if (given) throw new ArgumentError(`register: --${given} is for two point files; leave it out for images`, { given });
}

export const isPointFile = (path: string): boolean => /^\.(csv|tsv)$/i.test(extname(path));

/** Mean and largest distance of landmark pairs under the identity and under a transform. */
export interface LandmarkFigures {
  readonly pairs: number;
  readonly before: { readonly mean: number; readonly max: number };
  readonly after: { readonly mean: number; readonly max: number };
}
export function landmarkFigures(transform: Transform, fixed: PointTable, moving: PointTable): LandmarkFigures {
  const d = fixed.dimension;
  const mapped = Float64Array.from(transform.apply(Tensor.from(fixed.points, [fixed.count, d])).data);
  const figures = (points: Float64Array) => {
    const { mean, max } = targetRegistrationError(points, moving.points, d);
    return { mean, max };
  };
  return { pairs: fixed.count, before: figures(fixed.points), after: figures(mapped) };
}

/** `--fixed-points` and `--moving-points`: both or neither, as many rows each. */
export function loadLandmarks(
  session: Session,
  options: Options,
  dimension: number,
): { readonly fixed: PointTable; readonly moving: PointTable; readonly files: readonly string[] } | undefined {
  const [a, b] = [options.fixedPoints as string | undefined, options.movingPoints as string | undefined];
  if (a === undefined && b === undefined) return undefined;
  if (a === undefined || b === undefined)
    throw new ArgumentError(
      `register: ${a === undefined ? "--moving-points" : "--fixed-points"} came alone; landmarks are pairs, so give --fixed-points F.csv --moving-points M.csv`,
      {},
    );
  const [fixed, moving] = [loadPoints(session, a, dimension), loadPoints(session, b, dimension)];
  if (options.unpaired !== true && fixed.count !== moving.count)
    throw new FormatError(
      `${basename(b)}: ${moving.count} points, but ${basename(a)} holds ${fixed.count}; row i of one must belong to row i of the other, unless they come with --unpaired`,
      { fixed: fixed.count, moving: moving.count },
    );
  return { fixed, moving, files: [a, b] };
}

/** `pullback register FIXED.csv MOVING.csv -o OUT/`: point sets in place of images. */
export async function registerPointFiles(
  session: Session,
  [fixedPath, movingPath]: readonly [string, string],
  options: Options,
  plan: Readonly<Record<string, unknown>>,
  open: () => Output | undefined,
): Promise<Outcome> {
  for (const [path, other] of [
    [fixedPath, movingPath],
    [movingPath, fixedPath],
  ])
    if (!isPointFile(path))
      throw new ArgumentError(
        `register: ${basename(other)} holds points and ${basename(path)} does not; give two images or two point files`,
        {},
      );
  const model = modelOf(options.preset as string | undefined);
  for (const key of ["metric", "levels", "fixedMask", "movingMask", "formulation", "optimiser"])
    if (options[key] !== undefined)
      throw new ArgumentError(`register: --${key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)} is for images; leave it out for points`, {
        key,
      });
  const timings: Record<string, number> = {};
  const clock = stopwatch(timings);
  const fixed = loadPoints(session, fixedPath);
  const moving = loadPoints(session, movingPath, fixed.dimension);
  const landmarks = loadLandmarks(session, options, fixed.dimension);
  const init = await startOf(session, options.init as string | undefined, fixed.dimension);
  clock("read");
  const out = open();
  if (!out)
    return {
      json: { dryRun: true, fixed: fixed.count, moving: moving.count, options: plan, outputs: [] },
      lines: [`would register ${moving.count} points of ${basename(movingPath)} with ${fixed.count} of ${basename(fixedPath)}`],
    };
  try {
    const result = await session.stoppable(async (signal) =>
      registerPoints(fixed, moving, {
        model,
        paired: options.paired === true,
        init,
        signal,
        ...Object.fromEntries(
          Object.entries(pointFlags).flatMap(([key, name]) => (options[key] === undefined ? [] : [[name, options[key]]])),
        ),
        onProgress: (p) => session.progress.step(p),
      }),
    );
    session.note(result.plan);
    clock("register");
    const points = landmarks && landmarkFigures(result.transform, landmarks.fixed, landmarks.moving);
    const figures = {
      fixed: fixed.count,
      moving: moving.count,
      matched: result.matched,
      before: result.before,
      after: result.after,
      ...(points && { landmarks: points }),
    };
    const verdict = judged(result);
    // What is on the moving file's side comes over to the fixed one, as with images.
    const back = result.transform.inverse().apply(Tensor.from(moving.points, [moving.count, moving.dimension]));
    const warped = Float64Array.from(back.data);
    out.put("warped.csv", writePoints({ dimension: moving.dimension, points: warped, columns: moving.columns }));
    for (const [name, bytes] of writeTransform(result.transform, "transform.json")) out.put(name, bytes);
    if (result.transform instanceof AffineTransform) out.put("transform.tfm", itkText(result.transform));
    clock("write");
    out.put("report.html", pageOf(session, fixedPath, movingPath, { fixed, moving, warped }, result, verdict, figures, plan, timings));
    const hashed = (path: string) => ({ path: resolve(path), sha256: session.hash(path) });
    const run = {
      program: "pullback",
      version: version(),
      node: process.version,
      command: "register",
      inputs: { fixed: hashed(fixedPath), moving: hashed(movingPath), others: (landmarks?.files ?? []).map(hashed) },
      options: plan,
      status: result.status,
      reason: result.reason,
      verdict,
      plan: result.plan,
      metric: "distance",
      figures,
      trace: result.trace,
      seconds: { ...timings },
      warnings: session.warnings,
      outputs: [...out.names, "run.json"],
    };
    out.put("run.json", `${JSON.stringify(run, (_, v) => (typeof v === "number" && !Number.isFinite(v) ? null : v), 1)}\n`);
    session.progress.clear();
    const outputs = out.commit();
    return {
      json: {
        status: result.status,
        reason: result.reason,
        trust: verdict.level,
        sentence: verdict.sentence,
        metric: "distance",
        figures,
        outputs,
        seconds: { stages: timings },
      },
      lines: [verdict.sentence, ...(points ? [landmarkLine(points)] : []), ...outputs],
      exit: verdict.level === "bad" ? Exit.quality : Exit.ok,
    };
  } catch (error) {
    out.discard();
    throw error;
  }
}

export const landmarkLine = ({ pairs, before, after }: LandmarkFigures): string =>
  `${pairs} landmark pairs: ${plain(before.mean)} → ${plain(after.mean)} mm on average, ${plain(after.max)} mm at most`;

function modelOf(preset: string | undefined): PointModel | undefined {
  if (preset === undefined || preset === "auto") return undefined;
  if (preset === "translation" || preset === "rigid" || preset === "similarity" || preset === "affine") return preset;
  if (preset === "diffeo" || preset === "quick") return "deformable";
  throw new ArgumentError(
    `register: the preset ${preset} is for images; points take translation, rigid, similarity, affine, or none for a deformation`,
    { preset },
  );
}

async function startOf(session: Session, init: string | undefined, dimension: number): Promise<AffineTransform | undefined> {
  if (init === undefined || init === "auto" || init === "moments") return undefined;
  if (init === "identity")
    return new AffineTransform({
      matrix: dimension === 2 ? [1, 0, 0, 1] : [1, 0, 0, 0, 1, 0, 0, 0, 1],
      offset: new Array<number>(dimension).fill(0),
    });
  const start = await loadTransform(session, init);
  if (!(start instanceof AffineTransform) || start.dimension !== dimension)
    throw new FormatError(`${basename(init)}: points start from a ${dimension}-D linear transform; this one is another`, { init });
  return start;
}

function judged(r: RegisterPointsResult): Verdict {
  const way = `partners are ${plain(r.after)} mm apart (root mean square), ${plain(r.before)} before`;
  if (r.status !== "ok") return { level: "bad", sentence: `Do not use this result: ${r.reason}.` };
  if (!(r.after <= r.before * (1 + 1e-9)))
    return { level: "check", sentence: `Look before you use it: ${way}, which is no gain over the start.` };
  return { level: "good", sentence: `Nothing speaks against it: ${r.reason}; ${way}. The pictures below are the last judge.` };
}

const blue = [0, 114, 178] as const;
const orange = [213, 94, 0] as const;

function pageOf(
  session: Session,
  fixedPath: string,
  movingPath: string,
  { fixed, moving, warped }: { fixed: PointTable; moving: PointTable; warped: Float64Array },
  result: RegisterPointsResult,
  verdict: Verdict,
  figures: { readonly landmarks?: LandmarkFigures },
  plan: Readonly<Record<string, unknown>>,
  timings: Record<string, number>,
): string {
  const d = fixed.dimension;
  const dots = (points: ArrayLike<number>, colour: Dots["colour"]): Dots => ({ points, dimension: d, colour });
  const looks: readonly { axes: readonly [number, number]; name: string }[] =
    d === 2
      ? [{ axes: [0, 1], name: "x, y" }]
      : [
          { axes: [0, 2], name: "x, z" },
          { axes: [1, 2], name: "y, z" },
          { axes: [0, 1], name: "x, y" },
        ];
  const covers = [dots(fixed.points, blue), dots(moving.points, orange), dots(warped, orange)];
  const row = (title: string, points: ArrayLike<number>) => ({
    title,
    note: `Blue: ${basename(fixedPath)}. Orange: ${basename(movingPath)}.`,
    pictures: looks.map(({ axes, name }) => ({
      picture: scatterPicture([dots(fixed.points, blue), dots(points, orange)], { axes, covers }),
      caption: name,
    })),
  });
  return gallery({
    title: `${basename(fixedPath)} ← ${basename(movingPath)}`,
    subtitle: result.plan,
    verdict,
    figures: [
      { label: "partners apart before", value: result.before, unit: "mm" },
      { label: "partners apart after", value: result.after, unit: "mm" },
      { label: "points with a partner", value: Math.round(1000 * result.matched) / 10, unit: "%" },
      ...(figures.landmarks
        ? [
            { label: "landmarks before", value: figures.landmarks.before.mean, unit: "mm" },
            { label: "landmarks after", value: figures.landmarks.after.mean, unit: "mm" },
          ]
        : []),
    ],
    rows: [row("Before", moving.points), row("After: moving brought onto fixed", warped)],
    plots: result.trace
      .filter((t) => t.values.length > 1)
      .map((t) => ({ title: t.level, xLabel: "step", yLabel: "value", curves: [{ name: t.level, values: t.values }] })),
    summary: { fixed: fixedPath, moving: movingPath, ...plan, "ended because": result.reason },
    timings,
    warnings: session.warnings,
  });
}
