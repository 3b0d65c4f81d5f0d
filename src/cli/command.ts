import type * as v from "valibot";
import type { Exit } from "./exit.js";
import type { Session } from "./session.js";

/** One option: the same entry is a flag, a key of --config, and a line of --help. */
export interface OptionDefinition {
  /** As commander reads it: "--levels <list>", "-o, --output <path>", "--force". */
  readonly flags: string;
  readonly help: string;
  /** Takes the flag's text as well as a config file's own value (number, list, true). */
  readonly schema: v.GenericSchema<unknown, unknown>;
  /** What the option takes, for the sentence about a wrong value. */
  readonly expected: string;
  /** Choices to suggest from. */
  readonly choices?: readonly string[];
  /** May be given several times. */
  readonly repeat?: boolean;
}

/** What a command hands back: the JSON object, and the lines that a person reads instead. */
export interface Outcome {
  readonly json: Record<string, unknown>;
  readonly lines?: readonly string[];
  readonly exit?: Exit;
  /** The command has spoken already: nothing more is printed. */
  readonly said?: boolean;
}

export interface CommandDefinition {
  readonly name: string;
  readonly summary: string;
  /** Shown first by --help. */
  readonly examples: readonly string[];
  /** Commander's notation: "<fixed> <moving>". */
  readonly arguments: readonly { readonly name: string; readonly help: string }[];
  readonly options: readonly OptionDefinition[];
  run(session: Session, args: readonly string[], options: Options): Promise<Outcome>;
}

/** Checked values by their camel-case name, and which of them the user gave. */
export type Options = Readonly<Record<string, unknown>>;
