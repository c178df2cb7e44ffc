import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("a listener that throws ends its connection with DT_RPC_LISTENER, and is heard of", async () => {
  const script = fileURLToPath(new URL("support/throwing-listener.js", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script]);
  const lines = stdout.trim().split("\n").sort();
  expect(lines).toEqual([
    "call: DT_RPC_CONNECTION_LOST",
    "closed: DT_RPC_LISTENER",
    "heard of the end",
    "last call: DT_RPC_CLOSED",
    "thrown: a bug at the end",
    "thrown: a bug in a listener",
    "thrown: a bug in a stream",
    "timers left: 0",
  ]);
});
