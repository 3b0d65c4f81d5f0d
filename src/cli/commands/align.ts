import { ArgumentError } from "../../core/errors.js";
import { gridText } from "../../image/index.js";
import { gallery, plain } from "../../report/index.js";
import { type AlignMethod, align, alignMethods, type Motion, motions, robustWeights } from "../../vision/index.js";
import type { CommandDefinition, Options } from "../command.js";
import { Exit } from "../exit.js";
import { folderOf, loadGroup, putRun } from "../groupFiles.js";
import { grayOf, loadImage } from "../inputs.js";
import { choice, finite, flag, force, numberList, option, output, positive, text, wholeFromOne, whole as wholeNumber } from "../options.js";
import { putWarped } from "../pictureFiles.js";
import { stopwatch } from "../registrationFiles.js";

/** `pullback align A B -o OUT/`: direct alignment of two pictures by their brightness. */
export const command: CommandDefinition = {
  name: "align",
  summary: "align two pictures directly by brightness (Lucas–Kanade)",
  examples: [
    "pullback align frame1.png frame2.png -o out/",
    "pullback align template.png photo.png --start 1,0,120,0,1,80,0,0,1 --motion affine --json",
    "pullback align a.png b.png --method ecc --motion translation -o out/",
  ],
  arguments: [
    { name: "<a>", help: "the picture that is matched (the template); H takes its pixel centres to the other" },
    { name: "<b>", help: "the picture that is pulled back" },
  ],
  options: [
    output("folder for H, the warped picture and the report; without it only the figures are given"),
    force,
    choice("--motion <name>", "what may move (homography)", motions),
    choice(
      "--method <name>",
      "inverse-compositional, forward additive, forward compositional, second order, correlation (ic)",
      alignMethods,
    ),
    option("--start <nine numbers>", "H to begin with, row by row (the identity)", numberList(finite), "nine numbers, row by row"),
    option("--levels <n>", "halvings of the pictures to begin with (by their size)", wholeNumber, "a whole number"),
    option("--iterations <n>", "most steps at each level (60)", wholeFromOne, "a whole number of at least 1"),
    option("--tolerance <px>", "ends when the corners move less (0.001)", positive, "a positive number of pixels"),
    choice("--robust <name>", "weights against what is in the way (tukey)", robustWeights),
    option("--no-brightness", "brightness and contrast are the same in both", flag, "true or false"),
    option("--no-search", "do not begin again elsewhere when the pictures stay unlike", flag, "true or false"),
    option("--mask <file>", "where the first picture counts (not 0), on its grid", text, "an image file"),
  ],
  async run(session, [pathA, pathB], options) {
    const target = options.output as string | undefined;
    const out =
      target === undefined || session.dryRun
        ? undefined
        : session.output(folderOf("align", options), true, { force: options.force === true });
    try {
      const timings: Record<string, number> = {};
      const clock = stopwatch(timings);
      const {
        loaded: [, colourB],
        images: [a, b],
      } = await loadGroup(session, "align", [pathA, pathB]);
      if (a.grid.size.length !== 2)
        throw new ArgumentError(`align: ${pathA} is ${a.grid.size.join("×")}; pictures are expected (pullback register aligns volumes)`);
      const { maskPath, ...plan } = planOf(options);
      const mask = maskPath === undefined ? undefined : grayOf(await loadImage(session, maskPath));
      clock("read");
      if (session.dryRun)
        return {
          json: { dryRun: true, a: gridText(a.grid), b: gridText(b.grid), ...plan, outputs: [] },
          lines: ["would align the pictures"],
        };
      const r = align(a, b, { ...plan, mask });
      clock("align");
      const H = [0, 3, 6].map((k) => Array.from(r.h.subarray(k, k + 3)));
      const figures = {
        correlation: r.correlation,
        explained: r.explained,
        agreement: r.agreement,
        overlap: r.overlap,
        gain: r.gain,
        bias: r.bias,
        cornerError: r.cornerError,
        iterations: r.iterations,
      };
      const told = { status: r.status, reason: r.reason, H, figures };
      if (out) {
        out.put("result.json", `${JSON.stringify(told, null, 1)}\n`);
        const pictures = putWarped(out, a, b, colourB, r.transform);
        clock("write");
        out.put(
          "report.html",
          gallery({
            title: "Direct alignment",
            subtitle: `${plan.motion}, ${plan.method}; ${a.grid.size.join("×")} in ${b.grid.size.join("×")} pixels`,
            verdict: { level: r.status === "ok" ? "good" : "bad", sentence: r.reason },
            figures: [
              { label: "blocks that agree", value: `${Math.round(100 * r.explained)} %` },
              { label: "correlation", value: Math.round(1e4 * r.correlation) / 1e4 },
              { label: "first picture covered", value: Math.round(1000 * r.overlap) / 10, unit: "%" },
              { label: "standard error at the corners", value: r.cornerError, unit: "pixels" },
              { label: "gain", value: r.gain },
              { label: "bias", value: r.bias },
            ],
            rows: [{ title: "Pictures", large: true, pictures }],
            plots: [
              {
                title: "What is left, level by level",
                xLabel: "step",
                yLabel: "root mean square, of the range of A",
                curves: r.trace.map((t) => ({ name: t.level, values: t.values })),
              },
            ],
            summary: { a: pathA, b: pathB, ...plan },
            timings,
            warnings: session.warnings,
          }),
        );
        putRun(session, out, maskPath === undefined ? [pathA, pathB] : [pathA, pathB, maskPath], {
          options: plan,
          ...told,
          trace: r.trace,
          seconds: timings,
        });
      }
      return {
        json: { ...told, outputs: out ? out.commit() : [] },
        lines: [r.reason, `H = [${H.map((row) => row.map((v) => plain(v)).join(" ")).join("; ")}]`, ...(target ? [target] : [])],
        exit: r.status === "ok" ? Exit.ok : Exit.quality,
      };
    } catch (error) {
      out?.discard();
      throw error;
    }
  },
};

/** Every option as it is used. */
function planOf(o: Options) {
  const start = o.start as number[] | undefined;
  if (start !== undefined && start.length !== 9)
    throw new ArgumentError(`--start: ${start.length} numbers came; nine are expected, H row by row`, { start });
  return {
    motion: (o.motion as Motion | undefined) ?? "homography",
    method: (o.method as AlignMethod | undefined) ?? "ic",
    start,
    levels: o.levels as number | undefined,
    iterations: (o.iterations as number | undefined) ?? 60,
    tolerance: (o.tolerance as number | undefined) ?? 1e-3,
    robust: (o.robust as (typeof robustWeights)[number] | undefined) ?? "tukey",
    brightness: o.brightness !== false,
    search: o.search !== false,
    maskPath: o.mask as string | undefined,
  };
}
