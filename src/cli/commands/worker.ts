import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DirectoryQueue } from "../../batch/index.js";
import { ArgumentError, FormatError } from "../../core/errors.js";
import { batchBuild } from "../batchPlan.js";
import { work, workAtRedis } from "../batchWork.js";
import type { CommandDefinition } from "../command.js";
import { Exit } from "../exit.js";
import { version } from "../version.js";
import { isRedis, silentOption, workersOption, workOptions } from "./batch.js";

/** The queue of a batch, by its folder or by that of the batch. */
export const queueAt = (folder: string): DirectoryQueue =>
  DirectoryQueue.open(existsSync(join(folder, "queue", "plan.jsonl")) ? join(folder, "queue") : folder);

/** `pullback worker OUT/`: help with a batch. */
export const command: CommandDefinition = {
  name: "worker",
  summary: "help with a batch that others began",
  examples: ["pullback worker out/", "pullback worker /shared/out/ --workers 8", "pullback worker redis://queue.local"],
  arguments: [
    {
      name: "<folder>",
      help: "of the batch, on a disk that its machines share; or redis://HOST[:PORT], to work for any batch there until told to stop",
    },
  ],
  options: [workersOption, silentOption],
  async run(session, [folder], options) {
    session.reading();
    if (options.threads !== undefined)
      throw new ArgumentError("--threads: a task of a batch has one thread; say how many at a time with --workers");
    const why = { full: "the disk is full; the rest waits", aborted: "interrupted; what was begun was given back" };
    if (isRedis(folder)) {
      if (session.dryRun) return { json: { dryRun: true, outputs: [] }, lines: [`would work for batches at ${folder}`] };
      const done = await workAtRedis(session, folder, join(tmpdir(), "pullback-worker"), workOptions(options));
      const said = `${done.records} tasks done here; ${why[done.stopped ?? "aborted"]}`;
      return {
        json: { status: done.stopped === "full" ? "error" : "interrupted", reason: said, figures: { here: done.records }, outputs: [] },
        lines: [said],
        exit: done.stopped === "full" ? Exit.resources : Exit.interrupted,
      };
    }
    const queue = queueAt(folder);
    if (queue.plan.version !== version() || queue.plan.build !== batchBuild)
      throw new FormatError(
        `${folder}: the batch was planned by version ${queue.plan.version}, this is ${version()}; results could differ: use the same version`,
        { version: queue.plan.version },
      );
    if (session.dryRun)
      return { json: { dryRun: true, ...queue.counts, outputs: [] }, lines: [`would help with ${queue.counts.waiting} tasks`] };
    const done = await work(session, queue, workOptions(options));
    const said = `${done.records} tasks done here`;
    return {
      json: {
        status: done.stopped ? (done.stopped === "aborted" ? "interrupted" : "error") : "ok",
        reason: done.stopped ? `${said}; ${why[done.stopped]}` : said,
        figures: { ...queue.counts, here: done.records, busy: done.seconds > 0 ? done.busy / (done.slots * done.seconds) : 0 },
        outputs: [],
      },
      lines: [done.stopped ? `${said}; ${why[done.stopped]}` : said],
      exit: done.stopped === "full" ? Exit.resources : done.stopped === "aborted" ? Exit.interrupted : Exit.ok,
    };
  },
};
