import type { CommandDefinition } from "../command.js";
import { queueAt } from "./worker.js";

/** `pullback status OUT/`: how far a batch is. */
export const command: CommandDefinition = {
  name: "status",
  summary: "how far a batch is",
  examples: ["pullback status out/", "pullback status out/ --json"],
  arguments: [{ name: "<folder>", help: "of the batch" }],
  options: [],
  async run(session, [folder]) {
    session.reading();
    const queue = queueAt(folder);
    const counts = queue.counts;
    const { running } = queue;
    const failed = queue.records("failed");
    const records = queue.records("done");
    const workers = new Set(running.map((r) => r.worker));
    const mean = records.reduce((s, r) => s + r.seconds, 0) / Math.max(1, records.length);
    const left = running.length > 0 && records.length > 0 ? (mean * (counts.waiting + counts.running)) / running.length : undefined;
    const sentence = `${counts.ok + counts.suspect} of ${counts.tasks} done (${counts.suspect} suspect), ${counts.failed} failed, ${counts.running} running, ${counts.waiting} waiting`;
    return {
      json: {
        reason: sentence,
        figures: { ...counts, workers: workers.size, secondsPerTask: mean, ...(left !== undefined && { secondsLeft: left }) },
        running,
        failed: failed.map(({ name, reason, attempts }) => ({ name, reason, attempts })),
        outputs: [],
      },
      lines: [
        sentence,
        ...(left === undefined
          ? []
          : [`about ${Math.ceil(left)} s left with ${workers.size} ${workers.size === 1 ? "worker" : "workers"}`]),
        ...running.map((r) => `  ${r.name} · ${r.worker}${r.attempt > 0 ? ` (attempt ${r.attempt + 1})` : ""}`),
        ...failed.map((r) => `  ${r.name} failed: ${r.reason}`),
      ],
    };
  },
};
