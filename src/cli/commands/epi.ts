import { ArgumentError } from "../../core/errors.js";
import { gridText } from "../../image/index.js";
import { writeTransform } from "../../io/index.js";
import { correctEpi } from "../../registration/index.js";
import { gallery, plain, robustWindow } from "../../report/index.js";
import type { CommandDefinition } from "../command.js";
import { Exit } from "../exit.js";
import { colourOfMiddle, folderOf, grayOfMiddle, imageExtension, loadGroup, putImage, putRun } from "../groupFiles.js";
import { choice, force, option, output, positive } from "../options.js";
import { stopwatch } from "../registrationFiles.js";

const axes = ["x", "y", "z"] as const;

/** `pullback epi UP DOWN -o OUT/`: the distortion of echo-planar images from a pair with opposite phase-encode directions. */
export const command: CommandDefinition = {
  name: "epi",
  summary: "correct echo-planar images from a blip-up/blip-down pair",
  examples: ["pullback epi up.nii.gz down.nii.gz -o out/", "pullback epi up.png down.png --axis y -o out/"],
  arguments: [
    { name: "<up>", help: "image with one phase-encode direction" },
    { name: "<down>", help: "the same with the opposite direction" },
  ],
  options: [
    output("folder for the results"),
    force,
    choice("--axis <name>", "phase-encode axis of the array (y)", axes),
    option("--alpha <weight>", "weight of the field's smoothness (0.003); larger is smoother", positive, "a positive number"),
  ],
  async run(session, [upPath, downPath], options) {
    const folder = folderOf("epi", options);
    const out = session.dryRun ? undefined : session.output(folder, true, { force: options.force === true });
    try {
      const timings: Record<string, number> = {};
      const clock = stopwatch(timings);
      const {
        images: [up, down],
      } = await loadGroup(session, "epi", [upPath, downPath]);
      const name = (options.axis as (typeof axes)[number] | undefined) ?? "y";
      const axis = axes.indexOf(name);
      if (axis >= up.grid.size.length) throw new ArgumentError(`--axis: got "${name}" for a 2-D image; expected x or y`, { name });
      clock("read");
      if (!out)
        return {
          json: { dryRun: true, grid: gridText(up.grid), axis: name, outputs: [] },
          lines: [`would correct a pair of ${gridText(up.grid)} along ${name}`],
        };
      const plan = { axis: name, alpha: (options.alpha as number | undefined) ?? 0.003 };
      const r = await session.stoppable(async (signal) => correctEpi(up, down, { axis, alpha: plan.alpha, signal }));
      clock("correct");
      const picture = imageExtension(upPath);
      putImage(out, r.mean, `corrected${picture}`, { clamp: true });
      putImage(out, r.first, `up${picture}`, { clamp: true });
      putImage(out, r.second, `down${picture}`, { clamp: true });
      putImage(out, r.field, "field.nii.gz");
      for (const [t, file] of [
        [r.toFirst, "up.transform.json"],
        [r.toSecond, "down.transform.json"],
      ] as const)
        for (const [part, bytes] of writeTransform(t, file)) out.put(part, bytes);
      clock("write");
      let largest = 0;
      for (const b of r.field.values.data) largest = Math.max(largest, Math.abs(b));
      const figures = { distanceLeft: r.distanceLeft, massKept: r.massKept, largestShiftMm: largest, modulation: r.modulation };
      const lost = Math.max(...r.massKept.map((k) => Math.abs(Math.log(k)))) > 0.2;
      const good = r.distanceLeft < 0.5 && !lost;
      const sentence = good
        ? `the squared difference of the pair fell to ${plain(Math.round(1000 * r.distanceLeft) / 10)} %; shifts reach ${plain(largest)} mm`
        : lost
          ? `signal was ${Math.min(...r.massKept) < 0.8 ? "pushed out of" : "drawn into"} the picture to make the pair agree; is ${name} the phase-encode axis, and is this a pair with opposite directions?`
          : `the pair still differs by ${plain(Math.round(1000 * r.distanceLeft) / 10)} % of what it did; is ${name} the phase-encode axis, and is this a pair with opposite directions?`;
      const window = robustWindow(up.values.data, down.values.data);
      out.put(
        "report.html",
        gallery({
          title: "Echo-planar distortion",
          subtitle: `${gridText(up.grid)}; phase encoding along ${name}`,
          verdict: { level: good ? "good" : "check", sentence },
          figures: [
            { label: "squared difference left", value: Math.round(1e4 * r.distanceLeft) / 100, unit: "%" },
            { label: "largest shift", value: largest, unit: "mm" },
            { label: "modulation", value: `${plain(r.modulation[0])} to ${plain(r.modulation[1])}` },
          ],
          rows: [
            {
              title: "Before",
              pictures: [
                { picture: grayOfMiddle(up, window), caption: "up" },
                { picture: grayOfMiddle(down, window), caption: "down" },
              ],
            },
            {
              title: "After",
              pictures: [
                { picture: grayOfMiddle(r.first, window), caption: "up, corrected" },
                { picture: grayOfMiddle(r.second, window), caption: "down, corrected" },
                { picture: grayOfMiddle(r.mean, window), caption: "mean" },
                { picture: colourOfMiddle(r.field, largest), caption: `shift, ±${plain(largest)} mm` },
              ],
            },
          ],
          plots: [
            { title: "Objective, level by level", xLabel: "iteration", curves: r.trace.map((t) => ({ name: t.level, values: t.values })) },
          ],
          summary: { up: upPath, down: downPath, ...plan },
          timings,
          warnings: session.warnings,
        }),
      );
      const status = good ? "ok" : "suspect";
      putRun(session, out, [upPath, downPath], { options: plan, status, reason: sentence, figures, trace: r.trace, seconds: timings });
      return {
        json: { status, reason: sentence, figures, outputs: out.commit() },
        lines: [sentence, folder],
        exit: good ? Exit.ok : Exit.quality,
      };
    } catch (error) {
      out?.discard();
      throw error;
    }
  },
};
