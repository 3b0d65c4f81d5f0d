import * as v from "valibot";
import { ArgumentError } from "../../core/errors.js";
import type { CommandDefinition, OptionDefinition, Options, Outcome } from "../command.js";
import { suggestion } from "../nearest.js";
import { choice, force, notNegative, option, output, positive, text, wholeFromOne } from "../options.js";
import type { Session } from "../session.js";

/** What can be reconstructed: one file each, loaded when it is asked for. */
export type Reconstruct = (session: Session, input: string, options: Options) => Promise<Outcome>;
const kinds: Readonly<Record<string, () => Promise<Reconstruct>>> = {
  mr: async () => (await import("../reconstructMr.js")).reconstructMrCommand,
};
const priors = ["none", "l2", "tikhonov", "tv", "tgv", "wavelet"] as const;

/** Shared by every kind. */
const shared: readonly OptionDefinition[] = [
  output("the image (.npy, .png, .nii.gz), or a folder for image, run.json and report"),
  force,
  choice("--prior <name>", "what images are like", priors),
  option(
    "--lambda <weight>",
    "of the prior, in ½‖Ax − d‖² + λ R(x); larger is smoother (auto)",
    v.union([v.literal("auto"), notNegative]),
    "a number that is not negative, or auto",
  ),
  option("--iterations <n>", "most steps", wholeFromOne, "a whole number from 1 on"),
  option("--tolerance <t>", "stop where a step changes the image by less", positive, "a positive number"),
  choice("--scale-data <how>", "divide the data by the size of the first image, so that λ suits any scanner", ["none", "auto"]),
];
/** Magnetic resonance. */
const mr: readonly OptionDefinition[] = [
  option("--mask <file>", "mr: non-zero where k-space was measured: a picture, or a list of lines", text, "a .npy file"),
  option("--maps <file>", "mr: coil sensitivities, or espirit to have them from the centre of k-space", text, "a .npy file, or espirit"),
];

/** `pullback reconstruct KIND INPUT -o OUT`: an image from what a scanner measures. */
export const command: CommandDefinition = {
  name: "reconstruct",
  summary: "an image from what a scanner measured",
  examples: [
    "pullback reconstruct mr kspace.npy --mask mask.npy -o image.npy",
    "pullback reconstruct mr kspace.npy --maps espirit --prior wavelet -o out/",
  ],
  arguments: [
    { name: "<kind>", help: `one of ${Object.keys(kinds).join(", ")}` },
    { name: "<input>", help: "the measurements (.npy); mr: complex k-space, centred, orthonormal, coils first" },
  ],
  options: [...shared, ...mr],
  async run(session, [kind, input], options) {
    const load = kinds[kind];
    if (!load)
      throw new ArgumentError(
        `reconstruct: there is no kind "${kind}"${suggestion(kind, Object.keys(kinds)) || `; give one of ${Object.keys(kinds).join(", ")}`}`,
        { kind },
      );
    return (await load())(session, input, options);
  },
};
