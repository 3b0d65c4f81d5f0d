import "./host/process.js";
import { common, resolveOptions } from "../../src/cli/options.js";
import { discardUnfinished } from "../../src/cli/output.js";
import { present } from "../../src/cli/present.js";
import { Session } from "../../src/cli/session.js";
import { ArgumentError, MissingPeerError } from "../../src/core/errors.js";
import { engine, startEngine } from "../../src/kernels/index.js";
import { commands } from "./commands.js";
import { filesIn, rmSync } from "./host/fs.js";
import { listen } from "./host/process.js";
import type { Finished, Setup, Step } from "./protocol.js";

/** The engine as the page asks for it; before any image is read. */
export function setUp({ threads, memoryMb }: Setup): { threads: number; build: string } {
  const e = startEngine({ threads, memoryBytes: memoryMb === undefined ? undefined : memoryMb * 2 ** 20 });
  return { threads: e.threads, build: e.build };
}
export const threads = (): number => engine().threads;

/** Runs a command as the command line does, on the files in memory. @throws what the command throws; `sentence` words it */
export async function run(
  name: string,
  args: readonly string[],
  given: Readonly<Record<string, unknown>>,
  folder: string,
  say: { step(step: Step): void; note(text: string): void },
): Promise<Finished> {
  const load = commands[name];
  if (!load) throw new ArgumentError(`the page has no command "${name}"`);
  const { command } = await load();
  const options = resolveOptions([...command.options, ...common], { ...given, output: folder, force: true, progress: "json" });
  listen((text) => {
    if (!text.startsWith('{"progress"')) return say.note(text.trimEnd());
    say.step((JSON.parse(text) as { progress: Step }).progress);
  });
  // The files of an earlier run of the tab are not this one's.
  rmSync(folder, { recursive: true, force: true });
  const session = new Session(name, options);
  try {
    const { json, lines = [], exit = 0 } = await command.run(session, args, options);
    return {
      exit,
      // As --json prints it: no NaN, no infinities.
      json: JSON.parse(
        JSON.stringify(
          { status: "ok", ...json, warnings: session.warnings, seconds: { ...session.seconds, ...(json.seconds as object | undefined) } },
          (_, v) => (typeof v === "number" && !Number.isFinite(v) ? null : v),
        ),
      ),
      lines,
      files: filesIn(folder).map(([file, bytes]) => ({ name: file, bytes: bytes.slice() })),
    };
  } catch (error) {
    discardUnfinished();
    throw error;
  } finally {
    listen(() => {});
  }
}

/** An error in one sentence, and the exit code the command line would give. */
export function sentence(error: unknown): { sentence: string; exit: number } {
  const said = present(error);
  if (!(error instanceof MissingPeerError)) return said;
  return {
    ...said,
    sentence: `${said.sentence.replace(/ needs the package.*/, "")} is not possible in the page, which knows NIfTI, MetaImage, NRRD, NumPy arrays, PNG, JPEG, TIFF and DICOM folders; other images are converted first: pullback convert FILE image.nii.gz`,
  };
}
