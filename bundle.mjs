import { rolldown } from "rolldown";
const b = await rolldown({ input: "bench.mjs", platform: "node", resolve: { extensionAlias: { ".js": [".ts", ".js"] } } });
await b.write({ file: "out.mjs", format: "esm" });
