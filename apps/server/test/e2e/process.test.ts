import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { KvClient } from "@dt/kv";
import { RaftClient } from "@dt/raft";
import { freePorts } from "@dt/raft/testing";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { ExitCode, KV_GROUP_ID } from "../../src/index.ts";
import { scratchDirectory } from "./scratch.ts";
import { ServerProcess, writeConfig } from "./server-process.ts";
import type { Strange } from "./strange-server.kit.ts";
import { PATIENCE_MS } from "./wait-for.ts";

vi.setConfig({ testTimeout: 2 * PATIENCE_MS });

async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

function treeAt(port: number): KvClient {
  const client = new RaftClient({ endpoints: [{ host: "127.0.0.1", port }] });
  onTestFinished(() => client.close());
  return new KvClient(client, { groupId: KV_GROUP_ID });
}

/** At once: the server makes files there meanwhile. */
function loseLog(directory: string): void {
  const log = join(directory, "data", String(KV_GROUP_ID), "log");
  renameSync(log, `${log}.lost`);
}

async function startedAt(directory: string, more: object = {}): Promise<[ServerProcess, number]> {
  const port = await freePort();
  const server = new ServerProcess(["--config", writeConfig(directory, port, more)]);
  await server.untilLogged("serving");
  return [server, port];
}

const STRANGE = fileURLToPath(new URL("strange-server.kit.js", import.meta.url));

function strangeServer(strange: Strange, directory: string, port: number, more: object = {}) {
  const argv = ["--config", writeConfig(directory, port, more)];
  return new ServerProcess(argv, { DT_TEST_STRANGE: strange }, STRANGE);
}

describe("a server process", () => {
  it("serves, logs JSON, and stops cleanly on SIGTERM with its data kept", async () => {
    const directory = scratchDirectory();
    const [first, port] = await startedAt(directory);
    expect(await treeAt(port).put("a/b", "c")).toBe(1);
    first.kill("SIGTERM");
    expect(await first.exit).toBe(ExitCode.ok);
    expect(first.stderr).toBe("");
    expect(first.logged("stopped")).toHaveLength(1);
    expect(first.logged("serving")[0]).toMatchObject({ node: 1, cluster: "e2e" });

    const [second, portAfter] = await startedAt(directory);
    const node = await treeAt(portAfter).get("a/b");
    expect(node?.kind === "value" && node.value.toString()).toBe("c");
    second.kill("SIGINT");
    expect(await second.exit).toBe(ExitCode.ok);
  });

  it("ends with 2 and names every mistake of its configuration", async () => {
    const directory = scratchDirectory();
    const file = writeConfig(directory, 0, { node: { id: 2 }, extra: 1 });
    const server = new ServerProcess(["--config", file]);
    expect(await server.exit).toBe(ExitCode.config);
    expect(server.stderr).toContain("cluster.members[0].port: must be at least 1, not 0 (line 6)");
    expect(server.stderr).toContain("extra: unknown key (line 10)");
    expect(existsSync(join(directory, "data"))).toBe(false);
  });

  it("checks a configuration without starting", async () => {
    const directory = scratchDirectory();
    const file = writeConfig(directory, 9);
    const server = new ServerProcess(["--config", file, "--check"]);
    expect(await server.exit).toBe(ExitCode.ok);
    expect(server.stdout).toContain("is valid: node 1 of cluster e2e");
    expect(existsSync(join(directory, "data"))).toBe(false);
  });

  it("ends with 2 for wrong arguments", async () => {
    const server = new ServerProcess(["--cofnig", "x"]);
    expect(await server.exit).toBe(ExitCode.config);
    expect(server.stderr).toContain("usage:");
  });

  it("ends with 3 when its data directory is in use, and leaves the owner alone", async () => {
    const directory = scratchDirectory();
    const [owner, port] = await startedAt(directory);
    const before = readIdentity(directory);
    const other = await freePort();
    const intruder = new ServerProcess([
      "--config",
      writeConfig(directory, other),
      "--listen",
      `127.0.0.1:${other}`,
    ]);
    expect(await intruder.exit).toBe(ExitCode.dataDirectory);
    expect(intruder.stderr).toContain("DT_LOG_IN_USE");
    expect(readIdentity(directory)).toEqual(before);
    expect(await treeAt(port).put("still", "here")).toBe(1);
    owner.kill("SIGTERM");
    expect(await owner.exit).toBe(ExitCode.ok);
  });

  it.each([
    ["node", { node: { id: 2 } }],
    ["cluster", {}],
  ])("ends with 3 for the data directory of another %s, untouched", async (kind, more) => {
    const directory = scratchDirectory();
    const [owner, port] = await startedAt(directory);
    owner.kill("SIGTERM");
    await owner.exit;
    const before = readIdentity(directory);
    const members = [
      { id: 1, host: "127.0.0.1", port },
      { id: 2, host: "127.0.0.1", port: await freePort() },
    ];
    const cluster = { id: kind === "cluster" ? "another" : "e2e", members };
    const file = writeConfig(directory, port, { cluster, ...more });
    const stranger = new ServerProcess(["--config", file]);
    expect(await stranger.exit).toBe(ExitCode.dataDirectory);
    expect(stranger.stderr).toContain("DT_LOG_IDENTITY");
    expect(readIdentity(directory)).toEqual(before);
  });

  it("ends with 4 when its log is damaged, and names the file", async () => {
    const directory = scratchDirectory();
    const [writer, port] = await startedAt(directory);
    const tree = treeAt(port);
    for (let i = 0; i < 20; i++) {
      await tree.put(`key-${i}`, "x".repeat(100));
    }
    writer.kill("SIGTERM");
    await writer.exit;
    const log = join(directory, "data", String(KV_GROUP_ID), "log");
    const [name = ""] = readdirSync(log).filter((file) => file.endsWith(".log"));
    const bytes = readFileSync(join(log, name));
    const at = bytes.indexOf("key-3");
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    writeFileSync(join(log, name), bytes);
    const server = new ServerProcess(["--config", join(directory, "server.yaml")]);
    expect(await server.exit).toBe(ExitCode.group);
    expect(server.stderr).toContain("DT_RAFT_LOG_DAMAGED");
    expect(server.stderr).toContain(name);
    // What is there is evidence: nothing of it is changed.
    expect(readFileSync(join(log, name)).equals(bytes)).toBe(true);
  });

  it("ends with 4 when its log fails while it serves", async () => {
    const directory = scratchDirectory();
    const limits = { maxEntryBytes: 4096 };
    const storage = { segmentBytes: 16_384 };
    const [server, port] = await startedAt(directory, { limits, storage });
    loseLog(directory);
    const tree = treeAt(port);
    const writes = Array.from({ length: 50 }, (_, i) => tree.put(`key-${i}`, "x".repeat(3000)));
    const outcomes = await Promise.allSettled(writes);
    expect(outcomes.some(({ status }) => status === "rejected")).toBe(true);
    expect(await server.exit).toBe(ExitCode.group);
    expect(server.logged("stopping")[0]).toMatchObject({ code: "DT_RAFT_LOG_FAILED" });
  });

  it("ends with 5 when its port is taken", async () => {
    const [, port] = await startedAt(scratchDirectory());
    const directory = scratchDirectory();
    const late = new ServerProcess(["--config", writeConfig(directory, port)]);
    expect(await late.exit).toBe(ExitCode.listen);
    expect(late.stderr).toContain(`cannot listen on 127.0.0.1:${port}`);
    expect(late.stderr).toContain("DT_RPC_LISTEN");
  });

  it("ends with 6 when a stop takes longer than it may", async () => {
    const [server] = await startedAt(scratchDirectory(), { stop: { timeoutMs: 1 } });
    server.kill("SIGTERM");
    expect(await server.exit).toBe(ExitCode.stopTimeout);
    expect(server.logged("stopping took too long")).toHaveLength(1);
  });

  it("ends with 6 when it is stopped while it starts and cannot end in time", async () => {
    const stop = { timeoutMs: 1 };
    const server = strangeServer("stop-and-hang", scratchDirectory(), await freePort(), { stop });
    expect(await server.exit).toBe(ExitCode.stopTimeout);
    expect(server.logged("stopping took too long")).toHaveLength(1);
  });

  it("is not ended by a SIGHUP while it starts, and reads its files again then", async () => {
    const server = strangeServer("hangup", scratchDirectory(), await freePort());
    await server.untilLogged("read certificates, users and tokens again");
    expect(server.logged("serving")).toHaveLength(1);
    server.kill("SIGTERM");
    expect(await server.exit).toBe(ExitCode.ok);
  });

  it("ends with 5 when its port is taken, also when its files do not close", async () => {
    const [, port] = await startedAt(scratchDirectory());
    const late = strangeServer("no-close", scratchDirectory(), port);
    expect(await late.exit).toBe(ExitCode.listen);
    expect(late.stderr).toContain("DT_RPC_LISTEN");
    expect(late.logged("closing failed")).toHaveLength(1);
  });

  it("ends with 4 when its log fails, also when its files do not close", async () => {
    const directory = scratchDirectory();
    const port = await freePort();
    const limits = { maxEntryBytes: 4096 };
    const storage = { segmentBytes: 16_384 };
    const server = strangeServer("no-close", directory, port, { limits, storage });
    await server.untilLogged("serving");
    loseLog(directory);
    const tree = treeAt(port);
    const writes = Array.from({ length: 50 }, (_, i) => tree.put(`key-${i}`, "x".repeat(3000)));
    await Promise.allSettled(writes);
    expect(await server.exit).toBe(ExitCode.group);
    expect(server.logged("closing failed")).toHaveLength(1);
  });

  it("does not end with 0 when its files do not close", async () => {
    const server = strangeServer("no-close", scratchDirectory(), await freePort());
    await server.untilLogged("serving");
    server.kill("SIGTERM");
    expect(await server.exit).toBe(ExitCode.unexpected);
    expect(server.stdout).toContain("EIO: close");
  });

  it("takes overrides from the environment", async () => {
    const directory = scratchDirectory();
    const port = await freePort();
    const file = writeConfig(directory, port);
    const elsewhere = join(directory, "elsewhere");
    const server = new ServerProcess(["--config", file], { DT_DATA_DIR: elsewhere });
    expect(await server.untilLogged("serving")).toMatchObject({ dataDir: elsewhere });
    expect(existsSync(join(elsewhere, "identity"))).toBe(true);
    expect(existsSync(join(directory, "data"))).toBe(false);
  });
});

function readIdentity(directory: string): Buffer {
  return readFileSync(join(directory, "data", "identity"));
}
