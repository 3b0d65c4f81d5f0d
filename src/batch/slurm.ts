import { ArgumentError } from "../core/errors.js";

/** How the pilot jobs of a batch are asked for. */
export interface SlurmOptions {
  /** The folder of the queue, on a disk that all nodes share. */
  readonly folder: string;
  /** Where the jobs go; default the cluster's own choice. */
  readonly partition?: string;
  /** Pilots: jobs that drain the queue, each on a node of its own choice. */
  readonly pilots: number;
  /** Tasks at a time in each. */
  readonly slots: number;
  /** Seconds after which a worker that is not heard of is given up (default: the worker's own). */
  readonly silentSeconds?: number;
  /** The command that starts a worker, before the folder. */
  readonly command: readonly string[];
  /** HH:MM:SS; what is unfinished then goes back to the queue. */
  readonly time?: string;
  /** Of each pilot, in MB. */
  readonly memory?: number;
}

/** A word as the shell reads it. */
const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/**
 * A script for sbatch: an array of pilots, each a worker of the queue. A pilot that is told to end (time limit, preemption) gives its tasks back first.
 * @throws ArgumentError for a partition or a time that Slurm would not read
 */
export function slurmScript(o: SlurmOptions): string {
  if (o.partition !== undefined && !/^[\w.-]+$/.test(o.partition))
    throw new ArgumentError(`slurm: "${o.partition}" is no name of a partition`, { partition: o.partition });
  if (o.time !== undefined && !/^(\d+-)?\d{1,2}:\d{2}:\d{2}$/.test(o.time))
    throw new ArgumentError(`slurm: the time is "${o.time}"; give HH:MM:SS or D-HH:MM:SS`, { time: o.time });
  return [
    "#!/bin/bash",
    "#SBATCH --job-name=pullback",
    `#SBATCH --array=1-${o.pilots}`,
    "#SBATCH --nodes=1",
    "#SBATCH --ntasks=1",
    `#SBATCH --cpus-per-task=${o.slots}`,
    ...(o.partition === undefined ? [] : [`#SBATCH --partition=${o.partition}`]),
    ...(o.time === undefined ? [] : [`#SBATCH --time=${o.time}`]),
    ...(o.memory === undefined ? [] : [`#SBATCH --mem=${o.memory}M`]),
    `#SBATCH --output=${o.folder.replaceAll("%", "%%")}/log/pilot-%A-%a.txt`,
    "#SBATCH --signal=B:TERM@60",
    "#SBATCH --requeue",
    "",
    "# The shell hands the signal on, and waits until the worker has given its tasks back.",
    `${o.command.map(quoted).join(" ")} ${quoted(o.folder)} --workers ${o.slots}${o.silentSeconds === undefined ? "" : ` --silent ${o.silentSeconds}`} &`,
    "worker=$!",
    "trap 'kill -TERM \"$worker\"' TERM",
    'wait "$worker"',
    "code=$?",
    'while kill -0 "$worker" 2>/dev/null; do wait "$worker"; code=$?; done',
    "exit $code",
    "",
  ].join("\n");
}
