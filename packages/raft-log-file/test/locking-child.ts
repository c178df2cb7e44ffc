// Tries to open the data directory given; prints "owned" or the error's code and the owner's process id.
import { writeSync } from "node:fs";
import { DataDirectory } from "../src/directory/data-directory.ts";
import { LogError } from "../src/log-error.ts";

const [path = ""] = process.argv.slice(2);
let directory: DataDirectory | null = null;
try {
  directory = await DataDirectory.open({ path, clusterId: "lock", nodeId: 1 });
  writeSync(1, "owned\n");
} catch (error) {
  if (!(error instanceof LogError)) {
    throw error;
  }
  const { fault } = error;
  writeSync(1, `${error.code} ${"pid" in fault ? fault.pid : ""}\n`);
}
// Holds what it got until its input ends.
for await (const chunk of process.stdin) {
  void chunk;
}
await directory?.close();
