import * as v from "valibot";
import { ArgumentError } from "../../core/errors.js";
import type { CommandDefinition, OptionDefinition, Options, Outcome } from "../command.js";
import { suggestion } from "../nearest.js";
import { choice, force, keyOf, notNegative, option, output, positive, text, wholeFromOne } from "../options.js";
import type { Session } from "../session.js";

/** What can be reconstructed: one file each, loaded when it is asked for. */
export type Reconstruct = (session: Session, input: string, options: Options) => Promise<Outcome>;
const kinds: Readonly<Record<string, () => Promise<Reconstruct>>> = {
  ct: async () => (await import("../reconstructCt.js")).reconstructCtCommand,
  mr: async () => {
    const [one, series] = await Promise.all([import("../reconstructMr.js"), import("../reconstructDynamicMr.js")]);
    return (session, input, options) =>
      options.dynamic === undefined && !gating.some((g) => options[keyOf(g)] !== undefined)
        ? one.reconstructMrCommand(session, input, options)
        : series.reconstructDynamicMrCommand(session, input, options);
  },
};
const priors = [
  "none",
  "l2",
  "tikhonov",
  "tv",
  "tgv",
  "wavelet",
  "dictionary",
  "model:mr-cascade",
  "model:ct-post-filter",
  "model:ct-primal-dual",
] as const;

/** Shared by every kind. */
const shared: readonly OptionDefinition[] = [
  output("the image (.npy, .png, .nii.gz), or a folder for image, run.json and report"),
  force,
  option("--prior <name>", `what images are like: ${priors.join(", ")}; pnp:NAME with a denoiser (bm3d, nlm, learned)`, text, "a name", {
    choices: priors,
  }),
  option(
    "--lambda <weight>",
    "of the prior, in ½‖Ax − d‖² + λ R(x); larger is smoother (auto)",
    v.union([v.literal("auto"), notNegative]),
    "a number that is not negative, or auto",
  ),
  option("--weights <file>", "of --prior model:NAME or --dynamic learned, from a training of your own", text, "a .safetensors file"),
  option("--iterations <n>", "most steps", wholeFromOne, "a whole number from 1 on"),
  option("--tolerance <t>", "stop where a step changes the image by less", positive, "a positive number"),
  choice("--scale-data <how>", "divide the data by the size of the first image, so that λ suits any scanner", ["none", "auto"]),
];
/** Magnetic resonance. */
const mr: readonly OptionDefinition[] = [
  option("--mask <file>", "mr: non-zero where k-space was measured: a picture, or a list of lines", text, "a .npy file"),
  option(
    "--trajectory <file>",
    "mr: (kx, ky) of each sample in cycles per field of view, [samples, 2] or [shots, samples, 2]",
    text,
    "a .npy file",
  ),
  option("--maps <file>", "mr: coil sensitivities, or espirit to have them from the centre of k-space", text, "a .npy file, or espirit"),
];
/** Series. */
const dynamic = choice("--dynamic <method>", "mr: a series [t, h, w] or [t, coils, h, w], and how its frames belong together", [
  "lowrank+sparse",
  "temporalTv",
  "temporalWavelet",
  "motion",
  "learned",
]);
/** Series measured without a trigger. */
const gating: readonly OptionDefinition[] = [
  option(
    "--gate <phases>",
    "mr: the input is lines in the order of measurement, [n, w] or [n, coils, w]; sort them into this many frames of a cycle",
    wholeFromOne,
    "a whole number from 1 on",
  ),
  option("--rows <file>", "mr: with --gate, which row of k-space each line is", text, "a .npy file"),
  option(
    "--navigator <file>",
    "mr: with --gate, what repeats with the motion: a signal [n], or complex samples of the centre [n, …]",
    text,
    "a .npy file",
  ),
  option("--height <n>", "mr: with --gate, rows of k-space (as many as columns)", wholeFromOne, "a whole number from 1 on"),
];
/** Computed tomography. */
const ct: readonly OptionDefinition[] = [
  option(
    "--angles <degrees>",
    "ct: a .npy file with one for each view, or START:STOP, evenly, STOP left out (0:180)",
    text,
    "a file or START:STOP",
  ),
  option(
    "--geometry <g>",
    "ct: parallel, or fan:SOURCE,DETECTOR[,flat|arc][,BINWIDTH], distances from the axis in pixels",
    text,
    "a geometry",
  ),
  option("--centre <bin>", "ct: the bin of the axis of rotation, or auto (the middle one)", text, "a number or auto"),
  option(
    "--photon-weights <a>",
    "ct: rays count by the photons they brought, e^(−a·y): a is 1 where the sinogram is −log of intensities (tv only; all alike)",
    positive,
    "a positive number",
  ),
  option("--axis <row,column>", "ct: where the axis of rotation lies in the picture (its middle sample, n/2)", text, "ROW,COLUMN"),
  option(
    "--size <n>",
    "side of the picture in pixels (ct: the number of detector bins; mr: what the trajectory reaches)",
    wholeFromOne,
    "a whole number from 1 on",
  ),
  option("--bin-width <w>", "ct: width of a detector bin in pixels (1)", positive, "a positive number"),
  choice("--solver <name>", "ct: pdhg for tv; the others without prior", ["pdhg", "fbp", "sirt", "sart", "cgls"]),
  choice("--filter <name>", "ct: window of filtered back-projection", ["ram-lak", "shepp-logan", "cosine", "hamming", "hann"]),
  choice("--low <v>", "ct: least value allowed", ["0", "none"]),
];

/** `pullback reconstruct KIND INPUT -o OUT`: an image from what a scanner measures. */
export const command: CommandDefinition = {
  name: "reconstruct",
  summary: "an image from what a scanner measured",
  examples: [
    "pullback reconstruct mr kspace.npy --mask mask.npy -o image.npy",
    "pullback reconstruct mr kspace.npy --maps espirit --prior wavelet -o out/",
    "pullback reconstruct mr kspace.npy --mask mask.npy --prior dictionary -o out/",
    "pullback reconstruct mr radial.npy --trajectory spokes.npy --maps espirit -o image.npy",
    "pullback reconstruct mr kspace.npy --mask mask.npy --prior model:mr-cascade -o image.npy",
    "pullback reconstruct mr cine.npy --mask masks.npy --dynamic temporalTv -o frames.npy",
    "pullback reconstruct mr lines.npy --rows rows.npy --navigator centre.npy --gate 16 -o frames.npy",
    "pullback reconstruct ct sinogram.npy --angles 0:180 --prior tv -o out/",
    "pullback reconstruct ct sinogram.npy --angles 0:180 --prior pnp:learned -o slice.npy",
    "pullback reconstruct ct sinogram.npy --angles 0:180 --prior model:ct-primal-dual -o slice.npy",
    "pullback reconstruct ct sinogram.npy --angles 0:360 --geometry fan:500,300,arc --prior none --filter hann -o slice.png",
  ],
  arguments: [
    { name: "<kind>", help: `one of ${Object.keys(kinds).join(", ")}` },
    {
      name: "<input>",
      help: "the measurements (.npy); mr: complex k-space, centred, orthonormal, coils first; ct: a sinogram, a row a view",
    },
  ],
  options: [...shared, ...mr, dynamic, ...gating, ...ct],
  async run(session, [kind, input], options) {
    const load = kinds[kind];
    if (!load)
      throw new ArgumentError(
        `reconstruct: there is no kind "${kind}"${suggestion(kind, Object.keys(kinds)) || `; give one of ${Object.keys(kinds).join(", ")}`}`,
        { kind },
      );
    for (const definition of kind === "ct" ? [...mr, dynamic, ...gating] : ct) {
      const key = keyOf(definition);
      if (key !== "size" && options[key] !== undefined)
        throw new ArgumentError(
          `reconstruct ${kind}: ${definition.flags.split(" ")[0]} belongs to ${kind === "ct" ? "mr" : "ct"}; leave it out`,
          {
            kind,
          },
        );
    }
    return (await load())(session, input, options);
  },
};
