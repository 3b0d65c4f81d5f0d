import { extname } from "node:path";
import { ArgumentError, FormatError } from "../core/errors.js";
import { shapeText } from "../core/shape.js";
import { type ArrayFile, imageFromRaw, isNpy, rawImage, readNpy, writeNpy } from "../io/index.js";
import { readBytes } from "../io/node.js";
import { loadModel, networkReconstruction } from "../models/index.js";
import { type MrPrior, reconstructMr } from "../reconstruction/index.js";
import { gallery, grayPicture, type Picture, plain, robustWindow } from "../report/index.js";
import { scope, Tensor } from "../tensor/index.js";
import type { Options, Outcome } from "./command.js";
import { Exit } from "./exit.js";
import { folderOf, putImage, putRun } from "./groupFiles.js";
import { isFolder } from "./output.js";
import { stopwatch } from "./registrationFiles.js";
import { denoiserNamed } from "./restorationParts.js";
import type { Session } from "./session.js";

/** Priors by their names, and the networks of the package. */
const cascade = "model:mr-cascade";
const mrPriors: readonly string[] = ["none", "l2", "tv", "wavelet", "dictionary", cascade];

/** `pullback reconstruct mr KSPACE.npy [--mask M.npy] [--maps C.npy|espirit] -o OUT`. */
export async function reconstructMrCommand(session: Session, path: string, options: Options): Promise<Outcome> {
  const target = folderOf("reconstruct", options);
  const folder = isFolder(target);
  const extension = folder ? ".npy" : target.slice(target.indexOf(extname(target.replace(/\.gz$/, ""))));
  const prior = options.prior as string | undefined;
  const plugged = prior?.startsWith("pnp:") ? await denoiserNamed("--prior", prior.slice(4)) : undefined;
  if (prior !== undefined && !plugged && !mrPriors.includes(prior))
    throw new ArgumentError(`--prior: mr has no "${prior}"; expected one of ${mrPriors.join(", ")}, or pnp:NAME with a denoiser`, {
      prior,
    });
  const learned = prior === cascade;
  const weights = options.weights as string | undefined;
  if (weights !== undefined && !learned)
    throw new ArgumentError(`--weights: they are of the network of --prior ${cascade}; leave them out`);
  if (learned)
    for (const name of ["lambda", "iterations", "tolerance", "scaleData"] as const)
      if (options[name] !== undefined)
        throw new ArgumentError(`--${name === "scaleData" ? "scale-data" : name}: a network has none to choose; leave it out`);
  const mapsPath = options.maps as string | undefined;
  const maskPath = options.mask as string | undefined;
  const trajectoryPath = options.trajectory as string | undefined;
  const side = options.size as number | undefined;
  if (side !== undefined && !trajectoryPath) throw new ArgumentError("--size: k-space on its lattice has its own size; leave it out");
  const inputs = [
    path,
    ...(maskPath ? [maskPath] : []),
    ...(trajectoryPath ? [trajectoryPath] : []),
    ...(mapsPath && mapsPath !== "espirit" ? [mapsPath] : []),
    ...(weights ? [weights] : []),
  ];
  const out = session.dryRun ? undefined : session.output(target, folder, { force: options.force === true });
  try {
    const timings: Record<string, number> = {};
    const clock = stopwatch(timings);
    session.reading();
    const kspace = complexOf(path, "k-space");
    const mask = maskPath ? realOf(maskPath, kspace) : undefined;
    const trajectory = trajectoryPath ? pointsOf(trajectoryPath) : undefined;
    const maps = mapsPath === undefined || mapsPath === "espirit" ? mapsPath : complexOf(mapsPath, "maps");
    if (mask?.ambiguous)
      session.warn(`${maskPath}: ${mask.tensor.size} lines for a square k-space without zeros; taken as columns (the last axis)`);
    clock("read");
    if (!out)
      return {
        json: { dryRun: true, kspace: kspace.shape, outputs: [] },
        lines: [`would reconstruct k-space of ${shapeText(kspace.shape)}`],
      };
    const network = learned
      ? networkReconstruction(await loadModel("mr-cascade", { weights: weights === undefined ? undefined : readBytes(weights) }))
      : undefined;
    const r = await session.stoppable((signal) =>
      reconstructMr({
        network,
        kspace,
        mask: mask?.tensor,
        trajectory,
        size: side === undefined ? undefined : [side, side],
        maps,
        denoiser: plugged,
        prior: learned ? "learned" : plugged ? "pnp" : (prior as MrPrior | undefined),
        lambda: options.lambda as number | "auto" | undefined,
        iterations: options.iterations as number | undefined,
        tolerance: options.tolerance as number | undefined,
        scaleData: options.scaleData as "none" | "auto" | undefined,
        signal,
      }),
    );
    for (const w of r.warnings) session.warn(w);
    clock("reconstruct");
    const [h, w] = r.image.shape;
    const name = folder ? `image${extension}` : (target.split(/[/\\]/).pop() as string);
    if (extension === ".npy") out.put(name, writeNpy({ shape: [h, w], data: Float32Array.from(r.image.data), complex: true }));
    else {
      // Pictures hold magnitudes, 8-bit ones of them scaled to the largest.
      const magnitude = scope(() => r.image.abs());
      const picture = /^\.(png|jpe?g)$/i.test(extension);
      const shown = picture ? scope(() => magnitude.mul(255 / magnitude.max().item())) : magnitude;
      putImage(
        out,
        imageFromRaw(rawImage("npy", { data: Float32Array.from(shown.data), channels: 1, channelKind: "other", size: [w, h] })),
        name,
        {
          clamp: true,
          ...(picture && { dtype: "uint8" as const }),
        },
      );
    }
    const figures = {
      lambda: r.lambda,
      scale: r.scale,
      objective: r.objective,
      sampled: r.sampled,
      iterations: r.iterations,
      coils: r.maps ? r.maps.shape[0] : 1,
    };
    const plan = {
      kind: "mr",
      prior: learned ? cascade : plugged ? prior : r.prior,
      solver: r.solver,
      ...(trajectoryPath && { trajectory: trajectoryPath }),
      maps: maps === undefined ? (r.maps ? "espirit" : "none") : (mapsPath as string),
    };
    const sentence = `${plain(Math.round(1000 * r.sampled) / 10)} % of k-space, ${figures.coils} ${figures.coils === 1 ? "coil" : "coils"}: ${learned ? "a learned cascade" : `${r.prior} with λ = ${plain(r.lambda)} on data divided by ${plain(r.scale)}; ${r.iterations} steps`}, ${r.reason}`;
    if (folder) {
      if (r.maps) out.put("maps.npy", writeNpy({ shape: [...r.maps.shape], data: Float32Array.from(r.maps.data), complex: true }));
      const seen = mask ? kspace.mul(mask.tensor.equal(0).cast("f32").neg().add(1)) : kspace;
      out.put("report.html", reportOf(r, seen, sentence, timings, session.warnings, plan));
      clock("write");
      putRun(session, out, inputs, { options: plan, status: r.status, reason: sentence, figures, seconds: timings });
    }
    return {
      json: {
        status: r.status,
        reason: sentence,
        objective: "½‖Ax − d‖² + λ R(x), d divided by the scale",
        ...plan,
        figures,
        outputs: out.commit(),
      },
      lines: [sentence, target],
      exit: r.status === "ok" ? Exit.ok : Exit.quality,
    };
  } catch (error) {
    out?.discard();
    throw error;
  }
}

function arrayOf(path: string): ArrayFile {
  const bytes = readBytes(path);
  if (!isNpy(bytes)) throw new FormatError(`${path}: this is no .npy file; write k-space, masks and maps with numpy.save`, { path });
  return readNpy(bytes);
}
function complexOf(path: string, what: string): Tensor {
  const a = arrayOf(path);
  if (!a.complex)
    throw new FormatError(`${path}: ${what} of real numbers came (${a.dtype}); complex ones were expected`, { path, dtype: a.dtype });
  return Tensor.from(Float32Array.from(a.data as ArrayLike<number>), a.shape, "c64");
}
/** (kx, ky) of each sample. */
function pointsOf(path: string): Tensor {
  const a = arrayOf(path);
  if (a.complex) throw new FormatError(`${path}: the trajectory is complex; (kx, ky) of each sample were expected, real`, { path });
  return Tensor.from(Float32Array.from(a.data as ArrayLike<number>), a.shape);
}
/** A mask; a list of lines goes along the axis of as many samples, of a square k-space along that in which it has its zeros. */
function realOf(path: string, kspace: Tensor): { tensor: Tensor; ambiguous: boolean } {
  const a = arrayOf(path);
  if (a.complex) throw new FormatError(`${path}: the mask is complex; real numbers or booleans were expected`, { path });
  const m = Tensor.from(Float32Array.from(a.data as ArrayLike<number>), a.shape);
  const [h, w] = kspace.shape.slice(-2);
  if (m.rank !== 1 || (m.size !== h && m.size !== w)) return { tensor: m, ambiguous: false };
  if (h !== w) return { tensor: m.size === h ? m.reshape(h, 1) : m.reshape(1, w), ambiguous: false };
  return scope(() => {
    const left = (axis: number) =>
      kspace
        .abs()
        .mul(m.equal(0).reshape(...(axis === 0 ? [h, 1] : [1, w])))
        .sum()
        .item();
    const [rows, columns] = [left(0), left(1)];
    return { tensor: rows < columns ? m.reshape(h, 1) : m.reshape(1, w), ambiguous: rows > 0 && columns > 0 };
  });
}

function reportOf(
  r: Awaited<ReturnType<typeof reconstructMr>>,
  kspace: Tensor,
  sentence: string,
  timings: Record<string, number>,
  warnings: readonly string[],
  plan: Record<string, unknown>,
): string {
  const [height, width] = r.image.shape;
  const onLattice = plan.trajectory === undefined;
  const planes = scope(() =>
    [
      r.zeroFilled.abs(),
      r.image.abs(),
      onLattice ? (kspace.rank === 3 ? kspace.abs().square().sum(0).sqrt() : kspace.abs()) : r.image.abs(),
      r.image.sub(r.zeroFilled).abs(),
    ].map((t) => Float32Array.from(t.data)),
  );
  const log = planes[2].map((v) => (v > 0 ? Math.log10(v) : Number.NaN));
  const shown = robustWindow(planes[1]);
  const picture = (values: Float32Array, window = robustWindow(values)): Picture => grayPicture({ width, height, values }, window);
  const maps = r.maps;
  const coils = maps
    ? Array.from({ length: Math.min(8, maps.shape[0]) }, (_, c) => scope(() => Float32Array.from(maps.at(c).abs().data)))
    : [];
  return gallery({
    title: "Magnetic resonance reconstruction",
    subtitle: `${width} × ${height}, ${sentence}`,
    verdict: { level: r.status === "ok" ? "good" : "check", sentence },
    figures: [
      { label: "sampled", value: Math.round(1000 * r.sampled) / 10, unit: "%" },
      // A network has neither.
      ...(r.prior === "learned"
        ? []
        : [
            { label: "λ", value: r.lambda },
            { label: "steps", value: r.iterations },
          ]),
    ],
    rows: [
      {
        title: "Image",
        large: true,
        pictures: [
          { picture: picture(planes[0], shown), caption: onLattice ? "zero-filled" : "by gridding, density compensated" },
          { picture: picture(planes[1], shown), caption: "reconstructed" },
          { picture: picture(planes[3]), caption: "what changed" },
        ],
      },
      ...(onLattice
        ? [
            {
              title: "k-space",
              pictures: [{ picture: picture(log), caption: "log₁₀ of the magnitude; black where nothing was measured" }],
            },
          ]
        : []),
      ...(coils.length > 0
        ? [
            {
              title: "Sensitivities",
              pictures: coils.map((values, c) => ({ picture: picture(values, { low: 0, high: 1 }), caption: `coil ${c + 1}` })),
            },
          ]
        : []),
    ],
    plots:
      r.history.length > 1
        ? [
            {
              title: "Change of the image, log₁₀",
              xLabel: "step",
              curves: [{ name: "change", values: r.history.map((v) => Math.log10(Math.max(v, 1e-12))) }],
            },
          ]
        : [],
    summary: plan,
    timings,
    warnings,
  });
}
