import { gridText } from "../../image/index.js";
import { writeTransform } from "../../io/index.js";
import { longitudinal } from "../../registration/index.js";
import { gallery, plain, robustWindow } from "../../report/index.js";
import type { CommandDefinition } from "../command.js";
import { colourOfMiddle, folderOf, grayOfMiddle, imageExtension, loadGroup, putImage, putRun } from "../groupFiles.js";
import { choice, force, numberList, option, output, wholeFromOne } from "../options.js";
import { stopwatch } from "../registrationFiles.js";

const models = ["rigid", "affine"] as const;

/** `pullback longitudinal FIRST SECOND -o OUT/`: two visits of one person in their middle, and where volume has changed. */
export const command: CommandDefinition = {
  name: "longitudinal",
  summary: "two visits of one person: growth and loss, without favouring either",
  examples: ["pullback longitudinal visit1.nii.gz visit2.nii.gz -o out/", "pullback longitudinal a.nii.gz b.nii.gz --model affine -o out/"],
  arguments: [
    { name: "<first>", help: "the earlier visit" },
    { name: "<second>", help: "the later visit" },
  ],
  options: [
    output("folder for the results"),
    force,
    choice("--model <name>", "how the visits' places may differ (rigid); affine takes away a scanner's change of scale", models),
    option("--levels <list>", "shrink factors, coarse to fine", numberList(wholeFromOne), "whole numbers such as 4,2,1"),
  ],
  async run(session, paths, options) {
    const folder = folderOf("longitudinal", options);
    const out = session.dryRun ? undefined : session.output(folder, true, { force: options.force === true });
    try {
      const timings: Record<string, number> = {};
      const clock = stopwatch(timings);
      const {
        images: [first, second],
      } = await loadGroup(session, "longitudinal", paths);
      clock("read");
      const plan = {
        model: (options.model as (typeof models)[number] | undefined) ?? "rigid",
        levels: options.levels as number[] | undefined,
      };
      if (!out)
        return {
          json: { dryRun: true, first: gridText(first.grid), second: gridText(second.grid), options: plan, outputs: [] },
          lines: [`would bring ${paths[0]} and ${paths[1]} to their middle`],
        };
      const r = await session.stoppable((signal) =>
        longitudinal(first, second, { ...plan, signal, onProgress: (p) => session.progress.step(p) }),
      );
      clock("align");
      const picture = imageExtension(paths[0]);
      putImage(out, r.mean, `mean${picture}`, { clamp: true });
      putImage(out, r.first, `first${picture}`, { clamp: true });
      putImage(out, r.second, `second${picture}`, { clamp: true });
      putImage(out, r.logVolumeChange, "log-volume-change.nii.gz");
      for (const [t, file] of [
        [r.toFirst, "first.transform.json"],
        [r.toSecond, "second.transform.json"],
      ] as const)
        for (const [part, bytes] of writeTransform(t, file)) out.put(part, bytes);
      clock("write");
      const change = r.logVolumeChange.values.data;
      let [sum, low, high] = [0, 0, 0];
      for (const c of change) {
        sum += c;
        low = Math.min(low, c);
        high = Math.max(high, c);
      }
      const percent = (x: number) => Math.round(1000 * (Math.exp(x) - 1)) / 10;
      const figures = { meanLogChange: sum / change.length, least: low, most: high };
      const sentence = `volume changes by ${plain(percent(low))} % to ${plain(percent(high))} % from the first visit to the second`;
      const window = robustWindow(r.first.values.data, r.second.values.data);
      out.put(
        "report.html",
        gallery({
          title: "Two visits in their middle",
          subtitle: `${gridText(r.grid)}; ${plan.model}, then a symmetric deformation`,
          figures: [
            { label: "most loss", value: percent(low), unit: "%" },
            { label: "most growth", value: percent(high), unit: "%" },
          ],
          rows: [
            {
              title: "In the middle",
              note: "Red: larger at the second visit. Swapping the visits changes the sign of the map and nothing else.",
              pictures: [
                { picture: grayOfMiddle(r.first, window), caption: "first visit" },
                { picture: grayOfMiddle(r.second, window), caption: "second visit" },
                { picture: colourOfMiddle(r.logVolumeChange, 0.2), caption: "log change of volume, ±0.2" },
              ],
            },
          ],
          summary: { first: paths[0], second: paths[1], model: plan.model },
          timings,
          warnings: session.warnings,
        }),
      );
      putRun(session, out, paths, { options: plan, status: "ok", reason: sentence, figures, seconds: timings });
      return { json: { status: "ok", reason: sentence, figures, outputs: out.commit() }, lines: [sentence, folder] };
    } catch (error) {
      out?.discard();
      throw error;
    }
  },
};
