import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EntryType } from "@dt/raft";
import { adoptCopy } from "@dt/raft-log-file";
import { KV_GROUP_ID, startCluster } from "@dt/server";
import protobuf from "protobufjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CliExit } from "../src/exit-code.ts";
import { payloadDecoder } from "../src/log/payload-decoder.ts";
import { dt } from "./run-dt.kit.ts";

let directory = "";
let whileRunning: Awaited<ReturnType<typeof dt>>[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "dt-cli-tools-"));
  const cluster = await startCluster({ directory: join(directory, "cluster"), nodeCount: 1 });
  const options = { cwd: directory, env: { DT_ENDPOINTS: cluster.endpoints } };
  await dt(["kv", "put", "first/key", "its value"], options);
  await dt(["cluster", "snapshot"], options);
  await dt(["kv", "put", "second/key", "another"], options);
  whileRunning = [
    await dt(["log", "repair", "cluster/node-1", "--yes"], options),
    await dt(["snapshot", "list", "cluster/node-1", "-o", "json"], options),
  ];
  await cluster.close();
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function run(...argv: string[]) {
  return dt(argv, { cwd: directory });
}

async function copy(name: string): Promise<string> {
  cpSync(join(directory, "cluster/node-1"), join(directory, name), { recursive: true });
  await adoptCopy(join(directory, name, "data"));
  return join(directory, name, "data", String(KV_GROUP_ID));
}

function only(path: string, suffix: string): string {
  const [name = ""] = readdirSync(path).filter((each) => each.endsWith(suffix));
  return join(path, name);
}

describe("log repair", () => {
  it("finds nothing to do in a directory that was closed", async () => {
    const { code, stdout } = await run("log", "repair", "cluster/node-1");
    expect(code).toBe(CliExit.ok);
    expect(stdout).toMatch(/ good$/mu);
  });

  it.each([
    ["verify", ["log", "verify", "cluster/node-1"]],
    ["repair", ["log", "repair", "cluster/node-1"]],
  ])("%s shows how far it is, on a terminal only", async (_, argv) => {
    const watched = await dt(argv, { cwd: directory, isTerminal: true });
    expect(watched.code).toBe(CliExit.ok);
    expect(watched.stderr).toMatch(/segments .* 100% 1\/1/u);
    expect((await run(...argv)).stderr).toBe("");
  });

  it("refuses a directory in use", () => {
    const [repair] = whileRunning;
    expect(repair?.code).toBe(CliExit.failed);
    expect(repair?.stderr).toContain("DT_LOG_IN_USE");
  });

  it("cuts a torn end, but only when it is told to", async () => {
    const group = await copy("torn");
    const segment = only(join(group, "log"), ".log");
    const bytes = readFileSync(segment);
    let end = bytes.length;
    while (bytes[end - 1] === 0) {
      end--;
    }
    bytes.fill(0x5a, (end + 7) & ~7, ((end + 7) & ~7) + 100);
    writeFileSync(segment, bytes);
    const dry = await run("log", "repair", "torn", "--dry-run");
    expect(dry.code).toBe(CliExit.failed);
    expect(dry.stdout).toMatch(/ 100 .* to be repaired$/mu);
    expect(readFileSync(segment).equals(bytes)).toBe(true);
    const done = await run("log", "repair", "torn", "--yes", "-o", "json");
    expect(done.code).toBe(CliExit.ok);
    expect(JSON.parse(done.stdout)).toMatchObject({ isDone: true, groups: [{ tornBytes: 100 }] });
    expect(only(join(group, "log"), ".broken")).toContain(".broken");
    expect((await run("log", "repair", "torn")).code).toBe(CliExit.ok);
    expect((await run("log", "verify", "torn")).code).toBe(CliExit.ok);
  });

  it("says that damaged entries come from others", async () => {
    const group = await copy("damaged");
    const segment = only(join(group, "log"), ".log");
    const bytes = readFileSync(segment);
    bytes.writeUInt8(0, bytes.indexOf("its value"));
    writeFileSync(segment, bytes);
    const { code, stdout } = await run("log", "repair", "damaged", "--yes");
    expect(code).toBe(CliExit.failed);
    expect(stdout).toContain("the node gets them from others");
    const both = await run("log", "repair", "damaged", "--yes", "--dry-run");
    expect(both.code).toBe(CliExit.usage);
  });
});

describe("log adopt", () => {
  it("takes over a copy of a directory, but only when it is told to", async () => {
    cpSync(join(directory, "cluster/node-1"), join(directory, "cloned"), { recursive: true });
    const refused = await run("log", "repair", "cloned", "--yes");
    expect(refused.code).toBe(CliExit.failed);
    expect(refused.stderr).toContain("DT_LOG_CLONED");
    expect((await run("log", "adopt", "cloned")).code).toBe(CliExit.failed);
    expect((await run("log", "repair", "cloned", "--yes")).code).toBe(CliExit.failed);
    expect((await run("log", "adopt", "cloned", "--yes")).code).toBe(CliExit.ok);
    expect((await run("log", "repair", "cloned", "--yes")).code).toBe(CliExit.ok);
    expect((await run("log", "adopt", "cloned")).stdout).toContain("no copy");
  });
});

describe("snapshot", () => {
  it("lists and verifies, also while the node runs", async () => {
    expect(whileRunning[1]?.code).toBe(CliExit.ok);
    expect(JSON.parse(whileRunning[1]?.stdout ?? "")).toMatchObject({
      snapshots: [{ groupId: KV_GROUP_ID }],
    });
    const { code, stdout } = await run("snapshot", "verify", "cluster/node-1");
    expect(code).toBe(CliExit.ok);
    expect(stdout).toMatch(/ good$/mu);
  });

  it("ends with 1 at a damaged block, and does not save it", async () => {
    const group = await copy("rotten");
    const data = join(only(join(group, "snapshot"), ""), "data");
    const bytes = readFileSync(data);
    bytes.writeUInt8(bytes.readUInt8(20) ^ 1, 20);
    writeFileSync(data, bytes);
    const { code, stdout } = await run("snapshot", "verify", "rotten");
    expect(code).toBe(CliExit.failed);
    expect(stdout).toContain("DT_SNAPSHOT_DAMAGED");
    const save = await run("snapshot", "save", "rotten", "rotten.snapshot");
    expect(save.code).toBe(CliExit.failed);
    expect(save.stderr).toContain("DT_SNAPSHOT_DAMAGED");
    expect(readdirSync(directory)).not.toContain("rotten.snapshot");
  });

  it("saves to a file and restores it, but only when it is told to", async () => {
    expect((await run("snapshot", "save", "cluster/node-1", "a.snapshot")).code).toBe(CliExit.ok);
    const again = await run("snapshot", "save", "cluster/node-1", "a.snapshot");
    expect(again.code).toBe(CliExit.usage);
    const group = await copy("emptied");
    rmSync(join(group, "snapshot"), { recursive: true });
    const dry = await run("snapshot", "restore", "emptied", "a.snapshot");
    expect(dry.code).toBe(CliExit.failed);
    expect(dry.stdout).toContain("nothing was changed");
    expect(readdirSync(group)).not.toContain("snapshot");
    const done = await run("snapshot", "restore", "emptied", "a.snapshot", "--yes");
    expect(done).toMatchObject({ code: CliExit.ok, stderr: "" });
    const { stdout } = await run("snapshot", "verify", "emptied");
    expect(stdout).toMatch(/ good$/mu);
    const data = "data";
    const restored = readFileSync(join(only(join(group, "snapshot"), ""), data));
    expect(restored.length).toBeGreaterThan(8);
  });

  it("refuses a file of which any part is wrong", async () => {
    await run("snapshot", "save", "cluster/node-1", "b.snapshot");
    const whole = readFileSync(join(directory, "b.snapshot"));
    const wrongs = [
      whole.subarray(0, -1),
      whole.subarray(0, 10),
      ...[3, 20, whole.length - 10, whole.length - 1].map((at) => {
        const wrong = Buffer.from(whole);
        wrong.writeUInt8(wrong.readUInt8(at) ^ 1, at);
        return wrong;
      }),
    ];
    const group = await copy("target");
    const before = readdirSync(join(group, "snapshot"));
    for (const wrong of wrongs) {
      writeFileSync(join(directory, "wrong.snapshot"), wrong);
      const { code, stderr } = await run(
        "snapshot",
        "restore",
        "target",
        "wrong.snapshot",
        "--yes",
      );
      expect(code).toBe(CliExit.usage);
      expect(stderr).toContain("DT_CLI_FILE");
      expect(readdirSync(join(group, "snapshot"))).toEqual(before);
    }
  });
});

describe("log dump", () => {
  const record = { file: "", offset: 0, index: 1, term: 1, bizType: 1, timestampMs: 0, chain: 0 };

  it("decodes configurations, and other payloads by a .proto file", async () => {
    const file = join(directory, "thing.proto");
    const source =
      'syntax = "proto3"; package a; message Thing { string name = 1; uint64 size = 2; }';
    writeFileSync(file, source);
    const decode = await payloadDecoder(directory, { proto: "thing.proto", message: "a.Thing" });
    const thing = protobuf.parse(source).root.lookupType("a.Thing");
    const payload = Buffer.from(thing.encode(thing.create({ name: "x", size: 7 })).finish());
    expect(decode({ ...record, type: EntryType.normal, payload })).toEqual({ name: "x", size: 7 });
    expect(decode({ ...record, type: EntryType.noop, payload })).toBeNull();
    const voters = Buffer.from([0x12, 0x03, 0x01, 0x02, 0x03]);
    expect(decode({ ...record, type: EntryType.config, payload: voters })).toEqual({
      voters: [1, 2, 3],
    });
    const garbage = Buffer.from([0xff, 0xff, 0xff]);
    expect(decode({ ...record, type: EntryType.config, payload: garbage })).toBeNull();
  });

  it("refuses a type without a file and a file without the type", async () => {
    const alone = await run("log", "dump", "cluster/node-1", "--message", "a.Thing");
    expect(alone.code).toBe(CliExit.usage);
    const missing = await run("log", "dump", "cluster/node-1", "--proto", "x", "--message", "a.B");
    expect(missing.stderr).toContain("DT_CLI_FILE");
  });
});
