import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ArgumentError, FormatError } from "../core/errors.js";

/** One T1-weighted image of a data set. */
export interface BidsImage {
  /** sub-01 */
  readonly participant: string;
  /** ses-1, where there are sessions. */
  readonly session: string | undefined;
  readonly path: string;
  /** sub-01_ses-1_run-1: everything before the suffix. */
  readonly entities: string;
}

const image = /^(sub-[A-Za-z0-9]+(?:_[a-z]+-[A-Za-z0-9]+)*)_T1w\.nii(\.gz)?$/;
const foldersOf = (path: string, start: string): string[] =>
  readdirSync(path, { withFileTypes: true })
    .filter((d) => d.name.startsWith(start) && (d.isDirectory() || (d.isSymbolicLink() && statSync(join(path, d.name)).isDirectory())))
    .map((d) => d.name)
    .sort();

/**
 * The T1-weighted images of a BIDS data set, in order of participants and sessions.
 * @param labels  participants with or without "sub-"; all when left out
 * @throws FormatError when the folder is no data set, or has no such images; ArgumentError for a participant that is not there
 * @see Gorgolewski et al. (2016), The brain imaging data structure, Scientific Data 3
 */
export function bidsImages(folder: string, labels?: readonly string[]): readonly BidsImage[] {
  const description = join(folder, "dataset_description.json");
  if (!existsSync(description))
    throw new FormatError(`${folder}: there is no dataset_description.json; name the root of a BIDS data set`, { folder });
  try {
    const { Name, BIDSVersion } = JSON.parse(readFileSync(description, "utf8")) as Record<string, unknown>;
    if (typeof Name !== "string" || typeof BIDSVersion !== "string") throw new Error("Name or BIDSVersion");
  } catch (cause) {
    throw new FormatError(`${description}: it should be a JSON object with Name and BIDSVersion`, { description }, { cause });
  }
  const all = foldersOf(folder, "sub-");
  const wanted = labels?.map((l) => (l.startsWith("sub-") ? l : `sub-${l}`));
  for (const w of wanted ?? [])
    if (!all.includes(w))
      throw new ArgumentError(`--participant-label: there is no ${w}; there are ${all.join(", ") || "none"}`, { participant: w });
  const found = (wanted ?? all).flatMap((participant) => {
    const sessions = foldersOf(join(folder, participant), "ses-");
    return (sessions.length > 0 ? sessions : [undefined]).flatMap((session) => {
      const anat = join(folder, participant, ...(session ? [session] : []), "anat");
      if (!existsSync(anat)) return [];
      return readdirSync(anat)
        .sort()
        .flatMap((name) => {
          const m = image.exec(name);
          return m ? [{ participant, session, path: join(anat, name), entities: m[1] }] : [];
        });
    });
  });
  if (found.length === 0) throw new FormatError(`${folder}: no images sub-*/[ses-*/]anat/*_T1w.nii.gz were found`, { folder });
  return found;
}
