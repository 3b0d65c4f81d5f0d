import { basename, join } from "node:path";
import { FormatError } from "../../core/errors.js";
import { readBytes } from "../../io/node.js";
import type { CommandDefinition } from "../command.js";
import { grayOf, loadImage, loadTransform } from "../inputs.js";
import { output } from "../options.js";
import { judge, measure, type RunFile, reportPage, type Told } from "../registrationFiles.js";

/** `pullback report OUT/`: the report once more, from the files of a registration and its two images. */
export const command: CommandDefinition = {
  name: "report",
  summary: "write the report of a registration again",
  examples: ["pullback report out/", "pullback report out/ -o report-for-mail.html"],
  arguments: [{ name: "<folder>", help: "what pullback register has written" }],
  options: [output("the HTML file (default: report.html in the folder)")],
  async run(session, [folder], options) {
    session.reading();
    const run = readRun(join(folder, "run.json"));
    const fixed = await loadImage(session, run.inputs.fixed.path);
    const moving = await loadImage(session, run.inputs.moving.path);
    for (const { path, sha256 } of [run.inputs.fixed, run.inputs.moving])
      if (session.hash(path) !== sha256) session.warn(`${basename(path)} has changed since the registration`);
    const told: Told = {
      fixed,
      moving,
      fixedGray: grayOf(fixed),
      movingGray: grayOf(moving),
      transform: await loadTransform(session, join(folder, "transform.json")),
      status: run.status,
      reason: run.reason,
      metric: run.metric,
      before: run.figures.before ?? Number.NaN,
      after: run.figures.after ?? Number.NaN,
      trace: run.trace,
      otherInputs: [],
      options: run.options,
      timings: run.seconds,
      unlikeContrasts: run.unlikeContrasts,
      sameScale: run.sameScale,
    };
    for (const warning of run.warnings) session.warn(warning);
    const measured = measure(told);
    const verdict = judge(told, measured);
    const target = (options.output as string | undefined) ?? join(folder, "report.html");
    if (session.dryRun) return { json: { dryRun: true, outputs: [] }, lines: [`would write ${target}`] };
    const out = session.output(target, false);
    out.put(basename(target), reportPage(session, told, measured, verdict));
    const outputs = out.commit();
    return { json: { trust: verdict.level, sentence: verdict.sentence, outputs }, lines: [verdict.sentence, ...outputs] };
  },
};

function readRun(path: string): RunFile {
  const bytes = readBytes(path);
  let run: RunFile;
  try {
    run = JSON.parse(new TextDecoder().decode(bytes)) as RunFile;
  } catch (cause) {
    throw new FormatError(`${path}: not JSON (${(cause as Error).message}); expected what pullback register writes`, { path }, { cause });
  }
  if (run?.program !== "pullback" || run.command !== "register" || !run.inputs?.fixed?.path)
    throw new FormatError(`${path}: this is no record of a registration; name a folder that pullback register has written`, { path });
  return run;
}
