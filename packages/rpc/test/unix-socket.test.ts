import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { RpcServer } from "../src/index.ts";
import { ECHO, readText, writeText } from "./support/bodies.ts";
import { failureOf } from "./support/failure.ts";
import { startClient, startServer } from "./support/pair.ts";

describe("the file of a unix socket", () => {
  function scratch(): string {
    const directory = mkdtempSync(join(tmpdir(), "dt-rpc-"));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    return join(directory, "socket");
  }

  /** Leaves the file of a socket whose process was killed. */
  async function leaveBehind(path: string): Promise<void> {
    const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
    const child = spawn(process.execPath, ["-e", script]);
    await new Promise((resolve) => {
      child.on("exit", resolve);
    });
  }

  test("that a dead process has left is taken over", async () => {
    const path = scratch();
    await leaveBehind(path);
    const { address } = await startServer({}, {}, { path });
    const client = await startClient({ address });
    expect(await client.call(ECHO, 0, 60_000, writeText, "mine", readText)).toBe("mine");
  });

  test("that somebody listens on is not", async () => {
    const path = scratch();
    await startServer({}, {}, { path });
    const second = new RpcServer();
    expect(await failureOf(second.listen({ path }))).toMatchObject({
      code: "DT_RPC_LISTEN",
      fault: { errno: "EADDRINUSE" },
    });
    await second.close();
    const client = await startClient({ address: { path } });
    expect(await client.call(ECHO, 0, 60_000, writeText, "still", readText)).toBe("still");
  });

  test("that is no socket is left alone", async () => {
    const path = scratch();
    writeFileSync(path, "precious");
    const server = new RpcServer();
    expect((await failureOf(server.listen({ path }))).code).toBe("DT_RPC_LISTEN");
    await server.close();
    const probe = createServer();
    onTestFinished(() => void probe.close());
    await expect(
      new Promise((_resolve, reject) => {
        probe.on("error", reject).listen(path);
      }),
    ).rejects.toThrow("EADDRINUSE");
  });
});
