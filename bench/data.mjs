// Where the data sets are: PULLBACK_DATA, by default ../shared/data beside the repository.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { root } from "./machine.mjs";

export const dataFolder = resolve(root, process.env.PULLBACK_DATA ?? "../shared/data");
export const registrationData = (...path) => join(dataFolder, "registration", ...path);
export const hasData = () => existsSync(registrationData("README.md"));
