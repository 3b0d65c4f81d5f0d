import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DirectoryQueue, type Plan, type Task, taskId } from "../batch/index.js";
import { ArgumentError, FormatError } from "../core/errors.js";
import { type AffineMap, type Grid, type Image, tensorShape } from "../image/index.js";
import {
  type Atlas,
  AtlasGroup,
  type AtlasOptions,
  type AtlasRound,
  type AtlasStage,
  type AtlasStep,
  atlasOf,
  atlasSteps,
  commonGrid,
  contentOrder,
  type MeanShare,
  meanOfShares,
  type Placement,
  roundOf,
  shareSize,
} from "../registration/index.js";
import { dispose, keep, Tensor } from "../tensor/index.js";
import { batchBuild } from "./batchPlan.js";
import { loadGroup } from "./groupFiles.js";
import type { Session } from "./session.js";
import { version } from "./version.js";

/*
 * An atlas whose rounds are done by any number of workers. The plan is known from the beginning: for each round the sums of the mean (in shares of
 * eight images, whoever adds them), every image aligned to it, and what all have in common taken off; stages of the queue are the barriers between.
 * What a task finds out lies in a folder beside the result, written whole or not at all, so that a task done twice does no harm.
 */

/** What is to be made of which images: `atlas.json` of the folder of work. */
export interface AtlasWork {
  readonly folder: string;
  /** As they were named, made absolute. */
  readonly images: readonly string[];
  /** order[k] is the place of the k-th image of the group's own order. */
  readonly order: readonly number[];
  readonly grid: Grid;
  readonly steps: readonly AtlasStep[];
  readonly options: Pick<AtlasOptions, "model" | "rounds" | "init" | "levels">;
  /** Of the command, for the last task. */
  readonly command: Readonly<Record<string, unknown>>;
}

/** The folder of work beside a result. */
export const workFolder = (target: string): string => `${resolve(target).replace(/[/\\]+$/, "")}.work`;

/** Plan an atlas, and lay its queue into the folder of work; there may be one with the same plan. */
export async function planAtlas(
  session: Session,
  paths: readonly string[],
  o: {
    readonly target: string;
    readonly options: AtlasWork["options"];
    readonly command: AtlasWork["command"];
    readonly labels: readonly string[];
  },
): Promise<DirectoryQueue> {
  const folder = workFolder(o.target);
  const { images } = await loadGroup(session, "atlas", paths);
  const order = contentOrder(images);
  const grid = commonGrid(order.map((i) => images[i].grid));
  const work: AtlasWork = {
    folder,
    images: paths.map((p) => resolve(p)),
    order,
    grid,
    steps: atlasSteps(grid, o.options),
    options: o.options,
    command: o.command,
  };
  const inputs = [...paths, ...o.labels].map((p) => session.hash(p));
  const plan = planOf(work, inputs);
  mkdirSync(folder, { recursive: true });
  const queue = DirectoryQueue.create(join(folder, "queue"), plan);
  put(join(folder, "atlas.json"), JSON.stringify(work));
  return queue;
}

function planOf(work: AtlasWork, inputs: readonly string[]): Plan {
  const n = work.images.length;
  const tasks: Task[] = [];
  let stage = 0;
  const add = (...names: string[]) => {
    for (const name of names) {
      const argv = ["atlas", work.folder, "--task", name];
      const id = taskId({ inputs, argv: [...argv, JSON.stringify(work)], version: version(), build: batchBuild });
      tasks.push({ id, stage, name, argv });
    }
    stage++;
  };
  const each = (count: number, name: (i: number) => string) => Array.from({ length: count }, (_, i) => name(i));
  add("start");
  const firstDiffeo = work.steps.findIndex((s) => s.model === "diffeo");
  for (const k of work.steps.keys()) {
    add(...(k === firstDiffeo ? ["smooth"] : []), ...each(Math.ceil(n / shareSize), (j) => `share:${k}:${j}`));
    add(...each(n, (i) => `align:${k}:${i}`));
    add(`centre:${k}`);
  }
  add("finish");
  return { version: version(), build: batchBuild, tasks };
}

/** The atlas that lies in a folder of work. @throws FormatError when there is none */
export function readWork(folder: string): AtlasWork {
  const path = join(folder, "atlas.json");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new FormatError(
      `${folder}: there is no atlas.json in it; --task is for the folder that pullback atlas --on makes`,
      { folder },
      { cause },
    );
  }
  return { ...(JSON.parse(text) as AtlasWork), folder };
}

/** Do one task of an atlas but the last, which is the command's own. @throws ArgumentError for a name that is none */
export async function doAtlasTask(session: Session, work: AtlasWork, name: string): Promise<void> {
  const [kind, ...numbers] = name.split(":");
  const [k, i] = numbers.map(Number);
  const step = work.steps[k];
  const n = work.images.length;
  const some = (from: number, to: number) => groupOf(session, work, from, to);
  if (kind === "start" && numbers.length === 0) {
    const group = await some(0, n);
    group.start();
    putState(work, -1, { placements: group.placements });
    group.free();
  } else if (kind === "smooth" && numbers.length === 0) {
    const group = await some(0, n);
    const before = work.steps.findIndex((s) => s.model === "diffeo") - 1;
    group.place(...stateOf(work, before));
    put(join(work.folder, "smooth.json"), JSON.stringify(group.smooth));
    group.free();
  } else if (kind === "share" && step && i >= 0 && i * shareSize < n) {
    const [from, to] = [i * shareSize, Math.min(n, (i + 1) * shareSize)];
    const group = await some(from, to);
    group.place(...stateOf(work, k - 1, from, to));
    const { sum, border, weight } = group.share(step);
    put(join(work.folder, `${k}`, `share-${i}.f64`), bytesOf(sum), bytesOf(border), bytesOf(weight));
    group.free();
  } else if (kind === "align" && step && i >= 0 && i < n) {
    const group = await some(i, i + 1);
    group.place(...stateOf(work, k - 1, i, i + 1));
    const fixed = keep(meanOf(work, k, group.meanGrid(step)));
    const smooth = step.model === "diffeo" && JSON.parse(read(join(work.folder, "smooth.json"), work).toString("utf8")) === true;
    const aligned = await group.align(step, fixed, 0, smooth);
    const at = join(work.folder, `${k}`, `align-${i}`);
    if (aligned.field) put(`${at}.f32`, bytesOf(aligned.field.data as Float32Array));
    put(
      `${at}.json`,
      JSON.stringify({ map: mapText(aligned.map), value: aligned.value, fieldGrid: aligned.fieldGrid, field: aligned.field !== undefined }),
    );
    dispose(fixed.values);
    group.free();
  } else if (kind === "centre" && step) {
    const aligned = work.images.map((_, j) => {
      const at = join(work.folder, `${k}`, `align-${j}`);
      const { map, value, fieldGrid, field } = JSON.parse(read(`${at}.json`, work).toString("utf8")) as AlignedText;
      return { map: mapFrom(map), value, fieldGrid, field: field && fieldGrid ? fieldFrom(read(`${at}.f32`, work), fieldGrid) : undefined };
    });
    const round = roundOf(step, aligned, work.grid, ({ placements }, fieldGrid) => {
      putState(work, k, { placements, fieldGrid });
      for (const p of placements) dispose(p.field);
    });
    put(join(work.folder, `${k}`, "round.json"), JSON.stringify(round));
  } else throw new ArgumentError(`atlas: "${name}" is no task of this atlas`, { name });
}

/** The result of all rounds, for the last task. */
export async function atlasFromWork(work: AtlasWork, images: readonly Image[]): Promise<Atlas> {
  const group = new AtlasGroup(
    work.order.map((i) => images[i]),
    work.grid,
    work.options,
  );
  try {
    const stages: AtlasStage[] = [];
    const rounds = work.steps.map((_, k) => JSON.parse(read(join(work.folder, `${k}`, "round.json"), work).toString("utf8")) as AtlasRound);
    for (const [k, step] of work.steps.entries()) {
      if (work.steps[k + 1]?.model === step.model) continue;
      group.place(...stateOf(work, k));
      stages.push(group.stage(step.model));
    }
    return atlasOf(group, stages, rounds, work.order);
  } finally {
    group.free();
  }
}

async function groupOf(session: Session, work: AtlasWork, from: number, to: number): Promise<AtlasGroup> {
  const paths = work.order.slice(from, to).map((i) => work.images[i]);
  const { images } = await loadGroup(session, "atlas", paths);
  return new AtlasGroup(images, work.grid, work.options);
}

interface AlignedText {
  readonly map: string;
  readonly value: number;
  readonly fieldGrid?: Grid;
  readonly field: boolean;
}
interface StateText {
  readonly maps: readonly string[];
  readonly fieldGrid?: Grid;
}
// Maps as the bits of their numbers: JSON has no −0.
const mapText = ({ matrix, offset }: AffineMap): string => bytesOf(Float64Array.from([...matrix, ...offset])).toString("base64");
function mapFrom(text: string): AffineMap {
  const bytes = Buffer.from(text, "base64");
  const x = [...new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))];
  const d = x.length === 6 ? 2 : 3;
  return { matrix: x.slice(0, d * d), offset: x.slice(d * d) };
}
const fieldFrom = (bytes: Buffer, grid: Grid): Tensor =>
  keep(
    Tensor.from(new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)), [
      grid.size.length,
      ...tensorShape(grid),
    ]),
  );

/** How the images lie after round k; −1: at the start. */
function putState(work: AtlasWork, k: number, { placements, fieldGrid }: { placements: readonly Placement[]; fieldGrid?: Grid }): void {
  const at = join(work.folder, k < 0 ? "start" : `${k}`);
  for (const [i, p] of placements.entries()) if (p.field) put(join(at, `field-${i}.f32`), bytesOf(p.field.data as Float32Array));
  put(join(at, "state.json"), JSON.stringify({ maps: placements.map((p) => mapText(p.map)), fieldGrid } satisfies StateText));
}
function stateOf(work: AtlasWork, k: number, from = 0, to = work.images.length): [Placement[], Grid | undefined] {
  const at = join(work.folder, k < 0 ? "start" : `${k}`);
  const { maps, fieldGrid } = JSON.parse(read(join(at, "state.json"), work).toString("utf8")) as StateText;
  const placements = maps.slice(from, to).map((map, i): Placement => {
    const field = fieldGrid && fieldFrom(read(join(at, `field-${from + i}.f32`), work), fieldGrid);
    return { map: mapFrom(map), field };
  });
  return [placements, fieldGrid];
}
/** The mean of round k from its shares, added in their order. */
function meanOf(work: AtlasWork, k: number, grid: Grid): Image {
  const n = grid.size.reduce((a, b) => a * b, 1);
  function* shares(): Generator<MeanShare> {
    for (let j = 0; j * shareSize < work.images.length; j++) {
      const bytes = read(join(work.folder, `${k}`, `share-${j}.f64`), work);
      const all = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
      const half = (all.length - n) / 2;
      yield { sum: all.subarray(0, half), border: all.subarray(half, 2 * half), weight: all.subarray(2 * half) };
    }
  }
  return meanOfShares(shares(), work.images.length, grid);
}

const bytesOf = (x: Float32Array | Float64Array): Buffer => Buffer.from(x.buffer, x.byteOffset, x.byteLength);
function read(path: string, work: AtlasWork): Buffer {
  if (!existsSync(path))
    throw new FormatError(`${path}: this part of the atlas is missing, because one before it has failed; run pullback atlas again`, {
      path,
      folder: work.folder,
    });
  return readFileSync(path);
}
/** Whole or not at all, though several may write the same. */
function put(path: string, ...parts: (Uint8Array | string)[]): void {
  mkdirSync(join(path, ".."), { recursive: true });
  const temporary = `${path}.${randomUUID().slice(0, 8)}.part`;
  try {
    writeFileSync(temporary, parts.length === 1 ? parts[0] : Buffer.concat(parts as Uint8Array[]));
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
