// Makes the golden directory of the format that this program writes; once for each format version.
// Run: node dist/test/golden/make-golden.js test/golden/v<version>
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DataDirectory } from "../../src/directory/data-directory.ts";
import { fillGolden, GOLDEN_CLUSTER, GOLDEN_NODE, readGolden } from "./golden-log.ts";

const [target = ""] = process.argv.slice(2);
const path = join(target, "data");
mkdirSync(target); // Fails for one that exists: what was made is not made again.
const data = await DataDirectory.open({ path, clusterId: GOLDEN_CLUSTER, nodeId: GOLDEN_NODE });
await fillGolden(data);
const content = await readGolden(data);
await data.close();
rmSync(join(path, "LOCK"), { recursive: true });
writeFileSync(join(target, "content.json"), `${JSON.stringify(content, null, 2)}\n`);
