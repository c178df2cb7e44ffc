import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, test } from "vitest";
import { compareWithGrpc } from "../src/compare-grpc.ts";
import { KvLoad } from "../src/kv-load.ts";
import { KvTarget } from "../src/kv-target.ts";
import { runKvBench } from "../src/kv-bench.ts";
import { runLogBench } from "../src/log-bench.ts";
import { runRestartBench } from "../src/restart-bench.ts";
import { runRaftBench } from "../src/raft-bench.ts";
import { runRpcBench } from "../src/rpc-bench.ts";
import { openFilesProblem } from "../src/open-files.ts";
import { runIdleBench } from "../src/rpc-idle-bench.ts";
import { growthProblems, runSoakBench } from "../src/rpc-soak-bench.ts";
import type { SoakPoint } from "../src/rpc-soak-bench.ts";
import type { Report } from "../src/report.ts";
import { WriteLedger } from "../src/write-ledger.ts";

const directory = mkdtempSync(join(tmpdir(), "dt-bench-test-"));

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

function assertPlausible(report: Report): void {
  assert.equal(report.errors, 0, JSON.stringify(report));
  assert.ok(report.opsPerSec > 0);
  assert.ok(report.p50Us > 0 && report.p50Us <= report.p99Us && report.p99Us <= report.maxUs);
}

describe("workloads", () => {
  test("rpc echo, over groups and TLS, beside bare sockets", async () => {
    const options = { size: 128, inFlight: 50, seconds: 0.3, rounds: 1, nodeFlags: [] };
    const report = await runRpcBench({ ...options, groups: 3, tls: true });
    assertPlausible(report);
    for (const name of ["rawSocketOpsPerSec", "oneGroupOpsPerSec", "plainOpsPerSec"]) {
      assert.ok(Number(report.extra[name]) > 0, name);
    }
    for (const name of ["rawSocketShare", "oneGroupShare", "plainShare"]) {
      assert.ok(Number(report.extra[name]) >= 0, name);
    }
  });

  test("rpc echo beside grpc-js", async () => {
    const options = { size: 128, inFlight: 10, seconds: 0.3, rounds: 1, nodeFlags: [] };
    const { ours, peer, ratio, p50Ratio, p99Ratio } = await compareWithGrpc(options);
    assert.ok(ours.opsPerSec > 0 && peer.opsPerSec > 0);
    assert.equal(ours.errors + peer.errors, 0);
    assert.ok(ratio > 0 && p50Ratio > 0 && p99Ratio > 0);
  });

  test("idle rpc connections", async () => {
    const report = await runIdleBench({ connections: 50, seconds: 0.2 });
    assert.ok(report.serverHeapPerConnection > 0 && report.clientHeapPerConnection > 0);
    assert.equal(report.connections, 50);
  });

  test("rpc under cuts: every call is accounted for", async () => {
    const points: SoakPoint[] = [];
    const report = await runSoakBench({
      seconds: 2,
      connections: 4,
      size: 64,
      load: 0.2,
      cutEveryMs: 50,
      onSample: (point) => points.push(point),
    });
    assert.deepEqual(report.problems, []);
    assert.deepEqual(report.curve, points);
    assert.ok(report.cuts > 0 && report.tally.replied > 0);
    const failed = Object.values(report.tally.failed).reduce((sum, count) => sum + count, 0);
    assert.equal(report.tally.replied + failed, report.tally.started);
    assert.ok(failed > 0);
  });

  test("more connections than files are refused with the number to raise", () => {
    assert.equal(openFilesProblem(900, 1000), null);
    assert.equal(openFilesProblem(901, null), null);
    assert.match(
      openFilesProblem(901, 1000) ?? "",
      /1001 open files .* limit is 1000.*ulimit -n 1001/,
    );
  });

  test("a heap that grows is noticed", () => {
    const curve = (clientHeapBytes: (index: number) => number): SoakPoint[] =>
      Array.from({ length: 30 }, (_, index) => ({
        second: index,
        cuts: 0,
        started: 0,
        replied: 0,
        failed: 0,
        clientHeapBytes: clientHeapBytes(index),
        serverHeapBytes: 5_000_000,
      }));
    assert.deepEqual(
      growthProblems(curve((index) => (index < 6 ? 0 : 1e7 + (index % 2) * 1e6))),
      [],
    );
    assert.equal(growthProblems(curve((index) => 1e7 + index * 3e5)).length, 1);
  });

  test("raft core", () => {
    assertPlausible(runRaftBench({ nodes: 3, size: 64, inFlight: 100, seconds: 0.1 }));
  });

  test("log append", async () => {
    const report = await runLogBench({
      size: 256,
      inFlight: 64,
      seconds: 0.2,
      directory,
      recycle: true,
    });
    assertPlausible(report);
    assert.ok(Number(report.extra["plainDiskP50Us"]) > 0);
    assert.ok(Number(report.extra["shareOfPlainDisk"]) > 0);
    assert.ok(Number(report.extra["entriesPerSync"]) > 1);
    assert.ok(Number(report.extra["batchesPerSync"]) > 0);
  });

  test("log restart", async () => {
    const lines: string[] = [];
    const report = await runRestartBench({
      gib: 0.1,
      tailGib: 0.05,
      size: 4096,
      directory,
      onProgress: (line) => lines.push(line),
    });
    assert.ok(report.entries > 20_000 && report.segments >= 2);
    assert.ok(report.openMs > 0 && report.openAfterCrashMs > 0 && report.readyMs > 0);
  });

  test("kv put at depth one, beside the disk, with every key read back", async () => {
    const { report, problems } = await runKvBench({
      op: "put",
      valueSize: 64,
      inFlight: 1,
      seconds: 0.5,
      keys: 20,
      nodes: 1,
      endpoints: "",
      directory,
      nodeFlags: [],
      verify: true,
      killLeaderAfter: 0,
      transfers: 0,
      replaceMembers: false,
    });
    assertPlausible(report);
    assert.deepEqual(problems, []);
    assert.ok(Number(report.extra["putToDiskRatio"]) > 0);
    assert.ok(Number(report.extra["acknowledgedWrites"]) > 0);
    assert.equal(report.extra["lostWrites"], 0);
  });

  test("a write that disappears behind the back of the load is reported, and nothing is left behind", async () => {
    const target = await KvTarget.open({ nodes: 1, endpoints: "", directory, nodeFlags: [] });
    try {
      const ledger = new WriteLedger(10);
      const load = new KvLoad(target.kv, 10, 1, 64, ledger);
      const put = load.operation("put");
      for (let i = 0; i < 25; i++) {
        await put(0);
      }
      assert.deepEqual(await load.verify(ledger), []);
      await target.kv.delete(load.keys[3] ?? "");
      await target.kv.put(load.keys[4] ?? "", Buffer.from("0000000000000001"));
      const problems = await load.verify(ledger);
      assert.equal(problems.length, 2);
      assert.match(problems[0] ?? "", /key-00000003 .*was acknowledged, found nothing/);
      assert.match(problems[1] ?? "", /key-00000004 .*was acknowledged, found 1/);
    } finally {
      await target.close();
    }
    assert.deepEqual(existsSync(directory) ? readdirSync(directory) : [], []);
  });
});
