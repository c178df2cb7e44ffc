import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KV_GROUP_ID, startCluster } from "@dt/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CliExit } from "../src/exit-code.ts";
import { dt } from "./run-dt.kit.ts";

const NODES = ["cluster/node-1", "cluster/node-2", "cluster/node-3"];

let directory = "";

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "dt-cli-log-"));
  const cluster = await startCluster({ directory: join(directory, "cluster"), nodeCount: 3 });
  const options = { cwd: directory, env: { DT_ENDPOINTS: cluster.endpoints } };
  await dt(["kv", "put", "first/key", "its\tvalue"], options);
  await dt(["kv", "cas", "first/key", "other", "--expect-absent"], options);
  await dt(["kv", "del", "first/key"], options);
  await cluster.close();
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function run(...argv: string[]) {
  return dt(argv, { cwd: directory });
}

/** Flips a bit of an entry in a copy of a node's directory. */
function damagedCopy(name: string, text: string): void {
  cpSync(join(directory, NODES[0] ?? ""), join(directory, name), { recursive: true });
  const log = join(directory, name, "data", String(KV_GROUP_ID), "log");
  const [segment = ""] = readdirSync(log).filter((file) => file.endsWith(".log"));
  const file = join(log, segment);
  const bytes = readFileSync(file);
  const at = bytes.indexOf(text);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  writeFileSync(file, bytes);
}

describe("log verify", () => {
  it("finds the copies of a cluster equal", async () => {
    const { code, stdout, stderr } = await run("log", "verify", ...NODES);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.match(/ good$/gmu)).toHaveLength(3);
    expect(stdout).toMatch(/^equal up to index \d+$/mu);
    const json = await run("log", "verify", "-o", "json", ...NODES.map((node) => `${node}/data`));
    expect(JSON.parse(json.stdout)).toMatchObject([
      { groupId: KV_GROUP_ID, difference: null, copies: [{}, {}, {}] },
    ]);
  });

  it("names the file and the offset of damage, and ends with 1", async () => {
    damagedCopy("damaged", "value");
    const { code, stdout } = await run("log", "verify", "damaged", NODES[1] ?? "");
    expect(code).toBe(CliExit.failed);
    expect(stdout).toMatch(/DT_LOG_CORRUPT: \S*damaged\S+\.log at offset \d+/u);
  });

  it("refuses what is no data directory", async () => {
    const { code, stderr } = await run("log", "verify", "cluster");
    expect(code).toBe(CliExit.usage);
    expect(stderr).toContain("DT_CLI_NO_DATA: cluster is not the data directory of a node");
  });
});

describe("log dump", () => {
  it("prints entries, one a line", async () => {
    const { code, stdout } = await run("log", "dump", NODES[0] ?? "");
    expect(code).toBe(CliExit.ok);
    expect(stdout).toMatch(/^1 {2}term \d+ .* noop {2}0 bytes/mu);
    expect(stdout).toMatch(/ normal put {2}\d+ bytes {2}first\/key = its\\tvalue$/mu);
    expect(stdout).toMatch(/ normal cas /u);
    expect(stdout).toMatch(/ normal delete /u);
  });

  it("prints a part of them as JSON", async () => {
    const { stdout } = await run(
      "log",
      "dump",
      NODES[0] ?? "",
      "-o",
      "json",
      "--from",
      "2",
      "--to",
      "3",
    );
    const entries = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { index: number; payloadBase64: string });
    expect(entries.map(({ index }) => index)).toEqual([2, 3]);
    const [put] = entries;
    expect(put).toMatchObject({ type: "normal", kind: "put" });
    expect(Buffer.from(put?.payloadBase64 ?? "", "base64").toString()).toContain("its\tvalue");
  });

  it("ends with an error at damage, behind what is good", async () => {
    damagedCopy("torn", "other");
    const { code, stdout, stderr } = await run("log", "dump", "torn");
    expect(code).toBe(CliExit.failed);
    expect(stdout).toContain("normal put");
    expect(stderr).toContain("DT_LOG_CORRUPT");
  });
});
