import { flag, option } from "../../../src/cli/options.js";
import { ArgumentError } from "../../../src/core/errors.js";

/** What of the batches an atlas asks for on the command line: a page is one machine by itself. */
const refuse = (): never => {
  throw new ArgumentError("--on: a page has no other machines to share the work with; leave it out");
};
export const atlasFromWork = refuse;
export const doAtlasTask = refuse;
export const planAtlas = refuse;
export const readWork = refuse;
export const workFolder = refuse;
export const work = refuse;
export const workThroughRedis = refuse;
export const submitted = refuse;
export const whereOf = refuse;
export const workOptions = refuse;
export const workersOption = option("--workers <n>", "", flag, "");
export const silentOption = option("--silent <seconds>", "", flag, "");
export const slurmOptions: never[] = [];
