import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const CLIENT = fileURLToPath(new URL("../../../test/interop/client.py", import.meta.url));
const SERVER = fileURLToPath(new URL("./server.js", import.meta.url));

const hasPython = spawnSync("python3", ["-c", ""], { stdio: "ignore" }).status === 0;
if (!hasPython) {
  process.stderr.write(
    "SKIPPED: python3 is not installed, so no client of another language is tried\n",
  );
}

test.skipIf(!hasPython)("a client in Python, written after PROTOCOL.md, is served", async () => {
  const server = spawn(process.execPath, [SERVER], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => {
    server.kill("SIGKILL");
  });
  const [line] = (await once(server.stdout, "data")) as [Buffer];
  const { port } = JSON.parse(line.toString()) as { port: number };
  const run = promisify(execFile);
  const options = { env: { ...process.env, PYTHONIOENCODING: "utf-8" } };
  const { stdout, stderr } = await run("python3", [CLIENT, String(port)], options);
  expect(stderr).toBe("");
  expect(stdout.trim().split("\n")).toEqual([
    "capabilities groups streams",
    "echo grüße",
    "group of the group",
    "no group 10 DT_RPC_GROUP_NOT_FOUND",
    "no command 4 DT_RPC_UNKNOWN_COMMAND",
    "failure 9 NOT_HERE 10.0.0.2",
    "nack 000000060000000a0103",
    "too large 12 DT_RPC_FRAME_TOO_LARGE",
  ]);
  server.stdin.end();
  expect(await once(server, "exit")).toEqual([0, null]);
});
