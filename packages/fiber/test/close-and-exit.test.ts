import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { expect, test } from "vitest";

test("on real time, nothing that keeps the process alive is left after close", async () => {
  const program = fileURLToPath(new URL("close-and-exit.js", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: 20_000 });
  expect(stdout).toBe("closed\n");
});
