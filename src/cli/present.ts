import {
  AbortedError,
  ArgumentError,
  FormatError,
  GridError,
  MemoryError,
  MissingPeerError,
  OutputError,
  PullbackError,
  ShapeError,
} from "../core/errors.js";
import { Exit } from "./exit.js";

/** An error as a person at the command line should meet it: one sentence and an exit code. */
export interface Presented {
  readonly sentence: string;
  readonly exit: Exit;
}

const full = new Set(["ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "ENOMEM", "EFBIG"]);

/** One line, whatever came: line breaks become spaces, and an unexpected error is named as such. */
export function present(error: unknown): Presented {
  const sentence = oneLine(error instanceof Error ? error.message : String(error));
  const code = (error as { code?: unknown }).code ?? (error as { details?: { code?: unknown } }).details?.code;
  if (typeof code === "string" && full.has(code))
    return { sentence: error instanceof OutputError ? sentence : explain(sentence, code), exit: Exit.resources };
  if (error instanceof AbortedError) return { sentence: `interrupted: ${sentence}`, exit: Exit.interrupted };
  if (error instanceof MemoryError || isOutOfMemory(error)) return { sentence: memory(error, sentence), exit: Exit.resources };
  if (error instanceof ArgumentError) return { sentence, exit: Exit.usage };
  // A format that only an optional package reads is unreadable here.
  if (error instanceof FormatError || error instanceof GridError || error instanceof ShapeError || error instanceof MissingPeerError)
    return { sentence, exit: Exit.input };
  if (error instanceof PullbackError) return { sentence, exit: Exit.failure };
  if (typeof code === "string" && /^E[A-Z]+$/.test(code)) return { sentence: explain(sentence, code), exit: Exit.failure };
  return { sentence: `unexpected: ${sentence}; PULLBACK_DEBUG=1 shows where it happened`, exit: Exit.failure };
}

const isOutOfMemory = (error: unknown): boolean =>
  error instanceof RangeError &&
  /array buffer allocation|invalid (typed )?array length|out of memory|could not allocate/i.test(error.message);

const memory = (error: unknown, sentence: string): string =>
  error instanceof MemoryError
    ? sentence
    : "memory: more is needed than this machine gives; downsample the images or crop them to the region of interest";

function explain(sentence: string, code: string): string {
  if (code === "ENOSPC" || code === "EDQUOT") {
    const path = /'([^']+)'/.exec(sentence)?.[1];
    return `${path ? `${path}: ` : ""}the disk is full; nothing was kept, free some space or choose another folder`;
  }
  return sentence.replace(/^[A-Z]+: /, "");
}

/** Commander and Node write several lines; the first words of the first one are enough. */
export const oneLine = (text: string): string =>
  text
    .replace(/^error: /i, "")
    .replace(/\s*\n\s*/g, " ")
    .trim();
