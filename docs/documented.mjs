// Everything that is exported says what it is: functions, types, tables, and the properties and methods of classes, interfaces and types. Only members of
// nameless types in a signature may go without, and what TypeScript's Partial<…> carries over without its words. Ends with 1 and the list otherwise.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const docs = fileURLToPath(new URL(".", import.meta.url));
const flags = ["--options", "typedoc.json", "--validation.notDocumented", "true", "--emit", "none"];
const ran = spawnSync(process.execPath, ["node_modules/typedoc/bin/typedoc", ...flags], { cwd: docs, encoding: "utf8", maxBuffer: 2 ** 26 });
if (ran.error || ran.signal) throw ran.error ?? new Error(`typedoc ended by ${ran.signal}`);
const plain = `${ran.stdout}\n${ran.stderr}`.replace(/\u001b\[[0-9;]*m/g, "");
const bare = [...plain.matchAll(/^(?:\[warning\]\s*)?(\S+) \((\w+)\), defined in (\S+), does not have any documentation/gm)];
if (bare.length === 0 && !/warning|error/i.test(plain) && ran.status !== 0) throw new Error(plain);
const left = bare.filter(([, name]) => !/\.__type\./.test(name) && !/^(index|core)\.Fidelity\.(prox|gradient|conjugate)$/.test(name));
for (const [, name, kind, file] of left) console.error(`${file}: ${name} (${kind}) is exported without a word about it`);
console.log(left.length === 0 ? "every exported symbol is documented" : `${left.length} exported symbols are not documented`);
process.exitCode = left.length === 0 ? 0 : 1;
