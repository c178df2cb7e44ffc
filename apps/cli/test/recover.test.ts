import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataDirectory } from "@dt/raft-log-file";
import { formatAddress, startCluster } from "@dt/server";
import { expect, onTestFinished, test } from "vitest";
import { CliExit } from "../src/exit-code.ts";
import { dt as run } from "./run-dt.kit.ts";

test("M14 when a majority is gone for good a survivor is made the group, after a sentence that names who is given up", async () => {
  const directory = mkdtempSync(join(tmpdir(), "dt-cli-recover-"));
  const cluster = await startCluster({ directory: join(directory, "cluster"), nodeCount: 3 });
  onTestFinished(async () => {
    await cluster.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const dt = (...argv: readonly string[]) =>
    run(argv, { cwd: directory, env: { DT_ENDPOINTS: cluster.endpoints } });
  await dt("kv", "put", "kept", "its value");
  const survivor = (await cluster.leader()) ?? cluster.nodes[0]!;
  const places = cluster.nodes.map((node) => `${node.nodeId}=${formatAddress(node)}`);
  const place = `${survivor.nodeId}=${formatAddress(survivor)}`;
  const data = `cluster/node-${survivor.nodeId}`;
  const start = places.flatMap((each) => ["--start", each]);
  const recover = ["log", "recover", data, "--keep", place, ...start];

  const running = await dt(...recover);
  expect(running).toMatchObject({ code: CliExit.failed });
  expect(running.stderr).toContain("DT_LOG_IN_USE");

  for (const node of cluster.nodes) {
    await node.stop(15_000);
  }
  const stranger = await dt("log", "recover", data, "--keep", "9=127.0.0.1:1", ...start);
  expect(stranger.stderr).toContain("DT_RAFT_MEMBERS_INVALID");
  const absent = await dt(...recover, "--group", "99");
  expect(absent.stderr).toContain("DT_CLI_USAGE");
  expect(existsSync(join(directory, data, "99"))).toBe(false);
  expect(existsSync(join(directory, data, "data", "99"))).toBe(false);
  const plan = await dt(...recover);
  expect(plan.code).toBe(CliExit.failed);
  expect(plan.stdout).toContain("ACKNOWLEDGED WRITES INCLUDED");
  const [, sentence = ""] = /--confirm "(.+)"/u.exec(plan.stdout) ?? [];
  expect(sentence).toMatch(/^node \d, node \d will never start again$/u);
  const wrong = await dt(...recover, "--confirm", "yes");
  expect(wrong).toMatchObject({ code: CliExit.failed, stdout: plan.stdout });

  const done = await dt(...recover, "--confirm", sentence);
  expect(done).toMatchObject({ code: CliExit.ok });
  await survivor.start();
  await cluster.waitUntilServing();
  expect(await dt("kv", "get", "kept")).toMatchObject({ stdout: "its value" });
  expect(await dt("kv", "put", "again", "served")).toMatchObject({ code: CliExit.ok });
  const { stdout } = await dt("cluster", "members", "--output", "json");
  expect(JSON.parse(stdout)).toMatchObject({ members: [{ nodeId: survivor.nodeId }] });
});

test("M14 a log that ends before its newest snapshot is not forced, whoever that names: the node's start would undo it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "dt-cli-recover-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const identity = { clusterId: "tested", nodeId: 1 };
  const data = await DataDirectory.open({ path: join(directory, "data"), ...identity });
  await data.log(1).open();
  const snapshots = data.snapshots(1);
  await snapshots.open();
  const place = { index: 2, term: 1, chain: 7, timestampMs: 1 };
  const ofTheStart = { membership: Buffer.alloc(0), membershipIndex: 0 };
  const writer = await snapshots.create({ id: "a", ...place, ...ofTheStart });
  await writer.write(Buffer.from("state"));
  await writer.finish();
  await data.close();
  const member = "1=127.0.0.1:7001";
  const argv = ["log", "recover", "data", "--group", "1", "--keep", member, "--start", member];
  const { stderr } = await run(argv, { cwd: directory, env: {} });
  expect(stderr).toContain("the log ends at 0, before the snapshot at 2");
});
