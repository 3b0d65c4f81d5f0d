import { description as built } from "virtual:description";

/** What the page knows of the commands before it loads them. */
export interface DescribedOption {
  readonly key: string;
  readonly flag: string;
  /** What stands in angle brackets; a flag that is on or off has none. */
  readonly takes?: string;
  readonly help: string;
  readonly expected: string;
  readonly choices?: readonly string[];
  readonly repeat?: boolean;
}
export interface Described {
  readonly summary: string;
  readonly arguments: readonly { readonly name: string; readonly help: string }[];
  readonly options: readonly DescribedOption[];
}
export interface Description {
  readonly commands: Readonly<Record<string, Described>>;
  /** By option and name of the part: a line about it, from the guides. */
  readonly parts: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Written when the page is built. */
export const description = built as Description;
